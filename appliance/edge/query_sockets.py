"""The WebSockets of the local Query API: each client is told the grains of its subscription, at its own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator

from aiohttp import web

from appliance.core.types import Clock
from appliance.edge.websocket import ServedSocket
from appliance.errors import NotFound
from appliance.nmos.query.api import SOCKET_PATH
from appliance.nmos.query.grains import Follower
from appliance.nmos.query.subscriptions import Subscriptions
from appliance.web.messages import Answer, Request

Instead = Callable[[web.BaseRequest, Request, str, str], Awaitable[web.StreamResponse] | None]
"""Another way to serve the socket of a version's subscription; ``None``: there is none now."""


class QuerySockets:
    """The handler for ``server.sockets(BASE + "/", sockets.handle)``. ``close`` ends every socket."""

    def __init__(self, subscriptions: Subscriptions, clock: Clock, instead: Instead) -> None:
        self._subscriptions = subscriptions
        self._clock = clock
        self._instead = instead
        self._closed = False

    def close(self) -> None:
        self._closed = True
        self._subscriptions.end_followers()

    async def handle(self, incoming: web.BaseRequest, request: Request) -> web.StreamResponse:
        """Tell a client everything that its subscription is about, until one of the two goes away."""
        match = SOCKET_PATH.fullmatch(request.path)
        if not request.local or match is None:
            raise NotFound(f"there is nothing at {request.path[:200]}")
        elsewhere = self._instead(incoming, request, match[1], match[2])
        if elsewhere is not None:
            return await elsewhere
        wake = asyncio.Event()
        follower = self._subscriptions.follow(match[1], match[2], wake.set)
        try:
            socket = await ServedSocket.accept(incoming, request.lasting)
            await self._serve(socket, follower, wake)
        finally:
            self._subscriptions.leave(self._clock.monotonic(), follower)
        return socket.response

    async def _serve(self, socket: ServedSocket, follower: Follower, wake: asyncio.Event) -> None:
        telling = asyncio.create_task(self._tell(socket, follower, wake))
        try:
            async for _ in socket.messages():
                pass  # clients have nothing to say here
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self, socket: ServedSocket, follower: Follower, wake: asyncio.Event) -> None:
        """Runs beside the reading, which ends when the socket is closed."""
        try:
            while not (follower.ended or self._closed):
                wake.clear()
                grain = follower.next_grain(self._clock.tai_ns())
                if grain is None:
                    await wake.wait()
                    continue
                await socket.send(grain.decode())
                # Others have their turn; and changes are not told more often than was wished for.
                await asyncio.sleep(0 if follower.syncing else follower.interval_s)
        except (ConnectionError, TimeoutError):
            socket.drop()
        else:
            await socket.close()


async def patiently(work: Generator[None, None, Answer]) -> Answer:
    """Do work slice by slice; between two slices others have their turn."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            answer: Answer = done.value
            return answer
        await asyncio.sleep(0)
