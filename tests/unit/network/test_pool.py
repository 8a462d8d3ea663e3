"""Multicast addresses from the pool: the same again, nobody else's, and none that switches or clocks trip over."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.network.pool import is_reserved, pick

POOL = "239.64.0.0/12"
SENDER = "0d8c3dd5-7b2f-5c9a-9f6d-2f3f1d2f7c11"


def test_the_same_sender_and_leg_get_the_same_group_and_other_legs_and_senders_another() -> None:
    group = pick(POOL, SENDER, 0)
    assert group == pick(POOL, SENDER, 0)
    assert len({group, pick(POOL, SENDER, 1), pick(POOL, SENDER.replace("0", "1"), 0)}) == 3


def test_the_address_is_part_of_the_contract_with_the_boxes_last_boot() -> None:
    assert pick(POOL, SENDER, 0) == "239.71.210.216"


def test_a_taken_group_is_passed_over_and_the_next_choice_is_stable() -> None:
    first = pick(POOL, SENDER, 0)
    assert first
    second = pick(POOL, SENDER, 0, {first})
    assert second not in (None, first)
    assert pick(POOL, SENDER, 0, {first, "239.200.1.1"}) == second


def test_a_group_that_shares_its_frames_with_another_is_the_last_resort() -> None:
    # 224.69.1.1 and 239.69.1.1 differ only above the 23 bits that Ethernet sees.
    assert pick("239.69.1.0/30", SENDER, 0, {"224.69.1.1", "224.69.1.2"}) == "239.69.1.3"
    assert pick("239.69.1.0/30", SENDER, 0, {"224.69.1.1", "224.69.1.2", "239.69.1.3"}) in ("239.69.1.1", "239.69.1.2")


def test_a_full_pool_says_so() -> None:
    assert pick("239.1.1.0/30", SENDER, 0, {"239.1.1.1", "239.1.1.2", "239.1.1.3"}) is None
    assert pick("239.128.0.0/24", SENDER, 0) is None


def test_every_free_group_of_a_small_pool_is_found() -> None:
    taken: set[str] = set()
    for _ in range(254):
        group = pick("239.1.1.0/24", SENDER, 0, taken)
        assert group
        assert group not in taken
        taken.add(group)
    assert pick("239.1.1.0/24", SENDER, 0, taken) is None


def test_an_ipv6_pool_serves_too() -> None:
    group = pick("ff18:0:0:1::/64", SENDER, 0)
    assert group
    assert ipaddress.ip_address(group) in ipaddress.ip_network("ff18:0:0:1::/64")


@pytest.mark.parametrize(
    "group", ["239.0.0.7", "239.128.0.7", "224.0.1.129", "239.0.1.129", "239.1.1.0", "239.1.1.255", "ff18::1:0:0"]
)
def test_groups_to_keep_off(group: str) -> None:
    address = ipaddress.ip_address(group)
    assert is_reserved(int(address), address.version)


@given(st.uuids(), st.integers(0, 7), st.integers(8, 30))
def test_what_is_picked_is_in_the_pool_and_not_reserved(sender: object, leg: int, prefix: int) -> None:
    pool = ipaddress.ip_network(f"239.64.17.0/{prefix}", strict=False)
    group = pick(str(pool), str(sender), leg)
    assert group
    assert ipaddress.ip_address(group) in pool
    assert not is_reserved(int(ipaddress.ip_address(group)))
