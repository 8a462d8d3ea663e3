"""Every rule of the interface choice, and the sentence that it gives."""

from dataclasses import replace

import pytest

from appliance.network.model import Address, NetworkState, Role, Route, Routes
from appliance.network.policy import Choice, Question, Refusal, choose
from appliance.network.room import MBIT, Load
from tests.unit.network.hosts import Kernel, host, interface

ETH0 = interface("eth0", "10.1.0.3/24", "fd01::3/64", "fe80::3/64", index=2)
ETH1 = interface("eth1", "10.2.0.3/24", "fd02::3/64", "fe80::4/64", index=3)
TWO_PORTS = host(ETH0, ETH1)
NO_ROUTES = Kernel()
GROUP = "239.1.1.1"


def chosen(question: Question, state: NetworkState = TWO_PORTS, routes: Routes = NO_ROUTES) -> Choice:
    choice = choose(question, state, routes)
    assert isinstance(choice, Choice), choice
    return choice


def refused(question: Question, state: NetworkState = TWO_PORTS, routes: Routes = NO_ROUTES) -> str:
    refusal = choose(question, state, routes)
    assert isinstance(refusal, Refusal), refusal
    return refusal.reason


def receiver(
    destination: str | None = GROUP,
    source: str | None = None,
    *,
    allowed: tuple[str, ...] = (),
    avoid: tuple[str, ...] = (),
) -> Question:
    return Question(Role.RECEIVER, destination, source, allowed, avoid)


# Rule 1: what is asked for wins.


def test_a_pinned_address_wins_over_the_route() -> None:
    routes = Kernel({GROUP: Route("eth0", "10.1.0.3")})
    choice = chosen(Question(Role.RECEIVER, GROUP, "10.1.0.7", pinned="10.2.0.3"), routes=routes)
    assert choice == Choice("eth1", "10.2.0.3", "eth1: its address 10.2.0.3 is asked for")


def test_a_pinned_address_wins_over_the_other_leg_and_a_missing_cable() -> None:
    state = host(ETH0, interface("eth1", "10.2.0.3/24", carrier=False))
    choice = chosen(Question(Role.SENDER, GROUP, avoid=("eth1",), pinned="10.2.0.3"), state)
    assert choice.interface == "eth1"
    assert choice.reason == "eth1: its address 10.2.0.3 is asked for (eth1 has no carrier)"


@pytest.mark.parametrize(
    ("pinned", "allowed", "reason"),
    [
        ("10.9.0.1", (), "10.9.0.1 is not an address of this box"),
        ("10.2.0.3", ("eth0",), "10.2.0.3 is on eth1, which is no interface of this leg"),
        ("127.0.0.1", (), "127.0.0.1 is on lo, which is no media interface"),
        ("fd01::3", (), "fd01::3 is not of the stream's address family, IPv4"),
    ],
)
def test_a_pinned_address_that_cannot_be_is_refused(pinned: str, allowed: tuple[str, ...], reason: str) -> None:
    assert refused(Question(Role.RECEIVER, GROUP, allowed=allowed, pinned=pinned)) == reason


# Rule 2: what can be used at all.


def test_an_interface_without_a_cable_is_passed_over_even_where_the_route_goes() -> None:
    state = host(interface("eth0", "10.1.0.3/24", carrier=False), ETH1)
    routes = Kernel({"10.1.0.7": Route("eth0", "10.1.0.3")})
    choice = chosen(receiver(source="10.1.0.7"), state, routes)
    assert choice.interface == "eth1"
    assert choice.reason == (
        "eth1: the only media interface that can be used"
        " (the kernel routes the source 10.1.0.7 to eth0, the kernel has no route to the group 239.1.1.1)"
    )


def test_no_cable_anywhere_is_said_in_a_sentence() -> None:
    unplugged = [interface(name, "10.1.0.3/24", carrier=False) for name in ("eth0", "eth1")]
    assert refused(receiver(), host(*unplugged)) == "no media interface has a cable: eth0, eth1"


def test_each_obstacle_is_named() -> None:
    state = host(
        interface("eth0", "10.1.0.3/24", carrier=False),
        interface("eth1"),
        interface("eth2", "fd02::3/64"),
        interface("eth3", "10.4.0.3/24", up=False),
        interface("eth4", "10.5.0.3/24", multicast=False),
    )
    names = ("eth0", "eth1", "eth2", "eth3", "eth4", "eth5")
    assert refused(receiver(allowed=names), state) == (
        "no interface of this leg can be used: eth0 has no carrier, eth1 has no address, eth2 has no IPv4 address, "
        "eth3 is down, eth4 cannot do multicast, eth5 does not exist"
    )


def test_a_host_without_interfaces_is_refused() -> None:
    assert refused(receiver(), NetworkState()) == "there is no media interface"


def test_loopback_serves_only_where_it_is_a_media_interface() -> None:
    routes = Kernel({"127.0.0.1": Route("lo", "127.0.0.1")})
    assert chosen(receiver(source="127.0.0.1"), routes=routes).interface == "eth0"
    assert chosen(receiver(source="127.0.0.1"), host(), routes) == Choice(
        "lo", "127.0.0.1", "lo: the source 127.0.0.1 is this box itself"
    )
    assert chosen(receiver(allowed=("lo",))).address == "127.0.0.1"


@pytest.mark.parametrize(
    ("destination", "address"), [("ff05::1:1", "fd01::3"), (GROUP, "10.1.0.3"), (None, "10.1.0.3")]
)
def test_the_address_is_of_the_streams_family(destination: str | None, address: str) -> None:
    assert chosen(receiver(destination)).address == address


def test_without_any_address_known_ipv6_serves_where_there_is_no_ipv4() -> None:
    only_v6 = host(interface("eth0", "fe80::3/64", "fd01::3/64"))
    assert chosen(Question(Role.SENDER), only_v6).address == "fd01::3"


def test_link_local_ipv4_is_as_good_as_any() -> None:
    assert chosen(receiver(), host(interface("eth0", "169.254.3.4/16"))).address == "169.254.3.4"


# The legs of an ST 2022-7 pair.


def test_the_second_leg_takes_the_other_port() -> None:
    routes = Kernel({"10.1.0.7": Route("eth0", "10.1.0.3")})
    assert chosen(receiver(source="10.1.0.7", avoid=("eth0",)), routes=routes).interface == "eth1"


def test_the_second_leg_shares_the_port_where_there_is_one_only() -> None:
    choice = chosen(receiver(avoid=("eth0",)), host(ETH0))
    assert choice.interface == "eth0"
    assert choice.reason.endswith("; the other leg uses it too, as there is no other")


# Rule 3: a unicast stream comes to the address that it is sent to.


def test_a_received_unicast_stream_is_met_at_its_destination() -> None:
    routes = Kernel({"10.1.0.7": Route("eth0", "10.1.0.3")})
    assert chosen(receiver("10.2.0.3", "10.1.0.7"), routes=routes) == Choice(
        "eth1", "10.2.0.3", "eth1: the stream is sent to its address 10.2.0.3"
    )


def test_a_unicast_stream_to_somebody_else_goes_by_its_source() -> None:
    routes = Kernel({"10.2.0.7": Route("eth1", "10.2.0.3")})
    assert chosen(receiver("10.2.0.99", "10.2.0.7"), routes=routes).interface == "eth1"
    first = chosen(receiver("10.9.0.99"))
    assert first.reason == "eth0: the first media interface that can be used (10.9.0.99 is not an address of this box)"


# Rule 4: the route to the source, before rule 5: the route to the destination.


def test_the_route_to_the_source_comes_before_the_route_to_the_group() -> None:
    routes = Kernel({"10.2.0.7": Route("eth1", "10.2.0.3"), GROUP: Route("eth0", "10.1.0.3")})
    assert chosen(receiver(source="10.2.0.7"), routes=routes) == Choice(
        "eth1", "10.2.0.3", "eth1: the kernel routes the source 10.2.0.7 there"
    )


def test_the_gateway_is_named() -> None:
    routes = Kernel({"10.99.0.7": Route("eth1", "10.2.0.3", gateway="10.2.0.1")})
    reason = chosen(receiver(source="10.99.0.7"), routes=routes).reason
    assert reason == "eth1: the kernel routes the source 10.99.0.7 there by way of 10.2.0.1"


def test_the_group_decides_where_the_source_is_unknown_or_routed_elsewhere() -> None:
    routes = Kernel({GROUP: Route("eth1", "10.2.0.3"), "10.8.0.7": Route("wlan0", "10.8.0.3")})
    for source in (None, "10.7.0.7", "10.8.0.7"):
        choice = chosen(receiver(source=source), routes=routes)
        assert choice == Choice("eth1", "10.2.0.3", "eth1: the kernel routes the group 239.1.1.1 there")


def test_a_sender_goes_by_its_destination_alone() -> None:
    routes = Kernel({"10.2.0.9": Route("eth1", "10.2.0.3"), "10.1.0.3": Route("eth0", "10.1.0.3")})
    assert chosen(Question(Role.SENDER, "10.2.0.9", "10.1.0.3"), routes=routes) == Choice(
        "eth1", "10.2.0.3", "eth1: the kernel routes the destination 10.2.0.9 there"
    )


def test_a_box_that_is_its_own_source_uses_the_port_with_that_address_not_loopback() -> None:
    routes = Kernel({"10.2.0.3": Route("lo", "10.2.0.3")})
    choice = chosen(receiver(source="10.2.0.3"), routes=routes)
    assert (choice.interface, choice.reason) == ("eth1", "eth1: the source 10.2.0.3 is this box itself")


def test_a_link_local_ipv6_source_says_nothing_about_the_link() -> None:
    routes = Kernel({"fe80::99": Route("eth1", "fe80::4")})
    choice = chosen(receiver("ff05::1:1", "fe80::99", allowed=("eth0", "eth1")), routes=routes)
    assert choice.interface == "eth0"


# Rule 6: the subnet, where the kernel prefers an interface that may not be used.


def test_the_subnet_of_the_source_decides_where_the_kernel_prefers_a_forbidden_port() -> None:
    twin = interface("eth2", "10.1.0.4/24", index=4)
    routes = Kernel({"10.1.0.7": Route("eth0", "10.1.0.3")})
    question = receiver(source="10.1.0.7", allowed=("eth1", "eth2"))
    choice = chosen(question, host(ETH0, ETH1, twin), routes)
    assert (choice.interface, choice.address) == ("eth2", "10.1.0.4")
    assert choice.reason.startswith("eth2: 10.1.0.7 is in its subnet 10.1.0.0/24 (the kernel routes the source")


# Rule 7: the order of preference.


def test_the_configured_order_decides_last() -> None:
    choice = chosen(receiver(), host(ETH0, ETH1, media=("eth1", "eth0")))
    assert choice.interface == "eth1"
    assert choice.reason == (
        "eth1: the first media interface that can be used (the kernel has no route to the group 239.1.1.1)"
    )


def test_a_leg_has_its_own_order() -> None:
    assert chosen(receiver(allowed=("eth1", "eth0"))).reason.startswith("eth1: the first interface of this leg")


# The address, once the interface is chosen.


def test_the_kernels_preferred_source_address_is_taken_for_a_group() -> None:
    state = host(interface("eth0", "10.1.0.3/24", "10.5.0.3/24"))
    assert chosen(receiver(), state, Kernel({f"{GROUP} eth0": Route("eth0", "10.5.0.3")})).address == "10.5.0.3"


def test_a_source_address_that_is_not_on_the_interface_is_not_taken() -> None:
    assert chosen(receiver(), TWO_PORTS, Kernel({f"{GROUP} eth0": Route("eth0", "10.2.0.3")})).address == "10.1.0.3"


# Room: the speed of a port against what its streams take.

SLOW0 = interface("eth0", "10.1.0.3/24", index=2, speed_mbps=10)
SLOW1 = interface("eth1", "10.2.0.3/24", index=3, speed_mbps=10)
SLOW_PORTS = host(SLOW0, SLOW1)
STREAM = 3 * MBIT


def loaded(question: Question, **taken_mbit: float) -> Question:
    """The question for a stream of 3 Mbit/s, where others take so many of the ports."""
    addresses = {"eth0": "10.1.0.3", "eth1": "10.2.0.3", "vlan": "10.1.0.9"}
    committed = {addresses[name]: round(mbit * MBIT) for name, mbit in taken_mbit.items()}
    return replace(question, load=Load(STREAM, committed))


def test_the_first_that_has_room_wins_where_only_the_order_decides() -> None:
    assert chosen(loaded(receiver(), eth0=6), SLOW_PORTS).interface == "eth0"
    choice = chosen(loaded(receiver(), eth0=6.1), SLOW_PORTS)
    assert choice.interface == "eth1"
    assert choice.by_order
    assert choice.reason.startswith(
        "eth1: it has room for 3.0 Mbit/s, which eth0 has not (6.1 of 10 Mbit/s taken); else eth0: the first media"
    )


def test_a_senders_route_yields_to_room() -> None:
    routes = Kernel({GROUP: Route("eth0", "10.1.0.3")})
    choice = chosen(loaded(Question(Role.SENDER, GROUP), eth0=8), SLOW_PORTS, routes)
    assert choice.interface == "eth1"
    assert choice.address == "10.2.0.3"
    assert choice.reason.endswith(f"else eth0: the kernel routes the group {GROUP} there")


def test_a_receiver_stays_where_its_source_is_and_says_that_it_is_full() -> None:
    routes = Kernel({"10.1.0.7": Route("eth0", "10.1.0.3")})
    choice = chosen(loaded(receiver(source="10.1.0.7"), eth0=8), SLOW_PORTS, routes)
    assert choice.interface == "eth0"
    assert choice.reason == (
        "eth0: the kernel routes the source 10.1.0.7 there; it has no room for 3.0 Mbit/s (8.0 of 10 Mbit/s taken)"
    )


@pytest.mark.parametrize(("strictness", "interface_used"), [(0, "eth1"), (2, "eth1"), (None, "eth1"), (1, "eth0")])
def test_a_receiver_moves_to_another_port_in_the_subnet_if_that_lets_the_stream_in(
    strictness: int | None, interface_used: str
) -> None:
    both = host(SLOW0, replace(SLOW1, addresses=(Address("10.1.0.4", 24),)))
    routes = Kernel({"10.1.0.7": Route("eth0", "10.1.0.3")})
    question = loaded(receiver(source="10.1.0.7"), eth0=8)
    choice = choose(question, both, routes, lambda _: strictness)
    assert isinstance(choice, Choice)
    assert choice.interface == interface_used


def test_where_no_port_has_room_it_is_the_one_with_most() -> None:
    choice = chosen(loaded(receiver(), eth0=9, eth1=8), SLOW_PORTS)
    assert choice.interface == "eth1"
    assert choice.reason.startswith(
        "eth1: it has most room, but as eth0 (9.0 of 10 Mbit/s taken) no room for 3.0 Mbit/s (8.0 of 10 Mbit/s taken)"
    )
    choice = chosen(loaded(receiver(), eth0=8, eth1=9), SLOW_PORTS)
    assert choice.interface == "eth0"
    assert choice.reason.endswith(
        "; it has most room of all that would do, but no room for 3.0 Mbit/s (8.0 of 10 Mbit/s taken)"
    )


def test_what_is_asked_for_wins_over_room() -> None:
    question = replace(loaded(receiver(), eth0=10), pinned="10.1.0.3")
    assert chosen(question, SLOW_PORTS).reason == "eth0: its address 10.1.0.3 is asked for"


def test_vlans_share_the_room_of_their_port() -> None:
    state = host(SLOW0, interface("eth0.9", "10.1.0.9/24", index=5, over="eth0"), SLOW1)
    assert chosen(loaded(receiver(), vlan=8), state).interface == "eth1"


def test_the_other_leg_does_not_use_another_vlan_of_the_same_port_while_there_is_another_port() -> None:
    vlans = [interface(f"eth0.{n}", f"10.{n}.0.3/24", index=n, over="eth0") for n in (8, 9)]
    allowed = ("eth0.8", "eth0.9", "eth1")
    assert chosen(receiver(avoid=("eth0.8",), allowed=allowed), host(ETH0, ETH1, *vlans)).interface == "eth1"
    choice = chosen(receiver(avoid=("eth0.8",), allowed=("eth0.8", "eth0.9")), host(ETH0, *vlans))
    assert choice.interface == "eth0.9"
    assert choice.reason.endswith("; the other leg uses its port eth0 too, as there is no other")
