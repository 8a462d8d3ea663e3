"""The host's network where there is no netlink (a developer's laptop), by netifaces: read on demand, never followed.

netifaces knows addresses and default gateways; neither cables nor routes. So every interface with an address counts
as plugged in, and a look-up answers by subnet, else by the default gateway.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType

from appliance.errors import ApplianceError
from appliance.network.listeners import Listeners
from appliance.network.model import Address, Interface, NetworkState, Route, StateListener
from appliance.network.roles import with_roles

_ASSUMED_MTU = 1500

Entries = Mapping[int, Sequence[Mapping[str, str]]]
"""What `netifaces.ifaddresses` returns: by address family, dictionaries with ``addr`` and ``netmask``."""


class PortableNetwork:
    """`appliance.network.model.Network` over netifaces. ``media`` and ``control`` are [network]'s."""

    def __init__(self, media: Sequence[str] = (), control: str | None = None) -> None:
        self._media = tuple(media)
        self._control = control
        self._listeners = Listeners()
        self._state = NetworkState()
        self._gateways: dict[int, tuple[str, str]] = {}

    def open(self) -> None:
        """Read the network for the first time. `ApplianceError` without netifaces."""
        self.refresh()

    def watch(self) -> None:
        """Nothing tells of changes here; `refresh` finds them."""

    def snapshot(self) -> NetworkState:
        return self._state

    def refresh(self) -> NetworkState:
        """Read again now; listeners are told where it differs."""
        netifaces = _netifaces()
        names = {socket.AF_INET: 4, socket.AF_INET6: 6}
        defaults = netifaces.gateways().get("default", {})
        self._gateways = {names[family]: entry[:2] for family, entry in defaults.items() if family in names}
        found = [read_interface(name, netifaces.ifaddresses(name), _index(name)) for name in netifaces.interfaces()]
        state = with_roles(NetworkState({each.name: each for each in found}), self._media, self._control)
        before, self._state = self._state, state
        if state != before:
            self._listeners.tell(state)
        return state

    def assign(self, media: Sequence[str], control: str | None) -> None:
        """Other interfaces are for media and control from now on; listeners are told if that makes a difference."""
        if (tuple(media), control) != (self._media, self._control):
            self._media, self._control = tuple(media), control
            self.refresh()

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        return self._listeners.add(listener)

    def lookup(self, destination: str, *, interface: str | None = None) -> Route | None:
        return guess_route(self._state, self._gateways, destination, interface)

    def close(self) -> None:
        """There is nothing to close."""


def read_interface(name: str, entries: Entries, index: int) -> Interface:
    """One interface from what netifaces says of it."""
    addresses = (*_addresses(entries.get(socket.AF_INET, ())), *_addresses(entries.get(socket.AF_INET6, ())))
    loopback = any(ipaddress.ip_address(address.ip).is_loopback for address in addresses)
    macs = [entry["addr"] for entry in entries.get(_af_link(), ()) if "addr" in entry]
    return Interface(
        name=name,
        index=index,
        mac=macs[0].lower() if macs and not loopback else None,
        up=bool(addresses),
        carrier=bool(addresses),
        loopback=loopback,
        multicast=not loopback,
        mtu=_ASSUMED_MTU,
        addresses=addresses,
    )


def guess_route(
    state: NetworkState, gateways: Mapping[int, tuple[str, str]], destination: str, interface: str | None
) -> Route | None:
    """By subnet, else by the default gateway of the family (``gateways``: version → gateway and its interface)."""
    ip = ipaddress.ip_address(destination)
    asked = [each for each in state.interfaces.values() if interface in (None, each.name)]
    for each in asked:
        for address in each.of_version(ip.version):
            if address.reaches(destination):
                return Route(each.name, address.ip)
    gateway, leaves_by = gateways.get(ip.version, (None, None))
    for each in asked:
        own = each.of_version(ip.version)
        if own and ip.is_multicast and interface is not None:
            return Route(each.name, own[0].ip)
        if own and each.name == leaves_by:
            return Route(each.name, own[0].ip, None if ip.is_multicast else gateway)
    return None


def _addresses(entries: Iterable[Mapping[str, str]]) -> tuple[Address, ...]:
    return tuple(
        Address(entry["addr"].partition("%")[0], _prefix(entry["netmask"]))
        for entry in entries
        if "addr" in entry and "netmask" in entry
    )


def _prefix(netmask: str) -> int:
    """255.255.255.0 and ffff:ffff:: have lengths; netifaces writes ``ffff:ffff::/32`` on some platforms."""
    mask, _, length = netmask.partition("/")
    return int(length) if length else int(ipaddress.ip_address(mask)).bit_count()


def _af_link() -> int:
    """The family of MAC addresses: AF_PACKET on Linux, AF_LINK on BSD and macOS."""
    return int(getattr(socket, "AF_PACKET", 0) or getattr(socket, "AF_LINK", 18))


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0  # it went between being listed and being asked for


def _netifaces() -> ModuleType:
    """Imported when it is needed: hosts with netlink do without it."""
    try:
        import netifaces
    except ImportError as missing:
        raise ApplianceError(
            "this platform has no netlink, and netifaces, which would stand in for it, is not installed: "
            "pip install netifaces"
        ) from missing
    module: ModuleType = netifaces
    return module
