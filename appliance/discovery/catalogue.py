"""Every IS-04 resource that this box knows of, of all six kinds, as a registry would hold it.

The world has senders with what belongs to them, for a menu; this has everything, one resource at a time, for the local
Query API. Both are written in the same step by the same feeds and refer to the same JSON: a resource costs about
140 bytes here. What a peer lost, or is only remembered, is left out: a registry would have collected it too.

Two owners may claim one id; the first is shown, and when it lets go, the next. Creation and update times never repeat
(IS-04 APIs - Query Parameters, "Pagination"), so that they can be the cursors of pages.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from appliance.core.types import JSON, Kind

SLICE = 200
"""Resources written in one go: about a millisecond."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in the form of ``api_version``. Times are TAI ns: when it was first seen here, and last changed."""

    kind: Kind
    body: JSON
    api_version: str
    owner: str
    created: int
    updated: int

    @property
    def id(self) -> str:
        return str(self.body["id"])


@dataclass(frozen=True, slots=True)
class Turn:
    """One resource before and after; ``None`` where there was or is none."""

    kind: Kind
    id: str
    before: Resource | None
    after: Resource | None


Listener = Callable[[Sequence[Turn]], None]
Work = Generator[None, None, None]


class Catalogue:
    """Resources by kind and id. Owners write their own; all others read."""

    def __init__(self, tai_ns: Callable[[], int]) -> None:
        self._tai_ns = tai_ns
        self._stamp = 0
        self._tables: dict[Kind, dict[str, Resource]] = {kind: {} for kind in Kind}
        self._claims: dict[tuple[str, Kind], tuple[tuple[Mapping[str, JSON], ...], str]] = {}
        self._waiting: dict[tuple[Kind, str], list[str]] = {}
        self._turns: list[Turn] = []
        self._listeners: list[Listener] = []

    # ---- reading

    def get(self, kind: Kind, id: str) -> Resource | None:
        return self._tables[kind].get(id)

    def all(self, kind: Kind) -> Mapping[str, Resource]:
        """By id, the one that changed last at the end."""
        return MappingProxyType(self._tables[kind])

    @property
    def newest(self) -> int:
        """The latest time that any resource bears."""
        return self._stamp

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every later change; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # ---- writing

    def replacing(self, owner: str, kind: Kind, table: Mapping[str, JSON], api_version: str) -> Work:
        """These are all resources of a kind that an owner has; in slices. A later call overtakes one that was given up.

        A resource that is as it was must be the same object.
        """
        before, version_before = self._claims.get((owner, kind), ((), api_version))
        if before == () and not table:
            return
        if len(before) == 1 and before[0] is table and version_before == api_version:
            return
        self._claims[owner, kind] = (*before, table), api_version
        for count, (id, body) in enumerate(table.items(), 1):
            self._put(owner, kind, id, body, api_version)
            if count % SLICE == 0:
                self._tell()
                yield
        for count, id in enumerate({id for known in before for id in known if id not in table}, 1):
            self._remove(owner, kind, id)
            if count % SLICE == 0:
                self._tell()
                yield
        if table:
            self._claims[owner, kind] = (table,), api_version
        else:
            del self._claims[owner, kind]
        self._tell()

    def dropping(self, owner: str) -> Work:
        """The owner has nothing any more; in slices."""
        for kind in Kind:
            yield from self.replacing(owner, kind, {}, "")

    def follow(self, owner: str, kind: Kind, table: Mapping[str, JSON], api_version: str) -> None:
        """``table`` is and stays what an owner has of a kind; ``touch`` says what changes in it."""
        self._claims[owner, kind] = (table,), api_version
        self.touch(owner, kind, table)

    def touch(self, owner: str, kind: Kind, ids: Mapping[str, object] | Sequence[str]) -> None:
        """Look at these again in the table that is followed."""
        (table,), api_version = self._claims[owner, kind]
        for id in ids:
            body = table.get(id)
            if body is None:
                self._remove(owner, kind, id)
            else:
                self._put(owner, kind, id, body, api_version)
        self._tell()

    # ---- inside

    def _put(self, owner: str, kind: Kind, id: str, body: JSON, api_version: str) -> None:
        table = self._tables[kind]
        known = table.get(id)
        if known is not None:
            if known.owner != owner:
                waiting = self._waiting.setdefault((kind, id), [])
                if owner not in waiting:
                    waiting.append(owner)
                return
            if known.body is body and known.api_version == api_version:
                return
            del table[id]  # what changed goes to the end
        self._set(known, Resource(kind, body, api_version, owner, *self._times(known)))

    def _remove(self, owner: str, kind: Kind, id: str) -> None:
        known = self._tables[kind].get(id)
        waiting = self._waiting.get((kind, id), [])
        if known is None or known.owner != owner:
            if owner in waiting:
                waiting.remove(owner)
            return
        del self._tables[kind][id]
        self._waiting.pop((kind, id), None)
        for other in waiting:
            tables, api_version = self._claims.get((other, kind), ((), ""))
            if tables and id in tables[-1]:
                self._set(known, Resource(kind, tables[-1][id], api_version, other, *self._times(known)))
                self._waiting[kind, id] = [one for one in waiting if one != other]
                return
        self._turns.append(Turn(kind, id, known, None))

    def _set(self, before: Resource | None, after: Resource) -> None:
        self._tables[after.kind][after.id] = after
        self._turns.append(Turn(after.kind, after.id, before, after))

    def _times(self, known: Resource | None) -> tuple[int, int]:
        self._stamp = max(self._tai_ns(), self._stamp + 1)
        return self._stamp if known is None else known.created, self._stamp

    def _tell(self) -> None:
        turns, self._turns = self._turns, []
        if turns:
            for listener in tuple(self._listeners):
                listener(turns)
