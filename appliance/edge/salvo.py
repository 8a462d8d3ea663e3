"""Several takes at the same time: not one waits for another's slow peer, and the loop has its turns in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from appliance.errors import ApplianceError
from appliance.web.messages import Answer

log = logging.getLogger(__name__)

AT_ONCE = 16


async def together(jobs: Mapping[str, Callable[[], Awaitable[Answer]]]) -> dict[str, str]:
    """Do all; what went wrong, by key."""
    turn = asyncio.Semaphore(AT_ONCE)
    failed: dict[str, str] = {}

    async def do(key: str, job: Callable[[], Awaitable[Answer]]) -> None:
        async with turn:
            await asyncio.sleep(0)
            try:
                answer = await job()
            except ApplianceError as error:
                failed[key] = error.message
            else:
                if answer.status >= 400:
                    failed[key] = str(answer.body.get("error", answer.status))

    async with asyncio.TaskGroup() as group:
        for key, job in jobs.items():
            group.create_task(do(key, job))
    return failed
