"""Keeps the garbage collector's pauses short: Python's own pace lets one grow to 100 ms on a box with a full menu.

Nearly everything of a box lives long and is freed, when its time comes, by its reference count alone: the collector
only matters for cycles. So it rests until the box has started, and what the start made is never looked at again. From
then on a full collection comes after a bounded number of new objects, whatever is kept in all, and what survives it is
put aside too, once there is much of it. A cycle that dies after it was put aside is lost memory: so what comes and goes
with others' doings, a connection first of all, must be no cycle when it ends (turns.py).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_THRESHOLDS = (400, 5, 1)
"""Of the three generations: so a full collection looks at some 5,000 objects, and at those in sight: 2 ms."""
_IN_SIGHT = 4000
"""As many survivors are looked at again: the tasks and connections of a quiet box are not put aside while they live."""
_YOUNG = 1500


def rest() -> None:
    """No collections for now: the start makes much and throws little away."""
    gc.disable()


def work() -> None:
    """The box has started: collect from now on, only what is new."""
    gc.freeze()  # with what the start left behind as cycles: half a megabyte, and looking for it takes 100 ms
    gc.collect()  # of nothing: the next full one waits until a quarter of what this one found has come anew
    gc.set_threshold(*_THRESHOLDS)
    gc.callbacks.append(_put_survivors_aside)
    gc.enable()


@contextmanager
def resting() -> Iterator[None]:
    """For a while in which much may be made that stays, as by another configuration: then it is put aside unseen. A
    little is left to the usual pace: what is put aside unseen has the cycles with it that died meanwhile. Where the
    collector is not at :func:`work` this does nothing."""
    if _put_survivors_aside not in gc.callbacks:
        yield
        return
    gc.collect()  # what died before is not to be put aside with what comes
    gc.disable()
    try:
        yield
    finally:
        # The count is of what came less what went, and quick; a list of 200,000 takes 4 ms.
        if gc.get_count()[0] > _IN_SIGHT or len(gc.get_objects(generation=0)) > _IN_SIGHT:
            gc.freeze()
            gc.collect()  # of nothing, as above
        gc.enable()


def look() -> None:
    """To be called every now and then, between two turns of the loop: 10 µs. Python counts what comes less what goes,
    also of what was put aside long ago. So where a thousand activations take the places of a thousand it counts next to
    nothing, and would at last look at 20,000 objects in one go."""
    if gc.isenabled() and len(gc.get_objects(generation=0)) > _YOUNG:
        gc.collect()


def _put_survivors_aside(phase: str, info: Mapping[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2 and len(gc.get_objects(generation=2)) > _IN_SIGHT:
        gc.freeze()
