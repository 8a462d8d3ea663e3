"""What flaps is told at a bearable rate, and never wrongly for long."""

from appliance.network.settling import LONGEST_HOLD_S, SHORTEST_HOLD_S, Settling


def test_the_first_change_is_told_at_once() -> None:
    settling = Settling("off")
    assert settling.due() is None
    assert settling.offer("on", 100.0)
    assert settling.value == "on"


def test_the_next_one_waits_and_what_is_true_by_then_is_told() -> None:
    settling = Settling(0)
    settling.offer(1, 100.0)
    assert not settling.offer(2, 100.1)
    assert not settling.offer(3, 100.2)
    assert settling.due() == 100.0 + SHORTEST_HOLD_S
    assert settling.tick(101.0)
    assert settling.value == 3


def test_what_came_back_is_not_told() -> None:
    settling = Settling(0)
    settling.offer(1, 100.0)
    settling.offer(2, 100.1)
    settling.offer(1, 100.2)
    assert settling.due() is None
    assert not settling.tick(200.0)


def test_what_flaps_all_day_is_told_once_a_minute() -> None:
    settling, told = Settling(False), 0
    for half_second in range(2 * 86_400):
        told += settling.offer(bool(half_second % 3), half_second / 2)
    assert told <= 86_400 / LONGEST_HOLD_S + 10


def test_after_a_quiet_time_it_is_told_at_once_again() -> None:
    settling, now = Settling(0), 0.0
    for value in range(1, 50):
        now += 10.0
        settling.offer(value, now)
    settling.tick(now + LONGEST_HOLD_S)
    assert settling.offer(-1, now + 6 * LONGEST_HOLD_S)
