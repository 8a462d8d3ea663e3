"""What is kept on flash, as bytes: a log of frames that folds into the state of the store.

A file is a sequence of frames, each ``length (4 bytes) | CRC-32 (4 bytes) | CBOR``. The first one says what the file is
(schema number, identity seed); every later one is one or more whole commits: a list of ``[table, id, value]``, where a
``None`` value removes. A frame is applied whole or not at all, so whatever byte the power fails at, what is read back
is a state that was committed. Nothing here touches a file: see edge/files.py.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import cbor2

from appliance.core.store import Change, Store
from appliance.core.types import JSON, Kind

SCHEMA = 1
PRODUCT = "nmos-appliance state"
_FRAME = struct.Struct(">II")
_MAX_FRAME = 256 * 1024 * 1024
_CHUNK = 64 * 1024
_RESOURCE = "resource/"
"""Tables of resources are named ``resource/<kind>``, those of aspects by the aspect."""

Key = tuple[str, str]
"""(table, id)."""


@dataclass(slots=True)
class Kept:
    """What a file holds. ``problem`` says in a sentence what is wrong with it; ``torn``: only its last frame is cut.

    A torn tail is what a power cut leaves and costs nothing that was promised; any other problem means that the file
    should be set aside. ``good`` is the number of bytes up to the end of the last whole frame.
    """

    seed: uuid.UUID | None = None
    tables: dict[str, dict[str, JSON]] = field(default_factory=dict)
    good: int = 0
    torn: bool = False
    problem: str | None = None

    def resources(self) -> Iterable[tuple[Kind, JSON]]:
        for kind in Kind:
            for body in self.tables.get(_RESOURCE + kind.value, {}).values():
                yield kind, body

    def aspects(self) -> Iterable[tuple[str, str, JSON]]:
        for table, entries in self.tables.items():
            if not table.startswith(_RESOURCE):
                for id, value in entries.items():
                    yield table, id, value


def read(data: bytes) -> Kept:
    """Fold a file into what it holds; never raises for bad bytes, they become ``problem``."""
    kept = Kept()
    position = 0
    while position < len(data):
        frame = _frame_at(data, position)
        if frame is None:
            kept.torn = position > 0 and not _whole_frame_follows(data, position)
            kept.problem = None if kept.torn else f"damaged at byte {position}"
            break
        try:
            kept.problem = _apply(kept, cbor2.loads(frame), first=position == 0)
        except (cbor2.CBORError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            # the CRC was right, so this is another program's or another version's frame
            kept.problem = f"not understood at byte {position}: {error}"
        if kept.problem:
            break
        position += _FRAME.size + len(frame)
        kept.good = position
    if not data:
        kept.problem = "empty"
    return kept


def header(seed: uuid.UUID) -> bytes:
    """The first frame of a file."""
    return frame(cbor2.dumps({"product": PRODUCT, "schema": SCHEMA, "seed": seed.bytes}))


class FrameBuilder:
    """The frame of one commit (or several, merged), made entry by entry, so that a large one can be made in pieces."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._size = 0
        self._crc = 0
        self._chunks: list[bytes] = []
        self._open: list[bytes] = []
        self._open_size = 0
        self._put(_array_head(count))

    def add(self, key: Key, value: JSON | None) -> None:
        """One ``[table, id, value]``."""
        self._left -= 1
        self._put(cbor2.dumps([*key, value]))

    def chunks(self) -> list[bytes]:
        """The whole frame, in pieces of no great size."""
        assert self._left == 0, f"{self._left} entries were promised and not added"
        self._close_chunk()
        return [_FRAME.pack(self._size, self._crc), *self._chunks]

    def _put(self, data: bytes) -> None:
        self._size += len(data)
        self._crc = zlib.crc32(data, self._crc)
        self._open.append(data)
        self._open_size += len(data)
        if self._open_size >= _CHUNK:
            self._close_chunk()

    def _close_chunk(self) -> None:
        self._chunks.append(b"".join(self._open))
        self._open, self._open_size = [], 0


def frame(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def entries_of(change: Change) -> Iterable[tuple[Key, JSON | None]]:
    """What one change writes."""
    for resource in change.resources:
        yield (_RESOURCE + resource.kind.value, resource.id), resource.after
    for aspect in change.aspects:
        yield (aspect.aspect, aspect.id), aspect.after


def snapshot(store: Store) -> Mapping[Key, JSON]:
    """Everything the store holds, for a file written anew. Bodies are shared, not copied: they never change."""
    entries: dict[Key, JSON] = {}
    for kind in Kind:
        for id, body in store.all(kind).items():
            entries[_RESOURCE + kind.value, id] = body
    for aspect in store.aspect_names():
        for id, value in store.aspects(aspect).items():
            entries[aspect, id] = value
    return entries


def _frame_at(data: bytes, position: int) -> bytes | None:
    """The payload of the frame that begins here, ``None`` where there is no whole and true one."""
    if position + _FRAME.size > len(data):
        return None
    length, crc = _FRAME.unpack_from(data, position)
    start = position + _FRAME.size
    if not 0 < length <= _MAX_FRAME or start + length > len(
        data
    ):  # zeros are what some file systems leave of a power cut
        return None
    payload = data[start : start + length]
    return payload if zlib.crc32(payload) == crc else None


def _whole_frame_follows(data: bytes, position: int) -> bool:
    """Whether a bad frame has good ones behind it: then it was damaged, not merely cut short by a power failure."""
    if position + _FRAME.size > len(data):
        return False
    length, _crc = _FRAME.unpack_from(data, position)
    following = position + _FRAME.size + length
    return following < len(data) and _frame_at(data, following) is not None


def _apply(kept: Kept, value: object, *, first: bool) -> str | None:
    if first:
        return _apply_header(kept, value)
    if not isinstance(value, list):
        return "a frame is not a list"
    checked = []
    for entry in value:
        table, id, body = entry
        if not (isinstance(table, str) and isinstance(id, str) and (body is None or isinstance(body, dict))):
            return f"an entry of table {str(table)[:40]!r} is not [table, id, value]"
        checked.append((table, id, body))
    for table, id, body in checked:
        entries = kept.tables.setdefault(table, {})
        if body is None:
            entries.pop(id, None)
        else:
            entries[id] = body
    return None


def _apply_header(kept: Kept, value: object) -> str | None:
    if not isinstance(value, dict) or value.get("product") != PRODUCT:
        return "not a state file of this product"
    kept.seed = uuid.UUID(bytes=value["seed"])
    if value.get("schema") != SCHEMA:
        return f"written in schema {value.get('schema')}, this version reads {SCHEMA}"
    return None


def _array_head(count: int) -> bytes:
    """The head of a CBOR array of ``count`` items (RFC 8949 section 3.1)."""
    if count < 24:
        return bytes([0x80 | count])
    if count < 0x10000:
        return b"\x99" + count.to_bytes(2, "big")
    return b"\x9a" + count.to_bytes(4, "big")
