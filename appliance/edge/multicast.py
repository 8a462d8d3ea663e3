"""Multicast memberships: the daemon holds them, not the pipelines, so that IGMP and MLD leave at once with a take.

A pipeline needs 20 ms and more to start, and reads from a socket that is a member of nothing (rtp_socket.py); switches
have opened by that time, and leaving does not wait for it to end. Each membership is a UDP socket of its own that is
bound to no port, so it receives nothing: there is no limit on memberships per socket (igmp_max_memberships, 20) to run
into, any-source and source-specific ones of a group cannot collide, and leaving is closing, even where the interface is
gone. By interface index (RFC 3678 section 5), as addresses may be on two of them.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.network.model import NetworkState

# from linux/in.h: protocol-independent, the same for IPv4 and IPv6
_MCAST_JOIN_GROUP, _MCAST_JOIN_SOURCE_GROUP = 42, 46
_SOCKADDR_STORAGE_BYTES = 128


@dataclass(frozen=True, slots=True)
class Membership:
    """A group on an interface: from anybody, or only what ``source`` sends (source-specific multicast)."""

    group: str
    interface: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class JoinFailure:
    """Why the kernel refused, in a sentence for people."""

    membership: Membership
    error: int
    reason: str


@dataclass(slots=True)
class _Held:
    """``socket`` is None while the interface is away; ``carrier`` and ``index`` as when last seen."""

    users: int
    socket: socket.socket | None
    index: int
    carrier: bool = True


class Memberships:
    """All that the daemon is a member of. Call `follow` with each new state of the network."""

    def __init__(self) -> None:
        self._held: dict[Membership, _Held] = {}

    def join(self, group: str, interface: str, source: str | None = None) -> JoinFailure | None:
        """Join now, or count one more user of what was joined already. Nothing is held where that fails."""
        membership = Membership(group, interface, source)
        if held := self._held.get(membership):
            held.users += 1
            return None
        opened = _open(membership)
        if isinstance(opened, JoinFailure):
            return opened
        self._held[membership] = _Held(1, opened, _index(interface))
        return None

    def leave(self, group: str, interface: str, source: str | None = None) -> None:
        """One user less; the last one leaves. Leaving what was never joined is nothing."""
        membership = Membership(group, interface, source)
        held = self._held.get(membership)
        if held is None:
            return
        held.users -= 1
        if not held.users:
            del self._held[membership]
            _close(held)

    def follow(self, state: NetworkState) -> tuple[JoinFailure, ...]:
        """Join anew on interfaces that went and came, and where a cable was plugged in again, maybe elsewhere.

        Linux reports IPv6 groups anew by itself when a carrier returns, but not IPv4 groups, and a switch without a
        querier never asks. A join is a report only where nobody else on this host, as a pipeline, is a member too.
        """
        failures = []
        for membership, held in self._held.items():
            interface = state.interfaces.get(membership.interface)
            index, carrier = (interface.index, interface.carrier) if interface else (0, False)
            is_back = index != held.index or (carrier and not held.carrier)
            held.index, held.carrier = index, carrier
            if not index:
                _close(held)
            elif is_back and (failure := _rejoin(membership, held)):
                failures.append(failure)
        return tuple(failures)

    def all(self) -> Iterable[Membership]:
        """What is held, also where its interface is away."""
        return tuple(self._held)

    def close(self) -> None:
        """Leave everything."""
        for held in self._held.values():
            _close(held)
        self._held.clear()


def _rejoin(membership: Membership, held: _Held) -> JoinFailure | None:
    _close(held)
    opened = _open(membership)
    if isinstance(opened, JoinFailure):
        held.index = 0  # so that the next state is tried again
        return opened
    held.socket = opened
    return None


def _close(held: _Held) -> None:
    if held.socket is not None:
        held.socket.close()
        held.socket = None


def _open(membership: Membership) -> socket.socket | JoinFailure:
    if not sys.platform.startswith("linux"):
        return JoinFailure(membership, errno.ENOSYS, "multicast memberships need Linux")
    version = ipaddress.ip_address(membership.group).version
    joined = None
    try:
        joined = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        joined.setsockopt(*_request(membership, version))
    except OSError as error:
        if joined is not None:
            joined.close()
        return _failure(membership, error)
    return joined


def _request(membership: Membership, version: int) -> tuple[int, int, bytes]:
    """struct group_req, or struct group_source_req: the index, then addresses that are aligned like pointers."""
    level = socket.IPPROTO_IPV6 if version == 6 else socket.IPPROTO_IP
    index = struct.pack("@I0P", socket.if_nametoindex(membership.interface))
    if membership.source is None:
        return level, _MCAST_JOIN_GROUP, index + _sockaddr(membership.group)
    return level, _MCAST_JOIN_SOURCE_GROUP, index + _sockaddr(membership.group) + _sockaddr(membership.source)


def _sockaddr(ip: str) -> bytes:
    """struct sockaddr_in or sockaddr_in6 in a struct sockaddr_storage."""
    address = ipaddress.ip_address(ip)
    if address.version == 6:
        packed = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, address.packed, 0)
    else:
        packed = struct.pack("=HH4s", socket.AF_INET, 0, address.packed)
    return packed.ljust(_SOCKADDR_STORAGE_BYTES, b"\0")


_REASONS = {
    errno.ENODEV: "there is no such interface",
    errno.ENOBUFS: "the kernel allows no more memberships",
    errno.ENOMEM: "the kernel has no memory for it",
    errno.EMFILE: "too many files are open",
    errno.EINVAL: "that is no multicast group",
    errno.EADDRNOTAVAIL: "that is not possible on this interface",
}


def _failure(membership: Membership, error: OSError) -> JoinFailure:
    number = error.errno or errno.ENODEV
    why = _REASONS.get(number) or os.strerror(number)
    return JoinFailure(membership, number, f"cannot join {membership.group} on {membership.interface}: {why}")


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return 0
