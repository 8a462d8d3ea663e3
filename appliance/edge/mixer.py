"""A program: the box's mixer. PCM comes in and goes out by sockets, a block of each every 5 ms; media/mixing.py mixes.

    ... CONTROL-DESCRIPTOR SAMPLE-RATE HELD-MS

The daemon speaks to it through a socket, a JSON object a message, and gives it the ends of the others with them:

    {"input": ID, "channels": N} + descriptor       somebody writes this input: whole frames, a packet at a time
    {"output": ID, "channels": N} + descriptor      somebody reads this output: a block a packet
    {"sums": {ID: [[INPUT, CHANNEL], ...]}}         inputs that are made of others
    {"routes": {OUTPUT: [[INPUT, CHANNEL], null]}}  from the next block on; an output that is not named stays
    {"done": N}                                     is answered with {"done": N} when all before it is heard

Time is the monotonic clock's. A turn that comes late is made up for: what came meanwhile is in the sockets. Outputs get
some blocks at once; until all but one of those were read no more are sent, so that what took long to start is not late
for ever. When the daemon goes this ends.

Only the standard library: 10 MB, and it starts in 30 ms.
"""

from __future__ import annotations

import fcntl
import json
import select
import socket
import struct
import sys
import termios
import time
from dataclasses import dataclass
from typing import Any

from appliance.media.mixing import BLOCK_MS, SAMPLE_BYTES, Input, Mixer

AHEAD = 3
"""Blocks that an output gets at once. It prerolls with the first, has begun to play when it takes the second, and
keeps the third in hand."""
MOST_LATE_S = 0.2
"""What is later than this is not made up for."""
MOST_PACKETS = 400
"""Taken from one input in a turn."""
_TURN_S = BLOCK_MS / 1000
_MESSAGE = 1 << 20
_PACKET = 1 << 17


@dataclass(slots=True)
class _Source:
    socket: socket.socket
    input: Input


@dataclass(slots=True)
class _Drain:
    socket: socket.socket
    channels: int
    full: int = 0
    """What the kernel holds while nothing was read yet."""
    flowing: bool = False


class MixerLoop:
    """The mixer between its sockets; :meth:`run` until the daemon closes its end of ``control``."""

    def __init__(self, control: socket.socket, sample_rate: int, held_ms: float) -> None:
        self._control = control
        self._mixer = Mixer(sample_rate, held_ms)
        self._sources: dict[str, _Source] = {}
        self._drains: dict[str, _Drain] = {}
        self._done: int | None = None

    def run(self) -> None:
        self._control.setblocking(False)
        due = time.monotonic()
        while self._listen(due):
            late = time.monotonic() - due
            if late > MOST_LATE_S:
                due += late
            self._hear()
            self._turn()
            due += _TURN_S

    def _listen(self, due: float) -> bool:
        """Do what the daemon says until it is time for a turn; ``False``: the daemon is gone."""
        while True:
            wait = due - time.monotonic()
            if not select.select([self._control], [], [], max(0.0, wait))[0]:
                return True
            message, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE, 1)
            if not message:
                return False
            self._obey(json.loads(message), descriptors)
            if wait <= 0:
                return True

    def _obey(self, order: Any, descriptors: list[int]) -> None:
        opened = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        for end in opened:
            end.setblocking(False)
        if "input" in order:
            (end,) = opened
            self._forget(self._sources.pop(order["input"], None))
            began = self._mixer.begin_input(order["input"], order["channels"])
            self._sources[order["input"]] = _Source(end, began)
        elif "output" in order:
            (end,) = opened
            self._forget(self._drains.pop(order["output"], None))
            self._begin(order["output"], _Drain(end, order["channels"]))
        elif "sums" in order:
            self._mixer.set_sums({id: [(one, index) for one, index in parts] for id, parts in order["sums"].items()})
        elif "routes" in order:
            for id, routes in order["routes"].items():
                self._mixer.route(id, [None if route is None else (route[0], route[1]) for route in routes])
        elif "done" in order:
            self._done = order["done"]

    def _begin(self, id: str, drain: _Drain) -> None:
        self._mixer.begin_output(id)
        self._drains[id] = drain
        for _ in range(AHEAD):
            self._send(id, bytes(SAMPLE_BYTES * drain.channels * self._mixer.frames))
        drain.full = _unread(drain.socket)

    def _hear(self) -> None:
        for id, source in tuple(self._sources.items()):
            if not _drained(source):
                self._forget(self._sources.pop(id))  # what it had fades away

    def _turn(self) -> None:
        for drain in self._drains.values():
            drain.flowing = drain.flowing or AHEAD * _unread(drain.socket) <= drain.full
        for id, block in self._mixer.mix({id: drain.channels for id, drain in self._drains.items() if drain.flowing}):
            self._send(id, block)
        if self._done is not None:
            self._control.send(json.dumps({"done": self._done}).encode())
            self._done = None

    def _send(self, id: str, block: bytes) -> None:
        try:
            self._drains[id].socket.send(block)
        except BlockingIOError:
            pass  # whoever reads is stuck: what is not heard now is not heard later
        except OSError:
            self._forget(self._drains.pop(id))

    @staticmethod
    def _forget(end: _Source | _Drain | None) -> None:
        if end is not None:
            end.socket.close()


def _drained(source: _Source) -> bool:
    """Take what has come, but not for ever from one who writes without end; ``False``: the other end is gone."""
    try:
        for _ in range(MOST_PACKETS):
            data = source.socket.recv(_PACKET)
            if not data:
                return False
            source.input.write(data)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def _unread(end: socket.socket) -> int:
    """What waits to be read, as the kernel counts it: all that it uses for that."""
    used: int = struct.unpack("i", fcntl.ioctl(end.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
    return used


def main() -> None:
    descriptor, sample_rate, held_ms = sys.argv[1:]
    MixerLoop(socket.socket(fileno=int(descriptor)), int(sample_rate), float(held_ms)).run()
