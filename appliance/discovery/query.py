"""Reads the questions out of an mDNS query: which names somebody asks about, and which somebody wants to take.

Only enough of RFC 1035 section 4.1 for that. What a library hands out are responses; whether one was asked for, and
whether its sender is just starting, can only be told from the queries before it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAX_NAMES = 100

_HEADER = struct.Struct("!6H")
_RECORD = "!H6xH"
_RECORD_SIZE = struct.calcsize(_RECORD)
_PTR = 12
_IS_RESPONSE = 0x8000
_POINTER = 0xC0
_UNICAST = 0x80
_MAX_JUMPS = 20


@dataclass(frozen=True, slots=True)
class Query:
    """``asked``: the names in the question section. ``known``: what its sender knows already, so that nobody tells it
    again (RFC 6762 section 7.1). ``probed``: the names that its sender is about to claim. ``unicast``: the answers
    shall go to its sender alone (section 5.4)."""

    asked: frozenset[str]
    known: frozenset[str] = frozenset()
    probed: frozenset[str] = frozenset()
    unicast: bool = False


class _Malformed(Exception):
    pass


def read_query(data: bytes) -> Query | None:
    """The names in a query; ``None`` for a response and for what is no DNS message."""
    if len(data) < _HEADER.size:
        return None
    _, flags, questions, answers, authorities, _ = _HEADER.unpack_from(data)
    if flags & _IS_RESPONSE:
        return None
    asked: set[str] = set()
    known: set[str] = set()
    probed: set[str] = set()
    unicast = questions > 0
    at = _HEADER.size
    try:
        for _ in range(min(questions, MAX_NAMES)):
            name, at = _name(data, at)
            asked.add(name)
            unicast &= bool(data[at + 2] & _UNICAST)
            at += 4
        if questions <= MAX_NAMES:
            for _ in range(min(answers, MAX_NAMES)):
                at = _record(data, at, known)
        # RFC 6762 section 8.2: a probe proposes its records in the authority section.
        if questions <= MAX_NAMES and answers <= MAX_NAMES:
            for _ in range(min(authorities, MAX_NAMES)):
                at = _record(data, at, probed)
    except (_Malformed, struct.error, IndexError):
        pass  # what was read so far is true all the same
    return Query(frozenset(asked), frozenset(known), frozenset(probed), unicast)


def _record(data: bytes, at: int, names: set[str]) -> int:
    """Note whose record it is, and for a PTR record which instance it points to; where the next one begins."""
    name, at = _name(data, at)
    rtype, length = struct.unpack_from(_RECORD, data, at)
    at += _RECORD_SIZE
    names.add(_name(data, at)[0] if rtype == _PTR else name)
    return at + int(length)


def _name(data: bytes, at: int) -> tuple[str, int]:
    """A name in lower case with a dot at its end, and where it ends."""
    labels: list[str] = []
    end = None
    for _ in range(_MAX_JUMPS * 10):
        length = data[at]
        if length & _POINTER == _POINTER:
            end = at + 2 if end is None else end
            at = (length & 0x3F) << 8 | data[at + 1]
        elif length & _POINTER:
            break
        elif length == 0:
            return "".join(labels).lower(), at + 1 if end is None else end
        else:
            labels.append(data[at + 1 : at + 1 + length].decode("utf-8", "replace") + ".")
            at += 1 + length
            if len(labels) > 128:
                break
    raise _Malformed
