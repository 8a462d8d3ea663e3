"""To which interface a packet came (IP_PKTINFO, ip(7); IPV6_RECVPKTINFO, ipv6(7))."""

from __future__ import annotations

import socket
import struct

ANCILLARY_BYTES = 256
"""Enough for what a socket of `want_interface` tells beside each packet."""
_IP_PKTINFO = 8  # linux/in.h
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50  # linux/in6.h
_IN_PKTINFO, _IN6_PKTINFO = struct.Struct("=i4s4s"), struct.Struct("=16si")


def want_interface(ear: socket.socket) -> None:
    """Have `recvmsg` tell what `arrived_at` reads."""
    if ear.family == socket.AF_INET6:
        ear.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
    else:
        ear.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def arrived_at(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The index of the interface that a packet came to; 0 where the kernel did not say."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            return int(_IN_PKTINFO.unpack_from(data)[0])
        if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            return int(_IN6_PKTINFO.unpack_from(data)[1])
    return 0
