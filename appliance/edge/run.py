"""One run of a plan: its process, the sockets it reads from, the relay before it, and what was heard of it."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.edge.process import OnExit, OnLine, Process
from appliance.edge.rtp_socket import RtpSocket
from appliance.media.engine import Leg, Plan, Relay, environment_of, with_descriptors
from appliance.media.figures import Heard

_RELAY = (sys.executable, "-I", "-S", str(Path(__file__).with_name("relay.py")))
_CHOOSE, _START = b"choose", b"start"


class Run:
    """Running from the moment it is made; OSError where it cannot be started. ``mixer``: the number of the socket by
    which it meets the mixer."""

    def __init__(
        self,
        plan: Plan,
        mixer: int | None = None,
        *,
        on_line: OnLine,
        on_exit: OnExit,
        on_error: OnLine = lambda line: None,
        environment: Mapping[str, str],
    ) -> None:
        self.heard = Heard(plan.sends_to, plan.packet_s)
        self._on_exit = on_exit
        self._sockets = _open(plan.sockets)
        self._control: socket.socket | None = None
        self._relay: Process | None = None
        self._player: Process | None = None
        self._end: tuple[int, tuple[str, ...]] | None = None
        self._alive = False
        started = contextlib.ExitStack()
        try:
            with started:
                # The player first: it takes longer to load, and the relay loads meanwhile.
                ends = self._relay_ends(started) if plan.relay else []
                legs = [ends.pop()] if ends else [opened.fileno() for opened in self._sockets]
                self._player = Process(
                    with_descriptors(plan.argv or (), legs, mixer),
                    on_line=on_line,
                    on_exit=self._ended,
                    on_error=on_error,
                    descriptors=legs if mixer is None else (*legs, mixer),
                    environment={**environment, **environment_of(plan, legs)},
                    stdin=plan.stdin,
                    first=signal.SIGTERM if plan.foreign else signal.SIGINT,
                )
                if plan.relay:
                    self._relay = Process(
                        (*_RELAY, *map(str, (*ends, *_sound(plan.relay)))),
                        on_line=on_line,
                        on_exit=self._ended,
                        descriptors=ends,
                        environment=environment,
                    )
                    self._choose()
        except OSError:
            if self._player is not None:
                self._on_exit = lambda code, last_lines: None
                self._player.kill()
            self.close()
            raise

    def alive(self) -> None:
        """It says that it runs: it is to have what arrives from now on."""
        if self._alive:
            return
        self._alive = True
        for opened in self._sockets:
            opened.open_gate()
        if self._control is not None:
            self._control.send(_START)

    def switch(self, plan: Plan) -> None:
        """Read from elsewhere; OSError where that cannot be had."""
        sockets = _open(plan.sockets)
        _close(self._sockets)
        self._sockets = sockets
        self.heard = Heard(plan.sends_to, plan.packet_s)
        self._choose()
        if self._alive:
            for opened in self._sockets:
                opened.open_gate()

    def terminate(self) -> None:
        """Ask it to end; it is insisted upon."""
        if self._player is not None:
            self._player.terminate()

    def kill(self) -> None:
        """End it now."""
        for process in self._processes():
            process.kill()

    async def ended(self) -> None:
        """Return when all of it is gone and ``on_exit`` has been called."""
        for process in self._processes():
            await process.ended()

    def close(self) -> None:
        _close(self._sockets)
        if self._control is not None:
            self._control.close()

    def _processes(self) -> list[Process]:
        return [process for process in (self._player, self._relay) if process is not None]

    def _ended(self, code: int, last_lines: tuple[str, ...]) -> None:
        """One of them is gone, and the other is of no use any more: how the first one ended is how the run did."""
        self._end = self._end or (code, last_lines)
        self.kill()
        if not any(process.running for process in self._processes()):
            self._on_exit(*self._end)

    def _relay_ends(self, started: contextlib.ExitStack) -> list[int]:
        """The descriptors of the relay's control and output, and the player's input; ours are closed with
        ``started``."""
        self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        output, player = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        output.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        return [started.enter_context(end).fileno() for end in (control, output, player)]

    def _choose(self) -> None:
        if self._control is not None:
            socket.send_fds(self._control, [_CHOOSE], [opened.fileno() for opened in self._sockets])


def _sound(relay: Relay) -> tuple[int, ...]:
    return relay.rate, relay.channels, relay.width, round(relay.patience_s * 1e6)


def _open(legs: Sequence[Leg]) -> list[RtpSocket]:
    opened: list[RtpSocket] = []
    try:
        for leg in legs:
            opened.append(RtpSocket(leg))  # noqa: PERF401 - those opened are closed where a later one fails
    except OSError:
        _close(opened)
        raise
    return opened


def _close(sockets: Sequence[RtpSocket]) -> None:
    for opened in sockets:
        opened.close()
