"""What the soak calls flat."""

import random

import pytest

from tests.soak.flatness import judged, slope


def test_what_grows_steadily_is_found_in_whatever_noise() -> None:
    chance = random.Random(1)
    series = [(float(t), 1000 + 2 * t + chance.uniform(-50, 50)) for t in range(200)]
    verdict = judged("x", series, bound=100)
    assert verdict.growth == pytest.approx(200, abs=30)
    assert not verdict.flat


def test_what_fills_in_the_first_half_and_then_stays_is_flat() -> None:
    series = [(float(t), float(min(t, 90) * 1000)) for t in range(200)]
    assert judged("x", series, bound=0).flat


def test_peaks_are_no_growth() -> None:
    series = [(float(t), 10.0 + (500 if t % 7 == 6 else 0)) for t in range(100)]
    assert judged("x", series, bound=0).growth == 0
    assert judged("x", series, bound=0).most == 510


def test_what_shrinks_is_flat() -> None:
    assert judged("x", [(float(t), -3.0 * t) for t in range(10)], bound=0).flat
    assert slope([(1.0, 2.0)]) == 0
