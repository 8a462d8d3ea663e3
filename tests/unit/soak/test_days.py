"""Weeks in the pure core, in virtual time: whatever happens ten thousand times leaves no more behind than once."""

import random
from itertools import pairwise

from appliance.core.store import Store
from appliance.core.tai import parse_tai
from appliance.core.types import Kind
from appliance.discovery.records import Evidence
from tests.support.clock import FakeClock
from tests.support.footprint import footprint
from tests.unit.discovery.registration.box import A, B, Box, C
from tests.unit.discovery.room import Room

HOUR_S = 3600.0


def test_three_weeks_of_peers_that_change_go_and_come_back() -> None:
    chance, room = random.Random(3), Room()
    peers = [room.known(f"peer{number}", senders=3) for number in range(12)]
    shown = set(room.world.entries)
    settled = footprint(room.cache, room.world)
    for turn in range(1_500):
        peer = chance.choice(peers)
        match chance.randrange(8):
            case 0:
                peer.silent()
            case 1:
                peer.withdraw()
            case 2:
                peer.counters = dict.fromkeys(Kind, 0)
                peer.announce(Evidence.RESTART)
            case _:
                peer.relabel(f"label {turn}", chance.randrange(3))
                peer.bump(Kind.SENDER, Kind.FLOW)
        for fetch in tuple(room.fetches):
            if fetch in room.fetches:
                (room.fail if chance.random() < 0.1 else room.answer)(fetch)
        room.advance(chance.random() * HOUR_S / 1.5)
        room.changes.clear()
        room.asked.clear()
    for peer in peers:
        peer.bump(*Kind)
        peer.announce(Evidence.RETURN)
    for _ in range(100):
        room.answer_all()
        room.advance(300.0)
    assert set(room.world.entries) == shown
    assert {entry.sender["label"] for entry in room.world.entries.values()} == {
        sender["label"] for peer in peers for sender in peer.resources["senders"]
    }
    assert footprint(room.cache, room.world) <= settled + 200


def test_a_thousand_failovers_between_three_registries() -> None:
    chance, box = random.Random(5), Box()
    box.register(A, B, C)
    settled = footprint(box.machine)
    for turn in range(3_000):
        if box.open is None:
            if turn % 5 == 0:
                box.relabel(Kind.SENDER, f"label {turn}")
            else:
                _pass_time(box)
        elif chance.random() < 0.4:
            box.fail()
        else:
            box.answer(chance.choice((200, 201, 201, 204, 404, 409, 500, 503)))
        box.forget()
    for _ in range(200):
        if box.open is None:
            _pass_time(box)
        else:
            box.answer(201)
    assert box.registered()
    assert footprint(box.machine) <= settled + 50


def _pass_time(box: Box) -> None:
    """To the next timer; where all have refused the node, time changes nothing: they are announced again."""
    if box.machine.get_timer() is None:
        box.candidates(A, B, C, announced=(A, B, C))
    else:
        box.wait()


def test_versions_rise_and_never_repeat_over_leap_seconds_and_steps_of_the_clock() -> None:
    chance, clock = random.Random(7), FakeClock()
    store = Store(clock)
    with store.transaction("start") as tx:
        tx.put(Kind.NODE, {"id": "n", "label": "Node"})
        tx.put(Kind.DEVICE, {"id": "d", "node_id": "n", "label": "Device"})
    store.reset_counters()
    versions, settled = [], footprint(store)
    for turn in range(10_000):
        match chance.randrange(50):
            case 0:
                clock.step_tai(chance.choice((-1.0, 1.0, -37.0, 37.0)))
            case 1:
                clock.step_tai(chance.uniform(-HOUR_S, HOUR_S))
            case _:
                clock.advance(chance.choice((0.0, 0.0, 1e-9, 60.0)))
        with store.transaction("label") as tx:
            tx.update(Kind.DEVICE, "d", label=str(turn))
        body = store.get(Kind.DEVICE, "d")
        assert body is not None
        versions.append(parse_tai(body["version"]))
        assert store.counters[Kind.DEVICE] == (turn + 1) % 256
    assert all(earlier < later for earlier, later in pairwise(versions))
    assert footprint(store) <= settled + 10
