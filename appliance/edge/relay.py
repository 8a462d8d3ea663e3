"""The relay: a program between a receiver's sockets and its player, so that the player never has to be started anew.

    relay.py CONTROL OUTPUT RATE CHANNELS WIDTH PATIENCE_US

CONTROL and OUTPUT are descriptors. It reads the packets of the legs, and hands on what media/playout.py makes of them
by OUTPUT, at whose other end the player is. The daemon (edge/run.py) gives it the legs' sockets by CONTROL, at the
beginning and at each switch, and is told on standard output, as a line of JSON, what came on each leg. It ends with the
daemon.

Two ways to wait. While there is sound it looks every :data:`TURN_S`: a wake-up for each packet would cost several times
as much, here and in the player. In silence the first packet wakes it.

It is started by its path, without looking for packages, of which it needs this one alone, and imports little:
dataclasses, json and typing would double the time until it is up.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, __file__.rpartition("/appliance/")[0])

from appliance.media.pcm import Pcm
from appliance.media.playout import Playout, Report

TURN_S = 0.004
SILENT_TURN_S = 0.02
REPORT_S = 0.5
MAX_AT_ONCE = 2000
"""Packets of a leg that are read before the other has its turn: nobody can keep us reading."""
MAX_DATAGRAM = 9216
START = b"start"
CHOOSE = b"choose"
"""The daemon's words. With the latter come the sockets of the legs."""
MAX_LEGS = 2


class Relay:
    """``patience_us``: how long packets are waited for, in microseconds."""

    def __init__(self, control: int, output: int, rate: int, channels: int, width: int, patience_us: int) -> None:
        self._control = socket.socket(fileno=control)
        self._output = socket.socket(fileno=output)
        self._output.setblocking(False)
        self._legs: list[socket.socket] = []
        self._playout = Playout(Pcm(rate, channels, width), patience_us / 1e6)
        self._idle, self._busy = select.poll(), select.poll()
        for poll in (self._idle, self._busy):
            poll.register(self._control, select.POLLIN)
        self._told: Report | None = None
        self._report_at = time.monotonic() + REPORT_S
        self._started = False

    def run(self) -> None:
        """Until the daemon is gone."""
        while True:
            if any(descriptor == self._control.fileno() for descriptor, _ in self._wait()):
                self._hear()
            self._pass_on()
            self._report()

    def _wait(self) -> list[tuple[int, int]]:
        if self._playout.playing:
            return self._busy.poll(TURN_S * 1000)
        return self._idle.poll(SILENT_TURN_S * 1000 if self._started else None)

    def _pass_on(self) -> None:
        for leg, opened in enumerate(self._legs):
            with contextlib.suppress(BlockingIOError):
                for _ in range(MAX_AT_ONCE):
                    self._playout.packet(leg, opened.recv(MAX_DATAGRAM), time.monotonic())
        for packet in self._playout.output(time.monotonic()):
            # A player that does not read loses what it does not take; of one that is gone the daemon tells us.
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                self._output.send(packet)

    def _hear(self) -> None:
        word, descriptors, _, _ = socket.recv_fds(self._control, 64, MAX_LEGS)
        if not word:
            sys.exit()  # the daemon is gone
        if word == START:
            self._started = True
            self._playout.start(time.monotonic())
        elif word == CHOOSE:
            for leg in self._legs:
                self._idle.unregister(leg)
                leg.close()
            self._legs = [socket.socket(fileno=descriptor) for descriptor in descriptors]
            for leg in self._legs:
                leg.setblocking(False)
                self._idle.register(leg, select.POLLIN)
            self._playout.choose(len(self._legs))
            self._told, self._report_at = None, time.monotonic() + REPORT_S

    def _report(self) -> None:
        now = time.monotonic()
        report = self._playout.report(now)
        changed = report.signal != (self._told is not None and self._told.signal)
        if not self._started or (now < self._report_at and not changed):
            return
        self._report_at = now + REPORT_S
        if report != self._told:
            self._told = report
            os.write(1, _line(report))


def _line(report: Report) -> bytes:
    """As media/figures.py reads it."""
    legs = ", ".join(
        f'{{"packets": {leg.packets}, "lost": {leg.lost}, "signal": {_word(leg.signal)}}}' for leg in report.legs
    )
    figures = f'"signal": {_word(report.signal)}, "lost": {report.lost}, "refused": {report.refused}, "legs": [{legs}]'
    return b'{"relay": {%s}}\n' % figures.encode()


def _word(value: bool) -> str:
    return "true" if value else "false"


if __name__ == "__main__":
    Relay(*map(int, sys.argv[1:])).run()
