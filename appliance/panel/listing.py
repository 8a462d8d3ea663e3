"""The sources in the order they are shown, kept sorted as they come, change and go: one costs its own place only."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import groupby

from appliance.panel.items import SourceGroup, SourceItem
from appliance.panel.text import find_key, natural_key

_Key = tuple[object, ...]


class Listing:
    """Sources by id, sorted by node, device and label; equal labels by id, so that the order never flickers."""

    def __init__(self) -> None:
        self._items: dict[str, SourceItem] = {}
        self._keys: dict[str, _Key] = {}
        self._order: list[_Key] = []
        self._found_in: dict[str, str] = {}
        self._in_order: list[SourceItem] | None = None  # made when it is asked for

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[SourceItem]:
        if self._in_order is None:
            self._in_order = [self._items[str(key[-1])] for key in self._order]
        return iter(self._in_order)

    def __contains__(self, id: object) -> bool:
        return id in self._items

    def get(self, id: str) -> SourceItem | None:
        return self._items.get(id)

    def ids(self) -> list[str]:
        """Of all of them, in order: of ten thousand within a fraction of a millisecond."""
        return [str(key[-1]) for key in self._order]

    def page(self, offset: int, limit: int) -> tuple[SourceItem, ...]:
        return tuple(self._items[str(key[-1])] for key in self._order[offset : offset + limit])

    def put(self, item: SourceItem) -> bool:
        """Add or replace; false where nothing changed."""
        before = self._items.get(item.id)
        if before == item:
            return False
        self._items[item.id] = item
        self._in_order = None
        if before is None or _names(before) != _names(item):
            self._place(item)
        return True

    def remove(self, id: str) -> bool:
        """False where it was not there."""
        if self._items.pop(id, None) is None:
            return False
        self._in_order = None
        self._unplace(id)
        del self._found_in[id]
        return True

    def clear(self) -> None:
        for table in (self._items, self._keys, self._found_in):
            table.clear()
        self._order.clear()
        self._in_order = None

    def find(self, text: str) -> Iterator[SourceItem]:
        """Those in whose names every word of ``text`` occurs, in order."""
        words, places = find_key(text).split(), self._found_in
        found: Iterable[SourceItem] = self
        for word in words:
            found = [item for item in found if word in places[item.id]]
        return iter(found)

    def _place(self, item: SourceItem) -> None:
        self._unplace(item.id)
        node, device, label = (natural_key(name) for name in (item.node.label, item.device.label, item.label))
        key = (node, item.node.id, device, item.device.id, label, item.id)
        self._keys[item.id] = key
        insort(self._order, key)
        self._found_in[item.id] = find_key(item.label, item.device.label, item.node.label, item.group, item.format)

    def _unplace(self, id: str) -> None:
        key = self._keys.pop(id, None)
        if key is not None:
            del self._order[bisect_left(self._order, key)]


def grouped(items: Iterable[SourceItem]) -> Iterator[SourceGroup]:
    """Sorted sources as groups, one a device."""
    for _, members in groupby(items, key=lambda item: item.node.id + item.device.id):
        sources = tuple(members)
        yield SourceGroup(sources[0].node, sources[0].device, sources)


def _names(item: SourceItem) -> tuple[object, ...]:
    return (item.node, item.device, item.label, item.group, item.format)
