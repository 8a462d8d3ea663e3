"""Reads CBOR so that what is equal is one object: of a thousand senders most is the same, and would be there a thousand
times.

Each object is looked at the moment it is decoded, so the heap never holds all the copies, and need not shrink again.
What comes out must not be changed, as nothing that the store holds ever is.
"""

from __future__ import annotations

from typing import Any

import cbor2

_MOST = 12
"""Objects and lists with more than that hardly ever have a twin."""


class SharingReader:
    """Shares over everything that it reads; to be let go of when that is done."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        # By what they hold: of what may itself be shared, which one it is. An id here always is of something that the
        # kept object holds, so nothing else can have it.
        self._known: dict[tuple[Any, ...], Any] = {}

    def read(self, data: bytes) -> Any:
        """What ``cbor2.loads`` returns, and raises."""
        return cbor2.loads(data, object_hook=self._hook)

    def _hook(self, first: Any, second: Any) -> Any:
        """cbor2 5 passes the decoder and the object, cbor2 6 the object and whether it must be immutable."""
        found = first if isinstance(first, dict) else second
        text, one = self._texts.setdefault, self._one
        shared = {text(name, name): text(v, v) if v.__class__ is str else one(v) for name, v in found.items()}
        return shared if len(shared) > _MOST else self._kept((dict, *shared, *map(_identity, shared.values())), shared)

    def _one(self, value: Any) -> Any:
        """Objects inside went through the hook before."""
        kind = value.__class__
        if kind is str:
            return self._texts.setdefault(value, value)
        if kind is list:
            shared = [self._one(inner) for inner in value]
            return shared if len(shared) > _MOST else self._kept((list, *map(_identity, shared)), shared)
        return value

    def _kept(self, key: tuple[Any, ...], value: Any) -> Any:
        return self._known.setdefault(key, value)


def _identity(value: Any) -> Any:
    """By what it is told from all others: True is not 1, nor 0.0 the same as -0.0, though they are equal."""
    kind = value.__class__
    if kind is str or value is None:
        return value
    if kind is dict or kind is list:
        return kind, id(value)
    return kind, repr(value) if kind is float else value
