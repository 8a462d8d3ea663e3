"""Long work on the loop in short slices: between two of them everything else has its turn."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
SLICE_S = 0.002
_SWITCH_S = 0.0005


async def patiently(steps: Iterator[object], slice_s: float = SLICE_S) -> None:
    """Do all of it, a slice a turn of the loop; the first slice now."""
    until = time.monotonic() + slice_s
    for _ in steps:
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + slice_s


async def in_thread(work: Callable[[], T]) -> T:
    """What cannot be cut into slices and touches nothing of ours. Python runs one thread at a time: meanwhile the loop
    has to wait for its turn half a millisecond, where it would be five."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        return await asyncio.to_thread(work)
    finally:
        sys.setswitchinterval(before)


class Slices:
    """One piece of work at a time, as an iterator whose steps are short; a newer one takes the place of an older."""

    def __init__(self, slice_s: float = SLICE_S) -> None:
        self._slice_s = slice_s
        self._steps: Iterator[object] = iter(())
        self._next: asyncio.Handle | None = None

    def run(self, steps: Iterator[object]) -> None:
        """Do the first slice now, the rest soon."""
        self.stop()
        self._steps = steps
        self._work()

    def stop(self) -> None:
        """Leave undone what is not done yet."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self._steps = iter(())

    def _work(self) -> None:
        self._next = None
        until = time.monotonic() + self._slice_s
        for _ in self._steps:
            if time.monotonic() > until:
                self._next = asyncio.get_running_loop().call_soon(self._work)
                return
