"""Data Grains: what one client of a subscription is told (IS-04 Behaviour - Querying, "WebSocket Messages").

First everything that is there (``pre`` equal to ``post``), in pieces; then changes. What changes again before it was
told is told once, from what the client knows to what is now; so a client that reads slowly costs no more memory than
one entry a resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from appliance.core.tai import format_tai
from appliance.core.types import JSON, Kind
from appliance.discovery.catalogue import Resource
from appliance.nmos.query.query import Shown
from appliance.web.messages import encode_json

PIECE = 50
"""Resources in one grain: about a millisecond's work."""


class Follower:
    """One client. ``next_grain`` is what to send now; where that is ``None``, wait for ``wake``.

    ``interval_s`` is the shortest time between two grains of changes; ``ended`` says that there will be no more.
    """

    def __init__(
        self,
        subscription_id: str,
        kind: Kind,
        source_id: str,
        shown: Shown,
        table: Mapping[str, Resource],
        interval_s: float,
        wake: Callable[[], None],
    ) -> None:
        self.subscription_id = subscription_id
        self.interval_s = interval_s
        self.ended = False
        self._kind = kind
        self._source_id = source_id
        self._shown = shown
        self._table = table
        self._wake = wake
        self._unsaid: dict[str, None] = dict.fromkeys(table)
        self._changed: dict[str, JSON | None] = {}

    @property
    def syncing(self) -> bool:
        """Whether there is still something that was there from the beginning."""
        return bool(self._unsaid)

    def on_turn(self, id: str, before: JSON | None, after: JSON | None) -> None:
        """A resource changed from what is shown of it to something else."""
        if before is after or id in self._unsaid:
            return
        if id not in self._changed:
            self._changed[id] = before
            self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def next_grain(self, tai_ns: int) -> bytes | None:
        """The next message, with the time it is made at."""
        while self._unsaid:
            events = self._sync()
            if events:
                return self._grain(events, tai_ns)
        while self._changed:
            events = self._changes()
            if events:
                return self._grain(events, tai_ns)
        return None

    def _sync(self) -> list[bytes]:
        events = []
        for id in list(islice(self._unsaid, PIECE)):
            del self._unsaid[id]
            resource = self._table.get(id)
            body = None if resource is None else self._shown(resource)
            if body is not None:
                encoded = encode_json(body)
                events.append(_event(id, encoded, encoded))
        return events

    def _changes(self) -> list[bytes]:
        events = []
        for id in list(islice(self._changed, PIECE)):
            known = self._changed.pop(id)
            resource = self._table.get(id)
            now = None if resource is None else self._shown(resource)
            if now != known:
                pre, post = (None if body is None else encode_json(body) for body in (known, now))
                events.append(_event(id, pre, post))
        return events

    def _grain(self, events: list[bytes], tai_ns: int) -> bytes:
        now = format_tai(tai_ns)
        head = encode_json(
            {
                "grain_type": "event",
                "source_id": self._source_id,
                "flow_id": self.subscription_id,
                "origin_timestamp": now,
                "sync_timestamp": now,
                "creation_timestamp": now,
                "rate": {"numerator": 0, "denominator": 1},
                "duration": {"numerator": 0, "denominator": 1},
                "grain": {"type": "urn:x-nmos:format:data.event", "topic": f"/{self._kind.plural}/"},
            }
        )
        return head.removesuffix(b"}}") + b',"data":[' + b",".join(events) + b"]}}"


def _event(id: str, pre: bytes | None, post: bytes | None) -> bytes:
    parts = [b'{"path":' + encode_json(id)]
    if pre is not None:
        parts.append(b'"pre":' + pre)
    if post is not None:
        parts.append(b'"post":' + post)
    return b",".join(parts) + b"}"
