"""Keeps the peer cache on flash, so that the menu is there a moment after power-on.

Written soon after something changed, but seldom while much changes: all of it can be fetched again, and flash wears.
Reading and writing go in the slices of discovery/cache.py.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from appliance.discovery import cache
from appliance.discovery.peers import PeerCache
from appliance.discovery.world import SELF, World, WorldChange
from appliance.edge.files import StateDirectory, StateWriter
from appliance.errors import BadRequest
from appliance.system.trouble import component

log = logging.getLogger(__name__)

FILE = "peers.cbor"
SOON_S = 2.0
SELDOM_S = 60.0
"""So long at least between two writings."""
_SLICE_S = 0.002


class PeerFile:
    """``load`` before the first announcement is heard, ``start`` then, ``stop`` writes what is new."""

    def __init__(self, directory: StateDirectory, writer: StateWriter, world: World, peers: PeerCache) -> None:
        self._directory = directory
        self._writer = writer
        self._world = world
        self._peers = peers
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def load(self, restore: Callable[[bytes], Awaitable[None]]) -> None:
        """Give what was kept to ``restore``; a file that it refuses (BadRequest) is set aside."""
        data = self._directory.read_file(FILE)
        if data is None:
            return
        try:
            await restore(data)
        except BadRequest as error:
            self._directory.set_aside(FILE, error.message)

    def start(self) -> None:
        self._unsubscribe = self._world.subscribe(self._on_world)
        self._task = component(self._run(), "peer file")

    async def stop(self) -> None:
        self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._changed.is_set():
            await self._write()

    def _on_world(self, change: WorldChange) -> None:
        if change.added or change.changed or change.removed or change.peers - {SELF}:
            self._changed.set()

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(SOON_S)
            await self._write()
            await asyncio.sleep(SELDOM_S)

    async def _write(self) -> None:
        self._changed.clear()
        chunks = []
        until = time.monotonic() + _SLICE_S
        for chunk in cache.dump(self._peers.peers()):
            chunks.append(chunk)
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + _SLICE_S
        try:
            await self._writer.replace(FILE, chunks)
        except OSError as error:
            log.warning("the peer cache could not be saved: %s", error.strerror)
