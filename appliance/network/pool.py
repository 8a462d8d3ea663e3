"""Which multicast address a sender's leg gets from the pool where its ``destination_ip`` is ``auto``.

The same sender and leg get the same address again after a reboot, with nothing stored: the first candidate comes from
a hash of both, the next ones from a walk over the pool whose steps come from it too. On the wire a group is only the
low 23 bits of its address (RFC 1112 section 6.4), so what switches filter by is compared, not the address alone.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection, Iterator
from functools import lru_cache
from math import gcd

MAX_TRIES = 65_536


def pick(pool: str, sender_id: str, leg: int, taken: Collection[str] = ()) -> str | None:
    """A group of ``pool`` (CIDR) for this leg that nobody in ``taken`` uses; ``None`` where all are in use.

    One whose frames nobody else's groups share, while there is such a one.
    """
    network = ipaddress.ip_network(pool)
    groups = {_number(group) for group in taken}
    frames = {_frame(group, network.version) for group in groups}
    shared = None
    for offset in _walk(network.num_addresses, f"{sender_id}/{leg}"):
        group = int(network.network_address) + offset
        if group in groups or is_reserved(group, network.version):
            continue
        if _frame(group, network.version) not in frames:
            return str(network.network_address + offset)
        if shared is None:
            shared = str(network.network_address + offset)
    return shared


def is_reserved(group: int, version: int = 4) -> bool:
    """Whether a group, as an integer, is one to keep off.

    IPv4: one that ends in .0 or .255, or whose frames are those of 224.0.0.0/24 (x.0.0.y, x.128.0.y), which switches
    flood everywhere, or of the PTP groups 224.0.1.129 to .132, which every clock listens to.
    """
    if version != 4:
        return group & 0xFFFFFFFF == 0
    frame = _frame(group, version)
    return group & 0xFF in (0, 255) or frame <= 0xFF or 0x0181 <= frame <= 0x0184


@lru_cache(maxsize=65_536)
def _number(group: str) -> int:
    """The address as an integer: kept, because a box with a thousand senders asks for the same thousand each time."""
    return int(ipaddress.ip_address(group))


def _frame(group: int, version: int) -> int:
    """What of the group is in the destination MAC address: 23 bits (RFC 1112 6.4), of IPv6 32 (RFC 2464 section 7)."""
    return group & (0x7FFFFF if version == 4 else 0xFFFFFFFF)


def _walk(size: int, key: str) -> Iterator[int]:
    """Offsets into the pool, each once, in an order that depends on the key alone; not endlessly many."""
    digest = hashlib.sha256(key.encode()).digest()
    offset = int.from_bytes(digest[:16], "big") % size
    step = int.from_bytes(digest[16:], "big") % size or 1
    while gcd(step, size) != 1:
        step += 1
    for _ in range(min(size, MAX_TRIES)):
        yield offset
        offset = (offset + step) % size
