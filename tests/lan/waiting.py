"""Waits for what another process or the kernel will do, with a deadline that is generous and never asserted."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 15.0
_PAUSE_S = 0.02


def eventually(look: Callable[[], T | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """Call `look` until its answer is truthy, and return that answer; AssertionError names `what` did not come.

    `look` may itself raise AssertionError to say what is still missing: the last one is shown.
    """
    deadline = time.monotonic() + patience_s
    while True:
        missing: object = None
        try:
            if answer := look():
                return answer
            missing = answer
        except AssertionError as not_yet:
            missing = not_yet
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s:g} s in vain for {what}; last seen: {missing}")
        time.sleep(_PAUSE_S)
