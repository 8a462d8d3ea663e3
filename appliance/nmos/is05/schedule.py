"""Which scheduled activation is due when: absolute ones follow TAI, wherever it is set to; relative ones just time.

Two heaps, one for each clock; what is cancelled stays in its heap and is skipped (its ticket is no longer the current
one). Time is an argument: ``next_due`` says when to look again, ``due`` says what is due by then.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from appliance.core.tai import NS
from appliance.core.types import Clock

LOOK_AGAIN_S = 1.0
"""While an absolute activation is pending, TAI is looked at this often, so that a clock set forward is noticed."""


@dataclass(slots=True)
class Schedule:
    """Pending activations by endpoint id; one for each id at most."""

    _tickets: dict[str, int] = field(default_factory=dict)
    _by_tai: list[tuple[int, int, str]] = field(default_factory=list)
    _by_monotonic: list[tuple[float, int, str]] = field(default_factory=list)
    _issued: int = 0

    def at(self, id: str, tai_ns: int) -> None:
        """Due when the TAI clock shows ``tai_ns``."""
        heapq.heappush(self._by_tai, (tai_ns, self._ticket(id), id))

    def after(self, id: str, monotonic: float) -> None:
        """Due when the monotonic clock shows this."""
        heapq.heappush(self._by_monotonic, (monotonic, self._ticket(id), id))

    def cancel(self, id: str) -> None:
        self._tickets.pop(id, None)

    def __contains__(self, id: str) -> bool:
        return id in self._tickets

    def next_due(self, clock: Clock) -> float | None:
        """The monotonic time at which to ask :meth:`due` again; ``None`` while nothing is pending."""
        self._forget_cancelled()
        times = [self._by_monotonic[0][0]] if self._by_monotonic else []
        if self._by_tai:
            times.append(clock.monotonic() + min(max(0, self._by_tai[0][0] - clock.tai_ns()) / NS, LOOK_AGAIN_S))
        return min(times, default=None)

    def due(self, clock: Clock, limit: int) -> Iterator[str]:
        """Up to ``limit`` ids whose time has come, those of each clock in order; they are no longer pending then."""
        tai_ns, monotonic = clock.tai_ns(), clock.monotonic()
        for _ in range(limit):
            self._forget_cancelled()
            if self._by_tai and self._by_tai[0][0] <= tai_ns:
                id = heapq.heappop(self._by_tai)[2]
            elif self._by_monotonic and self._by_monotonic[0][0] <= monotonic:
                id = heapq.heappop(self._by_monotonic)[2]
            else:
                return
            del self._tickets[id]
            yield id

    def _ticket(self, id: str) -> int:
        self._issued += 1
        self._tickets[id] = self._issued
        return self._issued

    def _forget_cancelled(self) -> None:
        while self._by_tai and self._tickets.get(self._by_tai[0][2]) != self._by_tai[0][1]:
            heapq.heappop(self._by_tai)
        while self._by_monotonic and self._tickets.get(self._by_monotonic[0][2]) != self._by_monotonic[0][1]:
            heapq.heappop(self._by_monotonic)
