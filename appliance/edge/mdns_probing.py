"""Whether a name is free on the network: RFC 6762 section 8.1, at the pace that it asks for.

python-zeroconf does this itself, but newer releases twice as slowly as they should: half a second longer, in which a
box that was just switched on is found by nobody. Where a release is quick enough it is left to it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from zeroconf import ServiceInfo, Zeroconf
from zeroconf.const import _CHECK_TIME

PROBES = 3
APART_S = 0.25
TOO_SLOW = _CHECK_TIME > APART_S * 1000
"""Whether python-zeroconf lets more time pass between its probes."""

Wait = Callable[[float], Awaitable[None]]


async def probe(zeroconf: Zeroconf, info: ServiceInfo, wait: Wait = asyncio.sleep) -> None:
    """Returns when nobody has ``info.name``; where somebody has it, it gets a number, and is asked for anew."""
    label, number, sent = info.name.removesuffix(f".{info.type}"), 1, 0
    await wait(random.uniform(0, APART_S))  # a hall in which the power comes back is full of boxes
    while True:
        if zeroconf.cache.current_entry_with_name_and_alias(info.type, info.name):
            number, sent = number + 1, 0
            info.name = f"{label}-{number}.{info.type}"
        elif sent == PROBES:
            return
        else:
            zeroconf.async_send(zeroconf.generate_service_query(info))
            sent += 1
            await wait(APART_S)
