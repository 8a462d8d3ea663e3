"""Which addresses this box may contact on a stranger's word: not itself nor loopback, unless the config allows it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Myself:
    """What must be known of this box to tell it from others. ``addresses`` without zone."""

    node_id: str = ""
    addresses: frozenset[str] = frozenset()
    port: int = 0


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """``allow_local``: loopback and other programs on this host count as peers (the demo boxes do)."""

    me: Myself = Myself()
    allow_local: bool = False

    def is_me(self, addresses: Iterable[str], port: int) -> bool:
        """Whether that is this very process. Loopback among other addresses tells nothing: everybody has it."""
        named = [without_zone(ip) for ip in addresses]
        telling = [ip for ip in named if not ipaddress.ip_address(ip).is_loopback] or named
        return port == self.me.port and any(ip in self.me.addresses for ip in telling)

    def permitted(self, ip: str, port: int) -> bool:
        """Whether a request may go there."""
        try:
            address = ipaddress.ip_address(without_zone(ip))
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_multicast or address.is_unspecified or address == _BROADCAST:
            return False
        local = address.is_loopback or str(address) in self.me.addresses
        return not local or (self.allow_local and not (port == self.me.port and str(address) in self.me.addresses))


def without_zone(ip: str) -> str:
    """``fe80::1%eth0`` → ``fe80::1``."""
    return ip.partition("%")[0]


_BROADCAST = ipaddress.ip_address("255.255.255.255")
