"""The mixer's process on the event loop: started when the first stream meets it, told of the map, given each stream.

A mixer that ends takes the streams' other ends with it: they end too, are started again, and with the first of them so
is the mixer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from appliance.config.mapping import MappingConfig
from appliance.config.model import MediaConfig, ReceiverConfig, SenderConfig
from appliance.core.store import Change
from appliance.core.types import JSON
from appliance.edge.process import Process
from appliance.media.engine import Patch
from appliance.media.jobs import Desired
from appliance.media.patching import Patching
from appliance.nmos.is08.channelmap import ASPECT, ChannelMap

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Outputs in one message."""
BUFFER = 1 << 20
_ROOT = str(Path(__file__).parents[2])
_START = f"import sys; sys.path.insert(0, {_ROOT!r}); from appliance.edge.mixer import main; main()"
_PROGRAM = (sys.executable, "-I", "-S", "-c", _START)
"""Without looking for packages, which it does not use."""


class Patchbay:
    """The mixer of a box, whose ``channels`` say what goes where."""

    def __init__(
        self,
        mapping: MappingConfig,
        media: MediaConfig,
        endpoints: Mapping[str, SenderConfig | ReceiverConfig],
        channels: ChannelMap,
        environment: Mapping[str, str],
    ) -> None:
        self._mapping = mapping
        self._media = media
        self._endpoints = endpoints
        self._channels = channels
        self._patching = Patching(mapping, media, endpoints, channels.matrix)
        self._environment = environment
        self._process: Process | None = None
        self._control: socket.socket | None = None
        self._told = self._heard = 0
        self._waiting: list[asyncio.Future[None]] = []

    def patched(self, id: str, desired: Desired) -> Desired:
        """What a sender or receiver should be doing with the mixer in between."""
        return self._patching.patched(id, desired)

    def beside(self, is_active: Callable[[str], bool]) -> Iterator[tuple[str, Desired]]:
        """What is to run beside the senders and receivers; ``is_active`` says whether a receiver receives."""
        return self._patching.beside(self._channels.routes, is_active)

    def open(self, patch: Patch) -> socket.socket:
        """The end of a stream that its process gets; the mixer has the other. OSError where there is no mixer."""
        if self._control is None:
            self._start()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            order: JSON = {"input" if patch.to_mixer else "output": patch.id, "channels": patch.channels}
            self._tell(order, ours.fileno())
        return theirs

    def changed(self, change: Change) -> bool:
        """A commit: the mixer hears of what is routed otherwise. Says whether anything was."""
        touched = [aspect.id for aspect in change.touches(ASPECT)]
        if touched and self._control is not None:
            self._tell_routes(touched)
        return bool(touched)

    def reconfigured(self, mapping: MappingConfig) -> None:
        """``channels`` has another matrix now, and ``endpoints`` are others. A mixer that would mix otherwise ends, and
        is begun by the streams that end with it."""
        before, self._mapping = self._mapping, mapping
        if _mixes(before) != _mixes(mapping) and self._process is not None:
            self._process.kill()
            self._hang_up()
        self._patching = Patching(self._mapping, self._media, self._endpoints, self._channels.matrix)
        if self._control is not None:
            self._tell_all()

    async def settled(self, limit_s: float) -> bool:
        """Wait until the mixer does what it was told; False: it does not within that time."""
        if self._control is None or self._heard == self._told:
            return True
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await asyncio.wait((waiting,), timeout=limit_s)
        return waiting.done()

    async def stop(self) -> None:
        """End it, and wait until it has."""
        process = self._process
        self._hang_up()
        if process is not None:
            process.kill()
            await process.ended()

    # ---- inside

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setblocking(False)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            arguments = (str(theirs.fileno()), str(self._mapping.sample_rate), str(self._mapping.latency_ms))
            try:
                self._process = Process(
                    (*_PROGRAM, *arguments),
                    on_exit=lambda code, last_lines: self._ended(ours, code, last_lines),
                    descriptors=(theirs.fileno(),),
                    environment=self._environment,
                )
            except OSError:
                ours.close()
                raise
        self._control = ours
        asyncio.get_running_loop().add_reader(ours.fileno(), self._answered)
        self._tell_all()

    def _ended(self, control: socket.socket, code: int, last_lines: tuple[str, ...]) -> None:
        if control is self._control:
            log.warning("the mixer ended with %d: %s", code, " ".join(last_lines[-1:]))
            self._hang_up()

    def _hang_up(self) -> None:
        control, self._control, self._process = self._control, None, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control.fileno())
            control.close()
        self._settle()

    def _tell_all(self) -> None:
        matrix = self._channels.matrix
        self._tell({"sums": {one.id: one.sum_of for one in matrix.inputs.values() if one.sum_of}})
        self._tell_routes(list(matrix.outputs))

    def _tell_routes(self, outputs: list[str]) -> None:
        known = self._channels.matrix.outputs
        routes = {id: self._channels.routes(known[id]) for id in outputs if id in known}
        for start in range(0, len(outputs), AT_ONCE):
            self._tell({"routes": {id: routes[id] for id in outputs[start : start + AT_ONCE] if id in routes}})
        self._told += 1
        self._tell({"done": self._told})

    def _tell(self, order: Any, *descriptors: int) -> None:
        if self._control is None:
            return
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], descriptors)
        except OSError as error:  # it is gone, or has not listened for long
            log.warning("the mixer does not listen: %s", error.strerror)
            if self._process is not None:
                self._process.kill()
            self._hang_up()

    def _answered(self) -> None:
        assert self._control is not None
        try:
            message = self._control.recv(BUFFER)
        except BlockingIOError:
            return
        if not message:  # it has ended, of which we hear otherwise too
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            return
        self._heard = json.loads(message)["done"]
        if self._heard == self._told:
            self._settle()

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)


def _mixes(mapping: MappingConfig) -> tuple[float, int]:
    """What a mixer is started with."""
    return mapping.latency_ms, mapping.sample_rate
