"""LLDP as lldpd tells it: which port of which switch is at the other end of each cable.

``lldpcli -f json0`` prints everything as lists, whatever their number. What does not have the expected shape is left
out: another lldpd version, or a switch with strange ideas, must cost no more than its own entry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

MAX_TEXT = 256
"""LLDP's own limit for ids is 255 bytes (IEEE 802.1AB section 8.5)."""
_MAC_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The other end of a cable, ids as IS-04 writes them; ``name`` and ``port_name`` are for people."""

    chassis_id: str
    port_id: str
    name: str = ""
    port_name: str = ""


@dataclass(frozen=True, slots=True)
class Lldp:
    """What lldpd knows: the neighbours by our interfaces, and by what id it announces this box itself."""

    neighbours: Mapping[str, Neighbour] = field(default_factory=dict)
    chassis_id: str | None = None

    def only(self, interfaces: Mapping[str, object]) -> Lldp:
        """Without the neighbours at interfaces that are not there."""
        return replace(self, neighbours={name: n for name, n in self.neighbours.items() if name in interfaces})


def neighbours(text: str) -> dict[str, Neighbour]:
    """Of ``show neighbors``: the first at each interface, but LLDP before CDP and its like."""
    found: dict[str, tuple[bool, Neighbour]] = {}
    for interface in _list(_decoded(text), "lldp", "interface"):
        name, neighbour = _text(interface.get("name")), _neighbour(interface)
        is_lldp = interface.get("via") == "LLDP"
        if name and neighbour and (name not in found or (is_lldp and not found[name][0])):
            found[name] = (is_lldp, neighbour)
    return {name: neighbour for name, (_, neighbour) in found.items()}


def own_chassis_id(text: str) -> str | None:
    """Of ``show chassis``."""
    for chassis in _list(_decoded(text), "local-chassis", "chassis"):
        return _id(chassis)
    return None


def _neighbour(interface: Mapping[str, Any]) -> Neighbour | None:
    chassis = next(_list(interface, "chassis"), {})
    port = next(_list(interface, "port"), {})
    chassis_id, port_id = _id(chassis), _id(port)
    if chassis_id is None or port_id is None:
        return None
    return Neighbour(chassis_id, port_id, _value(chassis, "name"), _value(port, "descr"))


def _id(parent: Mapping[str, Any]) -> str | None:
    """A MAC address in lower case with hyphens, everything else as it is (IS-04 node.json)."""
    for id in _list(parent, "id"):
        value = _text(id.get("value"))
        if id.get("type") == "mac":
            digits = value.replace(":", "").replace("-", "").lower()
            if len(digits) == _MAC_DIGITS and all(digit in "0123456789abcdef" for digit in digits):
                return "-".join(digits[at : at + 2] for at in range(0, _MAC_DIGITS, 2))
        if value:
            return value
    return None


def _value(parent: Mapping[str, Any], key: str) -> str:
    return next((_text(item.get("value")) for item in _list(parent, key)), "")


def _list(value: Any, *path: str) -> Iterator[Mapping[str, Any]]:
    """The objects at the end of a path of keys, each of which may have a list or one object."""
    if isinstance(value, list):
        for item in value:
            yield from _list(item, *path)
    elif isinstance(value, dict):
        if not path:
            yield value
        else:
            yield from _list(value.get(path[0]), *path[1:])


def _text(value: Any) -> str:
    """One line without control characters."""
    if not isinstance(value, str):
        return ""
    return "".join(char if char.isprintable() else " " for char in value).strip()[:MAX_TEXT]


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
