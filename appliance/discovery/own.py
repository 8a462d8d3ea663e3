"""This box itself in the world: its senders can be routed to its own receivers like anybody's."""

from __future__ import annotations

from collections.abc import Callable

from appliance.core.store import Change, Store
from appliance.core.types import Kind
from appliance.discovery.world import SELF, PeerStatus, SenderEntry, World

API_VERSION = "v1.3"
"""What the store holds."""


class OwnSenders:
    """Keeps the peer ``self`` of the world as the store is, from ``start`` to ``stop``."""

    def __init__(self, store: Store, world: World) -> None:
        self._store = store
        self._world = world
        self._end: Callable[[], None] | None = None

    def start(self) -> None:
        self._end = self._store.subscribe(self._on_change)
        for kind in Kind:
            self._world.catalogue.follow(SELF, kind, self._store.all(kind), API_VERSION)
        self._write()

    def stop(self) -> None:
        if self._end is not None:
            self._end()
            self._end = None

    def _on_change(self, change: Change) -> None:
        for resource in change.resources:
            self._world.catalogue.touch(SELF, resource.kind, (resource.id,))
        if change.kinds() - {Kind.RECEIVER, Kind.SENDER}:
            self._write()
        elif senders := [resource for resource in change.resources if resource.kind is Kind.SENDER]:
            there = [resource.id for resource in senders if resource.after is not None]
            gone = [resource.id for resource in senders if resource.after is None]
            self._world.update(SELF, [self._entry(id) for id in there], gone, self._status())

    def _write(self) -> None:
        senders = self._store.all(Kind.SENDER)
        gone = self._world.ids_of(SELF) - senders.keys()
        self._world.update(SELF, [self._entry(id) for id in senders], gone, self._status())

    def _status(self) -> PeerStatus:
        node = self._store.node
        return PeerStatus(
            key=SELF,
            name=node["label"],
            api_version=API_VERSION,
            node_id=node["id"],
            label=node["label"],
            senders=len(self._store.all(Kind.SENDER)),
        )

    def _entry(self, sender_id: str) -> SenderEntry:
        sender = self._store.all(Kind.SENDER)[sender_id]
        flow = self._store.get(Kind.FLOW, sender["flow_id"]) if sender.get("flow_id") else None
        return SenderEntry(
            peer=SELF,
            sender=sender,
            flow=flow,
            source=self._store.get(Kind.SOURCE, flow["source_id"]) if flow else None,
            device=self._store.get(Kind.DEVICE, sender["device_id"]),
            node=self._store.node,
            api_version=API_VERSION,
        )
