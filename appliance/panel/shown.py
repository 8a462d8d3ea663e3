"""Which source each receiver shows, remembered also when that is gone from the network altogether."""

from __future__ import annotations

from appliance.core.types import Clock
from appliance.panel.items import SourceItem


class Shown:
    """What was seen of them since the start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, SourceItem] = {}
        self._vanished: dict[str, int] = {}

    def source(
        self, receiver_id: str, sender_id: str | None, source: SourceItem | None
    ) -> tuple[SourceItem | None, int | None]:
        """The source that a receiver shows, and since when it is lost (TAI ns). ``source`` is the menu's."""
        if sender_id is None:
            self._last.pop(receiver_id, None)
            self._vanished.pop(receiver_id, None)
            return None, None
        if source is not None:
            self._last[receiver_id] = source
            self._vanished.pop(receiver_id, None)
            return source, source.lost_since
        last = self._last.get(receiver_id)
        if last is None or last.id != sender_id:
            return None, None  # not seen since this box started
        since = self._vanished.setdefault(receiver_id, last.lost_since or self._clock.tai_ns())
        return last, since
