"""When what is to be looked at: one time an id, the earliest of them found without looking at the others."""

from __future__ import annotations

import heapq


class Alarms:
    """A heap in which a time that was taken back stays until its turn comes, and is passed over then."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __contains__(self, id: str) -> bool:
        return id in self._times

    def set(self, id: str, at: float) -> None:
        """At this time, and not at the one set before."""
        self._times[id] = at
        heapq.heappush(self._heap, (at, id))

    def cancel(self, id: str) -> None:
        """Not at all; nothing where none was set."""
        self._times.pop(id, None)

    def due(self) -> float | None:
        """The earliest time."""
        while self._heap and self._times.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> str | None:
        """The id of the earliest time, if it has come; it is set no longer."""
        due = self.due()
        if due is None or due > now:
            return None
        id = heapq.heappop(self._heap)[1]
        del self._times[id]
        return id
