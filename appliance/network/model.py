"""The host's network as the rules see it: a frozen snapshot of interfaces and addresses, and a route look-up."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Protocol


class Role(StrEnum):
    """Which end of a stream: what leaves the box, and what comes to it."""

    SENDER = "sender"
    RECEIVER = "receiver"


@dataclass(frozen=True, slots=True)
class Address:
    """One address of an interface. ``ip`` without zone or prefix length; ``link_local`` also for 169.254/16."""

    ip: str
    prefix: int

    @property
    def version(self) -> int:
        return 6 if ":" in self.ip else 4

    @property
    def link_local(self) -> bool:
        return parsed(self.ip).is_link_local

    @property
    def subnet(self) -> str:
        """As ``10.1.0.0/24``."""
        return str(_subnet(self.ip, self.prefix))

    def reaches(self, ip: str) -> bool:
        """Whether ``ip`` is in this address's subnet. A /32 or /128 is a subnet of one."""
        other = parsed(ip)
        return other.version == self.version and other in _subnet(self.ip, self.prefix)


@lru_cache(maxsize=1024)
def parsed(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address that was written; every activation asks some ten times, of the same few. ValueError: it is none."""
    return ipaddress.ip_address(ip)


@lru_cache(maxsize=256)
def _subnet(ip: str, prefix: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Every activation asks for it, of the same few addresses."""
    return ipaddress.ip_interface(f"{ip}/{prefix}").network


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface.

    ``mac`` as the kernel writes it (``aa:bb:..``, ``None`` where it is not Ethernet-like, as loopback). ``carrier``:
    a cable with something at its other end. ``port_of``: a port of that bridge or bond, which has the traffic.
    ``over``: the interface whose cable it shares (a VLAN's), which has its traffic too.
    """

    name: str
    index: int
    mac: str | None
    up: bool
    carrier: bool
    loopback: bool
    multicast: bool
    mtu: int
    speed_mbps: int | None = None
    addresses: tuple[Address, ...] = ()
    port_of: str | None = None
    over: str | None = None

    @property
    def usable(self) -> bool:
        return self.up and self.carrier and bool(self.addresses)

    @property
    def port_id(self) -> str | None:
        """The MAC as IS-04 writes it: lower case with hyphens."""
        return self.mac.lower().replace(":", "-") if self.mac else None

    def of_version(self, version: int) -> tuple[Address, ...]:
        return tuple(address for address in self.addresses if address.version == version)


@dataclass(frozen=True, slots=True)
class NetworkState:
    """All interfaces by name, in kernel order, and what media may use of them, in order of preference.

    ``control`` is the interface that the configuration wants the APIs' addresses from. ``routes`` is another number
    when routes changed, so that a state differs where only the answers of `Routes.lookup` do.
    """

    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    media: tuple[str, ...] = ()
    control: str | None = None
    routes: int = 0

    def media_interfaces(self) -> tuple[Interface, ...]:
        return tuple(self.interfaces[name] for name in self.media if name in self.interfaces)

    def port(self, name: str) -> str:
        """The interface that has the cable which this one uses: another one for VLANs, also for one on another."""
        for _ in self.interfaces:
            below = self.interfaces[name].over if name in self.interfaces else None
            if below is None:
                break
            name = below
        return name

    def owner_of(self, ip: str) -> Interface | None:
        """The interface that has this address."""
        for interface in self.interfaces.values():
            if any(address.ip == ip for address in interface.addresses):
                return interface
        return None


@dataclass(frozen=True, slots=True)
class Route:
    """The kernel's answer to a route look-up: out of which interface, and with which source address."""

    interface: str
    source: str | None
    gateway: str | None = None


RpFilter = Callable[[str], int | None]
"""How strictly the kernel filters by reverse path on an interface: the greater of ``all`` and its own (0 off, 1 strict,
2 loose; Linux Documentation/networking/ip-sysctl); `None` where that cannot be known."""


class Routes(Protocol):
    """Where the kernel would send a packet. Synchronous: the kernel answers within the call."""

    def lookup(self, destination: str, *, interface: str | None = None) -> Route | None:
        """The route to ``destination`` (optionally only out of ``interface``); ``None`` where there is none.

        Name an ``interface`` for groups only, to learn the source address: asked about an off-link host, Linux
        believes whoever names an interface and answers as if the host were on that link.
        """
        ...


def needs_zone(ip: str) -> bool:
    """Link-local IPv6 hosts are on every link as far as routes and subnets can say."""
    address = parsed(ip)
    return address.version == 6 and address.is_link_local


StateListener = Callable[[NetworkState], None]


class Network(Routes, Protocol):
    """The host's network, followed live where the platform can. All methods are called from the event loop."""

    def open(self) -> None:
        """Read the network for the first time. Needs no event loop."""
        ...

    def watch(self) -> None:
        """Follow changes from now on, on the running event loop."""
        ...

    def snapshot(self) -> NetworkState:
        """The state as last read."""
        ...

    def refresh(self) -> NetworkState:
        """Read again now; listeners are told where it differs."""
        ...

    def assign(self, media: Sequence[str], control: str | None) -> None:
        """What [network] says of ``interfaces`` and ``control`` is this from now on; listeners are told as ever."""
        ...

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        """Call ``listener`` with each state that differs from the one before. Returns what ends that."""
        ...

    def close(self) -> None:
        """Stop watching; a closed network answers no more."""
        ...
