"""Groups for `auto` destinations: the same again, never one of our own twice, away from those that peers use."""

import pytest

from appliance.errors import ApplianceError
from appliance.nmos.is05.groups import Groups

POOL = "239.64.0.0/28"


def test_the_same_sender_and_leg_get_the_same_group_also_after_a_reboot() -> None:
    first, again = Groups(POOL), Groups(POOL)
    asked = [("a", 0), ("a", 1), ("b", 0)]
    assert [first.address(*key) for key in asked] == [again.address(*key) for key in asked]
    assert first.address("a", 0) == first.address("a", 0)


def test_no_two_legs_share_a_group_until_the_pool_is_used_up() -> None:
    groups = Groups(POOL)
    given = [groups.address(f"sender {number}", 0) for number in range(8)]
    assert len(set(given)) == len(given)

    def use_up() -> None:
        for number in range(9, 17):
            groups.address(f"sender {number}", 0)

    with pytest.raises(ApplianceError, match=r"239\.64\.0\.0/28 is in use"):
        use_up()


def test_a_group_that_a_peer_is_found_to_use_is_left() -> None:
    known: set[str] = set()
    groups = Groups(POOL, lambda: known)
    before = groups.address("a", 0)
    known.add(before)
    assert groups.address("a", 0) not in known
