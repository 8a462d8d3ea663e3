"""Activations on the loop: scheduled ones, on time and never early; what can wait, when there is time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Protocol

_LONGEST_S = 3600.0
"""Look again at least so often: loop timers and the TAI clock need not run at the same speed."""
_NEAR_S = 0.0015
"""The loop's timers are late by up to a millisecond, as far as epoll counts; so the rest of the way is gone by looking
again on every turn of the loop, which goes on serving whatever else comes."""
WARM_UP_AFTER_S = 0.5
"""The first answers come before what only makes the first request quicker."""


class WarmUp:
    """Goes through ``steps`` once the box answers, one in each turn of the loop, so that others have theirs."""

    def __init__(self, steps: Iterator[None], after_s: float = WARM_UP_AFTER_S) -> None:
        self._steps = steps
        self._after_s = after_s
        self._next: asyncio.Handle | None = None

    def start(self) -> None:
        self._next = asyncio.get_running_loop().call_later(self._after_s, self._step)

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _step(self) -> None:
        self._next = None
        for _ in self._steps:
            self._next = asyncio.get_running_loop().call_soon(self._step)
            return


class Timed(Protocol):
    """What has something to do at times: the connections, the channel map."""

    def get_timer(self) -> float | None: ...
    def handle_timer(self) -> object: ...


class ActivationTimer:
    """Re-arms one loop timer; ``rearm`` is what a :class:`Timed` calls when its plans change."""

    def __init__(self) -> None:
        self._timed: Timed | None = None
        self._timer: asyncio.Handle | None = None

    def start(self, timed: Timed) -> None:
        self._timed = timed
        self.rearm()

    def stop(self) -> None:
        self._timed = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def rearm(self) -> None:
        if self._timed is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._timed.get_timer()
        if due is not None:
            loop, delay = asyncio.get_running_loop(), due - time.monotonic() - _NEAR_S
            self._timer = (
                loop.call_later(min(delay, _LONGEST_S), self._fire) if delay > 0 else loop.call_soon(self._fire)
            )

    def _fire(self) -> None:
        self._timer = None
        if self._timed is not None:
            due = self._timed.get_timer()
            if due is not None and due <= time.monotonic():
                self._timed.handle_timer()
            self.rearm()
