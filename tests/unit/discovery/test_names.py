"""Whose word counts for where a name leads."""

from dataclasses import replace

from appliance.discovery.names import addresses_of
from tests.unit.discovery.room import ME, Room


def test_names_that_were_announced() -> None:
    room = Room()
    room.known("desk", address="10.0.0.2")
    cache = room.cache
    cache.policy = replace(cache.policy, me=replace(ME, host="box.plant.example."))
    assert addresses_of(cache, "Desk.local.", "http") == addresses_of(cache, "desk.local", "wss") == ["10.0.0.2"]
    assert addresses_of(cache, "other.local", "wss") == []
    assert addresses_of(cache, "box.plant.example", "wss") == ["10.0.0.1", "fe80::1"]
    assert addresses_of(cache, "box.plant.example", "ws") == []  # DNS knows better
