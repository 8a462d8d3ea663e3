"""The queue of activations: two clocks, one order each."""

from appliance.core.tai import NS
from appliance.nmos.is05.schedule import LOOK_AGAIN_S, Schedule
from tests.support.clock import FakeClock


def test_nothing_pending_nothing_due() -> None:
    clock = FakeClock()
    assert Schedule().next_due(clock) is None
    assert list(Schedule().due(clock, 10)) == []


def test_due_in_order_and_only_so_many_at_once() -> None:
    clock, schedule = FakeClock(), Schedule()
    for index in (3, 1, 2):
        schedule.at(f"tai {index}", clock.tai_ns() + index)
        schedule.after(f"monotonic {index}", clock.monotonic() + index / 1000)
    clock.advance(1)
    assert list(schedule.due(clock, 4)) == ["tai 1", "tai 2", "tai 3", "monotonic 1"]
    next_due = schedule.next_due(clock)
    assert next_due is not None
    assert next_due <= clock.monotonic()
    assert list(schedule.due(clock, 4)) == ["monotonic 2", "monotonic 3"]
    assert schedule.next_due(clock) is None


def test_what_is_cancelled_or_replaced_is_not_due() -> None:
    clock, schedule = FakeClock(), Schedule()
    schedule.at("a", clock.tai_ns())
    schedule.cancel("a")
    schedule.cancel("never there")
    schedule.after("b", clock.monotonic())
    schedule.at("b", clock.tai_ns() + NS)
    assert "a" not in schedule
    assert "b" in schedule
    assert list(schedule.due(clock, 10)) == []
    clock.advance(1)
    assert list(schedule.due(clock, 10)) == ["b"]


def test_the_nearest_of_both_clocks() -> None:
    clock, schedule = FakeClock(), Schedule()
    schedule.at("far", clock.tai_ns() + 100 * NS)
    assert schedule.next_due(clock) == clock.monotonic() + LOOK_AGAIN_S
    schedule.after("near", clock.monotonic() + 0.25)
    assert schedule.next_due(clock) == clock.monotonic() + 0.25
    schedule.at("nearer", clock.tai_ns() + NS // 8)
    assert schedule.next_due(clock) == clock.monotonic() + 0.125
