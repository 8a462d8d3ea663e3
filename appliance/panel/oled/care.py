"""An OLED burns in what it shows for long: it is dimmed, moved by a pixel now and then, and at last switched off.

Somebody's hand, or news worth a look (a take, a loss, a fault), makes it bright again. Switched off it stays dark but
for a fault, and the key that wakes it does nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

BRIGHT, DIM, OFF = 255, 24, 0
SHIFT_EVERY_S = 60.0
_PATH = ((0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1), (1, 1))
ROOM = 2
"""Pixels by which the picture moves at most, both ways."""


@dataclass(slots=True)
class Care:
    """When what. Times are seconds of any one clock; 0 for ``dim_after_s`` or ``off_after_s``: never."""

    dim_after_s: float = 60.0
    off_after_s: float = 3600.0
    _since: float = 0.0

    def brightness(self, now: float) -> int:
        """0 (off) to 255."""
        idle = now - self._since
        if self.off_after_s and idle >= self.off_after_s:
            return OFF
        return DIM if self.dim_after_s and idle >= self.dim_after_s else BRIGHT

    def shift(self, now: float) -> tuple[int, int]:
        """Where the picture begins, in pixels."""
        return _PATH[int(now // SHIFT_EVERY_S) % len(_PATH)]

    def touched(self, now: float) -> bool:
        """A key, or news. False: the screen was off, so the key only woke it."""
        was_on = self.brightness(now) != OFF
        self._since = now
        return was_on

    def next_change(self, now: float) -> float:
        """Seconds until brightness or place change by themselves."""
        idle = now - self._since
        ends = [end - idle for end in (self.dim_after_s, self.off_after_s) if end and end > idle]
        if self.brightness(now) != OFF:
            ends.append(SHIFT_EVERY_S - now % SHIFT_EVERY_S)
        return min(ends, default=float("inf"))
