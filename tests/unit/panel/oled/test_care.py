"""A screen that is spared."""

from itertools import pairwise

from appliance.panel.oled.care import BRIGHT, DIM, OFF, ROOM, SHIFT_EVERY_S, Care


def test_it_is_dimmed_then_dark_and_a_hand_wakes_it() -> None:
    care = Care(60, 600, _since=100.0)
    assert [care.brightness(now) for now in (100.0, 159.9, 160.0, 699.9, 700.0, 9e9)] == [
        BRIGHT, BRIGHT, DIM, DIM, OFF, OFF,
    ]  # fmt: skip
    assert care.touched(200.0)
    assert care.brightness(259.0) == BRIGHT
    assert not care.touched(5000.0), "the key that wakes does nothing else"
    assert care.brightness(5000.0) == BRIGHT


def test_never() -> None:
    assert Care(0, 0).brightness(9e9) == BRIGHT


def test_every_pixel_rests() -> None:
    places = {Care().shift(SHIFT_EVERY_S * n) for n in range(20)}
    assert places == {(x, y) for x in range(ROOM + 1) for y in range(ROOM + 1)}


def test_steps_are_of_one_pixel() -> None:
    places = [Care().shift(SHIFT_EVERY_S * n) for n in range(9)]
    assert all(abs(a - c) + abs(b - d) <= 1 for (a, b), (c, d) in pairwise(places))


def test_it_sleeps_until_something_changes() -> None:
    care = Care(60, 600, _since=SHIFT_EVERY_S * 100)
    now = SHIFT_EVERY_S * 100 + 59
    assert care.next_change(now) == 1
    while care.brightness(now) != OFF:
        before = care.brightness(now), care.shift(now)
        step = care.next_change(now)
        assert step > 0
        now += step
        assert (care.brightness(now), care.shift(now)) != before
    assert care.next_change(now) == float("inf")
