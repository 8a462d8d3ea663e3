"""Goodbyes that somebody else says: nobody is missed by anybody for them, though whoever is meant says nothing new."""

import time

import pytest

from tests.chaos.oracle import Oracle
from tests.chaos.room import Room, pause
from tests.chaos.voice import Voice, instance
from tests.lan.peer import NODE_TYPE

LONG_ENOUGH_S = 4.0
"""Goodbyes are believed by then."""


@pytest.mark.parametrize("records", [slice(0, 1), slice(0, 4), slice(3, 4)], ids=["pointer", "all", "address"])
def test_the_neighbour_stays_in_the_menu(room: Room, oracle: Oracle, records: slice) -> None:
    oracle.check()
    pause(1.1)  # python-zeroconf answers once a second
    with Voice(room.stranger) as voice:
        voice.say(*instance("desk", "desk.local.", room.desk.host.address(), room.desk.port, ttl=0)[records])
    seen = []
    end = time.monotonic() + LONG_ENOUGH_S
    while time.monotonic() < end:
        menu = room.box.json("/panel/sources")["sources"]
        seen.append({source["lost_since"] for source in menu if source["node"]["label"] == "desk"})
        pause(0.1)
    assert all(lost == {None} for lost in seen), seen


def test_the_box_stays_in_the_lists_of_others(room: Room, oracle: Oracle) -> None:
    oracle.check()
    pause(1.5)
    said = room.service_said()
    name = said.name.removesuffix(f".{NODE_TYPE}")
    with Voice(room.stranger) as voice:
        voice.say(*instance(name, said.server, room.box.host.address(), ttl=0))
    pause(LONG_ENOUGH_S)
    assert name in room.watcher.services()
