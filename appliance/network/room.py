"""What streams take of each port, and whether there is room for one more.

A port is what has a cable: the VLANs on one share its speed. The two directions of a link do not disturb each other, so
what is sent and what is received count apart.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from appliance.network.model import Interface, NetworkState, Role

MBIT = 1_000_000
USABLE = 0.9
"""Of a link's speed: the rest is for bursts, and for all that is no stream."""


@dataclass(frozen=True, slots=True)
class Load:
    """In bits a second: what a stream takes (0: not known), and what others take in its direction, by own address."""

    bit_rate: int = 0
    committed: Mapping[str, int] = field(default_factory=dict)


NO_LOAD = Load()


class Commitments:
    """What each active stream takes, by the address that it leaves from or comes to."""

    def __init__(self) -> None:
        self._streams: dict[str, tuple[Role, tuple[tuple[str, int], ...]]] = {}
        self._sums: dict[Role, defaultdict[str, int]] = {role: defaultdict(int) for role in Role}

    def note(self, id: str, role: Role, streams: Iterable[tuple[str, int]]) -> None:
        """What the legs of an endpoint take now: (own address, bits a second) of each."""
        self.forget(id)
        if streams := tuple(streams):
            self._streams[id] = (role, streams)
        for ip, bit_rate in streams:
            self._sums[role][ip] += bit_rate

    def forget(self, id: str) -> None:
        """The endpoint takes nothing any more."""
        role, streams = self._streams.pop(id, (Role.SENDER, ()))
        for ip, bit_rate in streams:
            self._sums[role][ip] -= bit_rate

    def of(self, role: Role) -> Mapping[str, int]:
        """All that is sent or received, by own address."""
        return self._sums[role]

    def of_others(self, id: str, role: Role) -> dict[str, int]:
        """The same without what this endpoint itself takes."""
        sums = dict(self._sums[role])
        for ip, bit_rate in self._streams[id][1] if id in self._streams else ():
            sums[ip] -= bit_rate
        return sums


def taken(state: NetworkState, name: str, committed: Mapping[str, int]) -> int:
    """Bits a second that streams take of the port of an interface."""
    port = state.port(name)
    sharing = (interface for interface in state.interfaces.values() if state.port(interface.name) == port)
    return sum(committed.get(address.ip, 0) for interface in sharing for address in interface.addresses)


def room(state: NetworkState, interface: Interface, load: Load) -> float:
    """What would be left of its port with this stream on it: less than 0 where there is no room. A port whose speed
    nobody knows has room for everything."""
    speed = speed_mbps(state, interface)
    if speed is None:
        return math.inf
    return speed * MBIT * USABLE - taken(state, interface.name, load.committed) - load.bit_rate


def used(state: NetworkState, interface: Interface, committed: Mapping[str, int]) -> str:
    """As "22.3 of 25 Mbit/s taken"."""
    return f"{mbit(taken(state, interface.name, committed))} of {speed_mbps(state, interface)} Mbit/s taken"


def crowded(state: NetworkState, commitments: Commitments) -> Iterator[str]:
    """A sentence for each port that has less room than its streams need."""
    for interface in state.interfaces.values():
        if interface.name != state.port(interface.name) or interface.loopback:
            continue
        for role, way in ((Role.SENDER, "sent"), (Role.RECEIVER, "received")):
            committed = commitments.of(role)
            if room(state, interface, Load(committed=committed)) < 0:
                full = used(state, interface, committed)
                yield (
                    f"{interface.name}: more is {way} there than there is room for ({full}), and packets may be lost; "
                    "move some streams to another port, or give it a faster link"
                )


def speed_mbps(state: NetworkState, interface: Interface) -> int | None:
    """Of its port; its own where that is not known."""
    port = state.interfaces.get(state.port(interface.name))
    return (port.speed_mbps if port else None) or interface.speed_mbps


def mbit(bit_rate: int) -> str:
    """In Mbit/s, as "0.42", "2.9" or "1244"."""
    value = bit_rate / MBIT
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
