"""What one follower of the menu (a browser, a terminal, ``watch``) still has to hear, as server-sent events.

First ``reset`` with the box and its receivers, ``change`` events with all sources a piece at a time, ``tally`` where
the box has events, then ``ready``; from then on ``change`` and ``tally`` events. Kept is only *which* items the
follower must see again, so a slow one costs no memory: it gets the newest state of each, once.
"""

from __future__ import annotations

from itertools import islice

from appliance.core.tai import format_tai
from appliance.core.types import JSON, Clock
from appliance.panel.items import MenuChange
from appliance.panel.menu import MenuModel
from appliance.web.messages import encode_json

PIECE = 100
"""Sources in one event: about a millisecond's work."""
KEEP_ALIVE = b": still here\n\n"


class Updates:
    """The events for one follower. ``receiver_id``: sources come with their fit to this one."""

    def __init__(self, menu: MenuModel, clock: Clock, receiver_id: str | None) -> None:
        self._menu, self._clock, self._receiver_id = menu, clock, receiver_id
        self._sources: dict[str, None] = dict.fromkeys(menu.source_ids())
        self._gone: dict[str, None] = {}
        self._receivers: dict[str, None] = {}
        self._status = self._panel = False
        self._tally = menu.tally is not None
        self._started = self._ready = False

    def on_change(self, change: MenuChange) -> None:
        """Remember what to say."""
        for id in change.sources:
            self._gone.pop(id, None)
            self._sources[id] = None
        for id in change.gone:
            self._sources.pop(id, None)
            self._gone[id] = None
        self._receivers.update(dict.fromkeys(change.receivers))
        self._status = self._status or change.status
        self._panel = self._panel or change.panel
        self._tally = self._tally or change.tally

    def next(self) -> bytes | None:
        """The next event as bytes; ``None`` where all is said."""
        if not self._started:
            self._started = True
            self._status = self._panel = False
            self._receivers.clear()
            receivers = [item.to_json() for item in self._menu.receivers]
            body: JSON = {"status": self._menu.status.to_json(), "panel": self._menu.panel.to_json()}
            return self._event("reset", {**body, "receivers": receivers, "total": self._menu.total})
        changed = self._changed()
        if changed:
            return self._event("change", changed)
        if self._tally and self._menu.tally is not None:
            self._tally = False
            return self._event("tally", {"tally": self._menu.tally()})
        if not self._ready:
            self._ready = True
            return self._event("ready", {})
        return None

    def _changed(self) -> JSON:
        body: JSON = {}
        if self._status:
            self._status = False
            body["status"] = self._menu.status.to_json()
        if self._panel:
            self._panel = False
            body["panel"] = self._menu.panel.to_json()
        if self._receivers:
            items = {id: self._menu.receiver(id) for id in self._receivers}
            self._receivers.clear()
            body["receivers"] = [item.to_json() for item in items.values() if item is not None]
            body["receivers_gone"] = [id for id, item in items.items() if item is None]
        if self._gone:
            body["gone"] = _take_some(self._gone)
        if self._sources:
            body["sources"] = [source for id in _take_some(self._sources) if (source := self._source(id)) is not None]
        return body

    def _source(self, id: str) -> JSON | None:
        item = self._menu.source(id)
        if item is None:
            return None
        return item.to_json(None if self._receiver_id is None else self._menu.fit(id, self._receiver_id))

    def _event(self, name: str, body: JSON) -> bytes:
        now = format_tai(self._clock.tai_ns())
        return b"event: %s\ndata: %s\n\n" % (name.encode(), encode_json({"now": now, **body}))


def _take_some(ids: dict[str, None]) -> list[str]:
    some = list(islice(ids, PIECE))
    for id in some:
        del ids[id]
    return some
