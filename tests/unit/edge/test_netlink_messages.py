"""The wire side of rtnetlink: messages are split, and pyroute2's codecs come without the whole of pyroute2."""

import struct
import subprocess
import sys

import pytest

from appliance.edge.rtnetlink import split


def message(kind: int, payload: bytes = b"", sequence_number: int = 1) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, 2, sequence_number, 0) + payload


def test_messages_are_split_at_four_byte_boundaries() -> None:
    odd = message(16, b"abcde")
    datagram = odd + b"\0\0\0" + message(20, sequence_number=7)
    assert list(split(datagram)) == [(16, 2, 1, odd), (20, 2, 7, message(20, sequence_number=7))]


@pytest.mark.parametrize("cut", range(36))
def test_a_datagram_that_was_cut_short_gives_what_is_whole(cut: int) -> None:
    datagram = message(16, b"abcd") + message(20)
    assert [kind for kind, *_ in split(datagram[:cut])] == ([16] if cut >= 20 else [])


def test_a_length_that_cannot_be_ends_it() -> None:
    assert list(split(struct.pack("=IHHII", 3, 16, 0, 1, 0))) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="netlink is Linux's")
def test_only_the_codecs_are_imported_and_pyroute2_stays_whole_for_others() -> None:
    script = (
        "import sys\n"
        "from appliance.edge.rtnetlink import Codecs\n"
        "assert not any(name.startswith('pyroute2') for name in sys.modules)\n"
        "Codecs()\n"
        "assert 'pyroute2.netlink.rtnl.rtmsg' in sys.modules\n"
        "assert 'pyroute2.iproute' not in sys.modules\n"
        "assert 'pyroute2' not in sys.modules\n"
        "import pyroute2\n"
        "pyroute2.IPRoute\n"
        "Codecs()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
