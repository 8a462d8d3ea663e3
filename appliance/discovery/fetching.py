"""Whose turn it is: fetches wait here for their time and for a place, in two lanes.

Peers whose last fetch found nobody have a lane of their own with few places, so that those which hang until the time
limit never hold up the others. Within a lane who was due first comes first.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Lane:
    places: int
    taken: int = 0
    heap: list[tuple[float, int, str]] = field(default_factory=list)


class FetchQueue:
    """Keys of peers by the time when they are due. A key waits once: putting it again replaces it."""

    def __init__(self, places: int, doubtful_places: int) -> None:
        self._lanes = {False: _Lane(places - doubtful_places), True: _Lane(doubtful_places)}
        self._waiting: dict[str, int] = {}
        self._taken: dict[str, bool] = {}
        self._serial = 0

    def put(self, key: str, due: float, *, doubtful: bool) -> None:
        """Let this peer wait until ``due`` and then for a place."""
        self._serial += 1
        self._waiting[key] = self._serial
        heapq.heappush(self._lanes[doubtful].heap, (due, self._serial, key))

    def drop(self, key: str) -> None:
        """It no longer wants anything."""
        self._waiting.pop(key, None)

    def take(self, now: float) -> str | None:
        """The next one that is due, if there is a place: it holds that until ``release``."""
        for doubtful, lane in self._lanes.items():
            self._prune(lane)
            if lane.heap and lane.taken < lane.places and lane.heap[0][0] <= now:
                _, _, key = heapq.heappop(lane.heap)
                del self._waiting[key]
                lane.taken += 1
                self._taken[key] = doubtful
                return key
        return None

    def release(self, key: str) -> None:
        """Its fetch is over."""
        doubtful = self._taken.pop(key, None)
        if doubtful is not None:
            self._lanes[doubtful].taken -= 1

    def get_timer(self) -> float | None:
        """When ``take`` may give one, as far as time decides."""
        whens = []
        for lane in self._lanes.values():
            self._prune(lane)
            if lane.heap and lane.taken < lane.places:
                whens.append(lane.heap[0][0])
        return min(whens, default=None)

    def _prune(self, lane: _Lane) -> None:
        while lane.heap and self._waiting.get(lane.heap[0][2]) != lane.heap[0][1]:
            heapq.heappop(lane.heap)
