"""Identities follow from a seed and names."""

import re
import uuid

from appliance.core.ids import Identities
from appliance.core.types import Kind

SEED = uuid.UUID("6f6cf5b8-7b0e-4b38-b7c4-2f6ef77e9a5b")
NMOS_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_the_same_names_give_the_same_id() -> None:
    assert Identities(SEED).of(Kind.SENDER, "mic") == Identities(SEED).of(Kind.SENDER, "mic")


def test_another_seed_kind_or_name_gives_another() -> None:
    ids = Identities(SEED)
    other = Identities(uuid.uuid4())
    every = [
        ids.of(Kind.SENDER, "mic"),
        ids.of(Kind.SENDER, "mic2"),
        ids.of(Kind.FLOW, "mic"),
        ids.of(Kind.NODE),
        ids.of(Kind.SENDER, "a", "b"),
        ids.of(Kind.SENDER, "ab"),
        other.of(Kind.SENDER, "mic"),
    ]
    assert len(set(every)) == len(every)
    assert all(NMOS_UUID.fullmatch(id) for id in every)
