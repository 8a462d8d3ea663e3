"""How often: a bucket that bounds what others do, and a gauge that paces what this box says."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.config.model import EventConfig, EventValue


@dataclass(slots=True)
class Bucket:
    """Allows ``per_s`` a second, and ``at_once`` after a pause. ``since`` is a monotonic time."""

    per_s: float
    at_once: float
    since: float
    _used: float = 0.0

    def take(self, now: float) -> bool:
        """Whether one more is allowed now."""
        self._used = max(0.0, self._used - (now - self.since) * self.per_s)
        self.since = now
        if self._used + 1 > self.at_once:
            return False
        self._used += 1
        return True


@dataclass(frozen=True, slots=True)
class Said:
    """``again``: it is no change, but the time to say it once more."""

    value: EventValue
    again: bool = False


class Pace:
    """When a source says what its input reads: debounced, not too often, and again after a while.

    ``read`` is what the input says, ``due`` when to call ``tick``, which returns what to say now (``None``: nothing).
    A value that is read again changes nothing; one that comes too soon waits, and of those that wait the last counts.
    """

    def __init__(self, config: EventConfig, now: float) -> None:
        self._debounce_s = config.debounce_ms / 1000
        self._least_s = config.min_interval_ms / 1000
        self._most_s = config.max_interval_ms / 1000
        self._said: EventValue | None = None
        self._said_at = now - self._least_s
        self._read: EventValue | None = None
        self._since = now

    def begin(self, value: EventValue, now: float) -> None:
        """What the source says before the first reading."""
        self._said, self._read, self._since = value, value, now

    def read(self, value: EventValue, now: float) -> None:
        if not _same(value, self._read):
            self._read, self._since = value, now

    @property
    def due(self) -> float | None:
        """A monotonic time; ``None`` while there is nothing to wait for."""
        if not _same(self._read, self._said):
            return max(self._since + self._debounce_s, self._said_at + self._least_s)
        return self._said_at + self._most_s if self._most_s and self._said is not None else None

    def tick(self, now: float) -> Said | None:
        due = self.due
        if due is None or now < due or self._read is None:
            return None
        again = _same(self._read, self._said)
        self._said, self._said_at = self._read, now
        return Said(self._read, again)


def _same(one: EventValue | None, other: EventValue | None) -> bool:
    """``True`` is not 1 here."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other
