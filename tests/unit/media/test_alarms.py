"""The earliest of many times."""

import random

from appliance.media.alarms import Alarms


def test_they_come_in_the_order_of_their_times_and_never_early() -> None:
    alarms = Alarms()
    for id, at in (("b", 2.0), ("a", 1.0), ("c", 3.0)):
        alarms.set(id, at)
    assert alarms.due() == 1.0
    assert alarms.take(0.9) is None
    assert [alarms.take(2.5), alarms.take(2.5), alarms.take(2.5)] == ["a", "b", None]
    assert alarms.due() == 3.0
    assert "c" in alarms
    assert "a" not in alarms


def test_one_that_is_cancelled_or_set_anew_does_not_come_at_its_old_time() -> None:
    alarms = Alarms()
    alarms.set("a", 1.0)
    alarms.set("b", 1.0)
    alarms.set("a", 5.0)
    alarms.cancel("b")
    alarms.cancel("nobody")
    assert alarms.take(2.0) is None
    assert alarms.due() == 5.0
    alarms.set("a", 5.0)
    assert [alarms.take(6.0), alarms.take(6.0)] == ["a", None], "the same time twice is once"
    assert alarms.due() is None


def test_whatever_is_set_and_cancelled_the_earliest_that_is_left_comes_first() -> None:
    chosen, alarms = random.Random(7), Alarms()
    left: dict[str, float] = {}
    for _ in range(2000):
        id = f"stream {chosen.randrange(20)}"
        match chosen.randrange(3):
            case 0 | 1:
                left[id] = chosen.randrange(50)
                alarms.set(id, left[id])
            case _:
                left.pop(id, None)
                alarms.cancel(id)
        assert alarms.due() == min(left.values(), default=None)
        if left and chosen.randrange(10) == 0:
            now = min(left.values())
            taken = alarms.take(now)
            assert taken is not None
            assert left.pop(taken) == now
