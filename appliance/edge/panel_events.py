"""``/panel/events``: the menu as server-sent events, to any number of followers up to a limit.

Each follower has its own list of what it must still hear (panel.updates), so one that reads slowly delays nobody; one
that takes nothing for ten seconds is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web

from appliance.core.types import Clock
from appliance.errors import ApplianceError, NotFound
from appliance.panel.menu import MenuModel
from appliance.panel.updates import KEEP_ALIVE, Updates
from appliance.web.messages import Request

PATH = "/panel/events"
MAX_FOLLOWERS = 64
KEEP_ALIVE_S = 15.0
WRITE_TIMEOUT_S = 10.0
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class TooManyFollowers(ApplianceError):
    status = 503


class PanelEvents:
    """The handler for :data:`PATH` (``server.stream(PATH, events.handle)``). ``close`` ends every stream."""

    def __init__(
        self,
        menu: MenuModel,
        clock: Clock,
        max_followers: int = MAX_FOLLOWERS,
        write_timeout_s: float = WRITE_TIMEOUT_S,
    ) -> None:
        self._menu, self._clock = menu, clock
        self._max_followers, self._write_timeout_s = max_followers, write_timeout_s
        self._wake: set[asyncio.Event] = set()
        self._closed = False

    @property
    def followers(self) -> int:
        return len(self._wake)

    def close(self) -> None:
        self._closed = True
        for wake in self._wake:
            wake.set()

    async def handle(self, incoming: web.BaseRequest, request: Request) -> web.StreamResponse:
        """Follow the menu until the other end goes away, stops reading, or the box stops."""
        receiver_id = request.query.get("receiver")
        if receiver_id is not None and self._menu.receiver(receiver_id) is None:
            raise NotFound(f"receiver: this box has no receiver {receiver_id[:60]!r}")
        if len(self._wake) >= self._max_followers:
            raise TooManyFollowers(f"{self._max_followers} panels follow this box already")
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(incoming)
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._follow(response, receiver_id)
        if incoming.transport is not None and not self._closed:
            incoming.transport.abort()  # what waits in its buffer would never be read
        return response

    async def _follow(self, response: web.StreamResponse, receiver_id: str | None) -> None:
        updates = Updates(self._menu, self._clock, receiver_id)
        wake = asyncio.Event()

        def tell(change: object) -> None:
            wake.set()

        ends = (self._menu.subscribe(updates.on_change), self._menu.subscribe(tell))
        self._wake.add(wake)
        try:
            while not self._closed:
                wake.clear()
                await self._say_all(response, updates)
                try:
                    async with asyncio.timeout(KEEP_ALIVE_S):
                        await wake.wait()
                except TimeoutError:
                    await self._write(response, KEEP_ALIVE)
        finally:
            self._wake.discard(wake)
            for end in ends:
                end()

    async def _say_all(self, response: web.StreamResponse, updates: Updates) -> None:
        while not self._closed and (event := updates.next()) is not None:
            await self._write(response, event)
            await asyncio.sleep(0)  # a long list is said in pieces, and others run in between

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(self._write_timeout_s):
            await response.write(data)
