"""The wire side of rtnetlink: messages are split, and pyroute2's codecs come without the whole of pyroute2."""

import struct
import subprocess
import sys

import pytest

from appliance.edge.netlink import link_below
from appliance.edge.rtnetlink import Codecs, RouteAnswer, route_answer, split


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


OIF, SOURCE, GATEWAY = ((4, b"\x02\0\0\0"), (7, b"\x0a\x01\0\x02"), (5, b"\x0a\x01\0\x01"))
ROUTE = struct.pack("=8BI", 2, 32, 0, 0, 254, 0, 0, 1, 0)


def attributes(*pairs: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4) for kind, value in pairs)


def test_a_route_is_read_from_its_attributes_in_any_order_among_others() -> None:
    odd = (8, b"abcde")
    payload = ROUTE + attributes((1, b"\xef\x01\x01\x01"), odd, GATEWAY, SOURCE, OIF)
    assert route_answer(message(24, payload)) == RouteAnswer(2, 1, 254, 2, "10.1.0.2", "10.1.0.1")
    v6 = struct.pack("=8BI", 10, 128, 0, 0, 255, 0, 0, 5, 0) + attributes(OIF, (7, bytes(15) + b"\x01"))
    assert route_answer(message(24, v6)) == RouteAnswer(10, 5, 255, 2, "::1", None)


@pytest.mark.parametrize("rest", [b"", b"\x08", b"\x03\0\x04\0", b"\x09\0\x04\0\x02\0\0\0", attributes((4, b"\x02\0"))])
def test_attributes_that_are_missing_cut_short_or_of_another_size_are_none(rest: bytes) -> None:
    assert route_answer(message(24, ROUTE + rest)) == RouteAnswer(2, 1, 254, None, None, None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="netlink is Linux's")
def test_only_the_codecs_are_imported_and_pyroute2_stays_whole_for_others() -> None:
    script = (
        "import sys\n"
        "from appliance.edge.rtnetlink import Codecs\n"
        "assert not any(name.startswith('pyroute2') for name in sys.modules)\n"
        "Codecs()\n"
        "assert 'pyroute2.netlink.rtnl.ifaddrmsg' in sys.modules\n"
        "assert 'pyroute2.iproute' not in sys.modules\n"
        "assert 'pyroute2' not in sys.modules\n"
        "import pyroute2\n"
        "pyroute2.IPRoute\n"
        "Codecs()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def link(name: str, index: int, *more: tuple[int, bytes]) -> bytes:
    """RTM_NEWLINK of an Ethernet interface that is up (struct ifinfomsg, IFLA_IFNAME)."""
    head = struct.pack("=BxHiII", 0, 1, index, 0x11043, 0)
    return message(16, head + attributes((3, name.encode() + b"\0"), *more))


def kind(name: str) -> tuple[int, bytes]:
    """IFLA_LINKINFO with IFLA_INFO_KIND."""
    return 18, attributes((1, name.encode() + b"\0"))


def on(index: int) -> tuple[int, bytes]:
    """IFLA_LINK."""
    return 5, struct.pack("=i", index)


ELSEWHERE = (37, struct.pack("=i", 0))
"""IFLA_LINK_NETNSID."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="netlink is Linux's")
@pytest.mark.parametrize(
    ("attached", "below"),
    [
        ((on(2), kind("vlan")), "eth0"),
        ((on(2), kind("macvlan")), "eth0"),
        ((on(2), kind("vlan"), ELSEWHERE), None),
        ((on(2), kind("veth")), None),
        ((on(2),), None),
        ((kind("vlan"),), None),
        ((on(9), kind("vlan")), None),
        ((), None),
    ],
    ids=["vlan", "macvlan", "of another namespace", "veth", "no kind", "no link", "an unknown link", "neither"],
)
def test_a_vlan_is_on_the_cable_of_the_link_that_it_names(
    attached: tuple[tuple[int, bytes], ...], below: str | None
) -> None:
    codec = Codecs().link
    decoded = codec(link("x", 3, *attached))
    decoded.decode()
    assert link_below(decoded, {2: "eth0", 3: "x"}) == below
