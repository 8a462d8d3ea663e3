"""What is kept on flash, as bytes: a log of frames that folds into the state of the store.

A file is a sequence of frames, each ``length (4 bytes) | CRC-32 (4 bytes) | CBOR``. The first one says what the file is
(schema number, identity seed); every later one is one or more whole commits: a list of ``[table, id, value]``, where a
``None`` value removes. A frame is applied whole or not at all, so whatever byte the power fails at, what is read back
is a state that was committed. A file of an older schema is brought to this one by :data:`MIGRATIONS`; one of a newer
schema is not read, but for its seed. Nothing here touches a file: see edge/files.py.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import cbor2

from appliance.core.sharing import Sharing
from appliance.core.store import Change, Store
from appliance.core.tai import parse_tai
from appliance.core.types import JSON, Kind
from appliance.errors import BadRequest

SCHEMA = 1
PRODUCT = "nmos-appliance state"
_FRAME = struct.Struct(">II")
_MAX_FRAME = 256 * 1024 * 1024
_CHUNK = 64 * 1024
_RESOURCE = "resource/"
"""Tables of resources are named ``resource/<kind>``, those of aspects by the aspect."""

Key = tuple[str, str]
"""(table, id)."""

Tables = dict[str, dict[str, JSON]]
Migration = Callable[[Tables], Tables]
MIGRATIONS: Mapping[int, Migration] = {}
"""By schema: what makes its tables those of the next one. Whoever raises :data:`SCHEMA` adds one, and never takes one
away: a box may have been in a cupboard for years. KeyError, TypeError or ValueError where the tables are not as they
should be."""


@dataclass(slots=True)
class Kept:
    """What a file holds. ``problem`` says in a sentence what is wrong with it; ``torn``: only its last frame is cut.

    A torn tail is what a power cut leaves and costs nothing that was promised; any other problem means that the file
    should be set aside. ``good`` is the number of bytes up to the end of the last whole frame. ``older`` is the schema
    that it was written in, if that is not today's; the tables are.
    """

    seed: uuid.UUID | None = None
    older: int | None = None
    tables: Tables = field(default_factory=dict)
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


def read(data: bytes, schema: int = SCHEMA, migrations: Mapping[int, Migration] = MIGRATIONS) -> Kept:
    """Fold a file into what it holds, in this schema; never raises for bad bytes, they become ``problem``."""
    kept, sharing = Kept(), Sharing()
    position = 0
    while position < len(data):
        frame = _frame_at(data, position)
        if frame is None:
            kept.torn = position > 0 and not _whole_frame_follows(data, position)
            kept.problem = None if kept.torn else f"damaged at byte {position}"
            break
        try:
            value = sharing.read_cbor(frame)
            kept.problem = _apply(kept, value) if position else _apply_header(kept, value, schema)
        except (cbor2.CBORError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            # the CRC was right, so this is another program's or another version's frame
            kept.problem = f"not understood at byte {position}: {error}"
        if kept.problem:
            break
        position += _FRAME.size + len(frame)
        kept.good = position
    if not data:
        kept.problem = "empty"
    _migrate(kept, schema, migrations)
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


def payload_of(data: bytes) -> bytes | None:
    """What is in the one frame that ``data`` is; ``None`` where it is none, or damaged, or not all, or more."""
    payload = _frame_at(data, 0)
    return payload if payload is not None and len(data) == _FRAME.size + len(payload) else None


def whole(seed: uuid.UUID, tables: Tables) -> bytes:
    """A file that holds this."""
    builder = FrameBuilder(sum(map(len, tables.values())))
    for table, entries in tables.items():
        for id, value in entries.items():
            builder.add((table, id), value)
    return b"".join((header(seed), *builder.chunks()))


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


def _apply(kept: Kept, value: object) -> str | None:
    if not isinstance(value, list):
        return "a frame is not a list"
    checked = []
    for entry in value:
        table, id, body = entry
        if not (isinstance(table, str) and isinstance(id, str) and (body is None or isinstance(body, dict))):
            return f"an entry of table {str(table)[:40]!r} is not [table, id, value]"
        if table.startswith(_RESOURCE) and body is not None and not _is_resource(id, body):
            return f"{table} {id[:40]!r} has no id and version of its own"
        checked.append((table, id, body))
    for table, id, body in checked:
        entries = kept.tables.setdefault(table, {})
        if body is None:
            entries.pop(id, None)
        else:
            entries[id] = body
    return None


def _is_resource(id: str, body: JSON) -> bool:
    """Whether the store can go on from it: without a version it would not know the highest one."""
    try:
        parse_tai(body["version"])
    except (KeyError, TypeError, BadRequest):
        return False
    return bool(body.get("id") == id)


def _apply_header(kept: Kept, value: object, schema: int) -> str | None:
    if not isinstance(value, dict) or value.get("product") != PRODUCT:
        return "not a state file of this product"
    kept.seed = uuid.UUID(bytes=value["seed"])
    written = value.get("schema")
    if not isinstance(written, int) or written < 1:
        return f"its schema is {str(written)[:20]!r}, which is none of this product's"
    kept.older = written if written < schema else None
    if written > schema:
        return f"written by a newer version of nmos-appliance (schema {written}, this one reads up to {schema})"
    return None


def _migrate(kept: Kept, schema: int, migrations: Mapping[int, Migration]) -> None:
    """Bring what was read to ``schema``, one step after the other; nothing of it is kept where a step fails."""
    tables = kept.tables
    for step in range(kept.older or schema, schema):
        try:
            tables = migrations[step](tables)
        except (KeyError, TypeError, ValueError) as error:
            why = f"{type(error).__name__}: {error}" if step in migrations else "this version does not know how"
            kept.problem = f"it could not be brought from schema {step} to {step + 1} ({why})"
            kept.torn, kept.tables = False, {}
            return
    kept.tables = tables


def _array_head(count: int) -> bytes:
    """The head of a CBOR array of ``count`` items (RFC 8949 section 3.1)."""
    if count < 24:
        return bytes([0x80 | count])
    if count < 0x10000:
        return b"\x99" + count.to_bytes(2, "big")
    return b"\x9a" + count.to_bytes(4, "big")
