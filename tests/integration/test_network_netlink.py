"""The netlink adapter against a real kernel in a namespace: what iproute2 says is the truth to compare with."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from appliance.edge.netlink import NetlinkNetwork
from appliance.network.model import NetworkState, Role, Route
from appliance.network.policy import Choice, Question, Refusal, choose
from tests.lan.network import RED_AND_BLUE, Host, Lan

GROUP = "239.1.2.3"
PATIENCE_S = 10.0


@contextmanager
def opened(host: Host, media: tuple[str, ...] = ()) -> Iterator[NetlinkNetwork]:
    """The adapter with its sockets in the host's namespace."""
    network = NetlinkNetwork(media)
    host.call(network.open)
    try:
        yield network
    finally:
        network.close()


def told(host: Host, change: Callable[[], object], enough: Callable[[NetworkState], bool]) -> list[NetworkState]:
    """The states that a subscriber hears of, from the change until one is enough."""

    async def listen() -> list[NetworkState]:
        with opened(host) as network:
            network.watch()
            states: list[NetworkState] = []
            done = asyncio.Event()

            def hear(state: NetworkState) -> None:
                states.append(state)
                if enough(state):
                    done.set()

            network.subscribe(hear)
            change()
            await asyncio.wait_for(done.wait(), PATIENCE_S)
            return states

    return asyncio.run(listen())


def ip_json(host: Host, *arguments: str) -> Any:
    return json.loads(host.run(["ip", "-json", *arguments]).stdout)


def has_address(port: str, ip: str) -> Callable[[NetworkState], bool]:
    return lambda state: any(address.ip == ip for address in state.interfaces[port].addresses)


def test_the_snapshot_is_what_ip_address_shows(lan: Lan) -> None:
    host = lan.host("box", RED_AND_BLUE)
    host.ip("link set eth0 mtu 1400", "link set eth1 down", "link add br0 type bridge", "link set eth1 master br0")
    with opened(host) as network:
        interfaces = network.snapshot().interfaces
    shown = ip_json(host, "address")
    assert list(interfaces) == [link["ifname"] for link in shown]
    for link in shown:
        ours = interfaces[link["ifname"]]
        assert (ours.index, ours.mtu, ours.up) == (link["ifindex"], link["mtu"], "UP" in link["flags"])
        assert ours.carrier == ("LOWER_UP" in link["flags"])
        assert ours.mac == (None if ours.loopback else link["address"])
        addresses = [(address["local"], address["prefixlen"]) for address in link["addr_info"]]
        assert [(address.ip, address.prefix) for address in ours.addresses] == addresses
    assert interfaces["eth1"].port_of == "br0"
    assert network.snapshot().media == ("eth0",)


def test_addresses_that_cannot_be_used_are_left_out(lan: Lan) -> None:
    host = lan.host("box")
    host.sysctl("net.ipv6.conf.eth0.accept_dad", 1)
    host.sysctl("net.ipv6.conf.eth0.dad_transmits", 60)
    host.ip(
        "address add fd77::dead/64 dev eth0",
        "address add fd77::01d/64 dev eth0 nodad valid_lft 100 preferred_lft 0",
        "address add fd77::900d/64 dev eth0 nodad",
    )
    with opened(host) as network:
        found = [address.ip for address in network.snapshot().interfaces["eth0"].addresses]
    assert "fd77::900d" in found
    assert not {"fd77::dead", "fd77::1d"} & set(found)


@pytest.mark.parametrize(
    "destination", ["10.77.1.9", "10.77.2.9", "10.99.0.1", "10.98.0.1", "fd77:0:0:2::9", "fd99::1", "127.0.0.1", GROUP]
)
def test_look_ups_are_what_ip_route_get_shows(lan: Lan, destination: str) -> None:
    host = lan.host("box", RED_AND_BLUE)
    host.ip(
        "route add 10.99.0.0/16 via 10.77.2.250",
        "route add prohibit 10.98.0.0/16",
        "route add fd99::/64 via fd77:0:0:2::250",
    )
    with opened(host) as network:
        route = network.lookup(destination)
    shown = host.run(["ip", "-json", "route", "get", destination], check=False)
    if shown.returncode:
        assert route is None
        return
    truth = json.loads(shown.stdout)[0]
    assert route == Route(truth["dev"], truth.get("prefsrc"), truth.get("gateway"))


def test_a_group_without_a_route_has_none_but_a_preferred_source_on_each_interface(lan: Lan) -> None:
    host = lan.host("box", RED_AND_BLUE)
    with opened(host) as network:
        for group, address in ((GROUP, host.address), ("ff05::1:1", host.address6)):
            assert network.lookup(group) is None
            for port in RED_AND_BLUE:
                assert network.lookup(group, interface=port) == Route(port, address(port))
        assert network.lookup(GROUP, interface="eth9") is None


def test_a_multicast_route_is_followed(lan: Lan) -> None:
    host = lan.host("box", RED_AND_BLUE, multicast_route="eth1")
    with opened(host) as network:
        assert network.lookup(GROUP) == Route("eth1", host.address("eth1"))


def test_new_and_gone_addresses_are_told(lan: Lan) -> None:
    host = lan.host("box")
    states = told(host, lambda: host.add_address("eth0", "10.77.9.9/24"), has_address("eth0", "10.77.9.9"))
    assert states[-1].owner_of("10.77.9.9")
    states = told(
        host,
        lambda: host.del_address("eth0", "10.77.9.9/24"),
        lambda state: not has_address("eth0", "10.77.9.9")(state),
    )
    assert not states[-1].owner_of("10.77.9.9")


def test_a_pulled_cable_is_told_and_its_return(lan: Lan) -> None:
    host = lan.host("box")
    told(host, host.link_down, lambda state: not state.interfaces["eth0"].carrier)
    states = told(host, host.link_up, lambda state: state.interfaces["eth0"].usable)
    assert states[-1].interfaces["eth0"].usable


def test_an_interface_that_is_plugged_in_later_is_told_and_routed_to(lan: Lan) -> None:
    host = lan.host("box")
    states = told(
        host,
        lambda: lan.plug(host, "eth1", "blue"),
        lambda state: "eth1" in state.interfaces and has_address("eth1", host.address("eth1"))(state),
    )
    assert states[-1].media == ("eth0", "eth1")
    states = told(host, lambda: lan.unplug(host, "eth1"), lambda state: "eth1" not in state.interfaces)
    assert states[-1].media == ("eth0",)


def test_a_new_route_alone_is_told(lan: Lan) -> None:
    host = lan.host("box")
    (state,) = told(host, lambda: host.ip("route add 224.0.0.0/4 dev eth0"), lambda _: True)
    assert state.routes == 1


def test_changes_of_one_moment_are_told_once(lan: Lan) -> None:
    host = lan.host("box")
    commands = [f"address add 10.77.9.{n}/24 dev eth0" for n in range(1, 21)]
    (state,) = told(host, lambda: host.ip(*commands), has_address("eth0", "10.77.9.20"))
    assert len(state.interfaces["eth0"].of_version(4)) == 21


def test_more_changes_than_the_kernel_keeps_are_all_seen(lan: Lan, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    host = lan.host("box")
    commands = [f"address add 10.78.{n // 250}.{n % 250 + 1}/32 dev eth0" for n in range(1000)]
    states = told(host, lambda: host.ip(*commands), has_address("eth0", "10.78.3.250"))
    assert len(states[-1].interfaces["eth0"].of_version(4)) == 1001
    assert "more network changes at once than the kernel keeps" in caplog.text


def test_what_changes_nothing_is_not_told(lan: Lan) -> None:
    host = lan.host("box")

    def change() -> None:
        host.ip("link set eth0 txqueuelen 500", "link set eth0 txqueuelen 1000")
        host.add_address("eth0", "10.77.9.9/24")

    states = told(host, change, has_address("eth0", "10.77.9.9"))
    assert len(states) == 1


def test_the_policy_follows_the_cable(lan: Lan) -> None:
    box, source = lan.host("box", RED_AND_BLUE), lan.host("source", {"eth0": "blue"})
    question = Question(Role.RECEIVER, GROUP, source.address())
    with opened(box) as network:
        choice = choose(question, network.snapshot(), network)
        assert choice == Choice(
            "eth1", box.address("eth1"), f"eth1: the kernel routes the source {source.address()} there"
        )
        box.link_down("eth1")
        choice = choose(question, network.refresh(), network)
        assert isinstance(choice, Choice)
        assert choice.interface == "eth0"
        box.link_down("eth0")
        assert choose(question, network.refresh(), network) == Refusal("no media interface has a cable: eth0, eth1")


def test_what_is_on_the_cable_of_another_says_so_comes_and_goes(lan: Lan) -> None:
    """A VLAN, or where this kernel has none what is like one."""
    host = lan.host("box", RED_AND_BLUE)

    def come() -> None:
        add = ["ip", "link", "add", "link", "eth1", "name", "eth1.10", "type"]
        if host.run([*add, "vlan", "id", "10"], check=False).returncode:
            host.run([*add, "macvlan", "mode", "bridge"])
        host.ip("link set eth1.10 up")
        host.add_address("eth1.10", "10.79.0.1/24")

    states = told(host, come, lambda state: state.owner_of("10.79.0.1") is not None)
    assert states[-1].interfaces["eth1.10"].over == "eth1"
    assert states[-1].interfaces["eth1"].over is None, "the other end of a veth pair is not below it"
    assert states[-1].media == ("eth0", "eth1", "eth1.10")
    with opened(host, ("eth1", "eth1.10", "eth0")) as network:
        question = Question(Role.SENDER, GROUP, avoid=("eth1",))
        choice = choose(question, network.snapshot(), network)
        assert isinstance(choice, Choice)
        assert choice.interface == "eth0", "the other leg is on the cable of both others"
    states = told(host, lambda: host.ip("link delete eth1.10"), lambda state: "eth1.10" not in state.interfaces)
    assert states[-1].media == ("eth0", "eth1")
