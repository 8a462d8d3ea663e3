"""How a query finds and compares the values of a resource (IS-04 APIs - Query Parameters, "Basic Queries")."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from appliance.core.types import JSON

Test = Callable[[JSON], bool]


def values_at(body: Any, path: str) -> Iterator[Any]:
    """All that is at ``a.b.c``, inside objects and inside each element of lists.

    A key may have dots itself, as that of a tag has: every way to divide the path is tried.
    """
    if isinstance(body, list):
        for item in body:
            yield from values_at(item, path)
    elif isinstance(body, dict):
        if path in body:
            yield body[path]
        at = path.find(".")
        while at >= 0:
            if path[:at] in body:
                yield from values_at(body[path[:at]], path[at + 1 :])
            at = path.find(".", at + 1)


def flat(values: Iterator[Any]) -> Iterator[Any]:
    """Every value, and those in lists one by one: a list matches where one of its elements does."""
    for value in values:
        if isinstance(value, list):
            yield from flat(iter(value))
        else:
            yield value


def equal_to(path: str, text: str) -> Test:
    """Whether the value at ``path``, or one of them, is what a query string writes as ``text``."""
    wanted = _read(text)

    def test(body: JSON) -> bool:
        for value in flat(values_at(body, path)):
            if isinstance(value, str):
                if value == text:
                    return True
            elif wanted is not _NOTHING and same(value, wanted):
                return True
        return False

    return test


def same(one: Any, other: Any) -> bool:
    """Equality of JSON: true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a picture is sampled, by the names of ST 2110-20: ``YCbCr-4:2:2``."""

    name: str


def sampling(components: Any) -> Sampling | None:
    """What the ``components`` of a flow of raw video amount to; ``None`` where that has no name."""
    if not isinstance(components, list) or not all(isinstance(one, dict) for one in components):
        return None
    names = [one.get("name") for one in components]
    sizes = [(one.get("width"), one.get("height")) for one in components]
    family = next((family for family, parts in _SAMPLED.items() if names == parts), None)
    if family is None or not all(isinstance(side, int) for size in sizes for side in size):
        return None
    if family in _NEVER_SUBSAMPLED:
        return Sampling(family)
    (width, height), chroma = sizes[0], set(sizes[1:])
    for ratio, across, down in (("4:4:4", 1, 1), ("4:2:2", 2, 1), ("4:2:0", 2, 2)):
        if chroma == {(width // across, height // down)}:
            return Sampling(f"{family}-{ratio}")
    return None


_SAMPLED = {
    "YCbCr": ["Y", "Cb", "Cr"],
    "CLYCbCr": ["Yc", "Cbc", "Crc"],
    "ICtCp": ["I", "Ct", "Cp"],
    "RGB": ["R", "G", "B"],
    "XYZ": ["X", "Y", "Z"],
    "KEY": ["Key"],
}
_NEVER_SUBSAMPLED = ("RGB", "XYZ", "KEY")
_NOTHING = object()


def _read(text: str) -> Any:
    """A number, true, false or null; else nothing that a value other than a string could equal."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING
    return value if value is None or isinstance(value, bool | int | float) else _NOTHING
