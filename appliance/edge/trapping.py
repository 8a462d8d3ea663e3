"""Looks for traps whenever a stream or the network changed, a little at a time, and tells of what changed.

What the kernel is told by others (rp_filter) makes no event: it is read with each look, and by who asks to explain.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from appliance.core.store import Change, Store
from appliance.edge.slices import Slices
from appliance.media.engine import StreamStatus
from appliance.media.inspect import ASPECT, Inspector
from appliance.network.model import Network, NetworkState
from appliance.system.logs import RESOURCE

log = logging.getLogger(__name__)

_GATHER_S = 0.05
"""A salvo of activations touches the same streams, and the box, many times."""

HOST = ""
"""In place of an id: what concerns the box and no stream of it."""


class Faces(Protocol):
    """Who is told."""

    def set_traps(self, id: str, traps: tuple[str, ...]) -> None: ...


class Trapping:
    """Tells ``faces`` the traps of each sender and receiver by id, and of the box itself as `HOST`."""

    def __init__(self, inspector: Inspector, store: Store, network: Network, faces: Faces) -> None:
        self._inspector, self._store, self._network, self._faces = inspector, store, network, faces
        self._known: dict[str, tuple[str, ...]] = {}
        self._waiting: dict[str, None] = {}
        self._slices = Slices()
        self._soon: asyncio.Handle | None = None
        self._unsubscribe: list[Callable[[], None]] = []

    def start(self) -> None:
        self._unsubscribe = [self._store.subscribe(self._changed), self._network.subscribe(self._moved)]
        self.look_at_all()

    def look_at_all(self) -> None:
        """Something was learnt of the network that may concern everybody."""
        self._look_at((HOST, *self._inspector.endpoints))

    def look_at_host(self) -> None:
        """Something was learnt of the network that concerns the box."""
        self._look_at((HOST,))

    def on_status(self, id: str, _status: StreamStatus) -> None:
        """A stream began to come, or ceased to, or is in another state."""
        self._look_at((id,))

    def stop(self) -> None:
        while self._unsubscribe:
            self._unsubscribe.pop()()
        if self._soon is not None:
            self._soon.cancel()
        self._slices.stop()

    def reconfigured(self) -> None:
        """The inspector's endpoints are others now."""
        for id in [id for id in (*self._waiting, *self._known) if id != HOST and id not in self._inspector.endpoints]:
            self._waiting.pop(id, None)
            self._tell(id, ())
        self._look_at(self._inspector.endpoints)

    def _changed(self, change: Change) -> None:
        touched = [touched.id for touched in change.touches(ASPECT) if touched.id in self._inspector.endpoints]
        self._look_at((*touched, HOST) if touched else ())  # what a stream takes of a port concerns all that use it

    def _moved(self, _state: NetworkState) -> None:
        self.look_at_all()

    def _look_at(self, ids: Iterable[str]) -> None:
        """Not at once: whatever changed is more urgent to others, and more may come."""
        self._waiting.update(dict.fromkeys(ids))
        if self._waiting and self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_GATHER_S, self._look)

    def _look(self) -> None:
        self._soon = None
        self._slices.run(self._looking())

    def _looking(self) -> Iterator[None]:
        while self._waiting:
            id = next(iter(self._waiting))
            del self._waiting[id]
            self._tell(id, self._inspector.host_traps() if id == HOST else self._inspector.traps(id))
            yield

    def _tell(self, id: str, traps: tuple[str, ...]) -> None:
        before = self._known.get(id, ())
        if traps == before:
            return
        self._known[id] = traps
        endpoint = self._inspector.endpoints.get(id)
        whose = f"{endpoint.label or endpoint.name}: " if endpoint else ""
        for trap in traps:
            if trap not in before:
                log.warning("%s%s", whose, trap, extra={RESOURCE: id} if endpoint else None)
        self._faces.set_traps(id, traps)
