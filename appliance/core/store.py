"""The store: the one source of truth about this box, in the newest (v1.3) form.

It holds the IS-04 resources and, beside them, *aspects*: what other specifications attach to a resource (IS-05's
staged and active parameters, labels edited at the box...), each a JSON object in a named table. Everything is
written in transactions; a commit works out what really changed, gives each changed resource a new TAI ``version``,
bumps the counter of each changed kind once, and publishes one frozen :class:`Change`. Subscribers hear of changes
in commit order, one at a time, also when one of them commits again while it listens. The cost of a commit follows
what it touches, never what the store holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from appliance.core.tai import format_tai, parse_tai
from appliance.core.types import JSON, Clock, Kind
from appliance.errors import ApplianceError

COUNTER_MODULUS = 256
"""The ver_* values are 8 bit and wrap from 255 to 0 (IS-04 Discovery - Peer to Peer Operation)."""


class StoreError(ApplianceError):
    """A transaction would have broken the store: a bug in its author, never bad input."""


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One resource before and after; ``None`` where it did not exist or no longer does."""

    kind: Kind
    id: str
    before: JSON | None
    after: JSON | None


@dataclass(frozen=True, slots=True)
class AspectChange:
    """One entry of an aspect table before and after."""

    aspect: str
    id: str
    before: JSON | None
    after: JSON | None


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit changed, and why; ``counters`` are those after it."""

    serial: int
    cause: str
    resources: tuple[ResourceChange, ...]
    aspects: tuple[AspectChange, ...]
    counters: Mapping[Kind, int]

    def kinds(self) -> frozenset[Kind]:
        return frozenset(change.kind for change in self.resources)

    def touches(self, aspect: str) -> Iterator[AspectChange]:
        return (change for change in self.aspects if change.aspect == aspect)


Listener = Callable[[Change], None]


class Store:
    """Resources by kind and id, aspects by name and id. One writer at a time; readers need no lock (one thread)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._resources: dict[Kind, dict[str, JSON]] = {kind: {} for kind in Kind}
        self._aspects: dict[str, dict[str, JSON]] = {}
        self._counters = dict.fromkeys(Kind, 0)
        self._highest_version = 0
        self._serial = 0
        self._listeners: list[Listener] = []
        self._unpublished: deque[Change] = deque()
        self._publishing = False
        self._open: Transaction | None = None

    # ---- reading

    def get(self, kind: Kind, id: str) -> JSON | None:
        return self._resources[kind].get(id)

    def all(self, kind: Kind) -> Mapping[str, JSON]:
        """Every resource of a kind by id, in the order they were first put."""
        return MappingProxyType(self._resources[kind])

    def has(self, kind: Kind, body: JSON) -> bool:
        """Whether to put ``body`` would change nothing."""
        before = self._resources[kind].get(body["id"])
        return before is not None and _without_version(before) == _without_version(body)

    @property
    def node(self) -> JSON:
        """The node resource itself; the store of a running box always has exactly one."""
        return next(iter(self._resources[Kind.NODE].values()))

    def aspect(self, name: str, id: str) -> JSON | None:
        return self._aspects.get(name, {}).get(id)

    def aspects(self, name: str) -> Mapping[str, JSON]:
        return MappingProxyType(self._aspects.get(name, {}))

    def aspect_names(self) -> tuple[str, ...]:
        return tuple(self._aspects)

    @property
    def counters(self) -> Mapping[Kind, int]:
        return dict(self._counters)

    @property
    def commits(self) -> int:
        """How many changed something, since this process began."""
        return self._serial

    # ---- writing

    @contextmanager
    def transaction(self, cause: str) -> Iterator[Transaction]:
        """``with store.transaction("take") as tx: ...`` commits at the end, or nothing at all if the block raises."""
        if self._open is not None:
            raise StoreError(f"a transaction ({cause}) inside another ({self._open.cause})")
        self._open = tx = Transaction(self, cause)
        try:
            yield tx
            change = self._commit(tx)
        finally:
            self._open = None
        if change is not None:
            self._publish(change)

    def restore(self, resources: Iterable[tuple[Kind, JSON]], aspects: Iterable[tuple[str, str, JSON]]) -> None:
        """Take back what was kept over a restart; nothing is published and no counter moves."""
        for kind, body in resources:
            self._resources[kind][body["id"]] = body
            self._highest_version = max(self._highest_version, parse_tai(body["version"]))
        for name, id, value in aspects:
            self._aspects.setdefault(name, {})[id] = value

    def reset_counters(self) -> None:
        """Start-up is over: the counters of a process begin at 0, whatever start-up itself changed."""
        self._counters = dict.fromkeys(Kind, 0)

    def subscribe(self, listener: Listener, *, first: bool = False) -> Callable[[], None]:
        """Call ``listener`` with every later change; ``first``: before all who are there. Returns what ends it."""
        self._listeners.insert(0 if first else len(self._listeners), listener)
        return lambda: self._listeners.remove(listener)

    # ---- inside

    def _commit(self, tx: Transaction) -> Change | None:
        resources = tuple(
            self._stamp(tx, kind, id, body)
            for (kind, id), body in tx.written()
            if self._really_changed(tx, kind, id, body)
        )
        aspects = tuple(
            AspectChange(name, id, before, value)
            for (name, id), value in tx.attached.items()
            if (before := self.aspect(name, id)) != value
        )
        if not resources and not aspects:
            return None
        self._check_references(tx, resources)
        for change in resources:
            _set(self._resources[change.kind], change.id, change.after)
            if change.after is not None:
                self._highest_version = max(self._highest_version, parse_tai(change.after["version"]))
        for attached in aspects:
            _set(self._aspects.setdefault(attached.aspect, {}), attached.id, attached.after)
        for kind in {change.kind for change in resources}:
            self._counters[kind] = (self._counters[kind] + 1) % COUNTER_MODULUS
        self._serial += 1
        return Change(self._serial, tx.cause, resources, aspects, MappingProxyType(dict(self._counters)))

    def _really_changed(self, tx: Transaction, kind: Kind, id: str, body: JSON | None) -> bool:
        before = self._resources[kind].get(id)
        if body is None or before is None:
            return body is not before
        return (kind, id) in tx.touched or not self.has(kind, body)

    def _stamp(self, tx: Transaction, kind: Kind, id: str, body: JSON | None) -> ResourceChange:
        before = self._resources[kind].get(id)
        if body is None:
            return ResourceChange(kind, id, before, None)
        return ResourceChange(kind, id, before, {**body, "version": format_tai(tx.next_version())})

    def _check_references(self, tx: Transaction, resources: tuple[ResourceChange, ...]) -> None:
        """Every reference of a changed resource must lead to a resource that is there after the commit."""
        for change in resources:
            if change.after is None:
                continue
            for key, kind in _PARENTS[change.kind]:
                parent = change.after.get(key)
                if parent is not None and tx.get(kind, parent) is None:
                    raise StoreError(f"{change.kind} {change.id}: {key} {parent} does not exist")

    def next_version(self) -> int:
        """A TAI time in ns that no resource of this box ever had: now, or just above the highest if time went back."""
        self._highest_version = max(self._clock.tai_ns(), self._highest_version + 1)
        return self._highest_version

    def _publish(self, change: Change) -> None:
        self._unpublished.append(change)
        if self._publishing:  # a listener committed: its change waits its turn
            return
        self._publishing = True
        try:
            while self._unpublished:
                current = self._unpublished.popleft()
                for listener in tuple(self._listeners):
                    listener(current)
        finally:
            self._publishing = False


@dataclass(slots=True)
class Transaction:
    """The writes of one commit, and a view of the store as it will be after it."""

    store: Store
    cause: str
    touched: set[tuple[Kind, str]] = field(default_factory=set)
    attached: dict[tuple[str, str], JSON | None] = field(default_factory=dict)
    _bodies: dict[tuple[Kind, str], JSON | None] = field(default_factory=dict)

    def get(self, kind: Kind, id: str) -> JSON | None:
        return self._bodies[kind, id] if (kind, id) in self._bodies else self.store.get(kind, id)

    def put(self, kind: Kind, body: JSON) -> None:
        """Create or replace the resource ``body["id"]``; its ``version`` is set by the commit."""
        self._bodies[kind, body["id"]] = body

    def update(self, kind: Kind, id: str, **fields: object) -> None:
        """Replace some top-level keys of a resource."""
        body = self.get(kind, id)
        if body is None:
            raise StoreError(f"{kind} {id} does not exist")
        self.put(kind, {**body, **fields})

    def delete(self, kind: Kind, id: str) -> None:
        self._bodies[kind, id] = None

    def touch(self, kind: Kind, id: str) -> None:
        """Give the resource a new version even if it stays the same, as an activation must."""
        body = self.get(kind, id)
        if body is None:
            raise StoreError(f"{kind} {id} does not exist")
        self.put(kind, body)
        self.touched.add((kind, id))

    def aspect(self, name: str, id: str) -> JSON | None:
        return self.attached[name, id] if (name, id) in self.attached else self.store.aspect(name, id)

    def attach(self, aspect: str, id: str, value: JSON | None) -> None:
        """Set (or, with ``None``, remove) what ``aspect`` knows of ``id``."""
        self.attached[aspect, id] = value

    def written(self) -> Iterable[tuple[tuple[Kind, str], JSON | None]]:
        return self._bodies.items()

    def next_version(self) -> int:
        return self.store.next_version()


_PARENTS: Mapping[Kind, tuple[tuple[str, Kind], ...]] = {
    Kind.NODE: (),
    Kind.DEVICE: (("node_id", Kind.NODE),),
    Kind.SOURCE: (("device_id", Kind.DEVICE),),
    Kind.FLOW: (("source_id", Kind.SOURCE), ("device_id", Kind.DEVICE)),
    Kind.SENDER: (("device_id", Kind.DEVICE), ("flow_id", Kind.FLOW)),
    Kind.RECEIVER: (("device_id", Kind.DEVICE),),
}


def _without_version(body: JSON) -> JSON:
    return {key: value for key, value in body.items() if key != "version"}


def _set(table: dict[str, JSON], id: str, value: JSON | None) -> None:
    if value is None:
        table.pop(id, None)
    else:
        table[id] = value
