"""What streams take of each port, and where there is room for one more."""

import math

from appliance.network.model import Role
from appliance.network.room import MBIT, Commitments, Load, crowded, mbit, room, used
from tests.unit.network.hosts import host, interface

ETH0 = interface("eth0", "10.1.0.3/24", "fd01::3/64", index=2, speed_mbps=100)
VLAN = interface("eth0.20", "10.20.0.3/24", index=4, over="eth0")
ETH1 = interface("eth1", "10.2.0.3/24", index=3)
STATE = host(ETH0, VLAN, ETH1)


def test_streams_add_up_by_direction_and_address_and_go_again() -> None:
    commitments = Commitments()
    commitments.note("a", Role.SENDER, [("10.1.0.3", 3)])
    commitments.note("b", Role.SENDER, [("10.1.0.3", 4), ("10.2.0.3", 4)])
    commitments.note("c", Role.RECEIVER, [("10.1.0.3", 8)])
    assert commitments.of(Role.SENDER) == {"10.1.0.3": 7, "10.2.0.3": 4}
    assert commitments.of(Role.RECEIVER) == {"10.1.0.3": 8}
    assert commitments.of_others("a", Role.SENDER) == {"10.1.0.3": 4, "10.2.0.3": 4}
    commitments.note("b", Role.SENDER, [("10.1.0.3", 1)])
    assert commitments.of(Role.SENDER) == {"10.1.0.3": 4, "10.2.0.3": 0}
    commitments.note("b", Role.SENDER, ())
    assert commitments.of_others("b", Role.SENDER) == {"10.1.0.3": 3, "10.2.0.3": 0}


def test_a_port_is_filled_to_nine_tenths_by_all_addresses_and_vlans_that_share_it() -> None:
    load = Load(
        10 * MBIT, {"10.1.0.3": 20 * MBIT, "fd01::3": 30 * MBIT, "10.20.0.3": 30 * MBIT, "10.2.0.3": 999 * MBIT}
    )
    assert room(STATE, ETH0, load) == 0
    assert room(STATE, VLAN, load) == 0
    assert room(STATE, ETH1, load) == math.inf, "nobody knows its speed"
    assert used(STATE, VLAN, load.committed) == "80.0 of 100 Mbit/s taken"


def test_a_vlan_on_a_vlan_is_on_the_port_below_both_and_loops_end() -> None:
    inner = interface("q", over="eth0.20", index=5)
    assert host(ETH0, VLAN, inner).port("q") == "eth0"
    assert host(interface("a", over="b"), interface("b", over="a")).port("a") in ("a", "b")
    assert STATE.port("gone") == "gone"


def test_a_crowded_port_is_told_of_once_for_each_direction() -> None:
    commitments = Commitments()
    assert list(crowded(STATE, commitments)) == []
    commitments.note("a", Role.SENDER, [("10.20.0.3", 91 * MBIT)])
    commitments.note("b", Role.RECEIVER, [("10.1.0.3", 90 * MBIT)])
    (sentence,) = crowded(STATE, commitments)
    assert sentence.startswith("eth0: more is sent there than there is room for (91.0 of 100 Mbit/s taken)")


def test_how_much_is_written() -> None:
    assert [mbit(bits) for bits in (420_000, 2_944_000, 22_300_000, 1_244_160_000)] == ["0.42", "2.9", "22.3", "1244"]
