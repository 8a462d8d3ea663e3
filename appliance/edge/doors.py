"""Where connections come in that must shake hands first: TLS for everybody, plain HTTP for this very host.

A handshake is work for us and waiting for the client. So it has a deadline, and there are only so many at a time: then
the one that waited longest goes, of the address that has most, as with connections (edge/connection.py). Programs of
this host need no TLS, for what they say leaves no wire: a connection with loopback at both ends may begin with either.
Who may do nothing here is turned away before that: no work is done for him.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections import Counter
from collections.abc import Callable, Iterable

from appliance.edge.tls import verification
from appliance.system.trouble import component

MAX_HANDSHAKES = 100
HANDSHAKE_S = 5.0
SHUTDOWN_S = 0.5
BACKLOG = 512
REST_S = 1.0
"""Where no descriptor is left, no connection can be taken up; those that are open end in time."""
SAY_AGAIN_S = 10.0
_CLIENT_HELLO = b"\x16"
"""The first byte of a TLS record with a handshake (RFC 8446 section 5.1); no HTTP begins so."""

BUFFER = 32 * 1024
"""For each connection, two records of TLS. asyncio's own 256 KiB would be a quarter of a gigabyte for a thousand."""

log = logging.getLogger(__name__)


class Doors:
    """``context`` is asked for each connection anew; ``make`` makes what it becomes once hands are shaken. ``admits``
    says whether an address (the first one, at our second one) may do anything here."""

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext],
        make: Callable[[], asyncio.Protocol],
        admits: Callable[[str, str], bool] = lambda remote, here: True,
    ) -> None:
        self._context, self._make, self._admits = context, make, admits
        SSLProtocol.max_size = BUFFER
        self._accepting: list[asyncio.Task[None]] = []
        self._sockets: list[socket.socket] = []
        self._waiting: dict[asyncio.Task[None], str] = {}
        self._said = float("-inf")
        self.failed = 0
        """Handshakes that came to nothing."""

    def open(self, sockets: Iterable[socket.socket]) -> None:
        """Take up connections at these bound sockets, which are ours from now on."""
        for each in sockets:
            each.listen(BACKLOG)
            each.setblocking(False)
            self._sockets.append(each)
            self._accepting.append(component(self._accept(each), "accepting connections"))

    async def close(self) -> None:
        tasks = [*self._accepting, *self._waiting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in self._sockets:
            each.close()

    # ---- inside

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(listening)
            except OSError as error:
                log.warning("no connection can be taken up: %s", error.strerror)
                await asyncio.sleep(REST_S)
                continue
            # A queue of them is taken up without a pause: what is open must go on meanwhile, and each task must have
            # begun before it may be told to go, for only then it closes its socket.
            await asyncio.sleep(0)
            if not self._is_admitted(client, address[0]):
                client.close()
                continue
            if len(self._waiting) >= MAX_HANDSHAKES:
                self._make_room()
            task = loop.create_task(self._welcome(client, address[0]), name="TLS handshake")
            self._waiting[task] = address[0]
            task.add_done_callback(lambda done: self._waiting.pop(done, None))

    def _is_admitted(self, client: socket.socket, remote: str) -> bool:
        try:
            return self._admits(remote, client.getsockname()[0])
        except OSError:  # it has gone
            return False

    def _make_room(self) -> None:
        crowd = Counter(self._waiting.values())
        victim = max(self._waiting, key=lambda task: crowd[self._waiting[task]])  # the first of them waits longest
        del self._waiting[victim]
        victim.cancel()
        self._note("many at a time", "the one that waits longest goes")

    async def _welcome(self, client: socket.socket, remote: str) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                plain = await self._may_be_plain(client)
                await self._connect(client, plain=plain)
        except TimeoutError:
            self._note(remote, f"it took over {HANDSHAKE_S:g} s")
        except OSError as error:
            error.__traceback__ = None  # its frames have the connection, and that has them
            said = verification(error) if isinstance(error, ssl.SSLError) else error.strerror
            self._note(remote, said or "it closed the connection")

    async def _may_be_plain(self, client: socket.socket) -> bool:
        with contextlib.ExitStack() as undo:
            undo.callback(client.close)
            plain = _is_loopback(client) and await _first_byte(client) != _CLIENT_HELLO
            undo.pop_all()  # from now on asyncio closes it
        return plain

    async def _connect(self, client: socket.socket, *, plain: bool) -> None:
        loop = asyncio.get_running_loop()
        if plain:
            await loop.connect_accepted_socket(self._make, client)
            return
        await loop.connect_accepted_socket(
            lambda: _Antechamber(self._make),
            client,
            ssl=self._context(),
            ssl_handshake_timeout=HANDSHAKE_S,
            ssl_shutdown_timeout=SHUTDOWN_S,
        )

    def _note(self, remote: str, why: str) -> None:
        """In the log, but not as often as somebody likes to try."""
        self.failed += 1
        now = asyncio.get_running_loop().time()
        if now > self._said + SAY_AGAIN_S:
            self._said = now
            log.info("TLS handshake failed (%s): %s", remote, why)


class _Antechamber(asyncio.Protocol):
    """Who waits for the end of a handshake: what has a parser is not made for everybody who knocks."""

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._make = make

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        protocol = self._make()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


def _is_loopback(client: socket.socket) -> bool:
    ends = (client.getpeername()[0], client.getsockname()[0])
    return all(ipaddress.ip_address(end.partition("%")[0]).is_loopback for end in ends)


async def _first_byte(client: socket.socket) -> bytes:
    """What the client begins with, which stays to be read."""
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(client, _resolve, readable)
    try:
        await readable
    finally:
        loop.remove_reader(client)
    return client.recv(1, socket.MSG_PEEK)


def _resolve(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
