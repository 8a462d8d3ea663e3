"""One run of a plan: its process, the sockets it reads from, the relay before it, and what was heard of it."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.edge.process import OnExit, OnLine, Process, bound_to_our_life
from appliance.edge.rtp_socket import RtpSocket
from appliance.media.engine import Leg, Plan, Relay, environment_of, with_descriptors
from appliance.media.figures import Heard

_CHILD = (sys.executable, "-I", "-S", str(Path(__file__).with_name("relay_child.py")))
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
        self._sockets = _open(plan.sockets)
        self._relay: socket.socket | None = None
        self._alive = False
        started = contextlib.ExitStack()
        try:
            with started:
                argv, descriptors, legs = self._command(plan, mixer, environment, started)
                self.process = Process(
                    argv,
                    on_line=on_line,
                    on_exit=on_exit,
                    on_error=on_error,
                    descriptors=descriptors if mixer is None else (*descriptors, mixer),
                    environment={**environment, **environment_of(plan, legs)},
                    stdin=plan.stdin,
                    first=signal.SIGTERM if plan.foreign else signal.SIGINT,
                )
                self._choose()
        except OSError:
            self.close()
            raise

    def alive(self) -> None:
        """It says that it runs: it is to have what arrives from now on."""
        if self._alive:
            return
        self._alive = True
        for opened in self._sockets:
            opened.open_gate()
        if self._relay is not None:
            self._relay.send(_START)

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

    def close(self) -> None:
        _close(self._sockets)
        if self._relay is not None:
            self._relay.close()

    def _command(
        self, plan: Plan, mixer: int | None, environment: Mapping[str, str], started: contextlib.ExitStack
    ) -> tuple[Sequence[str], Sequence[int], Sequence[int]]:
        """What to start, which descriptors it inherits, and where the plan's process finds its legs; what is open of
        ours for that is closed with ``started``."""
        argv = plan.argv or ()
        if plan.relay is None:
            numbers = [opened.fileno() for opened in self._sockets]
            return with_descriptors(argv, numbers, mixer), numbers, numbers
        self._relay, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        started.enter_context(control)
        self._relay.setblocking(False)
        data, player = (started.enter_context(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        data.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        legs = [player.fileno()]
        numbers = [control.fileno(), data.fileno(), *legs]
        behind = (*bound_to_our_life(environment), *with_descriptors(argv, legs, mixer))
        return (*_CHILD, *map(str, (*numbers, *_sound(plan.relay))), *behind), numbers, legs

    def _choose(self) -> None:
        if self._relay is not None:
            socket.send_fds(self._relay, [_CHOOSE], [opened.fileno() for opened in self._sockets])


def _sound(relay: Relay) -> tuple[int, ...]:
    pcm = relay.pcm
    return pcm.rate, pcm.channels, pcm.width, round(relay.patience_s * 1e6)


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
