"""What was started is stopped in reverse; what does not stop in time is named and left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

STOP_LIMIT_S = 3.0
"""For each part; the service manager is promised that all of it takes less than 5 s."""

Stop = Callable[[], Awaitable[None] | None]


class Stops:
    """The parts that run, by name, in the order in which they were started."""

    def __init__(self) -> None:
        self._stops: list[tuple[str, Stop]] = []

    def append(self, part: tuple[str, Stop]) -> None:
        self._stops.append(part)

    async def stop(self) -> None:
        while self._stops:
            name, stop = self._stops.pop()
            try:
                async with asyncio.timeout(STOP_LIMIT_S):
                    stopping = stop()
                    if stopping is not None:
                        await stopping
            except TimeoutError:
                log.warning("%s did not stop within %g s", name, STOP_LIMIT_S)
