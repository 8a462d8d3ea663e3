"""After memory came and went, a process is as small as before."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

BEGIN = """
import asyncio
from pathlib import Path
from appliance.system.allocator import EVERY_S, Allocator
from tests.support.virtual_time import run_virtually

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

async def main():
    allocator = Allocator()
    allocator.start()
"""
LARGE = """
    for _ in range(3):
        buffer = bytearray()
        while len(buffer) < 16 << 20:  # a peer's answer that does not end, piece by piece
            buffer += bytes(200_000)
        last = bytes(500_000)  # somebody else's, that stays
        full = resident_mib()
        del buffer
        print(full - resident_mib())
"""
SCATTERED = """
    for _ in range(2):
        pieces = [bytes(10_000) for _ in range(2_000)]
        last = bytes(500_000)
        full = resident_mib()
        pieces = pieces[::10]
        await asyncio.sleep(EVERY_S)
        print(full - resident_mib())
"""
END = """
    allocator.stop()

run_virtually(main())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is about glibc")
@pytest.mark.parametrize("what", [LARGE, SCATTERED])
def test_what_is_free_is_given_back(what: str) -> None:
    program = [sys.executable, "-c", f"{BEGIN}{what}{END}"]
    done = subprocess.run(program, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert all(int(given_back) >= 15 for given_back in done.stdout.split()), done.stdout
