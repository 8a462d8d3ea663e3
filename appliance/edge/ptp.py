"""The PTP clock of the box, from linuxptp: ptp4l's management sockets, which come and go with it.

Two sockets are tried. ``/var/run/ptp4l`` tells of changes by itself, to those it takes commands from: it belongs to
root, mode 0660, so the box has to be of its group (docs/network.md says how). ``/var/run/ptp4lro``, from linuxptp 4.0
on, answers everybody, and is asked once a second. Nothing is ever changed there but our own subscription.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import select
import socket
import time
from collections.abc import Callable, Sequence

from appliance.network.ptp import MAX_MESSAGE, PortIdentity, PtpClock
from appliance.network.ptp_follower import PtpFollower

log = logging.getLogger(__name__)

ST_2059_DOMAIN = 127
FIRST_LOOK_S = 0.1
LOOK_AGAIN_S = 5.0
_GONE = (errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN, errno.EPIPE, errno.ENOENT)
_MAX_DATAGRAMS_A_TURN = 64

Listener = Callable[[], None]


class Ptp:
    """The clock, followed live. ``sockets`` in order of preference; one whose name ends in "ro" takes no commands."""

    def __init__(self, sockets: Sequence[str], listener: Listener = lambda: None) -> None:
        self._paths = tuple(sockets)
        self._listener = listener
        self._follower = PtpFollower(PortIdentity(bytes(8), os.getpid() & 0xFFFF))
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._refused: frozenset[str] = frozenset()

    @property
    def clock(self) -> PtpClock | None:
        return self._follower.clock

    def domain(self) -> int:
        """The PTP domain, for SDP; ST 2059-2's where there is none."""
        return self.clock.domain if self.clock else ST_2059_DOMAIN

    @property
    def offset_ns(self) -> float | None:
        """How far the clock is from its master; `None` where that is not known."""
        return self._follower.offset_ns

    def open(self, patience_s: float = FIRST_LOOK_S) -> None:
        """A first look, before there is an event loop: a box that starts with PTP begins with its clock."""
        until = time.monotonic() + patience_s
        self._connect()
        while (left := until - time.monotonic()) > 0 and self.clock is None:
            self._send()
            if self._socket is None:
                return
            due = self._follower.due()
            wait_s = left if due is None else min(left, max(0.0, due - time.monotonic()))
            if select.select([self._socket], [], [], wait_s)[0]:
                self._receive()
            self._follower.tick(time.monotonic())

    def start(self, listener: Listener | None = None) -> None:
        """Follow it on the running event loop; ``listener`` is called when the clock became another one."""
        self._listener = listener or self._listener
        self._loop = asyncio.get_running_loop()
        if self._socket is not None:
            self._loop.add_reader(self._socket, self._readable)
        self._turn()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._close()
        self._loop = None

    def _turn(self) -> None:
        """What time asks for: look for a socket, or let the follower ask."""
        before = self.clock
        self._timer = None
        if self._socket is None:
            self._connect()
        self._follower.tick(time.monotonic())
        self._go_on(before)

    def _readable(self) -> None:
        before = self.clock
        self._receive()
        self._go_on(before)

    def _go_on(self, before: PtpClock | None) -> None:
        self._send()
        if self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        due = self._follower.due()
        wait_s = LOOK_AGAIN_S if self._socket is None else 60.0
        if due is not None:
            wait_s = min(wait_s, max(0.0, due - time.monotonic()))
        self._timer = self._loop.call_later(wait_s, self._turn)
        if self.clock != before:
            log.info("PTP: %s", describe(self.clock))
            self._listener()

    def _connect(self) -> None:
        refused = set()
        for path in self._paths:
            try:
                opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            except OSError:
                break  # no descriptor is left: it is looked for again in a while, as if ptp4l did not run
            try:
                # A name that the kernel makes up, in no directory: ptp4l answers to it wherever it may write.
                opened.bind("")
                opened.connect(path)
            except OSError as error:
                opened.close()
                if error.errno == errno.EACCES:
                    refused.add(path)
                continue
            self._socket = opened
            self._follower.opened(time.monotonic(), may_subscribe=not path.endswith("ro"))
            if self._loop is not None:
                self._loop.add_reader(opened, self._readable)
            break
        self._complain(frozenset() if self._socket is not None else frozenset(refused))

    def _complain(self, refused: frozenset[str]) -> None:
        """Once, and again only where it is about others."""
        for path in sorted(refused - self._refused):
            log.warning("ptp4l runs, but this user may not write to %s: the box does not know its PTP clock", path)
        self._refused = refused

    def _send(self) -> None:
        for datagram in self._follower.outgoing():
            if self._socket is None:
                return
            try:
                self._socket.send(datagram)
            except BlockingIOError:
                continue  # ptp4l is busy; it is asked again at the next beat
            except OSError as error:
                self._lost(error)

    def _receive(self) -> None:
        for _ in range(_MAX_DATAGRAMS_A_TURN):
            if self._socket is None:
                return
            try:
                datagram = self._socket.recv(MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError as error:
                self._lost(error)
                return
            self._follower.received(datagram, time.monotonic())

    def _lost(self, error: OSError) -> None:
        if error.errno not in _GONE:
            log.warning("PTP: %s", error)
        self._close()
        self._follower.closed(time.monotonic())

    def _close(self) -> None:
        if self._socket is not None:
            if self._loop is not None:
                self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None


def describe(clock: PtpClock | None) -> str:
    """The clock in a few words."""
    if clock is None:
        return "no clock, ptp4l does not answer"
    state = "locked to" if clock.locked else "not locked to"
    return f"{state} {clock.gmid} in domain {clock.domain}{', traceable' if clock.traceable else ''}"
