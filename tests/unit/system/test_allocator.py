"""After large pieces of memory came and went, a process is as small as before."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
from pathlib import Path
from appliance.system.allocator import give_back

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

give_back()
for _ in range(3):
    buffer = bytearray()
    while len(buffer) < 16 << 20:  # a peer's answer that does not end, piece by piece
        buffer += bytes(200_000)
    last = bytes(500_000)  # somebody else's, that stays
    full = resident_mib()
    del buffer
    print(full - resident_mib())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is about glibc")
def test_a_large_answer_leaves_no_memory_behind() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert all(int(given_back) >= 15 for given_back in done.stdout.split()), done.stdout
