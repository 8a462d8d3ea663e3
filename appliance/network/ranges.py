"""Addresses as sockets and strangers write them, and networks that they are in or not."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def plain(ip: str) -> Address | None:
    """The address without its zone; one of IPv4 that is written as IPv6 (``::ffff:10.0.0.1``) is one of IPv4. ``None``
    for what is none, also for those that other programs would take for one (``127.1``, ``0x7f000001``)."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


class Ranges:
    """Networks of both families, as the configuration names them: ``10.0.0.0/8``, ``fd00::/8``, ``10.0.0.7``."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """ValueError for what is no network."""
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def has(self, ip: str) -> bool:
        address = plain(ip)
        return address is not None and any(address in network for network in self._networks)


NO_RANGES = Ranges()
