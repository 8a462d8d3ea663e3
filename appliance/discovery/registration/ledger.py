"""What a registry has of this box, and what it still has to be told.

Strategy: only the *names* of resources wait here; the body is taken from the store when its turn comes, so a registry
gets the newest one and a resource that changed ten times is sent once. Deletions go first, children before parents;
then all else, parents before children (IS-04 Behaviour - Registration, "Referential Integrity").
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from appliance.core.store import Change, Store
from appliance.core.types import JSON, Kind
from appliance.nmos.is04.project import expressible, project

Key = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to tell the registry: the resource as it is now, or (``body`` is ``None``) that it is no more."""

    kind: Kind
    id: str
    body: JSON | None

    @property
    def key(self) -> Key:
        return self.kind, self.id


class Ledger:
    """One registry's (or cluster's) view of the store, at one API version."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.version: str | None = None
        self._held: set[Key] = set()
        self._posts: dict[Kind, OrderedDict[str, None]] = {kind: OrderedDict() for kind in Kind}
        self._deletes: dict[Kind, OrderedDict[str, None]] = {kind: OrderedDict() for kind in Kind}
        self._refused: dict[Key, str] = {}
        self._corrected: set[Key] = set()
        self._under_way: Task | None = None

    def start(self, version: str) -> None:
        """The registry has nothing: everything must be told, at this API version."""
        self.version = version
        self._held.clear()
        self._refused.clear()
        self._corrected.clear()
        self._under_way = None
        for kind in Kind:
            self._deletes[kind].clear()
            shown = (id for id, body in self._store.all(kind).items() if self._shows(kind, body))
            self._posts[kind] = OrderedDict.fromkeys(shown)

    def lost_children(self) -> None:
        """The registry has the node, and nothing else any more."""
        held, waiting = ({key for key in self._held if key[0] is Kind.NODE}, self._posts[Kind.NODE])
        self.start(self.version or "")
        self._held, self._posts[Kind.NODE] = held, waiting

    def handle_change(self, change: Change) -> None:
        """The store has changed."""
        if self.version is None:
            return
        for resource in change.resources:
            key = (resource.kind, resource.id)
            if resource.after is not None and self._shows(resource.kind, resource.after):
                self._deletes[resource.kind].pop(resource.id, None)
                self._posts[resource.kind][resource.id] = None
                if self._refused.pop(key, None) is not None:
                    self._corrected.add(key)
            else:
                self._posts[resource.kind].pop(resource.id, None)
                self._refused.pop(key, None)
                self._corrected.discard(key)
                if key in self._held or (self._under_way is not None and self._under_way.key == key):
                    self._deletes[resource.kind][resource.id] = None

    def next(self) -> Task | None:
        """The next thing to tell, which is under way from now on; ``None`` where the registry knows everything."""
        for kind in reversed(Kind):
            if self._deletes[kind]:
                id, _ = self._deletes[kind].popitem(last=False)
                return self._begin(Task(kind, id, None))
        for kind in Kind:
            while self._posts[kind]:
                id, _ = self._posts[kind].popitem(last=False)
                body = self._store.get(kind, id)
                shown = None if body is None else project(kind, body, self.version or "", self._store.get)
                if shown is not None:
                    return self._begin(Task(kind, id, shown))
        return None

    def done(self, task: Task) -> None:
        """The registry has taken it."""
        self._under_way = None
        if task.body is None:
            self._held.discard(task.key)
            return
        self._held.add(task.key)
        if task.key in self._corrected:
            # What is below it may have been refused for want of it.
            self._corrected.discard(task.key)
            order = list(Kind)
            for kind, id in [key for key in self._refused if order.index(key[0]) > order.index(task.kind)]:
                del self._refused[kind, id]
                self._posts[kind][id] = None

    def refused(self, task: Task, why: str) -> None:
        """The registry will not have it as it is: it is not told again before it changes."""
        self._under_way = None
        if task.body is None:
            self._held.discard(task.key)
        else:
            self._refused[task.key] = why

    def again(self, task: Task) -> None:
        """Nobody knows whether the registry has it: it is told again, unless something newer is to be told."""
        self._under_way = None
        kind, id = task.key
        if task.body is None:
            if id not in self._posts[kind]:
                self._deletes[kind][id] = None
        elif id not in self._deletes[kind]:
            self._posts[kind][id] = None
            self._posts[kind].move_to_end(id, last=False)
            self._held.add(task.key)  # perhaps: so it is deleted if it goes

    @property
    def held(self) -> int:
        return len(self._held)

    @property
    def pending(self) -> int:
        return sum(len(waiting) for table in (self._posts, self._deletes) for waiting in table.values())

    @property
    def refusals(self) -> tuple[str, ...]:
        return tuple(f"{kind} {id}: {why}" for (kind, id), why in self._refused.items())

    def _begin(self, task: Task) -> Task:
        self._under_way = task
        return task

    def _shows(self, kind: Kind, body: JSON) -> bool:
        return expressible(kind, body, self.version or "", self._store.get)
