"""``/panel/meters``: levels and packets ten times a second, as server-sent events, for as long as somebody watches.

Nothing is worked out while nobody does: what processes say of it is kept as they said it (media/figures.py).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol, Self

from aiohttp import web

from appliance.core.store import Store
from appliance.core.types import Clock
from appliance.edge.panel_events import HEADERS, TooManyFollowers
from appliance.edge.server import HttpServer
from appliance.media.engine import StreamStatus
from appliance.media.figures import StreamFigures
from appliance.panel.streams import Streams
from appliance.panel.updates import KEEP_ALIVE
from appliance.web.messages import Request, encode_json
from appliance.web.site import Site

PATH = "/panel/meters"
MAX_WATCHERS = 16
PERIOD_S = 0.1
KEEP_ALIVE_S = 5.0
WRITE_TIMEOUT_S = 10.0


class Told(Protocol):
    """The streams themselves (edge/media.py)."""

    def status(self, id: str) -> StreamStatus: ...
    def figures(self, id: str) -> StreamFigures: ...


class MeterEvents:
    """The figures of all streams on a site, and their meters. ``close`` ends every stream of events."""

    def __init__(self, store: Store, clock: Clock, media: Told) -> None:
        self._streams = Streams(store, clock, media.status, media.figures)
        self._watchers = 0
        self._closing = asyncio.Event()

    def mount(self, site: Site, server: HttpServer) -> Self:
        self._streams.declare(site)
        server.stream(PATH, self.handle)
        return self

    @property
    def watchers(self) -> int:
        return self._watchers

    def close(self) -> None:
        self._closing.set()

    async def handle(self, incoming: web.BaseRequest, request: Request) -> web.StreamResponse:
        """``id``: of this sender or receiver alone. Until the other end goes away, stops reading, or the box stops."""
        only = request.query.get("id")
        if only is not None:
            self._streams.check(only)
        if self._watchers >= MAX_WATCHERS:
            raise TooManyFollowers(f"{MAX_WATCHERS} watch the meters of this box already")
        response = web.StreamResponse(headers=HEADERS)
        self._watchers += 1
        try:
            await response.prepare(incoming)
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._watch(response, only)
        finally:
            self._watchers -= 1
        if incoming.transport is not None and not self._closing.is_set():
            incoming.transport.abort()  # what waits in its buffer would never be read
        return response

    async def _watch(self, response: web.StreamResponse, only: str | None) -> None:
        loop = asyncio.get_running_loop()
        said, said_at = b"", -KEEP_ALIVE_S
        while not self._closing.is_set():
            event = b"event: meters\ndata: %s\n\n" % encode_json({"streams": list(self._streams.meters(only))})
            if event != said or loop.time() - said_at >= KEEP_ALIVE_S:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await response.write(event if event != said else KEEP_ALIVE)
                said, said_at = event, loop.time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PERIOD_S):
                    await self._closing.wait()
