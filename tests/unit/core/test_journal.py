"""The journal: whatever byte the power fails at, what is read back was committed."""

import uuid
import zlib
from collections.abc import Mapping

import cbor2
import pytest

from appliance.core import journal
from appliance.core.store import Change, Store
from appliance.core.types import JSON, Kind
from tests.support.clock import FakeClock

SEED = uuid.UUID("6f6cf5b8-7b0e-4b38-b7c4-2f6ef77e9a5b")


def frame_of(entries: Mapping[journal.Key, JSON | None]) -> bytes:
    builder = journal.FrameBuilder(len(entries))
    for key, value in entries.items():
        builder.add(key, value)
    return b"".join(builder.chunks())


def commits() -> tuple[list[bytes], list[dict[str, dict[str, object]]]]:
    """The frames of a few commits, and the state after each of them."""
    store = Store(FakeClock())
    frames = [journal.header(SEED)]
    states: list[dict[str, dict[str, object]]] = [{}]

    def keep(change: Change) -> None:
        frames.append(frame_of(dict(journal.entries_of(change))))
        states.append(journal.read(b"".join(frames)).tables)  # type: ignore[arg-type]

    store.subscribe(keep)
    with store.transaction("start") as tx:
        tx.put(Kind.NODE, {"id": "n", "label": "Node"})
        for number in range(30):
            tx.put(Kind.DEVICE, {"id": f"d{number}", "node_id": "n"})
    with store.transaction("pair") as tx:
        tx.attach("connection", "a", {"side": "left"})
        tx.attach("connection", "b", {"side": "left"})
    with store.transaction("pair") as tx:
        tx.attach("connection", "a", {"side": "right"})
        tx.attach("connection", "b", {"side": "right"})
    with store.transaction("remove") as tx:
        tx.attach("connection", "a", None)
        tx.delete(Kind.DEVICE, "d0")
    return frames, states


def test_everything_is_read_back() -> None:
    frames, _ = commits()
    kept = journal.read(b"".join(frames))
    assert kept.seed == SEED
    assert kept.problem is None
    assert not kept.torn
    assert len([kind for kind, _ in kept.resources() if kind is Kind.DEVICE]) == 29
    assert list(kept.aspects()) == [("connection", "b", {"side": "right"})]


def test_cut_at_every_byte_it_holds_a_committed_state() -> None:
    frames, states = commits()
    data = b"".join(frames)
    ends = [len(b"".join(frames[: count + 1])) for count in range(len(frames))]
    for cut in range(1, len(data)):
        kept = journal.read(data[:cut])
        whole = sum(end <= cut for end in ends)
        assert kept.tables == (states[whole - 1] if whole else {})
        assert kept.good == (ends[whole - 1] if whole else 0)
        if whole:
            assert kept.problem is None
            assert kept.torn == (cut not in ends)


def test_a_flipped_bit_in_the_middle_is_a_problem_and_what_went_before_is_kept() -> None:
    frames, states = commits()
    damaged = bytearray(b"".join(frames))
    damaged[len(frames[0]) + len(frames[1]) + 12] ^= 0x10
    kept = journal.read(bytes(damaged))
    assert kept.problem is not None
    assert "damaged at byte" in kept.problem
    assert kept.tables == states[1]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"rubbish", "damaged at byte 0"),
        (journal.frame(cbor2.dumps([])), "not a state file"),
        (journal.frame(cbor2.dumps({"product": journal.PRODUCT, "schema": 99, "seed": SEED.bytes})), "schema 99"),
        (journal.frame(cbor2.dumps({"product": journal.PRODUCT, "schema": 1, "seed": b"x"})), "not understood"),
        (journal.frame(b"\x1c"), "not understood"),
        (journal.header(SEED) + journal.frame(cbor2.dumps("x")), "not a list"),
        (journal.header(SEED) + journal.frame(cbor2.dumps([["t", 1, {}]])), "not [table, id, value]"),
        (journal.header(SEED) + journal.frame(cbor2.dumps([["t"]])), "not understood"),
        (journal.header(SEED) + journal.frame(cbor2.dumps([7])), "not understood"),
    ],
)
def test_rubbish_is_named_never_raised(data: bytes, why: str) -> None:
    assert why in (journal.read(data).problem or "")


def test_a_state_from_the_future_still_tells_its_seed() -> None:
    data = journal.frame(cbor2.dumps({"product": journal.PRODUCT, "schema": 2, "seed": SEED.bytes}))
    assert journal.read(data).seed == SEED


def rename_labels(tables: journal.Tables) -> journal.Tables:
    return {"named" if table == "label" else table: entries for table, entries in tables.items()}


def mark_connections(tables: journal.Tables) -> journal.Tables:
    return {**tables, "connection": {id: {**body, "new": True} for id, body in tables["connection"].items()}}


OLD = journal.header(SEED) + frame_of({("label", "a"): {"label": "A"}, ("connection", "c"): {"side": "left"}})


def test_an_older_state_is_brought_to_todays_schema_step_by_step() -> None:
    kept = journal.read(OLD, schema=3, migrations={1: rename_labels, 2: mark_connections})
    assert kept.problem is None
    assert kept.older == 1
    assert kept.seed == SEED
    assert kept.tables == {"named": {"a": {"label": "A"}}, "connection": {"c": {"side": "left", "new": True}}}


def test_a_torn_older_state_is_brought_as_far_as_it_was_committed() -> None:
    kept = journal.read(OLD + frame_of({("label", "b"): {}})[:-1], schema=2, migrations={1: rename_labels})
    assert kept.torn
    assert kept.tables["named"] == {"a": {"label": "A"}}


@pytest.mark.parametrize(
    ("migrations", "why"),
    [
        ({1: rename_labels}, "from schema 2 to 3 (this version does not know how)"),
        ({1: lambda tables: {"x": tables["y"]}, 2: rename_labels}, "from schema 1 to 2 (KeyError: 'y')"),
    ],
)
def test_a_state_that_cannot_be_brought_to_todays_schema_is_a_problem(
    migrations: Mapping[int, journal.Migration], why: str
) -> None:
    kept = journal.read(OLD, schema=3, migrations=migrations)
    assert why in (kept.problem or "")
    assert kept.tables == {}
    assert kept.seed == SEED


def test_there_is_a_migration_from_every_older_schema() -> None:
    assert sorted(journal.MIGRATIONS) == list(range(1, journal.SCHEMA))


def test_a_frame_that_claims_gigabytes_is_not_believed() -> None:
    lie = (3_000_000_000).to_bytes(4, "big") + zlib.crc32(b"").to_bytes(4, "big")
    kept = journal.read(journal.header(SEED) + lie)
    assert kept.torn
    assert kept.seed == SEED


@pytest.mark.parametrize("count", [0, 1, 23, 24, 255, 256, 65535, 65536])
def test_frames_of_any_number_of_entries(count: int) -> None:
    kept = journal.read(journal.header(SEED) + frame_of({("t", str(number)): {} for number in range(count)}))
    assert len(kept.tables.get("t", {})) == count


@pytest.mark.parametrize("body", [{}, {"id": "n"}, {"id": "n", "version": "now"}, {"id": "m", "version": "1:2"}])
def test_a_resource_that_is_none_is_a_problem_and_what_was_before_it_stays(body: JSON) -> None:
    good = frame_of({("resource/node", "n"): {"id": "n", "version": "1:2"}})
    kept = journal.read(journal.header(SEED) + good + frame_of({("resource/node", "n"): body}))
    assert kept.problem is not None
    assert "resource/node 'n'" in kept.problem
    assert kept.tables == {"resource/node": {"n": {"id": "n", "version": "1:2"}}}
