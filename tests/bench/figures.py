"""What a bench measured: rows of the table, each the summary of many samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aim:
    """What is hoped for: at most so much, or, of a rate, at least."""

    value: float
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {number(self.value)}"

    def reached(self, value: float) -> bool:
        return value >= self.value if self.at_least else value <= self.value


def at_most(value: float) -> Aim:
    return Aim(value)


def at_least(value: float) -> Aim:
    return Aim(value, at_least=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `what` names it over all runs; `p99` is None where there are too few samples for one.

    `aim` is what the product must reach now, `goal` what it must reach in the end. Both are about the median, or of a
    `worst` row about the highest.
    """

    what: str
    unit: str
    median: float
    p99: float | None
    least: float
    most: float
    count: int
    aim: Aim | None = None
    goal: Aim | None = None
    worst: bool = False
    note: str = ""

    @property
    def figure(self) -> float:
        """What aims and earlier runs are compared with."""
        return self.most if self.worst else self.median


def row(
    what: str,
    unit: str,
    samples: Sequence[float],
    *,
    aim: Aim | None = None,
    goal: Aim | None = None,
    worst: bool = False,
    note: str = "",
) -> Row:
    """The row of these samples; ValueError where there is none."""
    ordered = sorted(samples)
    if not ordered:
        raise ValueError(f"{what}: nothing was measured")
    p99 = percentile(ordered, 0.99) if len(ordered) >= 10 else None
    return Row(
        what, unit, statistics.median(ordered), p99, ordered[0], ordered[-1], len(ordered), aim, goal, worst, note
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ordered samples that this share of them does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def number(value: float) -> str:
    """Three digits that count, and thousands apart: 0.0123, 1.23, 123, 12,345."""
    size = abs(value)
    if size >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3g}"
