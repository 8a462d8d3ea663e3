"""Makes one object of what is equal in JSON that is being read: of a thousand senders most is the same, and would be
there a thousand times.

Each object is looked at the moment it is decoded, so the heap never holds all the copies, and need not shrink again.
What comes out must not be changed, as nothing that the store or the world holds ever is.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import Any

import cbor2

_MOST = 12
"""Objects and lists with more than that hardly ever have a twin."""


class Sharing:
    """Objects and lists are shared over everything that is read with it: to be let go of when that is done. Texts are
    shared with all others."""

    def __init__(self) -> None:
        # By what they hold: of what may itself be shared, which one it is. An id here always is of something that the
        # kept object holds, so nothing else can have it.
        self._known: dict[tuple[Any, ...], Any] = {}

    def object(self, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        """For ``object_pairs_hook``: an object of which all objects inside went this way already."""
        one = self._one
        shared = {intern(k): intern(v) if v.__class__ is str else one(v) for k, v in pairs}
        if len(shared) > _MOST:
            return shared
        known: dict[str, Any] = self._known.setdefault((dict, *shared, *map(_identity, shared.values())), shared)
        return known

    def read_cbor(self, data: bytes) -> Any:
        """What ``cbor2.loads`` returns, and raises; ValueError for a length that no memory has room for."""
        try:
            return cbor2.loads(data, object_hook=self._from_cbor)
        except MemoryError:  # cbor2 5 makes room for what is announced before it looks whether it is there
            raise ValueError("a length in it is out of all proportion") from None

    def _from_cbor(self, first: Any, second: Any) -> dict[str, Any]:
        """cbor2 5 passes the decoder and the object, cbor2 6 the object and whether it must be immutable."""
        found: dict[str, Any] = first if isinstance(first, dict) else second
        try:
            return self.object(found.items())
        except TypeError:  # no JSON: what has keys that are no texts, or values that have no hash, is left as it is
            return found

    def _one(self, value: Any) -> Any:
        kind = value.__class__
        if kind is str:
            return intern(value)
        if kind is list:
            shared = [self._one(inner) for inner in value]
            if len(shared) <= _MOST:
                return self._known.setdefault((list, *map(_identity, shared)), shared)
            return shared
        return value


def _identity(value: Any) -> Any:
    """By what it is told from all others: True is not 1, nor 0.0 the same as -0.0, though they are equal."""
    kind = value.__class__
    if kind is str or value is None:
        return value
    if kind is dict or kind is list:
        return kind, id(value)
    return kind, repr(value) if kind is float else value
