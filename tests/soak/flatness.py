"""Whether something stays: the robust slope of its second half against a bound that is stated beforehand.

The slope is the median of the slopes between all pairs of samples (Theil and Sen): what comes and goes within a round,
however far, does not move it. The first half is left to caches and pools that fill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from appliance.edge.files import COMPACT_ABOVE

BOUNDS: Mapping[str, float] = {
    "rss_kib": 1024,
    "blocks": 4000,
    "set_aside": 5000,
    "descriptors": 3,
    "sockets": 3,
    "tasks": 3,
    "threads": 1,
    "children": 1,
    "memberships": 2,
    "connections": 2,
    "state_kib": COMPACT_ABOVE / 1024,
}
"""How much of each kind may come over the second half, however long that is. The journal is appended to until it is
written anew: so it may grow by that. The collector puts some 4,000 objects aside at once, which live
(system/collector.py): that is one step, and no growth."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``growth``: over the second half, in the unit of the kind. ``least`` and ``most`` are of that half too."""

    kind: str
    first: float
    least: float
    most: float
    last: float
    growth: float
    bound: float

    @property
    def flat(self) -> bool:
        return self.growth <= self.bound


def judged(kind: str, series: Sequence[tuple[float, float]], bound: float) -> Verdict:
    """``series``: (when, how much), four samples at least."""
    half = series[len(series) // 2 :]
    amounts = [amount for _, amount in half]
    growth = slope(half) * (half[-1][0] - half[0][0])
    return Verdict(kind, series[0][1], min(amounts), max(amounts), amounts[-1], growth, bound)


def slope(series: Sequence[tuple[float, float]]) -> float:
    """The median of the slopes between any two samples; 0 where there are none."""
    slopes = [(y - x) / (b - a) for (a, x), (b, y) in combinations(series, 2) if b > a]
    return median(slopes) if slopes else 0.0
