"""One HTTP connection: its limits in time, errors in our own words, and what it may do.

aiohttp parses and takes turns; this stands between it and the transport. A connection either *waits for its client*
(for a request, for the rest of one, or until it reads), with a deadline for that, or *works* for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion10, HttpVersion11
from aiohttp.http_exceptions import LineTooLong

from appliance.edge.connections import Connections, Phase, is_loopback, is_own
from appliance.web.access import Access, Right
from appliance.web.messages import Answer, error_answer
from appliance.web.quick import is_one_request
from appliance.web.wire import END, fields_of, head

log = logging.getLogger(__name__)

NMOS = "/x-nmos/"
"""Errors of requests whose path is not known are answered as if they were for an NMOS API: any page may read them."""
_NEVER_S = 1e6
_SLICE = 256 * 1024
_MAX_TRACED = 16 * 1024


class Connection(web.RequestHandler):
    """aiohttp's protocol for one connection, with what stands before it."""

    __slots__ = (
        *("_all", "_clean", "_gone", "_hsts", "_loop_time", "_taken"),
        *("local", "own", "phase", "remote", "right", "since", "task"),
    )

    def __init__(self, all: Connections, manager: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        # The deadlines are ours. Nothing is unpacked: a small body may unpack to gigabytes. What is left of a body that
        # was refused is not read by aiohttp but by hang_up.
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=_NEVER_S,
            access_log=None,  # type: ignore[arg-type]
            auto_decompress=False,
            lingering_time=0,
        )
        self._all = all
        self._loop_time = loop.time
        self._clean = True  # the parser stands between two requests
        self._taken: bytes | None = b""  # what it was given since it last did
        self._gone: asyncio.Future[None] | None = None
        self._hsts = b""
        self.phase = Phase.IDLE
        self.since = loop.time()
        self.remote = ""
        self.local = self.own = False
        self.right = Right.CHANGE
        self.task: asyncio.Task[object] | None = None

    # ---- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        ends = [transport.get_extra_info(name) for name in ("peername", "sockname")]
        self.remote = ends[0][0] if ends[0] else ""
        self.local = all(end and is_loopback(end[0]) for end in ends)
        self.own = bool(ends[0] and ends[1]) and is_own(ends[0][0], ends[1][0])
        self.right = self._all.access.right(self.remote, own=self.own)
        if self.right is Right.NOTHING:
            self._clean, self.phase = False, Phase.CLOSING
            self._all.turned_away(self.remote, self.since)
        if transport.get_extra_info("sslcontext") is not None:
            self._hsts = self._all.hsts()
        self._all.admit(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._all.forget(self)
        if self.task is not None and not self.task.done():
            self._all.outlived(self.task)
        self.phase = Phase.CLOSING
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not data:  # aiohttp to itself: it goes on with what it held back
            super().data_received(data)
            return
        if self._clean:
            quick = self._all.quick.find(data)
            if quick is not None and self._answer_at_once(quick):
                return
            self._taken = b""
        if self.phase is Phase.CLOSING:
            if self.right is Right.NOTHING:  # it is told so, and what it says is not looked at
                self.refuse(error_answer(403, "this address is in none of the networks that may reach this box"))
            return
        if self._taken is not None:
            self._taken = self._taken + data if len(self._taken) + len(data) <= _MAX_TRACED else None
        self._clean = False
        if self.phase is Phase.IDLE:
            self.enter(Phase.HEAD)
        try:
            super().data_received(data)
        except ValueError as error:  # aiohttp 3.8 lets a target that is no URL through ("http://[/")
            self.refuse(error_answer(400, "this is not valid HTTP", str(error)[:200]))

    def _answer_at_once(self, answer: tuple[bytes, bytes]) -> bool:
        transport = self.transport
        if transport is None or len(answer[1]) > _SLICE or transport.get_write_buffer_size():
            return False
        start = self._all.access.for_page(answer[0], None)
        transport.write(b"".join((start, self.date(), END, answer[1])))
        self.count(answer[0])
        self.since = self._loop_time()
        return True

    # ---- aiohttp's side

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        result = await super().finish_response(request, resp, start_time)  # type: ignore[arg-type,unused-ignore]
        self.task = None
        self._clean = (
            bool(self._taken) and resp.keep_alive is True and request.content.is_eof() and self._took_only(request)
        )
        self.enter(Phase.IDLE)
        return result

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What is no HTTP, answered in JSON. (Errors of our own handlers are answered there.)"""
        answer = self._answer_to(request, status, exc, message)
        if exc is not None:
            exc.__traceback__ = None  # its frames have the connection, and that has them
        return Nothing() if answer is None else Wire(*serialised(NMOS, answer), close=True)

    def _answer_to(
        self, request: web.BaseRequest, status: int, exc: BaseException | None, message: str | None
    ) -> Answer | None:
        """``None``: nobody is there to read one, or what was begun cannot be answered otherwise."""
        if isinstance(exc, ConnectionError) or self.transport is None:
            return None
        if request.writer.output_size > 0:
            log.error("an endless answer broke off", exc_info=exc)
            return None
        if isinstance(exc, LineTooLong):
            return error_answer(431, "a line of the request's head is too long", str(message)[:200])
        if status >= 500:
            log.error("an answer could not be made", exc_info=exc)
            return error_answer(500, "this box could not answer; its log says why")
        return error_answer(status, "this is not valid HTTP", str(message)[:200])

    # ---- our own

    def enter(self, phase: Phase) -> None:
        self.phase = phase
        self.since = self._loop_time()

    @property
    def access(self) -> Access:
        return self._all.access

    def date(self) -> bytes:
        """The fields that are not the answer's but the connection's: Date, and over TLS Strict-Transport-Security."""
        return self._all.date() + self._hsts

    def count(self, head: bytes) -> None:
        """An answer with this head goes out (``HTTP/1.1 200 ...``)."""
        self._all.answers[head[9:12]] += 1

    def learn(self, request: web.BaseRequest) -> None:
        """It is a GET without a body that was answered from what is kept."""
        if self._all.access.names_sites and "Origin" in request.headers:
            return  # the answer hangs on it
        if self._taken and self._took_only(request):
            self._all.quick.learn(self._taken, request.headers)

    def overdue(self, now: float) -> bool:
        limits = self._all.limits
        limit = {
            Phase.IDLE: limits.idle_s,
            Phase.HEAD: limits.read_s,
            Phase.WRITING: limits.write_s,
            Phase.CLOSING: limits.linger_s,
        }.get(self.phase)
        return limit is not None and now - self.since > limit

    def expire(self) -> None:
        """The client let its deadline pass."""
        if self.phase is Phase.HEAD:
            self.refuse(error_answer(408, f"the request was not whole after {self._all.limits.read_s:g} s"))
        else:
            self.drop()

    def refuse(self, answer: Answer) -> None:
        """Answer outside of aiohttp's turns, and close."""
        if self.transport is not None:
            start, payload = serialised(NMOS, answer)
            start = self._all.access.for_page(start, None)
            self.transport.write(b"".join((start, self.date(), b"Connection: close\r\n", END, payload)))
            self.count(start)
        self.drop()

    def abort(self) -> None:
        """Close at once, whatever it is doing."""
        if self.transport is not None:
            self.transport.abort()

    def drop(self) -> None:
        """Close at once."""
        self._clean = False
        if self.transport is not None and self.transport.get_write_buffer_size():
            self.transport.abort()  # what waits there may never be read
        self.force_close()

    async def send(self, writer: AbstractStreamWriter, start: bytes, payload: bytes) -> None:
        """Write, a slice at a time: what a slow client has not read yet is not all held in memory twice."""
        self._write(start + payload[:_SLICE])
        rest = memoryview(payload)
        for offset in range(_SLICE, len(payload), _SLICE):
            await self._until_read(writer)
            self._write(rest[offset : offset + _SLICE])
        await self._until_read(writer)

    async def hang_up(self) -> None:
        """Close without losing the answer: a close while the client still sends would reset the connection under it."""
        transport = self.transport
        if transport is None or not transport.can_write_eof():
            return
        self.enter(Phase.CLOSING)
        try:
            transport.write_eof()
        except OSError:  # it was quicker
            return
        if not transport.is_reading():
            transport.resume_reading()
        self._gone = asyncio.get_running_loop().create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._all.limits.linger_s):
                await self._gone

    def is_plain(self, request: web.BaseRequest) -> bool:
        """Whether nobody can see another end of this request than the parser did (RFC 9112 sections 5.2, 6.1, 11.2).

        Where somebody can, a proxy say, what seems to come behind it is not looked at: the connection ends with the
        answer. Parsers differ most in chunks."""
        if "Transfer-Encoding" in request.headers or request.version not in (HttpVersion10, HttpVersion11):
            return False
        head = (self._taken or b"").partition(b"\r\n\r\n")[0]
        return head.count(b"\n") == head.count(b"\r\n") and b"\r\n " not in head and b"\r\n\t" not in head

    def _took_only(self, request: web.BaseRequest) -> bool:
        """Whether all that came since the last answer is this request."""
        if not self._taken or "Transfer-Encoding" in request.headers or "Upgrade" in request.headers:
            return False
        return is_one_request(self._taken, request.content_length or 0)

    def _write(self, data: bytes | memoryview) -> None:
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self.transport.write(data)

    async def _until_read(self, writer: AbstractStreamWriter) -> None:
        if self.transport is not None and self.transport.get_write_buffer_size():
            self.enter(Phase.WRITING)
            await writer.drain()


class Wire(web.StreamResponse):
    """An answer that is bytes already: aiohttp need not look at each header again. ``close``: the last one here."""

    def __init__(self, start: bytes, payload: bytes, *, close: bool = False) -> None:
        super().__init__()
        self._head_bytes = start
        self._bytes = payload
        self._hang_up = close
        self._request: web.BaseRequest | None = None
        self._stays = False

    @property
    def keep_alive(self) -> bool | None:
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._request = request
        connection = request.protocol
        assert isinstance(connection, Connection)
        self._stays = not self._hang_up and request.keep_alive and connection.is_plain(request)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        request = self._request
        assert request is not None
        connection = request.protocol
        assert isinstance(connection, Connection)
        stays = b""
        if not self._stays:
            stays = b"Connection: close\r\n"
        elif request.version < HttpVersion11:
            stays = b"Connection: keep-alive\r\n"
        connection.count(self._head_bytes)
        start = connection.access.for_page(self._head_bytes, request.headers.get("Origin"))
        payload = b"" if request.method == "HEAD" else self._bytes
        await connection.send(request.writer, b"".join((start, connection.date(), stays, END)), payload)
        if self._hang_up:
            await connection.hang_up()


class Nothing(web.StreamResponse):
    """In the place of an answer: the connection ends. An exception raised instead would stay: aiohttp's task for the
    connection has the one for the request, that has its exception, and the frames of that have both tasks."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        raise ConnectionResetError("there is no answer")


def serialised(path: str, answer: Answer, payload: bytes | None = None) -> tuple[bytes, bytes]:
    """Head (but for its end) and payload of an answer that is not kept."""
    payload = answer.payload() if payload is None else payload
    return head(answer.status, fields_of(path, answer, payload)), payload
