"""Knobs and buttons as the kernel's input events (linux/input-event-codes.h) become the panel's keys.

A rotary encoder says relative steps; turned fast it goes in strides, so that ten thousand sources are a few turns
away. Where there is no button for more, Enter counts on release: held down it is a long press, which has the rest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from appliance.panel.navigation import Key

EV_KEY, EV_REL = 1, 2
RELEASED, PRESSED, REPEATED = 0, 1, 2
HOLD_S = 0.6
"""Enter held for this long is a long press."""
MAX_STEPS = 40
"""Of one event, whatever a broken encoder says."""

_WHEELS = {8: -1, 11: -1}
"""REL_WHEEL and its fine twin count away from the user; every other axis counts clockwise."""
_FINE = (11, 12)
_STRIDES = ((0.02, 10), (0.04, 4))
"""(seconds since the last step, rows a step goes)."""

_ENTER = (28, 96, 352, 353, 256, 272, 57)  # ENTER, KPENTER, OK, SELECT, BTN_0, BTN_LEFT, SPACE
_BACK = (1, 158, 174)  # ESC, BACK, EXIT
_MORE = (*_BACK, 105, 106, 139)
_KEYS: dict[int, str] = {
    **dict.fromkeys(_ENTER, Key.ENTER),
    106: Key.RIGHT,
    105: Key.LEFT,
    139: Key.LONG,  # MENU
    **dict.fromkeys(_BACK, Key.BACK),
    103: Key.UP,
    108: Key.DOWN,
    115: Key.UP,  # VOLUMEUP
    114: Key.DOWN,  # VOLUMEDOWN
    104: Key.PAGE_UP,
    109: Key.PAGE_DOWN,
    102: Key.FIRST,
    107: Key.LAST,
    15: Key.NEXT_RECEIVER,  # TAB
    407: Key.NEXT_RECEIVER,  # NEXT
    412: Key.PREVIOUS_RECEIVER,  # PREVIOUS
    14: Key.ERASE,
    **{2 + n: str((n + 1) % 10) for n in range(10)},  # the row of digits begins with 1
    **dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73), "0123456789", strict=True)),  # the keypad
    **{512 + n: str(n) for n in range(10)},  # NUMERIC_0 to NUMERIC_9
}


def has_back(codes: Collection[int]) -> bool:
    """Whether a device with these EV_KEY codes has a button that goes back, or to the options."""
    return any(code in codes for code in _MORE)


@dataclass(slots=True)
class Hands:
    """The state of all input devices. Times are seconds of any one clock that does not jump."""

    back_key: bool = False
    """There is a button for Back or more: Enter counts when it is pressed, at once."""
    due: float | None = None
    """When to call :meth:`held`."""
    _last_step: float = field(default=float("-inf"))

    def event(self, type: int, code: int, value: int, now: float) -> list[str]:
        """One event's keys, in order; none for what is not a panel's."""
        if type == EV_REL and value and code not in _FINE:
            return self._turned(value * _WHEELS.get(code, 1), now)
        if type != EV_KEY or code not in _KEYS or value not in (RELEASED, PRESSED, REPEATED):
            return []
        key = _KEYS[code]
        if key == Key.ENTER and not self.back_key:
            return self._enter(value, now)
        repeats = key in (Key.UP, Key.DOWN, Key.PAGE_UP, Key.PAGE_DOWN, Key.ERASE)
        return [key] if value == PRESSED or (value == REPEATED and repeats) else []

    def held(self, now: float) -> list[str]:
        """Enter is still down when it is ``due``."""
        if self.due is None or now < self.due:
            return []
        self.due = None
        return [Key.LONG]

    def _enter(self, value: int, now: float) -> list[str]:
        if value == PRESSED:
            self.due = now + HOLD_S
        elif value == RELEASED and self.due is not None:
            if now >= self.due:
                return self.held(now)
            self.due = None
            return [Key.ENTER]
        return []

    def _turned(self, steps: int, now: float) -> list[str]:
        since, self._last_step = now - self._last_step, now
        stride = next((rows for below, rows in _STRIDES if since < below), 1)
        count = min(abs(steps) * stride, MAX_STEPS)
        return [Key.DOWN if steps > 0 else Key.UP] * count
