"""The TXT record of ``_nmos-node._tcp``: written in one way, read from whatever a stranger sent.

IS-04 Discovery - Peer to Peer Operation names the keys; RFC 6763 section 6 says how they are packed: one length byte
and ``key=value`` each, keys without regard to case, the first of two equal ones counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from appliance.core.types import Kind

MAX_TXT_BYTES = 8900
"""What fits in one mDNS packet (RFC 6762 section 17); nothing longer is read."""

DEVELOPMENT_PRIORITY = 100
"""From here on ``pri`` is for development, away from live systems (IS-04 Discovery - Registered Operation, ``pri``)."""

Version = tuple[int, int]

_API_VERSION = re.compile(r"v([0-9]{1,4})\.([0-9]{1,4})")
_COUNTER = re.compile(r"[0-9]{1,3}")
_PRIORITY = re.compile(r"[0-9]{1,20}")
_FIRST_API_VERSION = "v1.0"


@dataclass(frozen=True, slots=True)
class NodeTxt:
    """What a node says of its API. ``counters`` holds the ``ver_*`` it sent, none outside peer-to-peer mode.

    ``problems`` says, one sentence each, what could not be used.
    """

    api_proto: str = "http"
    api_ver: tuple[str, ...] = (_FIRST_API_VERSION,)
    api_auth: bool = False
    counters: Mapping[Kind, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceTxt:
    """What a Registration, Query, System or Authorization API says of itself. ``api_proto`` is as it was sent, in lower
    case; ``selector`` (``api_selector``) is for the last of them only."""

    api_proto: str
    api_ver: tuple[str, ...]
    api_auth: bool
    priority: int
    selector: str = ""


def node_txt(
    api_ver: Iterable[str], counters: Mapping[Kind, int] | None, *, api_proto: str = "http", api_auth: bool = False
) -> dict[str, str]:
    """The records that this node announces; ``counters`` only in peer-to-peer mode."""
    records = {
        "api_proto": api_proto,
        "api_ver": ",".join(sorted(api_ver, key=version_key)),
        "api_auth": "true" if api_auth else "false",
    }
    if counters is not None:
        records |= {kind.counter: str(counters[kind]) for kind in Kind}
    return records


def pack(records: Mapping[str, str]) -> bytes:
    """Key-value pairs as the bytes of a TXT record."""
    strings = [f"{key}={value}".encode() for key, value in records.items()]
    return b"".join(bytes([len(string)]) + string for string in strings)


def read_node_txt(data: bytes) -> NodeTxt:
    """Whatever can be used of a TXT record; never an error. What is missing is as IS-04 v1.0 had it: http, v1.0."""
    problems: list[str] = []
    records = _unpack(data, problems)
    return NodeTxt(
        api_proto=_one_of(records, "api_proto", ("http", "https"), problems),
        api_ver=_api_versions(records.get("api_ver"), problems),
        api_auth=_one_of(records, "api_auth", ("false", "true"), problems) == "true",
        counters=dict(_counters(records, problems)),
        problems=tuple(problems),
    )


def read_service_txt(data: bytes) -> ServiceTxt:
    """Whatever can be used of the TXT record of an API to choose; never an error.

    What is missing is as IS-04 v1.0 had it: http, v1.0, no authorization. Without a ``pri`` it is the last choice.
    """
    records = _unpack(data, [])
    pri = _text(records.get("pri"))
    return ServiceTxt(
        api_proto=_text(records.get("api_proto", b"http")).lower(),
        api_ver=_api_versions(records.get("api_ver"), []),
        api_auth=_text(records.get("api_auth")).lower() == "true",
        priority=int(pri) if _PRIORITY.fullmatch(pri) else DEVELOPMENT_PRIORITY - 1,
        selector=_text(records.get("api_selector")),
    )


def version_key(version: str) -> Version:
    """``"v1.10"`` → ``(1, 10)``, which sorts as versions do; ValueError for anything else."""
    match = _API_VERSION.fullmatch(version)
    if match is None:
        raise ValueError(f"{version!r} is no API version")
    return int(match[1]), int(match[2])


def highest_common(ours: Iterable[str], theirs: Iterable[str]) -> str | None:
    """The highest API version that both speak."""
    return max(set(ours) & set(theirs), key=version_key, default=None)


def _unpack(data: bytes, problems: list[str]) -> dict[str, bytes | None]:
    records: dict[str, bytes | None] = {}
    if len(data) > MAX_TXT_BYTES:
        problems.append(f"the TXT record has {len(data)} bytes, of which {MAX_TXT_BYTES} are read")
        data = data[:MAX_TXT_BYTES]
    for string in _strings(data, problems):
        key, equals, value = string.partition(b"=")
        if key:  # RFC 6763 section 6.4: a string without a key is silently ignored
            records.setdefault(key.decode("ascii", "replace").lower(), value if equals else None)
    return records


def _strings(data: bytes, problems: list[str]) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            problems.append("the TXT record is cut off")
            return
        yield data[at + 1 : end]
        at = end


def _one_of(records: Mapping[str, bytes | None], key: str, values: tuple[str, ...], problems: list[str]) -> str:
    """The value of ``key`` if it is one of ``values``, else the first of them."""
    if key not in records:
        return values[0]
    value = _text(records[key])
    if value.lower() in values:
        return value.lower()
    problems.append(f"{key}: {value[:40]!r} is none of {', '.join(values)}")
    return values[0]


def _api_versions(value: bytes | None, problems: list[str]) -> tuple[str, ...]:
    if value is None:
        return (_FIRST_API_VERSION,)
    named = [version.strip() for version in _text(value).split(",")]
    good = {version for version in named if _API_VERSION.fullmatch(version)}
    if len(good) < len(set(named)):
        problems.append(f"api_ver: {_text(value)[:40]!r} is no list of versions such as 'v1.2,v1.3'")
    return tuple(sorted(good, key=version_key))


def _counters(records: Mapping[str, bytes | None], problems: list[str]) -> Iterator[tuple[Kind, int]]:
    for kind in Kind:
        if kind.counter not in records:
            continue
        value = _text(records[kind.counter])
        if _COUNTER.fullmatch(value) and int(value) <= 255:
            yield kind, int(value)
        else:
            problems.append(f"{kind.counter}: {value[:40]!r} is no number from 0 to 255")


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "replace")
