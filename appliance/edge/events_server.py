"""The WebSockets at which others hear the events of this box: one path a device, each client at its own pace."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import web

from appliance.core.types import Clock
from appliance.edge.websocket import ServedSocket
from appliance.nmos.is05.events import EVENTS_PATH
from appliance.nmos.is07.broadcast import Broadcaster, Client
from appliance.web.messages import Request

PREFIX = f"{EVENTS_PATH}/devices/"
LEAVE_S = 0.7


class EventSockets:
    """The handler for ``server.sockets(PREFIX, sockets.handle)``. ``close`` ends every socket.

    ``may_hear`` is who may hear which sources; it is asked for each socket.
    """

    def __init__(self, broadcaster: Broadcaster, clock: Clock) -> None:
        self._broadcaster = broadcaster
        self._clock = clock
        self.may_hear: Callable[[Request], Callable[[str], bool]] = lambda request: lambda source_id: True
        self._serving: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Let each client hear what it was going to, then end."""
        self._broadcaster.close()
        if self._serving:
            await asyncio.wait(self._serving, timeout=LEAVE_S)

    async def handle(self, incoming: web.BaseRequest, request: Request) -> web.StreamResponse:
        """Serve one client until one of the two goes."""
        wake = asyncio.Event()
        device_id = request.path.removeprefix(PREFIX).rstrip("/")
        client = self._broadcaster.join(device_id, self._clock.monotonic(), wake.set, self.may_hear(request))
        try:
            socket = await ServedSocket.accept(incoming, request.lasting)
            await self._serve(socket, client, wake)
        finally:
            self._broadcaster.leave(client)
        return socket.response

    async def _serve(self, socket: ServedSocket, client: Client, wake: asyncio.Event) -> None:
        def woken() -> None:
            wake.set()
            if client.aborted:  # what is being sent to it would wait until it reads
                socket.drop()

        client.wake = woken
        telling = asyncio.create_task(self._tell(socket, client, wake))
        self._serving.add(telling)
        try:
            async for text in socket.messages():
                self._broadcaster.hear(client, text, self._clock.monotonic(), self._clock.tai_ns())
                # What has come already is read without a pause; others must have their turn.
                await asyncio.sleep(0)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            self._serving.discard(telling)
            client.wake = wake.set  # what woke it refers to it: a cycle, with all of the connection (collector.py)

    async def _tell(self, socket: ServedSocket, client: Client, wake: asyncio.Event) -> None:
        """Runs beside the reading, which ends when the socket is closed."""
        try:
            while client.ending is None:
                wake.clear()
                while (text := client.next()) is not None:
                    await socket.send(text)
                await self._wait(client, wake)
            while (text := client.next()) is not None:
                await socket.send(text)
        except (ConnectionError, TimeoutError):
            socket.drop()
        else:
            await socket.close(client.ending[0])

    async def _wait(self, client: Client, wake: asyncio.Event) -> None:
        """Until there is something to do, or the client has been silent for too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, client.due - self._clock.monotonic())):
                await wake.wait()
        client.check(self._clock.monotonic())
