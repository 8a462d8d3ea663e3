"""How often a PIN or a password may be tried: a few times at once, then after longer and longer waits.

An attempt counts from its beginning, so that a thousand at the same time are not a thousand guesses.
"""

from __future__ import annotations

import ipaddress
import math

from appliance.errors import TooManyAttempts

FREE = 3
LONGEST_S = 300.0
FORGET_S = 3600.0
MAX_KEYS = 1000


class Attempts:
    """By the address of whoever tries; of IPv6 by its subnet, in which one host has addresses without end. Times are
    monotonic seconds."""

    def __init__(self) -> None:
        self._failed: dict[str, tuple[int, float]] = {}

    def begin(self, remote: str, now: float) -> None:
        """:class:`TooManyAttempts` where it is too early for another one; else it counts as failed until it has not."""
        key = _subnet(remote)
        count, last = self._failed.get(key, (0, now))
        if now - last > FORGET_S:
            count = 0
        wait = last + _delay(count) - now
        if wait > 0:
            raise TooManyAttempts(f"wrong too often: try again in {math.ceil(wait)} s")
        self._failed.pop(key, None)
        if len(self._failed) >= MAX_KEYS:
            del self._failed[next(iter(self._failed))]
        self._failed[key] = (count + 1, now)

    def succeeded(self, remote: str) -> None:
        self._failed.pop(_subnet(remote), None)


def _subnet(remote: str) -> str:
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return remote
    if isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped is not None:
        return remote
    return str(ipaddress.ip_network((address, 64), strict=False))


def _delay(failures: int) -> float:
    """None for the first, then 1, 2, 4... seconds."""
    return 0.0 if failures < FREE else min(LONGEST_S, 2.0 ** min(failures - FREE, 30))
