"""Traps of a host's network in which streams get lost, each told in a sentence that says what to do.

What was chosen may be right and still not work: the kernel drops what comes in elsewhere than it would answer
(rp_filter), a subnet on two ports confuses everybody, a packet is longer than the port takes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from appliance.network.model import Interface, NetworkState, Role, Routes, RpFilter, needs_zone, parsed
from appliance.network.room import Commitments, crowded

_STRICT, _LOOSE = 1, 2
_UDP_AND_RTP = 8 + 12
_IP_HEADER = {4: 20, 6: 40}


@dataclass(frozen=True, slots=True)
class Path:
    """One leg of a stream as it is on the network. ``source`` is who sends it, `None` where that is not known;
    ``payload_bytes`` what is in each RTP packet."""

    role: Role
    interface: str
    destination: str
    source: str | None = None
    payload_bytes: int | None = None


def traps_of(path: Path, state: NetworkState, routes: Routes, rp_filter: RpFilter) -> tuple[str, ...]:
    """What will keep this leg from working, or may."""
    interface = state.interfaces.get(path.interface)
    if interface is None:
        return ()
    found = (_reverse_path(path, state, routes, rp_filter), _too_long(path, interface))
    return tuple(sentence for sentence in found if sentence)


def hints_of(path: Path, state: NetworkState, routes: Routes) -> tuple[str, ...]:
    """What works, but by luck: worth saying to who asks, not worth an alarm."""
    usable = [interface for interface in state.media_interfaces() if interface.usable]
    if not parsed(path.destination).is_multicast or len(usable) < 2:
        return ()
    if routes.lookup(path.destination) is not None:
        return ()
    remedy = f"`ip route add {_groups(path.destination)} dev {path.interface}`"
    without = f"there is no multicast route for {path.destination}"
    return (f"{without}: this box names the interface itself, other programs on it may not; {remedy} would be certain",)


def traps_of_host(state: NetworkState, commitments: Commitments) -> tuple[str, ...]:
    """What concerns all streams: two ports in one subnet, a port that has less room than its streams need."""
    return (*_shared_subnets(state), *crowded(state, commitments))


def _reverse_path(path: Path, state: NetworkState, routes: Routes, rp_filter: RpFilter) -> str | None:
    source = path.source
    if path.role is not Role.RECEIVER or source is None or ":" in source or state.owner_of(source):
        return None
    strictness = rp_filter(path.interface)
    if strictness not in (_STRICT, _LOOSE):
        return None
    route = routes.lookup(source)
    if route is None:
        return (
            f"{path.interface}: the kernel has no route to the source {source}, and its reverse path filter (rp_filter "
            f"{strictness}) drops what comes from there; give it a route, or {_switch_off(path.interface)}"
        )
    if strictness == _STRICT and route.interface != path.interface:
        return (
            f"{path.interface}: the kernel routes the source {source} to {route.interface}, and its reverse path "
            f"filter (rp_filter 1) drops what comes from there on {path.interface}; correct the route, or "
            f"{_switch_off(path.interface)}"
        )
    return None


def _switch_off(interface: str) -> str:
    return f"set net.ipv4.conf.all.rp_filter and net.ipv4.conf.{interface}.rp_filter to 0"


def _too_long(path: Path, interface: Interface) -> str | None:
    if path.payload_bytes is None or not interface.mtu:
        return None
    length = path.payload_bytes + _UDP_AND_RTP + _IP_HEADER[parsed(path.destination).version]
    if length <= interface.mtu:
        return None
    what = "will be sent in fragments" if path.role is Role.SENDER else "cannot come in whole"
    return (
        f"{interface.name}: the stream's packets of {length} bytes {what}, as the MTU is {interface.mtu}; "
        "fewer channels or a shorter packet time make them shorter"
    )


def _shared_subnets(state: NetworkState) -> Iterator[str]:
    ports = [i for i in state.interfaces.values() if i.usable and not i.loopback and not i.port_of]
    for first, second in combinations(ports, 2):
        theirs = _subnets(second)
        for subnet in (subnet for subnet in _subnets(first) if subnet in theirs):
            yield (
                f"{first.name} and {second.name} are both in {subnet}: the kernel sends everything for it out of one "
                "of them and answers for both; give one of them another subnet"
            )


def _subnets(interface: Interface) -> dict[str, None]:
    """Those that have room for others, each once; every link has IPv6's link-local one."""
    shared = [address.subnet for address in interface.addresses if not needs_zone(address.ip)]
    return dict.fromkeys(subnet for subnet in shared if ipaddress.ip_network(subnet).num_addresses > 1)


def _groups(group: str) -> str:
    return "ff00::/8" if ":" in group else "224.0.0.0/4"
