"""A backup as bytes: one frame, as those of the journal, around a whole journal and what it is.

So it is complete or it is refused, and one that an older version made is brought to today's schema like any state.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import cbor2

from appliance.core import journal
from appliance.core.journal import Tables
from appliance.errors import BadRequest

PRODUCT = "nmos-appliance backup"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Backup:
    """Who the box is, and its state. ``version`` made it at ``made`` (a date and time for people)."""

    seed: uuid.UUID
    tables: Tables
    version: str
    made: str

    @property
    def label(self) -> str:
        """What the node was called; empty where it never ran."""
        nodes = self.tables.get("resource/node", {}).values()
        return next((str(node.get("label", "")) for node in nodes), "")


def pack(backup: Backup) -> bytes:
    kept = journal.whole(backup.seed, backup.tables)
    about = {"product": PRODUCT, "format": FORMAT, "version": backup.version, "made": backup.made}
    return journal.frame(cbor2.dumps({**about, "journal": kept}))


def unpack(data: bytes) -> Backup:
    """:class:`BadRequest` with the reason where it cannot be used."""
    payload = journal.payload_of(data)
    if payload is None:
        raise BadRequest("it is no backup of an nmos-appliance, or it is damaged or not complete")
    try:
        content = cbor2.loads(payload)
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, MemoryError) as error:
        raise BadRequest(f"it is not understood: {error}") from None
    if not isinstance(content, dict) or content.get("product") != PRODUCT:
        raise BadRequest("it is no backup of an nmos-appliance")
    version, made, kept = (content.get(key) for key in ("version", "made", "journal"))
    if content.get("format") != FORMAT or not isinstance(kept, bytes):
        raise BadRequest(f"it was made by another version of nmos-appliance ({str(version)[:40]})")
    state = journal.read(kept)
    if state.problem or state.torn or state.seed is None:
        raise BadRequest(f"the state in it is {state.problem or 'cut off'}")
    return Backup(state.seed, state.tables, str(version), str(made))
