"""How much a part holds: for tests that something stays bounded, whatever it is fed with."""

from collections import deque
from collections.abc import Mapping
from typing import Any

_CONTAINERS = (list, tuple, set, frozenset, deque)


def footprint(*parts: object) -> int:
    """Entries of all containers that can be reached from these objects of ours, each container counted once."""
    seen: set[int] = set()
    waiting: list[Any] = list(parts)
    entries = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Mapping):
            entries += len(one)
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, _CONTAINERS):
            entries += len(one)
            waiting += one
        elif type(one).__module__.startswith("appliance."):
            waiting += vars(one).values() if hasattr(one, "__dict__") else ()
            slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
            waiting += [getattr(one, name) for name in slots if hasattr(one, name)]
    return entries
