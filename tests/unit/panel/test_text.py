"""Labels from strangers."""

import pytest

from appliance.panel.text import clean, find_key, natural_key, span


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("Mic 1", "Mic 1"),
        ("  Mic \t\r\n 1 ", "Mic 1"),
        ("\x1b[2JMic\x07\x9b31m", "[2JMic31m"),
        ("abc\u202etxt.exe", "abctxt.exe"),
        ("\u2066a\u2069\u200fb\ufeff", "ab"),
        ("a\u2028b\u2029c", "a b c"),
        ("Zoë 🎤 麦克风 ميكروفون", "Zoë 🎤 麦克风 ميكروفون"),
        ("\ud800broken", "broken"),
        ("x" + "\u0301" * 50, "x" + "\u0301" * 4),
        ("x" * 10_000, "x" * 99 + "…"),
        ("é" * 10_000, "é" * 99 + "…"),
        ("", ""),
        (None, ""),
        (5, ""),
        (["a"], ""),
    ],
)
def test_clean(label: object, shown: str) -> None:
    assert clean(label) == shown


def test_natural_order() -> None:
    labels = ["Mic 10", "mic 2", "Mic 1", "Álto", "Zulu", "10", "9", "Mic"]
    assert sorted(labels, key=natural_key) == ["9", "10", "Álto", "Mic", "Mic 1", "mic 2", "Mic 10", "Zulu"]


def test_natural_order_survives_endless_digits() -> None:
    assert min(["9" * 5000, "1"], key=natural_key) == "1"


def test_find_key_has_no_case_and_no_accents() -> None:
    assert find_key("Zoë", "MIC") == "zoe mic"


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0 s"), (59.9, "59 s"), (600, "10 min"), (7200, "2 h"), (200_000, "2 days")]
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_marks_do_not_stack_up_around_what_is_dropped() -> None:
    assert clean("a" + "\u0301\x01" * 20 + "b") == "a" + "\u0301" * 4 + "b"
