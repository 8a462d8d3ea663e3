"""The collector's pace, in processes of their own: it is the same for all of a process."""

import subprocess
import sys
from pathlib import Path

_BEGIN = '''
import gc, weakref
from appliance.system import collector

class Thing:
    pass

def cycle():
    thing = Thing()
    thing.itself = thing
    return weakref.ref(thing)

def objects(count):
    return [[number] for number in range(count)]

most = 0

def watch():
    """From now on ``most`` is what one collection had to look at."""
    def note(phase, info):
        global most
        if phase == "start":
            most = max(most, len(gc.get_objects()))
    gc.callbacks.insert(0, note)

collector.rest()
'''


def _run(code: str) -> None:
    subprocess.run(
        [sys.executable, "-c", _BEGIN + code],
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
        check=True,
        timeout=30,
    )


def test_rests_until_it_is_told_to_work() -> None:
    _run("""
dead = cycle()
kept = objects(100_000)
assert dead() is not None
collector.work()
dead = cycle()
more = objects(100_000)
assert dead() is None
""")


def test_what_the_start_made_is_not_looked_at_again() -> None:
    _run("""
kept = objects(100_000)
collector.work()
assert gc.get_freeze_count() > 100_000
assert len(gc.get_objects()) < 1_000
""")


def test_a_full_collection_never_has_much_to_look_at() -> None:
    _run("""
before = objects(500_000)
collector.work()
watch()
kept = objects(500_000)
assert 0 < most < 20_000, most
""")


def test_what_takes_the_place_of_what_was_put_aside_is_looked_at_too() -> None:
    _run("""
kept = objects(100_000)
collector.work()
dead = cycle()
watch()
for number in range(100_000):
    kept[number] = [number]
    if number % 500 == 0:
        collector.look()
assert 0 < most < 10_000, most
assert dead() is None
""")


def test_no_look_is_taken_while_it_rests() -> None:
    _run("""
dead = cycle()
kept = objects(100_000)
collector.look()
assert dead() is not None
""")


def test_what_lives_through_a_collection_while_there_is_little_of_it_can_be_collected_later() -> None:
    _run("""
collector.work()
living = [Thing() for _ in range(100)]
for thing in living:
    thing.itself = thing
watched = [weakref.ref(thing) for thing in living]
for _ in range(100):
    passing = objects(1_000)
del living, thing, passing
for _ in range(100):
    objects(1_000)
assert not any(watch() for watch in watched)
""")


def test_what_died_before_or_in_a_while_in_which_little_came_is_not_put_aside() -> None:
    _run("""
collector.work()
before = cycle()
with collector.resting():
    dead = [cycle() for _ in range(300)]
    kept = objects(1_000)
assert before() is None
for _ in range(100):
    passing = objects(1_000)
assert not any(watch() for watch in dead)
""")


def test_much_that_came_in_a_while_of_rest_is_put_aside_unseen() -> None:
    _run("""
collector.work()
before = cycle()
with collector.resting():
    kept = objects(100_000)
assert before() is None
assert gc.get_freeze_count() > 100_000
assert gc.isenabled()
with collector.resting():
    kept = objects(100_000)
assert gc.get_freeze_count() > 100_000, "as many came as went"
""")
