"""What knobs and buttons mean."""

import pytest

from appliance.panel.navigation import Key
from appliance.panel.oled.hands import EV_KEY, EV_REL, HOLD_S, MAX_STEPS, Hands, has_back

ENTER, ESC, UP, DOWN, KEY_1, KEY_0, KEYPAD_5 = 28, 1, 103, 108, 2, 11, 76
REL_X, REL_WHEEL, REL_WHEEL_HI_RES = 0, 8, 11


def test_a_press_of_the_knob_is_enter_when_it_is_let_go() -> None:
    hands = Hands()
    assert hands.event(EV_KEY, ENTER, 1, 10.0) == []
    assert hands.due == 10.0 + HOLD_S
    assert hands.event(EV_KEY, ENTER, 0, 10.2) == [Key.ENTER]
    assert hands.due is None


def test_a_long_press_counts_once_while_it_is_still_down() -> None:
    hands = Hands()
    hands.event(EV_KEY, ENTER, 1, 10.0)
    assert hands.held(10.0 + HOLD_S / 2) == []
    assert hands.event(EV_KEY, ENTER, 2, 10.3) == []
    assert hands.held(10.0 + HOLD_S) == [Key.LONG]
    assert hands.held(12.0) == []
    assert hands.event(EV_KEY, ENTER, 0, 12.0) == []


def test_let_go_late_without_a_look_between_is_long_too() -> None:
    hands = Hands()
    hands.event(EV_KEY, ENTER, 1, 10.0)
    assert hands.event(EV_KEY, ENTER, 0, 11.0) == [Key.LONG]


def test_where_there_is_a_key_for_back_enter_counts_at_once() -> None:
    hands = Hands(back_key=has_back({ENTER, ESC}))
    assert hands.event(EV_KEY, ENTER, 1, 0.0) == [Key.ENTER]
    assert hands.event(EV_KEY, ENTER, 2, 0.5) == []
    assert hands.event(EV_KEY, ENTER, 0, 9.0) == []
    assert hands.event(EV_KEY, ESC, 1, 9.0) == [Key.BACK]


def test_a_knob_alone_has_no_back() -> None:
    assert not has_back({ENTER, UP, DOWN})


@pytest.mark.parametrize(
    ("axis", "value", "keys"),
    [
        (REL_X, 1, [Key.DOWN]),
        (REL_X, -2, [Key.UP, Key.UP]),
        (REL_WHEEL, 1, [Key.UP]),
        (REL_WHEEL_HI_RES, 120, []),
        (REL_X, 1_000_000, [Key.DOWN] * MAX_STEPS),
        (REL_X, 0, []),
    ],
)
def test_turning(axis: int, value: int, keys: list[str]) -> None:
    assert Hands().event(EV_REL, axis, value, 5.0) == keys


def test_turned_fast_it_goes_in_strides() -> None:
    hands = Hands()
    assert len(hands.event(EV_REL, REL_X, 1, 1.0)) == 1
    assert len(hands.event(EV_REL, REL_X, 1, 1.03)) == 4
    assert len(hands.event(EV_REL, REL_X, 1, 1.04)) == 10
    assert len(hands.event(EV_REL, REL_X, 1, 2.0)) == 1


def test_arrows_repeat_and_digits_do_not() -> None:
    hands = Hands()
    assert [hands.event(EV_KEY, DOWN, value, 0.0) for value in (1, 2, 2, 0)] == [[Key.DOWN]] * 3 + [[]]
    assert [hands.event(EV_KEY, KEY_1, value, 0.0) for value in (1, 2, 0)] == [["1"], [], []]
    assert [hands.event(EV_KEY, code, 1, 0.0) for code in (KEY_0, KEYPAD_5)] == [["0"], ["5"]]


@pytest.mark.parametrize("event", [(EV_KEY, 99_999, 1), (EV_KEY, ENTER, 7), (3, 0, 1), (0, 0, 0), (-1, -1, -1)])
def test_what_is_not_a_panels_is_nothing(event: tuple[int, int, int]) -> None:
    assert Hands().event(*event, 0.0) == []
