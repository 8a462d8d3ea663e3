"""What the event loop complains of by itself: said once where asyncio would say it hundreds of times a second, and the
end of the box where a part of it has died, for systemd brings back all of it, with its state.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

QUIET_S = 60.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Trouble:
    """An exception handler for a loop. ``on_death`` is called, perhaps more than once, where the box cannot go on.

    Where no connection can be accepted for want of descriptors or memory, asyncio (3.11) calls it for each place in the
    queue of those that wait, with a traceback, each second. It tries again by itself. A transport that broke is gone
    for good: a connection is made again by whoever wants it, but the sockets of mDNS are opened once.
    """

    def __init__(self, on_death: Callable[[], None]) -> None:
        self._on_death = on_death
        self._said_at: float | None = None
        self.died = False

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _EXHAUSTED and "socket" in context:
            self._say_full(loop, error)
            return
        loop.default_exception_handler(context)
        if "component" in context or _is_mortal(context.get("transport"), error):
            what = context.get("component") or context.get("message")
            log.critical("%s: the box cannot go on like this, and ends to be started again", what)
            self.died = True
            self._on_death()

    def _say_full(self, loop: asyncio.AbstractEventLoop, error: OSError) -> None:
        if self._said_at is None or loop.time() >= self._said_at + QUIET_S:
            self._said_at = loop.time()
            log.error("no connection can be accepted for now: %s", os.strerror(error.errno or 0))


def _is_mortal(transport: object, error: BaseException | None) -> bool:
    if isinstance(transport, asyncio.BaseTransport):
        # By its socket: asyncio's own transports of datagrams are no DatagramTransport before Python 3.12.
        sock = transport.get_extra_info("socket")
        return sock is not None and sock.type == socket.SOCK_DGRAM
    return isinstance(error, MemoryError)  # a timer that could not get memory is one that will not come again


def component(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task that the box cannot be without: where it fails, the loop's exception handler hears of it at once."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_tell)
    return task


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        context = {"message": f"{task.get_name()} failed", "exception": error, "component": task.get_name()}
        task.get_loop().call_exception_handler(context)
