"""A backup is whole, or it is refused with the reason."""

import uuid

import cbor2
import pytest

from appliance.core import journal
from appliance.core.backup import FORMAT, PRODUCT, Backup, pack, unpack
from appliance.errors import BadRequest

SEED = uuid.UUID("6f6cf5b8-7b0e-4b38-b7c4-2f6ef77e9a5b")
TABLES: journal.Tables = {
    "resource/node": {"n": {"id": "n", "label": "Foyer", "version": "1:0"}},
    "label": {"n": {"label": "Foyer"}},
    "connection": {f"c{number}": {"active": {"number": number}} for number in range(30)},
}
BACKUP = Backup(SEED, TABLES, "1.2.3", "2026-11-22T12:00:00+00:00")


def test_what_was_packed_is_unpacked() -> None:
    assert unpack(pack(BACKUP)) == BACKUP
    assert BACKUP.label == "Foyer"


def test_a_box_that_never_ran_has_a_backup_too() -> None:
    empty = Backup(SEED, {}, "1", "now")
    assert unpack(pack(empty)) == empty
    assert empty.label == ""


def test_cut_anywhere_it_is_refused() -> None:
    data = pack(BACKUP)
    for cut in range(len(data)):
        with pytest.raises(BadRequest, match="not complete"):
            unpack(data[:cut])


@pytest.mark.parametrize("place", [0, 5, 40, 200, -1])
def test_damaged_anywhere_it_is_refused(place: int) -> None:
    data = bytearray(pack(BACKUP))
    data[place] ^= 0x04
    with pytest.raises(BadRequest):
        unpack(bytes(data))


def made(**fields: object) -> bytes:
    whole = {"product": PRODUCT, "format": FORMAT, "version": "9.0", "made": "then", "journal": journal.header(SEED)}
    return journal.frame(cbor2.dumps({**whole, **fields}))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no backup"),
        (pack(BACKUP) + b"x", "not complete"),
        (journal.header(SEED), "no backup of an nmos-appliance"),
        (journal.frame(b"\x1c"), "not understood"),
        (journal.frame(cbor2.dumps([])), "no backup of an nmos-appliance"),
        (made(format=2), "made by another version of nmos-appliance (9.0)"),
        (made(journal=None), "another version"),
        (made(journal=b""), "the state in it is empty"),
        (made(journal=journal.header(SEED) + b"\0\0"), "the state in it is cut off"),
        (
            made(journal=journal.frame(cbor2.dumps({"product": journal.PRODUCT, "schema": 99, "seed": SEED.bytes}))),
            "written by a newer version of nmos-appliance (schema 99",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(BadRequest) as refused:
        unpack(data)
    assert why in refused.value.message
