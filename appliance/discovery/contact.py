"""Which addresses this box may contact on a stranger's word: the one rule, whoever the stranger is.

Never: itself and loopback (unless the configuration allows it), groups, addresses that are none of a host, and those at
which clouds tell a machine its own secrets. Whose word counts for which host is said by those who ask: peers and
registries for what they announce or name as their own (manifests.py, websocket.py), a controller for what it sends the
box to (:meth:`ContactPolicy.for_controllers`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.network.ranges import NO_RANGES, Ranges, plain


@dataclass(frozen=True, slots=True)
class Myself:
    """What must be known of this box to tell it from others. ``addresses`` without zone, ``host`` as announced."""

    node_id: str = ""
    addresses: frozenset[str] = frozenset()
    port: int = 0
    host: str = ""


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """``allow_local``: loopback and other programs on this host count as peers (the demo boxes do). ``contact``: where
    controllers may send the box, if the configuration says so."""

    me: Myself = Myself()
    allow_local: bool = False
    contact: Ranges = NO_RANGES

    def is_me(self, addresses: Iterable[str], port: int) -> bool:
        """Whether that is this very process. Loopback among other addresses tells nothing: everybody has it."""
        named = [without_zone(ip) for ip in addresses]
        telling = [ip for ip in named if not ipaddress.ip_address(ip).is_loopback] or named
        return port == self.me.port and any(ip in self.me.addresses for ip in telling)

    def permitted(self, ip: str, port: int) -> bool:
        """Whether a request may go there."""
        address = plain(ip)
        if address is None or address.is_multicast or address.is_unspecified or str(address) in _METADATA:
            return False
        if address.is_reserved and not address.is_loopback:  # broadcast, IPv4 in a disguise
            return False
        local = address.is_loopback or str(address) in self.me.addresses
        return not local or (self.allow_local and not (port == self.me.port and str(address) in self.me.addresses))

    def for_controllers(self, ip: str, port: int) -> bool:
        """Whether one may go there because a controller says so, by what IS-05 has for it."""
        return self.permitted(ip, port) and (not self.contact or self.contact.has(ip))

    def for_controller_at(self, remote: str, ip: str, port: int) -> bool:
        """Whether a file may be fetched there that the controller at ``remote`` names: its own, or one of the networks
        that the configuration has for this. Others are nobody's: no peer and no registry named them."""
        own = plain(ip) is not None and plain(ip) == plain(remote)
        return self.permitted(ip, port) and (own or self.contact.has(ip))


def without_zone(ip: str) -> str:
    """``fe80::1%eth0`` → ``fe80::1``."""
    return ip.partition("%")[0]


_METADATA = frozenset({"169.254.169.254", "fd00:ec2::254"})
