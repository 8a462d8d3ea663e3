"""The host's network as the rules see it: a frozen snapshot of interfaces and addresses, and a route look-up."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


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
        return ipaddress.ip_address(self.ip).is_link_local


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface. ``mac`` as the kernel writes it (``aa:bb:..``, ``None`` on loopback)."""

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
    """All interfaces by name, in kernel order, and what media may use of them, in order of preference."""

    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    media: tuple[str, ...] = ()
    control: str | None = None

    def media_interfaces(self) -> tuple[Interface, ...]:
        return tuple(self.interfaces[name] for name in self.media if name in self.interfaces)

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


class Routes(Protocol):
    """Where the kernel would send a packet. Synchronous: the kernel answers within the call."""

    def lookup(self, destination: str, *, interface: str | None = None) -> Route | None:
        """The route to ``destination`` (optionally only out of ``interface``); ``None`` where there is none."""
        ...
