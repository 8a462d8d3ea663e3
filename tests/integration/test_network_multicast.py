"""Memberships as the kernel lists them: on the interface that was named, and on no other."""

import errno

from appliance.edge.multicast import JoinFailure, Membership, Memberships
from appliance.edge.netlink import NetlinkNetwork
from appliance.network.model import NetworkState
from tests.lan.capture import Capture
from tests.lan.network import RED_AND_BLUE, Host, Lan
from tests.lan.proc_net import SourceFilter
from tests.lan.waiting import eventually

GROUP = "239.1.2.3"
SSM_GROUP = "232.1.2.3"
GROUP6 = "ff3e::1234"
SOURCE = "10.77.1.200"
SOURCE6 = "fd77:0:0:1::200"


def join(host: Host, memberships: Memberships, group: str, port: str, source: str | None = None) -> None:
    assert host.call(lambda: memberships.join(group, port, source)) is None


def follow(host: Host, memberships: Memberships) -> tuple[JoinFailure, ...]:
    """The memberships follow the host's network as it is now."""

    def read() -> tuple[JoinFailure, ...]:
        network = NetlinkNetwork()
        network.open()
        state: NetworkState = network.snapshot()
        network.close()
        return memberships.follow(state)

    return host.call(read)


def test_a_join_is_on_the_named_interface_alone(lan: Lan) -> None:
    host = lan.host("box", RED_AND_BLUE)
    memberships = Memberships()
    for group in (GROUP, GROUP6):
        join(host, memberships, group, "eth1")
        assert group in host.memberships("eth1")
        assert group not in host.memberships("eth0")
        memberships.leave(group, "eth1")
        assert group not in host.memberships("eth1")
    assert not memberships.all()


def test_a_source_specific_join_names_its_source(lan: Lan) -> None:
    host = lan.host("box", RED_AND_BLUE)
    memberships = Memberships()
    join(host, memberships, SSM_GROUP, "eth1", SOURCE)
    join(host, memberships, GROUP6, "eth1", SOURCE6)
    assert host.source_filters("eth1") == {
        SourceFilter(SSM_GROUP, SOURCE, "include"),
        SourceFilter(GROUP6, SOURCE6, "include"),
    }
    assert not host.source_filters("eth0")
    memberships.close()
    assert not host.source_filters("eth1")


def test_any_source_and_source_specific_memberships_of_one_group_live_side_by_side(lan: Lan) -> None:
    host = lan.host("box")
    memberships = Memberships()
    join(host, memberships, GROUP, "eth0")
    join(host, memberships, GROUP, "eth0", SOURCE)
    memberships.leave(GROUP, "eth0")
    assert host.source_filters("eth0") == {SourceFilter(GROUP, SOURCE, "include")}
    memberships.close()


def test_the_last_user_leaves(lan: Lan) -> None:
    host = lan.host("box")
    memberships = Memberships()
    join(host, memberships, GROUP, "eth0")
    join(host, memberships, GROUP, "eth0")
    memberships.leave(GROUP, "eth0")
    assert GROUP in host.memberships()
    memberships.leave(GROUP, "eth0")
    memberships.leave(GROUP, "eth0")
    assert GROUP not in host.memberships()


def test_more_groups_than_one_socket_may_have(lan: Lan) -> None:
    host = lan.host("box")
    memberships = Memberships()
    groups = {f"239.1.3.{n}" for n in range(1, 65)}
    for group in groups:
        join(host, memberships, group, "eth0")
    assert groups <= host.memberships()
    memberships.close()
    assert not groups & host.memberships()


def test_loopback_serves_too(lan: Lan) -> None:
    host = lan.isolated("box")
    memberships = Memberships()
    join(host, memberships, GROUP, "lo")
    assert GROUP in host.memberships("lo")
    memberships.close()


def test_what_the_kernel_refuses_is_said_and_not_held(lan: Lan) -> None:
    host = lan.host("box")
    memberships = Memberships()
    missing = host.call(lambda: memberships.join(GROUP, "eth9"))
    assert missing == JoinFailure(
        Membership(GROUP, "eth9"), errno.ENODEV, f"cannot join {GROUP} on eth9: there is no such interface"
    )
    unicast = host.call(lambda: memberships.join(SOURCE, "eth0"))
    assert unicast
    assert unicast.reason == f"cannot join {SOURCE} on eth0: that is no multicast group"
    assert not memberships.all()


def test_an_interface_that_went_and_came_is_joined_anew(lan: Lan) -> None:
    host = lan.host("box", RED_AND_BLUE)
    memberships = Memberships()
    join(host, memberships, GROUP, "eth1")
    lan.unplug(host, "eth1")
    assert follow(host, memberships) == ()
    assert memberships.all() == (Membership(GROUP, "eth1"),)
    lan.plug(host, "eth1", "blue")
    assert GROUP not in host.memberships("eth1")
    assert follow(host, memberships) == ()
    assert GROUP in host.memberships("eth1")
    memberships.close()
    assert GROUP not in host.memberships("eth1")


def test_a_cable_that_is_plugged_in_again_is_reported_to_the_switch_there(lan: Lan) -> None:
    """Linux reports IPv6 groups anew by itself when a carrier returns, IPv4 groups only where the link was down."""
    host = lan.host("box")
    memberships = Memberships()
    join(host, memberships, GROUP, "eth0")
    host.link_down()
    follow(host, memberships)
    host.link_up()
    with Capture(host) as capture:

        def joined() -> bool:
            assert follow(host, memberships) == ()
            return bool(capture.joins(GROUP))

        eventually(joined, "the report")
    memberships.close()
