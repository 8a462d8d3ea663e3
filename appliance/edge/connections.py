"""All HTTP connections together: how many there may be, for how long, and who makes room.

Where there are too many, the one that waited longest goes, of the address that has most: one host's idle thousand do
not shut out the others. Those that may do nothing here go before all.
"""

from __future__ import annotations

import asyncio
import heapq
import ipaddress
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from typing import TYPE_CHECKING

from appliance.config.access import AccessConfig
from appliance.web.access import Access, Notices, Right
from appliance.web.messages import error_answer
from appliance.web.quick import QuickReads

if TYPE_CHECKING:
    from appliance.edge.connection import Connection

log = logging.getLogger(__name__)

_SWEEP_S = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask of the box. ``connections``: see :meth:`Connections.admit`."""

    connections: int = 1000
    body: int = 1024 * 1024
    idle_s: float = 75.0
    read_s: float = 30.0
    write_s: float = 30.0
    linger_s: float = 1.0


class Phase(Enum):
    """What a connection is doing; all but WORKING wait for the client."""

    IDLE = "between requests"
    HEAD = "in a request's head"
    BODY = "in a request's body"
    WORKING = "working on the answer"
    WRITING = "until the client reads"
    CLOSING = "until the client closes"


class Connections:
    """All connections of a server."""

    def __init__(self, limits: Limits, quick: QuickReads, clock: Callable[[], float] = time.time) -> None:
        self.limits = limits
        self.quick = quick
        self.answers: Counter[bytes] = Counter()
        """How many were given, by the three digits of their status; streams and sockets are not among them."""
        self._clock = clock
        self._open: set[Connection] = set()
        self._orphans: set[asyncio.Task[object]] = set()
        self._crowded = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._date = (0, b"")
        self.hsts: Callable[[], bytes] = lambda: b""
        self.access = Access(AccessConfig())
        self._notices = Notices()

    def __len__(self) -> int:
        return len(self._open)

    def date(self) -> bytes:
        """The Date field (RFC 9110 section 6.6.1), made once a second."""
        now = int(self._clock())
        if self._date[0] != now:
            self._date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode("ascii"))
        return self._date[1]

    def restrict(self, access: Access) -> None:
        """From now on these rules; those of the open connections that they have no place for end."""
        self.access = access
        self.quick.forget()
        for connection in tuple(self._open):
            connection.right = access.right(connection.remote, own=connection.own)
            if connection.right is Right.NOTHING:
                connection.abort()

    def admits(self, remote: str, here: str) -> bool:
        """Whether an address may do anything at this one of ours; it is noted where not."""
        right = self.access.right(remote, own=is_own(remote, here))
        if right is Right.NOTHING:
            self.turned_away(remote, asyncio.get_running_loop().time())
        return right is not Right.NOTHING

    def turned_away(self, remote: str, now: float) -> None:
        line = self._notices.of(remote, now)
        if line is not None:
            log.warning("%s", line)

    def admit(self, connection: Connection) -> None:
        """Take it in. Where that is one too many, another goes that only waits; where none does, this one."""
        if len(self._open) >= self.limits.connections:
            self._say_crowded()
            victims = self._longest_waiting()
            if not victims:
                connection.refuse(error_answer(503, "too many connections are open"))
                return
            self._open.difference_update(victims)  # now: the next one may come before their end is known
            for victim in victims:
                victim.drop()
        self._open.add(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if len(self._open) < self.limits.connections // 2:
            self._crowded = False

    def outlived(self, task: asyncio.Task[object]) -> None:
        """The client has gone while ``task`` still works for it."""
        self._orphans.add(task)
        task.add_done_callback(self._orphans.discard)

    def stop(self) -> set[asyncio.Task[object]]:
        """Drop all that only wait; the tasks that are still to end."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        working = {connection.task for connection in self._open if connection.task is not None} | self._orphans
        for connection in tuple(self._open):
            if connection.phase is not Phase.WORKING:
                connection.drop()
        return working

    def _longest_waiting(self) -> list[Connection]:
        """Several at once, for to choose them takes as long as there are many."""
        waiting = [connection for connection in self._open if connection.phase is not Phase.WORKING]
        crowd = Counter(connection.remote for connection in waiting)
        return heapq.nsmallest(
            max(1, self.limits.connections // 50), waiting, key=lambda one: (one.right, -crowd[one.remote], one.since)
        )

    def _say_crowded(self) -> None:
        if not self._crowded:
            log.warning("%d HTTP connections: idle ones are closed for new ones", len(self._open))
        self._crowded = True

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in [connection for connection in self._open if connection.overdue(now)]:
            connection.expire()
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep) if self._open else None


def is_own(remote: str, here: str) -> bool:
    """Whether the other end is this very host."""
    return remote == here or (is_loopback(remote) and is_loopback(here))


def is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
