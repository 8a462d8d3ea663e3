"""Others to whom a controller sends this box: whether it may, where they are, how they prove who they are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from appliance.discovery.contact import ContactPolicy
from appliance.edge.tls import Tls


async def _nothing(_host: str) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Reach:
    """``addresses_of(host, scheme)``: what nodes announced. ``look_up``: what mDNS says of a name in ``.local``."""

    policy: Callable[[], ContactPolicy]
    addresses_of: Callable[[str, str], Sequence[str]]
    tls: Tls
    look_up: Callable[[str], Awaitable[Sequence[str]]] = _nothing

    async def resolve(self, host: str, port: int, scheme: str) -> Sequence[str]:
        """The addresses of a host. OSError or UnicodeError where nobody knows it: the C library, asked last, needs
        nss-mdns for ``.local``."""
        found = self.addresses_of(host, scheme)
        if not found and host.lower().rstrip(".").endswith(".local"):
            found = await self.look_up(host)
        if not found:
            entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = [str(entry[4][0]) for entry in entries]
        return found
