"""The way to another host: to which address, and, over TLS, as whom it must prove itself.

Whom this box contacts is known by addresses: no DNS is asked on a stranger's word. Certificates are for names. So over
TLS the URL that aiohttp gets has the name, and its resolver the address that was meant.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from appliance.edge.tls import Tls

_address: ContextVar[str] = ContextVar("address")


class Resolver(AbstractResolver):
    """The address of the way that is being gone; a name there (of the configuration, only) is looked up."""

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> list[Any]:
        address = _address.get(host)
        version = _version(address)
        if version is None:
            found: list[Any] = await aiohttp.ThreadedResolver().resolve(address, port, family=socket.AF_UNSPEC)  # type: ignore[arg-type,unused-ignore]
            return found
        known = socket.AF_INET6 if version == 6 else socket.AF_INET
        return [{"hostname": host, "host": address, "port": port, "family": known, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Nothing is open."""


@contextmanager
def way(tls: Tls, url: str, headers: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The URL and the options for aiohttp's session, for as long as it connects."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "wss"):
        yield url, {}
        return
    address = parts.hostname or ""
    name = urlsplit(f"//{headers['Host']}").hostname if "Host" in headers else None
    options: dict[str, Any] = {"ssl": tls.trusting()}
    if name is None or name.rstrip(".") == address:
        name = address
    else:
        host = f"[{name}]" if ":" in name else name.rstrip(".")
        url = urlunsplit(parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}"))
    token = _address.set(address)
    try:
        yield url, options
    finally:
        _address.reset(token)


def _version(address: str) -> int | None:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).version
    except ValueError:
        return None
