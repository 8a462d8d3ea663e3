"""How long the event loop keeps events waiting: measured always, for 0.5 µs in each of its turns.

A turn is what the loop does between two waits: nothing that arrives meanwhile is seen before its end. So the longest
turn is the loop's lag at its worst, and no callback is longer than the turn that it is in. Measured around ``select``,
by the wall clock: no timer wakes the box for it. (What each callback uses of the CPU: loopstats.py.)

The loop is ours for one thing more: its connections leave nothing behind that only the collector could free.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import time
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

BOUNDS_S = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0)
"""The upper ends of the histogram's buckets; over 5 ms somebody may notice, 10 s is the watchdog's patience."""
WINDOW_S = 60.0
"""``longest_s`` looks back this far at least, and twice as far at most."""

LOOK_EVERY = 32
"""Turns, of which each may have made some hundred objects."""


class Turns:
    """The turns of one loop since it began. ``clock``: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.count = 0
        self.busy_s = 0.0
        self._long = [0] * len(BOUNDS_S)  # those over each bound, and up to the next
        self._longest, self._longest_before = 0.0, 0.0
        self._window_ends = clock() + WINDOW_S

    def note(self, took_s: float) -> None:
        """A turn has ended."""
        self.count += 1
        self.busy_s += took_s
        if took_s > BOUNDS_S[0]:  # seldom: so all the rest is
            self._long[bisect_left(BOUNDS_S, took_s) - 1] += 1
            self._look_at_the_clock()
            self._longest = max(self._longest, took_s)

    @property
    def longest_s(self) -> float:
        """The longest turn of the last minute or two; 0 where none took as long as the first bound."""
        self._look_at_the_clock()
        return max(self._longest, self._longest_before)

    def buckets(self) -> list[tuple[str, float]]:
        """(upper end, how many turns took no longer), as a Prometheus histogram has them."""
        up_to = self.count - sum(self._long)
        found = []
        for bound, over in zip(BOUNDS_S, self._long, strict=True):
            found.append((f"{bound:g}", float(up_to)))
            up_to += over
        return [*found, ("+Inf", float(up_to))]

    def _look_at_the_clock(self) -> None:
        late = self.clock() - self._window_ends
        if late >= 0:
            self._longest_before = self._longest if late < WINDOW_S else 0.0
            self._longest = 0.0
            self._window_ends = self.clock() + WINDOW_S


class _Selector(selectors.DefaultSelector):
    def __init__(self, turns: Turns, look: Callable[[], None]) -> None:
        super().__init__()
        self._turns = turns
        self._look = look
        self._woke_s: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._woke_s is not None:
            if self._turns.count % LOOK_EVERY == 0:
                self._look()
            self._turns.note(self._turns.clock() - self._woke_s)
        try:
            return super().select(timeout)
        finally:
            self._woke_s = self._turns.clock()


class _Transport(_SelectorSocketTransport):  # type: ignore[misc]
    """A transport of asyncio refers to itself, by the methods that it reads and writes with, for ever. The collector
    looks at nothing that lived while many other things came (collector.py): what is closed must go without it."""

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        super()._call_connection_lost(exc)
        self._read_ready_cb = self._write_ready = None


class _Loop(asyncio.SelectorEventLoop):
    """asyncio has no other way to have a transport made of another class, the one beneath TLS least of all."""

    def _make_socket_transport(self, sock: socket.socket, *args: Any, **more: Any) -> Any:
        transport = super()._make_socket_transport(sock, *args, **more)  # type: ignore[misc]
        transport.__class__ = _Transport
        return transport

    def _make_ssl_transport(self, rawsock: socket.socket, *args: Any, **more: Any) -> Any:
        upper = super()._make_ssl_transport(rawsock, *args, **more)  # type: ignore[misc]
        self._transports[rawsock.fileno()].__class__ = _Transport  # type: ignore[attr-defined]
        return upper


def measured_loop(turns: Turns, look: Callable[[], None] = lambda: None) -> asyncio.AbstractEventLoop:
    """An event loop that tells ``turns`` of each of its turns, but the last; ``look`` is part of some of them."""
    return _Loop(_Selector(turns, look))
