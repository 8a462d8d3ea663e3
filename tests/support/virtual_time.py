"""An event loop whose time passes only while it waits, and then at once: seconds of a box's life in milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock stands still while anything runs. For what waits for timers only: nothing outside ever comes."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        super().__init__(_Leap(self))

    def time(self) -> float:
        return self.now


class _Leap(selectors.SelectSelector):
    """Never waits: the clock is put to when the waiting would have ended."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("this would wait for ever")
        self._loop.now += timeout
        return super().select(0)


def run_virtually(main: Coroutine[Any, Any, T], now: float = 0.0) -> tuple[T, float]:
    """What it returns, and what time it is then."""
    loop = VirtualLoop(now)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main), loop.now
