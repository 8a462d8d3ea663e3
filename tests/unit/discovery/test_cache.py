"""The peer cache on flash: what was known comes back unconfirmed; a damaged file is refused with a reason."""

import struct
import zlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.types import Kind
from appliance.discovery.cache import dump, load
from appliance.discovery.peer import Peer
from appliance.errors import BadRequest
from tests.unit.discovery.room import PATHS, Room


def saved(room: Room) -> bytes:
    return b"".join(dump(room.cache.peers()))


def restored(data: bytes) -> Room:
    room = Room()
    for peer in load(data):
        if peer is not None:
            room.cache.restore(room.now, peer)
    room.work()
    return room


def frame(value: object) -> bytes:
    body = cbor2.dumps(value)
    return struct.pack(">II", len(body), zlib.crc32(body)) + body


HEAD = frame({"product": "nmos-appliance peers", "schema": 1})
GOOD = saved(Room())


def test_what_was_known_comes_back_unconfirmed() -> None:
    before = Room()
    desk, stage = before.known("desk"), before.known("stage", versions=("v1.0",))
    after = restored(saved(before))
    assert set(after.world.entries) == {*desk.sender_ids(), *stage.sender_ids()}
    for id, entry in after.world.entries.items():
        known = before.world.entries[id]
        assert not entry.confirmed
        assert (entry.sender, entry.flow, entry.source, entry.device, entry.node, entry.api_version) == (
            known.sender,
            known.flow,
            known.source,
            known.device,
            known.node,
            known.api_version,
        )
    status = after.world.peers[desk.key]
    assert (status.label, status.senders, status.confirmed) == ("desk", 2, False)
    assert after.asked == []


def test_it_is_confirmed_when_it_is_seen() -> None:
    data = saved_with_desk()
    room = restored(data)
    desk = room.peer("desk")
    desk.relabel("Renamed meanwhile")
    desk.announce()
    room.answer_all()
    assert room.paths() == list(PATHS)
    assert all(entry.confirmed and entry.lost_since is None for entry in room.world.entries.values())
    assert room.world.entries[desk.sender_ids()[0]].sender["label"] == "Renamed meanwhile"


def saved_with_desk() -> bytes:
    room = Room()
    room.known("desk")
    return saved(room)


def test_who_is_not_seen_is_lost_after_a_minute_and_then_forgotten() -> None:
    room = restored(saved_with_desk())
    room.advance(59)
    assert [entry.lost_since for entry in room.world.entries.values()] == [None, None]
    room.advance(2)
    assert None not in [entry.lost_since for entry in room.world.entries.values()]
    room.advance(4500)
    assert not room.world.entries
    assert not room.world.peers


def test_peers_without_senders_are_not_kept() -> None:
    room = Room()
    room.peer("desk").announce()
    assert saved(room) == GOOD


def test_an_empty_cache() -> None:
    assert list(load(GOOD)) == []


def test_slices_are_short() -> None:
    room = Room()
    desk = room.peer(senders=1)
    template = desk.resources["senders"][0]
    desk.resources["senders"] = [{**template, "id": f"00000000-0000-4000-8000-{number:012x}"} for number in range(1000)]
    desk.announce()
    room.answer_all()
    pieces = list(dump(room.cache.peers()))
    assert len(pieces) > 20
    assert max(len(piece) for piece in pieces) < 64 * 1024
    assert len(list(load(b"".join(pieces)))) > 20


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no peer cache"),
        (b"\x00", "cut off"),
        (b"hello, world", "damaged"),
        (frame([]), "no peer cache"),
        (frame({"product": "x"}), "no peer cache"),
        (frame({"product": "nmos-appliance peers", "schema": 2}), "schema 2"),
        (HEAD, "no end"),
        (HEAD + frame({"end": 5}), "no end"),
        (HEAD + frame(["sender", []]) + frame({"end": 2}), "belong to no peer"),
        (HEAD + frame({"name": 1}) + frame({"end": 2}), "describes a peer wrongly"),
        (saved_with_desk()[:-1], "damaged"),
        (saved_with_desk()[:-14], "no end"),
    ],
)
def test_a_bad_file_says_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        list(load(data))


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_flipped_byte_is_noticed(at: int, change: int) -> None:
    damaged = bytearray(GOOD)
    damaged[at] ^= change
    with pytest.raises(BadRequest):
        list(load(bytes(damaged)))


def test_resources_are_checked_again() -> None:
    description = {
        "name": "a",
        "server": "b",
        "port": 1,
        "addresses": [],
        "api_version": "v1.3",
        "last_fetch": None,
    }
    data = HEAD + frame(description) + frame([Kind.SENDER.value, [{"id": 1}, "x"]]) + frame({"end": 3})
    peers = [peer for peer in load(data) if isinstance(peer, Peer)]
    assert [peer.tables for peer in peers] == [{Kind.SENDER: {}}]
