"""How often: buckets, and the pace of a source."""

from appliance.config.model import EventConfig, EventValue
from appliance.nmos.is07.rates import Bucket, Pace


def test_a_bucket_allows_some_at_once_and_then_so_many_a_second() -> None:
    bucket = Bucket(2.0, 3, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]


def said(pace: Pace, readings: list[tuple[float, EventValue]], until: float) -> list[tuple[float, EventValue]]:
    """What is said when, with ``tick`` called exactly when it is due."""
    heard: list[tuple[float, EventValue]] = []

    def run(limit: float) -> None:
        while (due := pace.due) is not None and due < limit:
            spoken = pace.tick(due)
            assert spoken is not None
            assert spoken.again == (bool(heard) and heard[-1][1] == spoken.value)
            heard.append((due, spoken.value))

    for now, value in readings:
        run(now)
        pace.read(value, now)
        if (spoken := pace.tick(now)) is not None:
            heard.append((now, spoken.value))
    run(until)
    return heard


def test_without_rules_every_change_is_said_at_once() -> None:
    readings: list[tuple[float, EventValue]] = [(1, True), (1, True), (2, False), (2, True)]
    assert said(Pace(EventConfig(), 0), readings, 9) == [(1, True), (2, False), (2, True)]


def test_a_bouncing_contact_is_said_once() -> None:
    pace = Pace(EventConfig(debounce_ms=250), 0)
    bounce: list[tuple[float, EventValue]] = [(1, True), (1.125, False), (1.25, True), (5, False), (5.125, True)]
    assert said(pace, bounce, 9) == [(1.5, True)]


def test_two_are_so_far_apart_and_the_last_counts() -> None:
    pace = Pace(EventConfig(min_interval_ms=1000), 0)
    assert said(pace, [(0, 1), (0.25, 2), (0.5, 3), (5, 4)], 9) == [(0, 1), (1, 3), (5, 4)]


def test_what_came_back_in_time_is_not_said() -> None:
    pace = Pace(EventConfig(min_interval_ms=1000), 0)
    assert said(pace, [(0, 1), (0.25, 2), (0.5, 1)], 9) == [(0, 1)]


def test_an_unchanged_one_is_said_again() -> None:
    pace = Pace(EventConfig(max_interval_ms=2000), 0)
    assert said(pace, [(1, "a"), (4, "b")], 7) == [(1, "a"), (3, "a"), (4, "b"), (6, "b")]


def test_true_is_not_one() -> None:
    assert said(Pace(EventConfig(), 0), [(0, 1), (1, True)], 9) == [(0, 1), (1, True)]
