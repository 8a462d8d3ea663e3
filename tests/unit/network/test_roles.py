"""What counts as a media interface, and where the APIs say they are."""

from appliance.network.model import NetworkState, Route
from appliance.network.roles import (
    all_addresses,
    announced_addresses,
    control_address,
    media_interfaces,
    multicast_addresses,
    multicast_links,
)
from tests.unit.network.hosts import LOOPBACK, Kernel, host, interface

ETH0 = interface("eth0", "fe80::3/64", "fd01::3/64", "10.1.0.3/24", index=2)
ETH1 = interface("eth1", "169.254.1.2/16", index=3)


def test_media_interfaces_are_those_configured_there_or_not() -> None:
    assert media_interfaces(host(ETH0, ETH1), ("eth1", "eth9")) == ("eth1", "eth9")


def test_without_configuration_they_are_the_ethernet_interfaces_that_are_up() -> None:
    state = host(
        interface("eth2", "10.3.0.3/24", up=False),
        ETH0,
        interface("eth3", carrier=False),
        interface("tun0", "10.4.0.3/24", multicast=False),
        interface("veth0", "fe80::9/64", port_of="docker0"),
    )
    assert media_interfaces(state) == ("eth0", "eth3")


def test_without_ethernet_loopback_is_the_media_interface() -> None:
    assert media_interfaces(host()) == ("lo",)
    assert media_interfaces(NetworkState()) == ()


def test_a_vanished_media_interface_is_left_out_of_the_list_of_interfaces() -> None:
    assert host(ETH0, media=("eth9", "eth0")).media_interfaces() == (ETH0,)


def test_mdns_is_spoken_on_media_and_control_interfaces_and_told_which_of_them_have_a_cable() -> None:
    unplugged = interface("eth2", "10.3.0.3/24", carrier=False)
    state = host(ETH0, ETH1, unplugged, media=("eth0", "eth2"), control="eth1")
    assert multicast_addresses(state) == ("fe80::3", "fd01::3", "10.1.0.3", "10.3.0.3", "169.254.1.2")
    assert multicast_links(state) == {"eth0", "eth1"}
    assert multicast_links(host(ETH0, unplugged, media=("eth2",))) == set()


def test_the_control_address_is_of_the_configured_interface() -> None:
    assert control_address(host(ETH0, ETH1, control="eth1")) == "169.254.1.2"


def test_without_an_address_there_the_route_to_the_registry_decides() -> None:
    routes = Kernel({"10.9.0.1": Route("eth0", "10.1.0.3")})
    state = host(ETH1, ETH0, interface("eth2"), control="eth2")
    assert control_address(state, "10.9.0.1", routes) == "10.1.0.3"
    assert control_address(state, "10.8.0.1", routes) == "169.254.1.2"


def test_an_unplugged_interface_gives_its_address_only_where_there_is_no_other() -> None:
    unplugged = interface("eth0", "10.1.0.3/24", carrier=False)
    assert control_address(host(unplugged)) == "10.1.0.3"
    assert control_address(host(unplugged, ETH1)) == "169.254.1.2"


def test_an_address_that_needs_a_zone_is_in_no_url() -> None:
    only_link_local = interface("eth0", "fe80::3/64")
    assert control_address(host(only_link_local)) == "127.0.0.1"
    assert all_addresses(host(ETH0, ETH1)) == ("10.1.0.3", "fd01::3", "169.254.1.2")


def test_a_host_without_any_network_is_still_at_loopback() -> None:
    assert control_address(NetworkState({"lo": LOOPBACK})) == "127.0.0.1"
    assert all_addresses(NetworkState()) == ("127.0.0.1",)


def test_loopback_is_announced_only_where_media_use_it() -> None:
    only_link_local = host(interface("eth0", "fe80::3/64"))
    assert all_addresses(only_link_local) == ("127.0.0.1",)
    assert announced_addresses(only_link_local) == ()
    assert announced_addresses(host(ETH0)) == ("10.1.0.3", "fd01::3")
    assert announced_addresses(host()) == ("127.0.0.1",)
