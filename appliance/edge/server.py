"""The HTTP server: aiohttp's sockets and parsing, our answers.

A GET whose bytes are ready is answered at once. Everything else is read whole (bounded), given to bottle inside the
loop, and its answer written from the value that the handler left in the environ. An answer may be a promise (a take
that first asks another host) or ask to be held a moment, until the streams it started are really there.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import re
import resource
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_to_bytes

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from appliance.edge.connection import Connection, Wire, serialised
from appliance.edge.connections import Connections, Limits, Phase
from appliance.errors import ApplianceError, BadRequest, TooLarge
from appliance.web.access import Access
from appliance.web.messages import Answer, Request, error_answer
from appliance.web.quick import QuickReads
from appliance.web.site import ANSWER_KEY, REQUEST_KEY, Site, answer_error

if TYPE_CHECKING:
    from appliance.edge.doors import Doors
    from appliance.edge.tls import Tls
    from appliance.nmos.is10.guard import TokenGuard

log = logging.getLogger(__name__)

SETTLE_TIMEOUT_S = 0.1
SETTLED_A_TURN = 50
STOP_GRACE_S = 0.4
MAX_QUERY_FIELDS = 100
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")

Settled = Callable[[str], Awaitable[None]]
"""Waits until the stream of a sender or receiver has its socket or its join, or a known fault."""

StreamHandler = Callable[[web.BaseRequest, Request], Awaitable[web.StreamResponse]]


class TooSlow(ApplianceError):
    status = 408


class NotPlain(ApplianceError):
    status = 415


class HttpServer:
    """Serves a :class:`Site` on any number of sockets. Some paths have answers that do not end: streams and sockets.

    ``check`` raises an ApplianceError for what may not be answered; what is kept ready is answered without it. Where
    there is a ``first``, it says what is answered at once: all else waits for :meth:`open`."""

    def __init__(
        self,
        site: Site,
        settled: Settled,
        limits: Limits | None = None,
        check: Callable[[Request], None] = lambda request: None,
        first: Callable[[Request], bool] | None = None,
        tls: Tls | None = None,
    ) -> None:
        self._site, self._check = site, check
        self._first = first or (lambda request: True)
        self._opened = asyncio.Event()
        self._settled = settled
        self._streams: dict[str, StreamHandler] = {}
        self._sockets: dict[str, StreamHandler] = {}
        self._limits = limits or _affordable(Limits())
        self._connections = Connections(self._limits, QuickReads(site.ready))
        self._server = web.Server(self._handle)
        self._listening: list[asyncio.Server] = []
        self._tls = tls
        self._doors: Doors | None = None
        self.tokens: TokenGuard | None = None
        """Where it is set, the NMOS APIs want a token."""

    def open(self) -> None:
        """All of the site is declared."""
        self._opened.set()

    def stream(self, path: str, handler: StreamHandler) -> None:
        """Answer GETs of ``path`` with an endless response (server-sent events)."""
        self._streams[path] = handler

    def sockets(self, prefix: str, handler: StreamHandler) -> None:
        """Answer GETs of paths that begin so, and want to become a WebSocket, by the handler."""
        self._sockets[prefix] = handler

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    @property
    def answers(self) -> Mapping[bytes, int]:
        """How many were given so far, by status (``b"200"``)."""
        return self._connections.answers

    def restrict(self, access: Access) -> None:
        """Who may reach it; also those who are here already."""
        self._connections.restrict(access)

    async def listen(self, host: str | None, port: int) -> int:
        """Bind and accept; returns the port (useful with 0). ``host`` ``None``: every address, v4 and v6."""
        loop = asyncio.get_running_loop()
        plain = self._tls is None or self._tls.server is None

        def made() -> Connection:
            return Connection(self._connections, self._server, loop)

        server = await loop.create_server(made, host, port, backlog=512, reuse_address=True, start_serving=plain)
        self._listening.append(server)
        if not plain:
            self._doors = self._doors or self._made_doors(made)
            self._doors.open(each.dup() for each in server.sockets)
        return int(server.sockets[0].getsockname()[1])

    @property
    def failed_handshakes(self) -> int:
        return 0 if self._doors is None else self._doors.failed

    async def stop(self) -> None:
        """Stop accepting, let running answers end for a moment, close every connection. Within a second."""
        if self._doors is not None:
            await self._doors.close()
        for server in self._listening:
            server.close()
        working = self._connections.stop()
        if working:
            _done, late = await asyncio.wait(working, timeout=STOP_GRACE_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=STOP_GRACE_S / 2)
        await self._server.shutdown(timeout=0.05)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_GRACE_S / 4):
                for server in self._listening:
                    await server.wait_closed()

    def _made_doors(self, made: Callable[[], Connection]) -> Doors:
        from appliance.edge.doors import Doors

        tls = self._tls
        assert tls is not None
        self._connections.hsts = lambda: tls.hsts
        return Doors(tls.context, made, self._connections.admits)

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        connection = incoming.protocol
        assert isinstance(connection, Connection)
        connection.task = asyncio.current_task()
        ready = self._ready(incoming, connection)
        if ready is not None:
            return ready
        request = Request(incoming.method, incoming.rel_url.raw_path)
        try:
            request = await _read(incoming, connection, self._limits)
            connection.enter(Phase.WORKING)
            if not self._opened.is_set() and not self._first(request):
                await self._opened.wait()
            connection.access.check(connection.right, request.method, request.path, request.headers)
            self._check(request)
            if self.tokens is not None:
                self.tokens.check(request)
            stream = self._endless(request) if request.method == "GET" else None
            if stream is not None:
                if self.tokens is not None:
                    request = replace(request, lasting=self.tokens.lasting(request))
                return await stream(incoming, request)
        except ApplianceError as error:
            unread = not incoming.content.is_eof()
            return Wire(*serialised(request.path, answer_error(error)), close=unread)
        return self._response(request, *await self._answer(request), incoming)

    def _endless(self, request: Request) -> StreamHandler | None:
        if request.headers.get("upgrade", "").lower() == "websocket":
            for prefix, handler in self._sockets.items():
                if request.path.startswith(prefix):
                    return handler
        return self._streams.get(request.path)

    def _ready(self, incoming: web.BaseRequest, connection: Connection) -> Wire | None:
        if incoming.method not in ("GET", "HEAD") or incoming.body_exists:
            return None
        path = incoming.rel_url.raw_path_qs
        kept = self._site.ready.get(path)
        if kept is None or (connection.access.names_sites and not _may_have(incoming, connection)):
            return None
        if self.tokens is not None:
            if not self.tokens.passes(incoming.method, path, incoming.headers.get("Authorization")):
                return None
        elif incoming.method == "GET":  # bytes that were learnt are asked for no token
            connection.learn(incoming)
        connection.enter(Phase.WORKING)
        return Wire(*kept.for_client(incoming.headers.get("If-None-Match")))

    async def _answer(self, request: Request) -> tuple[Answer, bytes]:
        try:
            answer = call_bottle(self._site, request)
            if inspect.isawaitable(answer):
                answer = await answer
            assert isinstance(answer, Answer)
            payload = answer.payload()
        except ApplianceError as error:
            answer = answer_error(error)
            return answer, answer.payload()
        except Exception:  # the per-connection boundary: one request's bug must not end the others
            log.exception("%s %s failed", request.method, request.path[:200])
            answer = error_answer(500, "this box could not answer; its log says why")
            return answer, answer.payload()
        if answer.settle:
            await self._hold(answer.settle)
        return answer, payload

    async def _hold(self, ids: tuple[str, ...]) -> None:
        """All of them settle at the same time, so to wait for one after the other is to wait for the last."""
        try:
            async with asyncio.timeout(SETTLE_TIMEOUT_S):
                for number, id in enumerate(ids, 1):
                    await self._settled(id)
                    if number % SETTLED_A_TURN == 0:
                        await asyncio.sleep(0)  # those of a bulk have all settled long ago: no wait would let others on
        except TimeoutError:
            pass  # what comes later becomes visible state
        except Exception:  # the boundary again: what was taken is taken, and the answer says so
            log.exception("waiting for %s failed", ", ".join(ids)[:200])

    def _response(self, request: Request, answer: Answer, payload: bytes, incoming: web.BaseRequest) -> Wire:
        # by the path as it was sent: "/%2541" is not "/%41", though it decodes to it
        if request.method == "GET" and incoming.rel_url.raw_path_qs == request.path and request.path.isascii():
            kept = self._site.ready.keep(request.path, answer, payload)
            if kept is not None:
                return Wire(*kept.for_client(request.headers.get("if-none-match")))
        return Wire(*serialised(request.path, answer, payload))


def call_bottle(site: Site, request: Request) -> Any:
    """One request through bottle's router; the answer is a value, or an awaitable that becomes one."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "0",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        REQUEST_KEY: request,
    }
    for _ in site.bottle.wsgi(environ, _discard):
        pass
    answer = environ.get(ANSWER_KEY)
    return answer if answer is not None else error_answer(400, "the request is not valid")


def _may_have(incoming: web.BaseRequest, connection: Connection) -> bool:
    """Whether it may be given what is kept; the reason why not is said where all else is refused."""
    asked = incoming.method, incoming.rel_url.raw_path, _Headers(incoming.headers)
    try:
        connection.access.check(connection.right, *asked)
    except ApplianceError:
        return False
    return True


def _discard(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
    """Bottle's status and headers are not used: the answer is a value."""


async def _read(incoming: web.BaseRequest, connection: Connection, limits: Limits) -> Request:
    """The whole request, within limits; bad paths and bodies become errors that say so."""
    body = b""
    if incoming.body_exists:
        if incoming.headers.get("Content-Encoding", "identity") != "identity":
            raise NotPlain("Content-Encoding: a body is taken as it is, not packed")
        connection.enter(Phase.BODY)
        try:
            async with asyncio.timeout(limits.read_s):
                body = await _read_body(incoming, limits.body)
        except TimeoutError:
            raise TooSlow(f"the body was not whole after {limits.read_s:g} s") from None
        except (web.RequestPayloadError, HttpProcessingError) as error:
            raise BadRequest(f"the body is not as its head says: {error}"[:200]) from None
    return Request(
        method=incoming.method,
        path=_path_of(incoming),
        query=_query_of(incoming),
        headers=_Headers(incoming.headers),
        body=body,
        local=connection.local,
        remote=connection.remote,
        raw_query=incoming.rel_url.raw_query_string,
    )


async def _read_body(incoming: web.BaseRequest, limit: int) -> bytes:
    too_large = TooLarge(f"the body is over {limit} bytes")
    if incoming.content_length is not None and incoming.content_length > limit:
        raise too_large
    if incoming.headers.get("Expect", "").lower() == "100-continue" and incoming.transport is not None:
        incoming.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    async for chunk in incoming.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)


def _path_of(incoming: web.BaseRequest) -> str:
    """Decoded, strictly: what is left of a bad escape would be another path."""
    raw = incoming.rel_url.raw_path
    if raw.isascii() and "%" not in raw:
        return raw
    if _BAD_ESCAPE.search(raw):
        raise BadRequest("the path has a % without two hexadecimal digits")
    try:
        return unquote_to_bytes(raw.encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("the path is not UTF-8") from None


def _query_of(incoming: web.BaseRequest) -> dict[str, str]:
    try:
        return dict(parse_qsl(incoming.query_string, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS))
    except ValueError:
        raise BadRequest(f"the query has over {MAX_QUERY_FIELDS} fields") from None


class _Headers(dict[str, str]):
    """Header names in lower case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__((name.lower(), value) for name, value in headers.items())


def _affordable(limits: Limits) -> Limits:
    """Half of the descriptors are for connections: streams, peers and files need the others."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limits if most == resource.RLIM_INFINITY else replace(limits, connections=min(limits.connections, most // 2))
