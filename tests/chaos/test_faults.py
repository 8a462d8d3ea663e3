"""Each fault alone, then many at once: afterwards the box is as if nothing had been.

`NMOS_CHAOS_ROUNDS=n` makes n rounds of combinations, `NMOS_CHAOS_SEED=n` begins with that seed; a round that fails says
its own, with which it can be repeated alone.
"""

import os
import random
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.chaos.faults import TROUBLES, Trouble
from tests.chaos.oracle import Oracle
from tests.chaos.room import Room, pause

SEED = int(os.environ.get("NMOS_CHAOS_SEED", "1"))
ROUNDS = int(os.environ.get("NMOS_CHAOS_ROUNDS", "3"))


def life(room: Room, chance: random.Random) -> None:
    """What people do to a box and its neighbour, also while things go wrong."""
    acts: list[Callable[[], object]] = [room.label, room.stage, room.relabel, room.off]
    for act in chance.sample(acts, 3):
        act()
        pause(chance.uniform(0, 0.3))


def suffer(room: Room, oracle: Oracle, chance: random.Random, *troubles: Trouble) -> None:
    """Have these begin one after the other, live with them, and have them end."""
    with ExitStack() as stack:
        for trouble in troubles:
            stack.enter_context(trouble.begin(room, chance))
        if not any(trouble.alone for trouble in troubles):
            life(room, chance)
        else:
            pause(2.0)
    if any(trouble.deadly for trouble in troubles) and room.revive():
        oracle.restarted()
    room.take(chance.choice((1, 2, None)))


def registry(room: Room, oracle: Oracle, wanted: bool) -> None:
    """Have one or none. It is found before anything goes wrong: who announces himself once, into a cable that loses it,
    is not found before he is asked for again, and that may be in an hour (RFC 6762 section 5.2)."""
    if wanted != room.registered:
        (room.open_registry if wanted else room.close_registry)()
        oracle.check()


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_after_it_the_box_is_as_if_nothing_had_been(room: Room, oracle: Oracle, trouble: Trouble) -> None:
    registry(room, oracle, trouble.registry)
    suffer(room, oracle, random.Random(f"{SEED} {trouble}"), trouble)
    oracle.check()


@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
def test_after_several_at_once_too(room: Room, oracle: Oracle, seed: int) -> None:
    chance = random.Random(seed)
    registered = chance.random() < 0.5
    possible = [trouble for trouble in TROUBLES if not trouble.alone and (registered or not trouble.registry)]
    troubles = chance.sample(possible, chance.randrange(2, 5))
    for other in [trouble for trouble in troubles if trouble.registry][1:]:
        troubles.remove(other)  # a registry that is gone cannot be frozen
    print(f"NMOS_CHAOS_SEED={seed}: {', '.join(map(str, troubles))}")
    registry(room, oracle, registered)
    suffer(room, oracle, chance, *troubles)
    oracle.check()


def test_after_a_power_cut_and_after_a_stop_it_is_the_same_box(room: Room, oracle: Oracle) -> None:
    room.cut_power()
    oracle.restarted()
    oracle.check()
    assert room.box.stop() == 0
    room.box.start()
    oracle.restarted()
    oracle.check()
