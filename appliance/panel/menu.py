"""The menu: what can be chosen, what the receivers show, and how the box is, as one model that every face reads.

It follows four feeds: the world (senders and peers), the store (receivers, connections, labels), the media streams,
and what discovery says of itself. A change costs what it touches: a sender's change makes that sender's item anew,
and only the receivers that show it. Many at once (a peer with thousands of senders) are worked off in pieces,
between which ``later`` lets the loop go on. Listeners hear, after each piece, which ids to look at again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from itertools import islice

from appliance.core.store import Change, Store
from appliance.core.types import JSON, Clock, Kind
from appliance.discovery.world import PeerStatus, World, WorldChange
from appliance.media.engine import StreamStatus
from appliance.nmos.caps.stream import Stream
from appliance.panel import describe, presets
from appliance.panel.fit import fit, stream_of
from appliance.panel.health import Counts, Feed, box_status
from appliance.panel.items import BoxStatus, Fit, Menu, MenuChange, Named, Pending, ReceiverItem, SourceItem
from appliance.panel.kept import FAVOURITE, PRESET, ROUTE, ROUTING, SHOWN, Defaults, PanelItem, panel_item, route_item
from appliance.panel.listing import Listing, grouped
from appliance.panel.shown import Shown
from appliance.panel.taking import Later, Taking

PIECE = 40
"""How many senders are made anew in one go: about a millisecond's work."""

_IDLE = StreamStatus()
_UNKNOWN = Fit("unknown", "it is no longer known")
_ABSENT = Fit("no", "it is not on the network")

Listener = Callable[[MenuChange], None]


class MenuModel:
    """The menu of one box. ``later`` calls a function soon, but after what else is waiting (a loop's ``call_soon``);
    ``defaults`` is what holds until it is set at the panel."""

    def __init__(
        self, store: Store, world: World, clock: Clock, later: Later, defaults: Defaults | None = None
    ) -> None:
        self._store, self._world, self._clock, self._later = store, world, clock, later
        self._first: str | None = None
        self._defaults = defaults or Defaults()
        self._listing = Listing()
        self._lost: set[str] = set()
        self._absent: set[str] = set()
        self._in_presets = presets.senders_in(store.aspects(PRESET))
        self._panel = self._make_panel()
        self._receivers: dict[str, ReceiverItem] = {}
        self._positions: dict[str, int] = {}
        self._referring: dict[str, set[str]] = {}
        self._troubled: dict[str, ReceiverItem] = {}
        self._shown = Shown(clock)
        self._streams: dict[str, StreamStatus] = {}
        self._sender_faults: dict[str, str] = {}
        self.taking = Taking(later, self._refresh)
        """Takes that are not done yet."""
        self._fits: dict[str, dict[str, Fit]] = {}
        self._feed = Feed()
        self._problems: dict[str, str] = {}
        self._traps: dict[str, tuple[str, ...]] = {}
        self._waiting: dict[str, None] = {}
        self._listeners: list[Listener] = []
        self.tally: Callable[[], JSON] | None = None
        self._refresh_receivers(store.all(Kind.RECEIVER))
        self._status = self._make_status()
        self._on_senders((*world.entries, *store.aspects(FAVOURITE)))
        self._ends = (store.subscribe(self._on_store), world.subscribe(self._on_world))

    def close(self) -> None:
        """Follow nothing any more."""
        for end in self._ends:
            end()
        self._waiting.clear()

    # ---- reading

    @property
    def status(self) -> BoxStatus:
        return self._status

    @property
    def panel(self) -> PanelItem:
        """Favourites, presets, the lock."""
        return self._panel

    @property
    def receivers(self) -> tuple[ReceiverItem, ...]:
        """The one that the panel begins with, then the others in the order of the configuration."""
        first = None if self._first is None else self._receivers.get(self._first)
        if first is None:
            return tuple(self._receivers.values())
        return (first, *(item for item in self._receivers.values() if item is not first))

    @property
    def peers(self) -> Collection[PeerStatus]:
        """How it goes with each peer; this box is one of them (``SELF``)."""
        return self._world.peers.values()

    def receiver(self, id: str) -> ReceiverItem | None:
        return self._receivers.get(id)

    def source(self, id: str) -> SourceItem | None:
        return self._listing.get(id)

    @property
    def total(self) -> int:
        return len(self._listing)

    def sources(self, offset: int = 0, limit: int = 1_000_000) -> tuple[SourceItem, ...]:
        """A page of the sources, by node, device and label."""
        return self._listing.page(offset, limit)

    def source_ids(self) -> list[str]:
        """Of all sources, in the same order."""
        return self._listing.ids()

    def fit(self, source_id: str, receiver_id: str) -> Fit:
        """Whether a source fits a receiver of this box, and if not, why."""
        entry, receiver = self._world.entries.get(source_id), self._store.get(Kind.RECEIVER, receiver_id)
        if entry is None or receiver is None:
            return _ABSENT if source_id in self._absent else _UNKNOWN
        known = self._fits.setdefault(receiver_id, {})
        if source_id not in known:
            known[source_id] = fit(entry, receiver)
        return known[source_id]

    def stream(self, source_id: str) -> Stream:
        """What is known of what a source sends, which must be there (and not be absent)."""
        return stream_of(self._world.entries[source_id])

    def menu(self, receiver_id: str | None = None, offset: int = 0, limit: int = 1_000_000) -> Menu:
        """Everything that a face shows at once."""
        page = self._listing.page(offset, limit)
        fits = {} if receiver_id is None else {item.id: self.fit(item.id, receiver_id) for item in page}
        receiver = None if receiver_id is None else self._receivers.get(receiver_id)
        return Menu(self._status, receiver, tuple(grouped(page)), fits, self.total)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every later change; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # ---- what the feeds that are not the store or the world say

    def set_stream(self, id: str, status: StreamStatus) -> None:
        """How the stream of a sender or receiver of this box is doing."""
        self._streams[id] = status
        if status.phase == "fault" and not self._is_receiver(id):
            self._sender_faults[id] = status.detail
        else:
            self._sender_faults.pop(id, None)
        self._refresh([id] if self._is_receiver(id) else [])

    def set_feed(self, feed: Feed) -> None:
        """What discovery says of itself."""
        self._feed = feed
        self._tell()

    def set_problem(self, part: str, problem: str | None) -> None:
        """What is wrong with a part of the box itself, as a sentence; ``None`` when it is well again."""
        if problem is None:
            self._problems.pop(part, None)
        else:
            self._problems[part] = problem
        self._tell()

    def set_first(self, id: str | None) -> None:
        """This receiver comes first."""
        if id != self._first:
            self._first = id
            self._tell(receivers=frozenset(self._receivers))

    def look_again(self, receiver_ids: Iterable[str]) -> None:
        """What they show of the configuration may be different."""
        self._refresh(receiver_ids)

    def set_traps(self, id: str, traps: tuple[str, ...]) -> None:
        """What of the network may keep a sender or receiver from working, as sentences; of the box itself: no id."""
        self._traps[id] = traps
        self._refresh([id] if self._is_receiver(id) else [])

    def tally_changed(self) -> None:
        """What ``tally`` says of events and lamps is different now."""
        for listener in tuple(self._listeners):
            listener(MenuChange(tally=True))

    # ---- following the store and the world

    def _on_store(self, change: Change) -> None:
        relabelled = any(
            each.kind in (Kind.DEVICE, Kind.NODE) and describe.is_relabelled(each) for each in change.resources
        )
        touched = {change.id for change in change.resources if change.kind is Kind.RECEIVER}
        for id in touched:
            self._fits.pop(id, None)
        touched |= {aspect.id for aspect in change.aspects if aspect.aspect in ("connection", ROUTE, ROUTING)}
        if any(aspect.aspect in SHOWN for aspect in change.aspects):
            self._in_presets = presets.senders_in(self._store.aspects(PRESET))
            self._panel = self._make_panel()
            self._tell(panel=True)
        self._on_senders(aspect.id for aspect in change.aspects if aspect.aspect == FAVOURITE)
        self._refresh(self._store.all(Kind.RECEIVER) if relabelled else touched)

    def _on_world(self, change: WorldChange) -> None:
        self._on_senders((*change.added, *change.changed, *change.removed))
        if change.peers:
            self._tell()

    def _on_senders(self, ids: Iterable[str]) -> None:
        """Make a few anew at once; more than a few in pieces. Each is read from the world when its turn comes."""
        was_waiting = bool(self._waiting)
        self._waiting.update(dict.fromkeys(ids))
        if self._waiting and not was_waiting:
            self._work()

    def _work(self) -> None:
        piece = list(islice(self._waiting, PIECE))
        for id in piece:
            del self._waiting[id]
        if piece:
            sources, gone = self._refresh_sources(piece)
            receivers = self._refresh_receivers({id for source in sources | gone for id in self._receivers_of(source)})
            self._tell(sources, gone, receivers)
        if self._waiting:
            self._later(self._work)

    # ---- making items

    def _refresh(self, receiver_ids: Iterable[str]) -> None:
        """Make these receivers anew, and the sources that they showed or now show."""
        ids = [id for id in receiver_ids if id in self._receivers or self._is_receiver(id)]
        before = self._referred(ids)
        receivers = self._refresh_receivers(ids)
        sources, gone = self._refresh_sources(before | self._referred(ids))
        self._tell(sources, gone, receivers)

    def _referred(self, receiver_ids: Iterable[str]) -> frozenset[str]:
        """The sources that these receivers show or are changing to."""
        items = [self._receivers[id] for id in receiver_ids if id in self._receivers]
        return frozenset(source for item in items for source in describe.sources_of(item))

    def _refresh_sources(self, ids: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Make these anew; which are different, and which are gone."""
        different: set[str] = set()
        gone: set[str] = set()
        for id in ids:
            for known in self._fits.values():
                known.pop(id, None)
            item = self._make_source(id)
            if item is None:
                gone.update([id] if self._listing.remove(id) else ())
            elif self._listing.put(item):
                different.add(id)
            _keep(self._lost, id, item is not None and item.lost_since is not None and not item.absent)
            _keep(self._absent, id, item is not None and item.absent)
        return frozenset(different), frozenset(gone)

    def _make_source(self, id: str) -> SourceItem | None:
        """As it is; a favourite that has left the network as it was."""
        receivers = [self._receivers[id] for id in self._receivers_of(id)]
        current = tuple(item.id for item in receivers if item.sender_id == id)
        pending = tuple(item.id for item in receivers if describe.wanted(item) == id)
        if (entry := self._world.entries.get(id)) is not None:
            return describe.source_item(entry, current, pending)
        if (kept := self._store.aspect(FAVOURITE, id)) is None:
            return None
        before = self._listing.get(id)
        if before is None or before.absent:
            return describe.absent_item(id, kept, current, pending)
        left = replace(before, absent=True, lost_since=before.lost_since or self._clock.tai_ns())
        return describe.absent_item(id, describe.remembered(left), current, pending)

    def _is_there(self, id: str) -> bool:
        return id in self._listing and id not in self._lost and id not in self._absent

    def _refresh_receivers(self, ids: Iterable[str]) -> frozenset[str]:
        """Make these anew, or drop what the store no longer has; which are different."""
        different = set()
        for id in ids:
            receiver = self._store.get(Kind.RECEIVER, id)
            item = None if receiver is None else self._make_receiver(id, receiver)
            if self._receivers.get(id) != item:
                different.add(id)
            self._keep_receiver(id, item)
        return frozenset(different)

    def _keep_receiver(self, id: str, item: ReceiverItem | None) -> None:
        """Keep it, or drop it, and with it what follows from all receivers: so that a change costs one, not all."""
        before = self._receivers.get(id)
        for source in describe.sources_of(before):
            self._referring[source].discard(id)
            if not self._referring[source]:
                del self._referring[source]
        self._troubled.pop(id, None)
        if item is None:
            self._receivers.pop(id, None)
            return
        self._receivers[id] = item
        self._positions.setdefault(id, len(self._positions))
        for source in describe.sources_of(item):
            self._referring.setdefault(source, set()).add(id)
        if item.fault or item.lost_since is not None or item.signal is False or item.silent:
            self._troubled[id] = item

    def _receivers_of(self, source_id: str) -> list[str]:
        """The receivers that show this source or are changing to it, in their order."""
        return self._in_order(self._referring.get(source_id, ()))

    def _in_order(self, receiver_ids: Iterable[str]) -> list[str]:
        return sorted(receiver_ids, key=self._positions.__getitem__)

    def _make_receiver(self, id: str, receiver: JSON) -> ReceiverItem:
        connection = self._store.aspect("connection", id) or {}
        sender_id = (connection.get("active") or {}).get("sender_id")
        source, lost_since = self._shown.source(id, sender_id, self._listing.get(sender_id or ""))
        stream = self._streams.get(id, _IDLE)
        device = self._store.get(Kind.DEVICE, receiver["device_id"])
        traps = self._traps.get(id, ())
        pending = self._pending(id, connection)
        item = describe.receiver_item(receiver, device, connection, stream, pending, source, lost_since, traps)
        return replace(item, route=route_item(self._store, self._defaults, id))

    def _pending(self, id: str, connection: JSON) -> Pending | None:
        if takes := self.taking.shown(id):
            return describe.pending_take(takes[-1], self._label_of)
        return describe.scheduled(connection, self._label_of)

    def _label_of(self, sender_id: str) -> str | None:
        return source.label if (source := self._listing.get(sender_id)) else None

    def _is_receiver(self, id: str) -> bool:
        return self._store.get(Kind.RECEIVER, id) is not None

    # ---- telling

    def _tell(
        self,
        sources: frozenset[str] = frozenset(),
        gone: frozenset[str] = frozenset(),
        receivers: frozenset[str] = frozenset(),
        panel: bool = False,
    ) -> None:
        if not self._in_presets.isdisjoint(sources | gone):
            before, self._panel = self._panel, self._make_panel()
            panel = panel or self._panel != before
        status = self._make_status()
        change = MenuChange(sources, gone, receivers, status != self._status, panel)
        self._status = status
        if change != MenuChange():
            for listener in tuple(self._listeners):
                listener(change)

    def _make_panel(self) -> PanelItem:
        missing = presets.missing(self._store.aspects(PRESET), self._is_there)
        return panel_item(self._store, self._defaults, missing)

    def _make_status(self) -> BoxStatus:
        node = self._store.node
        senders = self._store.all(Kind.SENDER)
        return box_status(
            Named(node["id"], describe.label_of(node)),
            self._feed,
            Counts(len(self._listing) - len(self._absent), len(self._lost), len(self._receivers)),
            [self._troubled[id] for id in self._in_order(self._troubled)],
            [(describe.label_of(senders[id]), detail) for id, detail in self._sender_faults.items() if id in senders],
            self._world.peers,
            tuple(self._problems.values()),
            [(self._label_here(id), trap) for id, traps in self._traps.items() for trap in traps],
        )

    def _label_here(self, id: str) -> str:
        """What this box calls its own sender or receiver; nothing for the box itself."""
        own = self._store.get(Kind.RECEIVER, id) or self._store.get(Kind.SENDER, id)
        return describe.label_of(own) if own else ""


def _keep(ids: set[str], id: str, is_so: bool) -> None:
    (ids.add if is_so else ids.discard)(id)
