"""The way through to the network's Query API: what a program asks of the local one is asked there, and answered here.

IS-04 Discovery - Peer-to-Peer Operation, "Recommendations for Dual-Mode Operation". Addresses in answers that lead back
to the API (Link, Location, ``ws_href``) are written so that the program stays with the local one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import quote

from aiohttp import web

from appliance.discovery.contact import ContactPolicy
from appliance.discovery.registration.services import Candidate
from appliance.edge.client import Bounds, HttpClient, HttpFailure, Reply
from appliance.edge.websocket import MESSAGE_BYTES, Lasting, ServedSocket, SocketClient, socket_url
from appliance.errors import ApplianceError
from appliance.nmos.query import BASE
from appliance.nmos.query.api import socket_href
from appliance.web.messages import Answer, Request, encode_json

BOUNDS = Bounds(body_bytes=16 * 1024 * 1024, connect_s=2.5, idle_s=5.0, total_s=15.0)
MAX_SOCKETS = 100
_PASSED_ON = ("accept", "authorization")
_PASSED_BACK = ("x-paging-limit", "x-paging-since", "x-paging-until", "x-ancestry-generations", "allow")
_ADDRESS = re.compile(rf"https?://[^/\s<>]+(?={re.escape(BASE)}(/|$|\?))")


class Upstream(Protocol):
    """``active``: the network's Query API is the one to ask; ``candidate`` says where, ``None`` for a moment."""

    @property
    def active(self) -> bool: ...

    @property
    def candidate(self) -> Candidate | None: ...


class QueryApiFailed(ApplianceError):
    """The network's Query API did not answer."""

    status = 502


class QueryProxy:
    """``upstream`` is the network's Query API, as far as there is one; ``policy`` says who may be contacted."""

    def __init__(
        self,
        client: HttpClient,
        sockets: SocketClient,
        upstream: Upstream,
        policy: Callable[[], ContactPolicy],
    ) -> None:
        self._client = client
        self._sockets = sockets
        self._upstream = upstream
        self._policy = policy
        self._open: set[ServedSocket] = set()

    @property
    def active(self) -> bool:
        return self._upstream.active

    async def forward(self, request: Request) -> Answer:
        """The answer of the network's Query API; 502 where it gives none."""
        reply = await self._ask(self._target(), request)
        body: Any = reply.body
        if "/subscriptions" in request.path and reply.status in (200, 201):
            body = _with_local_sockets(request, reply.body)
        headers = {name.title(): reply.headers[name] for name in _PASSED_BACK if name in reply.headers}
        host = request.headers.get("host", "127.0.0.1")
        for name in ("link", "location"):
            if name in reply.headers:
                headers[name.title()] = _ADDRESS.sub(f"http://{host}", reply.headers[name])
        headers["Access-Control-Expose-Headers"] = ", ".join(headers)
        return Answer(body, reply.status, reply.content_type, headers)

    def socket(
        self, incoming: web.BaseRequest, request: Request, version: str, id: str
    ) -> Awaitable[web.StreamResponse] | None:
        """The subscription's WebSocket through to the network's, or ``None`` where there is no Query API there."""
        return self._tunnel(self._target(), incoming, request.lasting, version, id) if self.active else None

    def close(self) -> None:
        """End every WebSocket: the Query API behind them has gone."""
        for socket in self._open:
            socket.drop()

    # ---- inside

    def _target(self) -> Candidate:
        target = self._upstream.candidate
        if target is None:
            raise QueryApiFailed("the network's Query API has gone just now")
        return target

    async def _ask(self, target: Candidate, request: Request) -> Reply:
        query = f"?{request.raw_query}" if request.raw_query else ""
        url = f"{target.url}{quote(request.path, safe='/:@!$&,;=+*()~')}{query}"
        headers = target.headers | {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        if self._client.tokens is not None:  # the client's token was for this box: it is nobody else's business
            headers.pop("authorization", None)
            headers |= self._client.proof("query", url)
        body = request.json() if request.body else None
        repeatable = request.method in ("GET", "HEAD", "PUT", "DELETE")
        method = "GET" if request.method == "HEAD" else request.method
        try:
            return await self._client.send(method, url, body, BOUNDS, headers=headers, repeatable=repeatable)
        except HttpFailure as failure:
            raise QueryApiFailed(f"the network's Query API ({target.name}): {failure.reason}") from failure

    async def _tunnel(
        self, target: Candidate, incoming: web.BaseRequest, lasting: Lasting | None, version: str, id: str
    ) -> web.StreamResponse:
        if len(self._open) >= MAX_SOCKETS:
            raise QueryApiFailed(f"{MAX_SOCKETS} WebSockets are open already")
        try:
            url, headers = await self._socket_of(target, version, id)
            headers |= self._client.proof("query", url)
            upstream = await self._sockets.connect(url, headers, MESSAGE_BYTES, BOUNDS.connect_s)
        except HttpFailure as failure:
            raise QueryApiFailed(f"the network's Query API ({target.name}): {failure.reason}") from failure
        try:
            socket = await ServedSocket.accept(incoming, lasting)
            self._open.add(socket)
            try:
                await _pump(socket, upstream)
            finally:
                self._open.discard(socket)
        finally:
            await upstream.close()
        return socket.response

    async def _socket_of(self, target: Candidate, version: str, id: str) -> tuple[str, dict[str, str]]:
        """Where the network's Query API has the socket of this subscription."""
        asked = f"{target.url}{BASE}/{version}/subscriptions/{id}"
        headers = target.headers | self._client.proof("query", asked)
        reply = await self._client.get(asked, BOUNDS, headers=headers)
        if reply.status != 200:
            raise HttpFailure(f"it answers {reply.status} for the subscription", reached=True)
        try:
            href = json.loads(reply.body)["ws_href"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise HttpFailure("its subscription has no ws_href", reached=True) from error
        return socket_url(href, target, self._policy())


async def _pump(socket: ServedSocket, upstream: Any) -> None:
    """Messages of either to the other, until one of them goes."""

    async def up() -> None:
        async for text in socket.messages():
            await upstream.send(text)

    async def down() -> None:
        async for text in upstream.messages():
            await socket.send(text)

    tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0] not in done and not isinstance(tasks[1].exception(), TimeoutError):
            await socket.close()
        elif tasks[0] not in done:
            socket.drop()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _with_local_sockets(request: Request, body: bytes) -> bytes:
    """The subscription, or the list of them, with the local API's ``ws_href``; anything else as it came."""
    version = request.path.removeprefix(BASE).strip("/").partition("/")[0]

    def localised(subscription: Any) -> Any:
        if not isinstance(subscription, dict) or not isinstance(subscription.get("id"), str):
            return subscription
        return {**subscription, "ws_href": socket_href(request, version, subscription["id"])}

    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if isinstance(document, list):
        return encode_json([localised(item) for item in document])
    return encode_json(localised(document))
