"""The peer cache on flash: so that the menu is there a moment after power-on, marked as not yet confirmed.

A file is a sequence of frames, each ``length (4 bytes) | CRC-32 (4 bytes) | CBOR``: a head with the schema number, then
for each peer one frame that describes it and as many as needed with up to 50 of its resources, and an end that says
how many frames there were. It is written whole and replaced whole; a file that is not exactly that is worth nothing,
since everything in it can be fetched again. Writing and reading go in slices of a few milliseconds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import cbor2

from appliance.core.sharing import Sharing
from appliance.core.types import JSON, Kind
from appliance.discovery.limits import DEFAULT_LIMITS, Limits
from appliance.discovery.peer import Peer
from appliance.discovery.records import Instance
from appliance.discovery.resources import fault
from appliance.discovery.txt import NodeTxt, version_key
from appliance.errors import BadRequest

SCHEMA = 1
PRODUCT = "nmos-appliance peers"
SLICE = 50
MAX_FILE = 256 * 1024 * 1024

_FRAME = struct.Struct(">II")


def dump(peers: Iterable[Peer]) -> Iterator[bytes]:
    """The file, piece by piece, of the peers whose senders are known. Peers may change meanwhile."""
    count = 1
    yield _frame({"product": PRODUCT, "schema": SCHEMA})
    for peer in peers:
        if peer.gone or peer.api_version is None or not peer.tables.get(Kind.SENDER):
            continue
        tables = dict(peer.tables)
        yield _frame(_description(peer))
        count += 1
        for kind, table in tables.items():
            resources = list(table.values())
            for start in range(0, len(resources), SLICE):
                yield _frame([kind.value, resources[start : start + SLICE]])
                count += 1
    yield _frame({"end": count})


def load(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Iterator[Peer | None]:
    """The peers of a file; ``None`` in between is a moment to let others work.

    :class:`BadRequest` says what is wrong with the file, before the first peer where its frames are damaged.
    """
    frames: list[memoryview] = []
    for frame in _frames(data):
        frames.append(frame)
        if len(frames) % SLICE == 0:
            yield None
    _check_head_and_end(frames)
    peer, sharing = None, Sharing()
    for frame in frames[1:-1]:
        value = _decoded(frame, sharing)
        if isinstance(value, dict):
            if peer is not None:
                yield peer
            peer, sharing = _peer(value), Sharing()
        elif peer is not None:
            _add(peer, value, limits)
            yield None
        else:
            raise BadRequest("the peer cache holds resources that belong to no peer")
    if peer is not None:
        yield peer


# ---- frames


def _frame(value: Any) -> bytes:
    body = cbor2.dumps(value)
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def _frames(data: bytes) -> Iterator[memoryview]:
    if len(data) > MAX_FILE:
        raise BadRequest(f"the peer cache has {len(data)} bytes, more than {MAX_FILE}")
    view = memoryview(data)
    at = 0
    while at < len(view):
        if len(view) - at < _FRAME.size:
            raise BadRequest(f"the peer cache is cut off at byte {at}")
        length, crc = _FRAME.unpack_from(view, at)
        at += _FRAME.size
        body = view[at : at + length]
        if len(body) < length or zlib.crc32(body) != crc:
            raise BadRequest(f"the peer cache is damaged at byte {at}")
        yield body
        at += length


def _check_head_and_end(frames: list[memoryview]) -> None:
    sharing = Sharing()
    head = _decoded(frames[0], sharing) if frames else None
    if not isinstance(head, dict) or head.get("product") != PRODUCT:
        raise BadRequest("this is no peer cache")
    if head.get("schema") != SCHEMA:
        raise BadRequest(f"the peer cache has schema {head.get('schema')!r}, this version reads {SCHEMA}")
    if _decoded(frames[-1], sharing) != {"end": len(frames) - 1}:
        raise BadRequest("the peer cache has no end")


def _decoded(frame: memoryview, sharing: Sharing) -> Any:
    try:
        return sharing.read_cbor(bytes(frame))
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise BadRequest(f"the peer cache holds what is no CBOR: {error}") from error


# ---- peers


def _description(peer: Peer) -> JSON:
    return {
        "name": peer.instance.name,
        "server": peer.instance.server,
        "port": peer.instance.port,
        "addresses": list(peer.instance.addresses),
        "api_version": peer.api_version,
        "last_fetch": peer.last_fetch,
    }


def _peer(value: JSON) -> Peer:
    try:
        name, server, port, addresses = value["name"], value["server"], value["port"], value["addresses"]
        api_version, last_fetch = value["api_version"], value["last_fetch"]
        version_key(api_version)
        texts = (name, server, *addresses)
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"the peer cache describes a peer wrongly: {error}") from error
    if not all(isinstance(text, str) for text in texts) or not isinstance(port, int):
        raise BadRequest("the peer cache describes a peer wrongly: a name, address or port has the wrong type")
    return Peer(
        key=name.lower(),
        instance=Instance(name, server, port, tuple(addresses), b""),
        txt=NodeTxt(),
        api_version=api_version,
        last_fetch=last_fetch if isinstance(last_fetch, int) else None,
    )


def _add(peer: Peer, value: Any, limits: Limits) -> None:
    if not (isinstance(value, list) and len(value) == 2 and value[0] in list(Kind) and isinstance(value[1], list)):
        raise BadRequest("the peer cache holds something unknown")
    kind = Kind(value[0])
    table = dict(peer.tables.get(kind, {}))
    for body in value[1]:
        if fault(kind, body, limits.string_chars) is None and len(table) < limits.resources_per_peer:
            table[body["id"]] = body
    peer.tables[kind] = table
