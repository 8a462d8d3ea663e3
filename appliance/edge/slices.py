"""Long work on the loop in short slices: between two of them everything else has its turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

SLICE_S = 0.002


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
