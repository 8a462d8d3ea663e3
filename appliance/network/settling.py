"""A value that may flap, and those who hear of it at a bearable rate.

Strategy: the first change after a quiet time is told at once. Each that follows soon waits twice as long as the one
before, up to a minute, and then only what is true by then is told; what came back meanwhile is not told at all.
"""

from __future__ import annotations

from typing import Generic, TypeVar

SHORTEST_HOLD_S = 1.0
LONGEST_HOLD_S = 60.0
_QUIET = 4
"""So many holds without a change, and the next one is told at once again."""

T = TypeVar("T")


class Settling(Generic[T]):
    """``value`` is what was told last; `offer` and `tick` say whether there is something to tell."""

    def __init__(self, value: T) -> None:
        self.value = value
        self._offered = value
        self._hold_s = 0.0
        self._told_at = 0.0

    def offer(self, value: T, now: float) -> bool:
        """What is true now."""
        self._offered = value
        return self.tick(now)

    def tick(self, now: float) -> bool:
        """Whether ``value`` has become another one."""
        due = self.due()
        if due is None or now < due:
            return False
        quiet = now - self._told_at > _QUIET * self._hold_s
        self._hold_s = SHORTEST_HOLD_S if quiet else min(2 * self._hold_s, LONGEST_HOLD_S)
        self._told_at = now
        self.value = self._offered
        return True

    def due(self) -> float | None:
        """When to call `tick`; `None` while there is nothing to tell."""
        return None if self._offered == self.value else self._told_at + self._hold_s
