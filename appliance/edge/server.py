"""The HTTP server: aiohttp's sockets and parsing, our answers.

A GET whose bytes are ready is answered at once. Everything else is read whole (bounded), given to bottle inside the
loop, and its answer written from the value that the handler left in the environ. An answer may be a promise (a take
that first asks another host) or ask to be held a moment, until the streams it started are really there.
"""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from appliance.errors import ApplianceError, TooLarge
from appliance.web.messages import Answer, Request, error_answer
from appliance.web.ready import Kept
from appliance.web.site import ANSWER_KEY, REQUEST_KEY, Site, answer_error, cors_headers

log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
MAX_CONNECTIONS = 1000
READ_TIMEOUT_S = 30.0
SETTLE_TIMEOUT_S = 0.1

Settled = Callable[[str], Awaitable[None]]
"""Waits until the stream of a sender or receiver has its socket or its join, or a known fault."""

StreamHandler = Callable[[web.BaseRequest, Request], Awaitable[web.StreamResponse]]


class HttpServer:
    """Serves a :class:`Site` on any number of sockets. ``streams`` are paths whose answers do not end."""

    def __init__(self, site: Site, settled: Settled) -> None:
        self._site = site
        self._settled = settled
        self._streams: dict[str, StreamHandler] = {}
        self._server = web.Server(self._handle, keepalive_timeout=75.0)
        self._listening: list[asyncio.Server] = []

    def stream(self, path: str, handler: StreamHandler) -> None:
        """Answer GETs of ``path`` with an endless response (server-sent events)."""
        self._streams[path] = handler

    async def listen(self, host: str | None, port: int) -> int:
        """Bind and accept; returns the port (useful with 0). ``host`` ``None``: every address, v4 and v6."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._server, host, port, backlog=512, reuse_address=True)
        self._listening.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop accepting, let running answers end for a moment, close every connection."""
        for server in self._listening:
            server.close()
        await self._server.shutdown(timeout=1.0)
        for server in self._listening:
            await server.wait_closed()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        kept = self._ready(incoming)
        if kept is not None:
            return _ready_response(kept, incoming)
        try:
            request = await _read(incoming)
            stream = self._streams.get(request.path) if request.method == "GET" else None
            if stream is not None:
                return await stream(incoming, request)
            answer = await self._answer(request)
        except ApplianceError as error:
            answer = answer_error(error)
            request = Request(incoming.method, incoming.path)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # the per-connection boundary: one request's bug must not end the others
            log.exception("%s %s failed", incoming.method, incoming.path)
            answer = error_answer(500, "this box could not answer; its log says why")
            request = Request(incoming.method, incoming.path)
        return self._response(request, answer)

    def _ready(self, incoming: web.BaseRequest) -> Kept | None:
        if incoming.method in ("GET", "HEAD") and not incoming.body_exists:
            return self._site.ready.get(incoming.rel_url.raw_path_qs)
        return None

    async def _answer(self, request: Request) -> Answer:
        answer = call_bottle(self._site, request)
        if inspect.isawaitable(answer):
            answer = await answer
        assert isinstance(answer, Answer)
        if answer.settle:
            await self._hold(answer.settle)
        return answer

    async def _hold(self, ids: tuple[str, ...]) -> None:
        waiting = [asyncio.ensure_future(self._settled(id)) for id in ids]
        _done, late = await asyncio.wait(waiting, timeout=SETTLE_TIMEOUT_S)
        for task in late:
            task.cancel()

    def _response(self, request: Request, answer: Answer) -> web.Response:
        payload = answer.payload()
        if request.method == "GET" and not request.query:
            self._site.ready.keep(request.path, answer, payload)
        headers = {**cors_headers(request.path), **answer.headers}
        if payload or answer.status != 204:
            headers["Content-Type"] = answer.content_type
        if request.method == "HEAD":
            headers["Content-Length"] = str(len(payload))
            return web.Response(status=answer.status, headers=headers)
        return web.Response(body=payload, status=answer.status, headers=headers)


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


def _discard(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
    """Bottle's status and headers are not used: the answer is a value."""


async def _read(incoming: web.BaseRequest) -> Request:
    """The whole request, within limits; bad paths and bodies become errors that say so."""
    if incoming.content_length is not None and incoming.content_length > MAX_BODY:
        raise _too_large()
    body = bytearray()
    if incoming.body_exists:
        async with asyncio.timeout(READ_TIMEOUT_S):
            async for chunk in incoming.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY:
                    raise _too_large()
    return Request(
        method=incoming.method,
        path=incoming.path,
        query=dict(parse_qsl(incoming.query_string, keep_blank_values=True, max_num_fields=100)),
        headers=_Headers(incoming.headers),
        body=bytes(body),
        local=_is_loopback(incoming),
        remote=incoming.remote or "",
    )


class _Headers(dict[str, str]):
    """Header names in lower case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__((name.lower(), value) for name, value in headers.items())


def _too_large() -> ApplianceError:
    return TooLarge(f"the body is over {MAX_BODY} bytes")


def _is_loopback(incoming: web.BaseRequest) -> bool:
    """Whether both ends of the socket are loopback addresses of this host."""
    transport = incoming.transport
    if transport is None:
        return False
    ends = (transport.get_extra_info("sockname"), transport.get_extra_info("peername"))
    return all(end and ipaddress.ip_address(end[0].partition("%")[0]).is_loopback for end in ends)


def _ready_response(kept: Kept, incoming: web.BaseRequest) -> web.Response:
    headers = {**cors_headers(incoming.rel_url.raw_path), "Content-Type": kept.content_type, **dict(kept.headers)}
    if incoming.method == "HEAD":
        headers["Content-Length"] = str(len(kept.payload))
        return web.Response(headers=headers)
    return web.Response(body=kept.payload, headers=headers)
