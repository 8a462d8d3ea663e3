"""This box itself in the world: its senders can be routed to its own receivers like anybody's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from appliance.core.store import Change, ResourceChange, Store
from appliance.core.types import JSON, Kind
from appliance.discovery.world import SELF, PeerStatus, SenderEntry, World

API_VERSION = "v1.3"
"""What the store holds."""
_A_STEP = 50
_LISTS = ("senders", "receivers", "version")


class OwnSenders:
    """Keeps the peer ``self`` of the world as the store is, from ``start`` to ``stop``. ``patiently`` works off the
    steps of what concerns every sender."""

    def __init__(self, store: Store, world: World, patiently: Callable[[Iterator[None]], None]) -> None:
        self._store = store
        self._world = world
        self._patiently = patiently
        self._end: Callable[[], None] | None = None

    def start(self) -> None:
        self._end = self._store.subscribe(self._on_change)
        for kind in Kind:
            self._world.catalogue.follow(SELF, kind, self._store.all(kind), API_VERSION)
        self._put(self._store.all(Kind.SENDER))

    def stop(self) -> None:
        if self._end is not None:
            self._end()
            self._end = None

    def _on_change(self, change: Change) -> None:
        for resource in change.resources:
            self._world.catalogue.touch(SELF, resource.kind, (resource.id,))
        concerned = {each.id for each in change.resources if each.kind is not Kind.RECEIVER and not _only_lists(each)}
        if concerned:
            gone = (self._world.ids_of(SELF) & concerned) - self._store.all(Kind.SENDER).keys()
            self._put(self._concerned(concerned), gone)
        if Kind.NODE in change.kinds():
            self._patiently(self._renew())

    def _concerned(self, ids: set[str]) -> list[str]:
        """The senders whose entries are made of any of these. All are looked at only where something is among them that
        is not of a sender among them, and closely only where that is no device."""
        senders = self._store.all(Kind.SENDER)
        own = [id for id in ids if id in senders]
        others = ids.difference(*(self._of(senders[id]) for id in own))
        if not others.isdisjoint(self._store.all(Kind.FLOW)) or not others.isdisjoint(self._store.all(Kind.SOURCE)):
            return [id for id, sender in senders.items() if not ids.isdisjoint(self._of(sender))]
        devices = ids & self._store.all(Kind.DEVICE).keys()
        theirs = (id for id, sender in senders.items() if sender["device_id"] in devices) if devices else ()
        return list(dict.fromkeys((*own, *theirs)))

    def _of(self, sender: JSON) -> tuple[str | None, ...]:
        """What an entry of the world is made of, by id; the node is everybody's."""
        flow = self._store.get(Kind.FLOW, sender["flow_id"]) if sender.get("flow_id") else None
        return sender["id"], sender["flow_id"], sender["device_id"], flow["source_id"] if flow else None

    def _renew(self) -> Iterator[None]:
        """Every entry names the node."""
        ids = tuple(self._store.all(Kind.SENDER))
        for start in range(0, len(ids), _A_STEP):
            self._put(id for id in ids[start : start + _A_STEP] if id in self._store.all(Kind.SENDER))
            yield

    def _put(self, senders: Iterable[str], gone: Collection[str] = ()) -> None:
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


def _only_lists(change: ResourceChange) -> bool:
    """A device that has other senders or receivers now is the same for each of its senders."""
    before, after = change.before, change.after
    if change.kind is not Kind.DEVICE or before is None or after is None:
        return False
    return all(before.get(key) == after.get(key) for key in before.keys() | after.keys() if key not in _LISTS)
