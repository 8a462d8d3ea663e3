"""Each trap on hosts on paper, and that there is none where all is well."""

import pytest

from appliance.network.model import Interface, Role, Route, RpFilter
from appliance.network.room import Commitments
from appliance.network.traps import Path, hints_of, traps_of, traps_of_host
from tests.unit.network.hosts import Kernel, host, interface

RED, BLUE = interface("eth0", "10.1.0.2/24", "fd01::2/64", "fe80::2/64"), interface("eth1", "10.2.0.2/24", index=3)
HOST = host(RED, BLUE)
SOURCE, GROUP = "10.1.0.7", "239.1.2.3"
TO_RED, TO_BLUE = (Kernel({SOURCE: Route(name, None)}) for name in ("eth0", "eth1"))
NO_ROUTE = Kernel()


def filtering(**strictness: int) -> RpFilter:
    return strictness.get


def received(**more: object) -> Path:
    return Path(**{"role": Role.RECEIVER, "interface": "eth0", "destination": GROUP, "source": SOURCE, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kernel", "strictness", "said"),
    [
        (TO_RED, 1, None),
        (TO_BLUE, 0, None),
        (TO_BLUE, 2, None),
        (NO_ROUTE, 0, None),
        (TO_BLUE, 1, "eth0: the kernel routes the source 10.1.0.7 to eth1, and its reverse path filter"),
        (NO_ROUTE, 1, "eth0: the kernel has no route to the source 10.1.0.7"),
        (NO_ROUTE, 2, "eth0: the kernel has no route to the source 10.1.0.7"),
    ],
)
def test_reverse_path_filtering(kernel: Kernel, strictness: int, said: str | None) -> None:
    traps = traps_of(received(), HOST, kernel, filtering(eth0=strictness))
    if said is None:
        assert traps == ()
    else:
        (trap,) = traps
        assert trap.startswith(said)
        assert "net.ipv4.conf.eth0.rp_filter" in trap


@pytest.mark.parametrize(
    "path",
    [
        received(source=None),
        received(source="fd01::7", destination="ff3e::1"),
        received(source="10.2.0.2"),
        received(role=Role.SENDER),
        received(interface="eth7"),
    ],
    ids=["source unknown", "IPv6", "our own", "a sender", "gone"],
)
def test_what_no_reverse_path_filter_drops(path: Path) -> None:
    assert traps_of(path, HOST, NO_ROUTE, filtering(eth0=1)) == ()


def test_a_filter_that_cannot_be_read_is_no_trap() -> None:
    assert traps_of(received(), HOST, TO_BLUE, lambda _: None) == ()


@pytest.mark.parametrize(
    ("payload", "destination", "fits"),
    [(1460, GROUP, True), (1461, GROUP, False), (1440, "ff3e::1", True), (1441, "ff3e::1", False), (None, GROUP, True)],
)
@pytest.mark.parametrize(("role", "what"), [(Role.SENDER, "fragments"), (Role.RECEIVER, "cannot come in whole")])
def test_packets_and_the_mtu(payload: int | None, destination: str, fits: bool, role: Role, what: str) -> None:
    path = Path(role, "eth0", destination, payload_bytes=payload)
    traps = traps_of(path, HOST, NO_ROUTE, filtering())
    assert [what in trap and "1500" in trap for trap in traps] == ([] if fits else [True])


def test_two_ports_in_one_subnet() -> None:
    third = interface("eth2", "10.1.0.3/24", "fd01::3/64", index=4)
    traps = traps_of_host(host(RED, BLUE, third), Commitments())
    assert [trap.partition(":")[0] for trap in traps[:1]] == ["eth0 and eth2 are both in 10.1.0.0/24"]
    assert len(traps) == 2
    assert "fd01::/64" in traps[1]


@pytest.mark.parametrize(
    "other",
    [
        interface("eth1", "10.1.0.3/24", carrier=False),
        interface("eth1", "10.1.0.3/24", port_of="br0"),
        interface("eth1", "10.1.0.2/32"),
        interface("eth1", "fe80::3/64"),
    ],
    ids=["no cable", "port of a bridge", "a subnet of one", "link-local"],
)
def test_what_shares_no_subnet(other: Interface) -> None:
    first = interface("eth0", "10.1.0.2/24", "10.1.0.2/32", "fe80::2/64")
    assert traps_of_host(host(first, other), Commitments()) == ()


def test_no_multicast_route_is_a_hint_where_there_is_a_choice() -> None:
    (hint,) = hints_of(received(), HOST, NO_ROUTE)
    assert "`ip route add 224.0.0.0/4 dev eth0`" in hint
    assert "ff00::/8" in hints_of(received(destination="ff3e::1"), HOST, NO_ROUTE)[0]
    assert hints_of(received(), HOST, Kernel({GROUP: Route("eth0", None)})) == ()
    assert hints_of(received(), host(RED), NO_ROUTE) == ()
    assert hints_of(received(destination="10.1.0.2"), HOST, NO_ROUTE) == ()
