"""Which interfaces are for media, and which addresses the APIs are offered at."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import replace

from appliance.network.model import Address, Interface, NetworkState, Routes, needs_zone


def media_interfaces(state: NetworkState, configured: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the media interfaces, in order of preference.

    As configured, there or not; else every one that is up, Ethernet-like and can do multicast, but for the ports of
    bridges and bonds; where there is none at all, loopback.
    """
    if configured:
        return tuple(configured)
    up = [interface for interface in state.interfaces.values() if interface.up]
    ethernet = [i.name for i in up if i.mac and i.multicast and not i.loopback and not i.port_of]
    return tuple(ethernet or [interface.name for interface in up if interface.loopback])


def with_roles(state: NetworkState, media: Sequence[str] = (), control: str | None = None) -> NetworkState:
    """A state that was just read, with what [network] in the configuration says of it (``interfaces``, ``control``)."""
    return replace(state, media=media_interfaces(state, media), control=control)


def control_address(state: NetworkState, registry: str | None = None, routes: Routes | None = None) -> str:
    """The address that goes into every ``href``: never a name, and never one that needs a zone.

    Of the configured control interface; else the source address of the route to the registry; else of the first media
    interface with a cable, then without; else of any interface; else loopback, which is always served.
    """
    named = state.interfaces.get(state.control) if state.control else None
    for address in _hrefs(named) if named else ():
        return address.ip
    if registry is not None and routes is not None and (route := routes.lookup(registry)) and route.source:
        return route.source
    media = sorted(state.media_interfaces(), key=lambda interface: not interface.usable)
    others = [interface for interface in state.interfaces.values() if not interface.loopback]
    for interface in (*media, *others):
        for address in _hrefs(interface):
            return address.ip
    return "127.0.0.1"


def all_addresses(state: NetworkState) -> tuple[str, ...]:
    """Every address for ``api.endpoints`` and ``controls``: the control address first, loopback only if it is that.

    Without link-local IPv6 addresses, which mean nothing without the asker's own zone.
    """
    first = control_address(state)
    others = [interface for interface in state.interfaces.values() if not interface.loopback]
    listed = [address.ip for interface in others for address in _hrefs(interface)]
    return (first, *(ip for ip in listed if ip != first))


def announced_addresses(state: NetworkState) -> tuple[str, ...]:
    """`all_addresses` as others may be told them: loopback only where loopback is what media use, as it is with boxes
    that are all on one host. Anywhere else it would be the address of whoever hears of it."""
    local = any(interface.loopback for interface in state.media_interfaces())
    return tuple(ip for ip in all_addresses(state) if local or not ipaddress.ip_address(ip).is_loopback)


def multicast_addresses(state: NetworkState) -> tuple[str, ...]:
    """The addresses by which mDNS picks its interfaces: of the media interfaces, and of the control interface.

    Not ::1: Linux routes no IPv6 multicast over loopback.
    """
    return tuple(
        address.ip for interface in _multicast_interfaces(state) for address in interface.addresses
        if not (interface.loopback and address.version == 6)
    )  # fmt: skip


def multicast_links(state: NetworkState) -> frozenset[str]:
    """Of the same interfaces the names of those with a cable."""
    return frozenset(interface.name for interface in _multicast_interfaces(state) if interface.carrier)


def _multicast_interfaces(state: NetworkState) -> list[Interface]:
    names = dict.fromkeys((*state.media, *filter(None, (state.control,))))
    return [state.interfaces[name] for name in names if name in state.interfaces and state.interfaces[name].up]


def _hrefs(interface: Interface) -> list[Address]:
    """The addresses that a URL can carry, IPv4 first, and those a router forwards before link-local ones."""
    usable = [address for address in interface.addresses if not needs_zone(address.ip)]
    return sorted(usable, key=lambda address: (address.link_local, address.version))
