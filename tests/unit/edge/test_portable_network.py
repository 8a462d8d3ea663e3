"""The stand-in for netlink: what is made of netifaces' answers, and look-ups without a kernel to ask."""

import socket

import pytest

from appliance.edge.portable_network import PortableNetwork, guess_route, read_interface
from appliance.network.model import Address, Route
from tests.unit.network.hosts import host, interface

STATE = host(
    interface("eth0", "10.1.0.3/24", "fd01::3/64", index=2),
    interface("eth1", "10.2.0.3/24", index=3),
)
GATEWAYS = {4: ("10.2.0.1", "eth1")}


@pytest.mark.parametrize(
    ("destination", "leaving", "route"),
    [
        ("10.1.0.7", None, Route("eth0", "10.1.0.3")),
        ("fd01::7", None, Route("eth0", "fd01::3")),
        ("127.0.0.1", None, Route("lo", "127.0.0.1")),
        ("10.9.0.7", None, Route("eth1", "10.2.0.3", "10.2.0.1")),
        ("fd09::7", None, None),
        ("10.9.0.7", "eth0", None),
        ("239.1.1.1", None, Route("eth1", "10.2.0.3")),
        ("239.1.1.1", "eth0", Route("eth0", "10.1.0.3")),
        ("ff05::1", "eth1", None),
        ("239.1.1.1", "eth9", None),
    ],
)
def test_routes_by_subnet_then_by_default_gateway(destination: str, leaving: str | None, route: Route | None) -> None:
    assert guess_route(STATE, GATEWAYS, destination, leaving) == route


def test_without_a_gateway_a_group_has_no_route() -> None:
    assert guess_route(STATE, {}, "239.1.1.1", None) is None


def test_an_interface_as_netifaces_describes_it() -> None:
    found = read_interface(
        "eth0",
        {
            getattr(socket, "AF_PACKET", 18): [{"addr": "02:00:00:00:00:0A"}],
            socket.AF_INET: [{"addr": "10.1.0.3", "netmask": "255.255.255.0"}],
            socket.AF_INET6: [
                {"addr": "fe80::3%eth0", "netmask": "ffff:ffff:ffff:ffff::/64"},
                {"addr": "fd01::3", "netmask": "ffff:ffff:ffff:ffff::"},
            ],
        },
        7,
    )
    assert found.addresses == (Address("10.1.0.3", 24), Address("fe80::3", 64), Address("fd01::3", 64))
    assert (found.mac, found.index, found.usable, found.loopback) == ("02:00:00:00:00:0a", 7, True, False)


def test_an_interface_without_an_address_is_taken_to_be_down() -> None:
    assert not read_interface("eth0", {}, 7).up


def test_this_hosts_loopback_is_found_and_unchanged_readings_are_told_to_nobody() -> None:
    network = PortableNetwork()
    network.open()
    told: list[object] = []
    network.subscribe(told.append)
    assert network.lookup("127.0.0.1") == Route("lo", "127.0.0.1")
    assert network.refresh() == network.snapshot()
    assert not told
    network.close()
