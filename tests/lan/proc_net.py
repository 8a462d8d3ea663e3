"""Reads what the kernel says in /proc/net about multicast memberships (proc(5); net/ipv4/igmp.c, net/ipv6/mcast.c)."""

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """One source that some socket asked to hear, or not to hear, in a group (RFC 3376 section 3)."""

    group: str
    source: str
    mode: Literal["include", "exclude"]


def groups_v4(igmp: str, port: str) -> Iterator[str]:
    """The groups of `port` in the text of /proc/net/igmp: a line for each device, then indented ones for its groups."""
    device = ""
    for line in igmp.splitlines()[1:]:
        fields = line.split()
        if not line.startswith("\t"):
            device = fields[1].rstrip(":")
        elif device == port:
            # Printed as a host-order integer, of an address that is held in network order.
            yield socket.inet_ntoa(struct.pack("=I", int(fields[0], 16)))


def groups_v6(igmp6: str, port: str) -> Iterator[str]:
    """The groups of `port` in the text of /proc/net/igmp6: index, device, group, users, ..."""
    for line in igmp6.splitlines():
        fields = line.split()
        if fields[1] == port:
            yield _ipv6(fields[2])


def filters_v4(mcfilter: str, port: str) -> Iterator[SourceFilter]:
    """The source filters of `port` in the text of /proc/net/mcfilter: index, device, group, source, INC, EXC."""
    for line in mcfilter.splitlines()[1:]:
        _, device, group, source, including, excluding = line.split()
        if device == port:
            yield from _filters(_ipv4(group), _ipv4(source), int(including), int(excluding))


def filters_v6(mcfilter6: str, port: str) -> Iterator[SourceFilter]:
    """The same for /proc/net/mcfilter6, where addresses are 32 hexadecimal digits."""
    for line in mcfilter6.splitlines()[1:]:
        _, device, group, source, including, excluding = line.split()
        if device == port:
            yield from _filters(_ipv6(group), _ipv6(source), int(including), int(excluding))


def _filters(group: str, source: str, including: int, excluding: int) -> Iterator[SourceFilter]:
    if including:
        yield SourceFilter(group, source, "include")
    if excluding:
        yield SourceFilter(group, source, "exclude")


def _ipv4(text: str) -> str:
    return str(ipaddress.IPv4Address(int(text, 16)))


def _ipv6(text: str) -> str:
    return str(ipaddress.IPv6Address(int(text, 16)))
