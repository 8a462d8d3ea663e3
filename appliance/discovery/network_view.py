"""The network as its Query API tells it: six tables kept by data Grains, written into the world as senders.

It is filled while somebody else still feeds the world; ``enter`` writes all of it at once, and from then on each change
is written as it comes. Everything goes in slices. What cannot be used is left out, as with peers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any

from appliance.core.types import JSON, Kind
from appliance.discovery.documents import read_grain
from appliance.discovery.intake import SLICE
from appliance.discovery.limits import Limits
from appliance.discovery.registration.services import Candidate
from appliance.discovery.resources import fault, name_of
from appliance.discovery.world import NETWORK, PeerStatus, SenderEntry, World

MAX_RESOURCES = 200_000
"""Of all kinds together: what 500 nodes of 100 senders have."""

MAX_LEFT_OUT = 1000

Work = Generator[None, None, None]


class NetworkView:
    """What one connection to a Query API told."""

    def __init__(self, world: World, candidate: Candidate, api_version: str, limits: Limits) -> None:
        self._world = world
        self._candidate = candidate
        self._api_version = api_version
        self._limits = limits
        self._tables: dict[Kind, dict[str, JSON]] = {kind: {} for kind in Kind}
        self._children: defaultdict[tuple[Kind, str], set[str]] = defaultdict(set)
        self._live = False
        self._lost_since: int | None = None
        self._left_out: dict[str, str] = {}
        self._last_fetch: int | None = None

    @property
    def live(self) -> bool:
        """Whether it is in the world."""
        return self._live

    def applying(self, kind: Kind, grain: str, tai_ns: int) -> Work:
        """Take in one message of the subscription to ``kind``; BadRequest where it is none."""
        self._last_fetch = tai_ns
        events = read_grain(grain)
        while chunk := list(islice(events, SLICE)):
            touched: dict[str, None] = {}
            for event, chars in chunk:
                touched.update(dict.fromkeys(self._apply(kind, event, chars)))
            if self._live:
                yield from self._writing(touched)
            yield

    def entering(self) -> Work:
        """Write everything into the world, and take out what another view left there."""
        self._live = True
        outdated = self._world.ids_of(NETWORK) - self._tables[Kind.SENDER].keys()
        yield from self._writing([*self._tables[Kind.SENDER], *outdated])

    def losing(self, tai_ns: int) -> Work:
        """It is no longer told: all of it is lost since now."""
        self._lost_since = tai_ns
        if self._live:
            yield from self._writing(list(self._tables[Kind.SENDER]))

    # ---- inside

    def _apply(self, kind: Kind, event: Any, chars: int) -> Iterator[str]:
        """One event; the senders that are to be written anew."""
        if not isinstance(event, dict) or not isinstance(event.get("path"), str):
            return
        id, post = event["path"], event.get("post")
        table = self._tables[kind]
        if post is not None:
            reason = self._reason(kind, id, post, chars)
            if reason and (id in self._left_out or len(self._left_out) < MAX_LEFT_OUT):
                self._left_out[id] = f"{kind}: {name_of(post)} is left out: {reason}"
            if reason:
                post = None
            else:
                self._left_out.pop(id, None)
        before = table.get(id)
        if before == post:
            return
        self._refer(kind, id, before, post)
        if post is None:
            del table[id]
        else:
            table[id] = post
        yield from self._senders_of(kind, id)

    def _reason(self, kind: Kind, id: str, post: Any, chars: int) -> str | None:
        if chars > 2 * self._limits.resource_chars:
            return f"it has {chars} characters, more than {2 * self._limits.resource_chars}"
        if id not in self._tables[kind] and sum(map(len, self._tables.values())) >= MAX_RESOURCES:
            return f"more than {MAX_RESOURCES} of them"
        return fault(kind, post, self._limits.string_chars) or (None if post["id"] == id else "its path is not its id")

    def _refer(self, kind: Kind, id: str, before: JSON | None, after: JSON | None) -> None:
        """Keep in mind what refers to what: a flow's new label concerns its senders."""
        for key, parent in _REFERENCES.get(kind, {}).items():
            old = before.get(key) if before else None
            new = after.get(key) if after else None
            if old != new:
                if old:
                    children = self._children[parent, old]
                    children.discard(id)
                    if not children:
                        del self._children[parent, old]
                if new:
                    self._children[parent, new].add(id)

    def _senders_of(self, kind: Kind, id: str) -> Iterator[str]:
        if kind is Kind.SENDER:
            yield id
            return
        lower = _CHILD.get(kind)
        if lower is not None:
            for other in self._children.get((kind, id), ()):
                yield from self._senders_of(lower, other)

    def _writing(self, ids: Iterable[str]) -> Work:
        pending = iter(ids)
        while chunk := list(islice(pending, SLICE)):
            senders = self._tables[Kind.SENDER]
            put = [self._entry(senders[id]) for id in chunk if id in senders]
            gone = [id for id in chunk if id not in senders]
            self._world.update(NETWORK, put, gone, self._status())
            yield
        self._world.set_peer(self._status())

    def _entry(self, sender: JSON) -> SenderEntry:
        flow = self._tables[Kind.FLOW].get(sender.get("flow_id") or "")
        device = self._tables[Kind.DEVICE].get(sender["device_id"])
        return SenderEntry(
            peer=NETWORK,
            sender=sender,
            flow=flow,
            source=None if flow is None else self._tables[Kind.SOURCE].get(flow["source_id"]),
            device=device,
            node=None if device is None else self._tables[Kind.NODE].get(device["node_id"]),
            api_version=self._api_version,
            lost_since=self._lost_since,
        )

    def _status(self) -> PeerStatus:
        return PeerStatus(
            key=NETWORK,
            name=self._candidate.name,
            api_version=self._api_version,
            label=f"Query API {self._candidate.name}",
            last_fetch=self._last_fetch,
            last_error=next(iter(self._left_out.values()), ""),
            senders=len(self._tables[Kind.SENDER]),
            left_out=len(self._left_out),
            lost_since=self._lost_since,
        )


_REFERENCES = {
    Kind.DEVICE: {"node_id": Kind.NODE},
    Kind.FLOW: {"source_id": Kind.SOURCE},
    Kind.SENDER: {"device_id": Kind.DEVICE, "flow_id": Kind.FLOW},
}
_CHILD = {Kind.NODE: Kind.DEVICE, Kind.DEVICE: Kind.SENDER, Kind.SOURCE: Kind.FLOW, Kind.FLOW: Kind.SENDER}
