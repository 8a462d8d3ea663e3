"""Asks the Linux kernel about links, addresses and routes, synchronously: pyroute2's messages over a socket of our own.

The kernel answers an rtnetlink request within the call that sends it, so nothing here ever waits: an answer is in the
receive buffer when `send` returns. That spares the event loop every hand-over, and spares us what differs between
pyroute2's versions: its message classes are alike from 0.7 to this day, its sockets are not.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import importlib.machinery
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

# from linux/rtnetlink.h; see rtnetlink(7)
RTM_NEWLINK, RTM_GETLINK, RTM_GETADDR = 16, 18, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RT_TABLE_LOCAL = 255
RTN_MULTICAST = 5
# unicast, local, broadcast, anycast, multicast; the other types (blackhole, unreachable, prohibit, ...) lead nowhere
ROUTES_THAT_LEAD_SOMEWHERE = range(1, RTN_MULTICAST + 1)

# from linux/netlink.h
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_RTMSG = struct.Struct("=8BI")  # family, destination and source prefix, tos, table, protocol, scope, type, flags
_ATTRIBUTE = struct.Struct("=HH")  # length with this head, type
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_MULTI, _NLM_F_DUMP_INTR, _NLM_F_DUMP = 0x1, 0x2, 0x10, 0x300
_RTEXT_FILTER_SKIP_STATS = 0x8
_RECEIVE_BYTES = 1 << 17
_MAX_INTERRUPTIONS = 5


@dataclass(frozen=True, slots=True)
class RouteAnswer:
    """What the kernel says of a route: its type (RTN_*), its table (RT_TABLE_*), the index of its link."""

    family: int
    type: int
    table: int
    link: int | None
    source: str | None
    gateway: str | None


class Codecs:
    """The two message classes of pyroute2 that are used here."""

    def __init__(self) -> None:
        with _bare_package("pyroute2"):
            self.link = importlib.import_module("pyroute2.netlink.rtnl.ifinfmsg").ifinfmsg
            self.address = importlib.import_module("pyroute2.netlink.rtnl.ifaddrmsg").ifaddrmsg


class Rtnetlink:
    """A socket for questions. `OSError` with the kernel's errno where the kernel refuses one."""

    def __init__(self) -> None:
        self._codecs = Codecs()
        self._sequence_number = 0
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))

    def close(self) -> None:
        self._socket.close()

    def links(self) -> list[Any]:
        """Every link, as pyroute2's `ifinfmsg`."""
        question = self._codecs.link()
        question["attrs"] = [["IFLA_EXT_MASK", _RTEXT_FILTER_SKIP_STATS]]
        return self._dump(question, RTM_GETLINK)

    def addresses(self) -> list[Any]:
        """Every IPv4 and IPv6 address, as pyroute2's `ifaddrmsg`."""
        return self._dump(self._codecs.address(), RTM_GETADDR)

    def route(self, destination: str, link: int | None = None) -> RouteAnswer:
        """The route to an address, optionally only out of the link with that index."""
        question = _route_question(destination, link)
        size = _HEADER.size + len(question)
        self._socket.send(_HEADER.pack(size, RTM_GETROUTE, _NLM_F_REQUEST, self._next_number(), 0) + question)
        for data in list(self._answers()):
            return route_answer(data)
        raise OSError(errno.ENETUNREACH, "the kernel answered nothing")

    def _dump(self, question: Any, kind: int) -> list[Any]:
        for _ in range(_MAX_INTERRUPTIONS):
            with contextlib.suppress(InterruptedError):
                return [_decoded(type(question), data) for data in self._ask(question, kind, _NLM_F_DUMP)]
        raise OSError(errno.EAGAIN, "the network changes faster than it can be read")

    def _ask(self, question: Any, kind: int, flags: int = 0) -> list[bytes]:
        """The messages that answer; `InterruptedError` where a dump is not of one moment and must be asked again."""
        question["header"].update(
            {"type": kind, "flags": _NLM_F_REQUEST | flags, "sequence_number": self._next_number(), "pid": 0}
        )
        question.encode()
        self._socket.send(bytes(question.data))
        return list(self._answers())

    def _next_number(self) -> int:
        self._sequence_number = (self._sequence_number + 1) & 0xFFFFFFFF
        return self._sequence_number

    def _answers(self) -> Iterator[bytes]:
        several = True
        interrupted = False
        while several:
            datagram = self._socket.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT)
            for kind, flags, sequence_number, message in split(datagram):
                if sequence_number != self._sequence_number:
                    continue  # the rest of an answer that an error cut short
                several = bool(flags & _NLM_F_MULTI) and kind != _NLMSG_DONE
                interrupted = interrupted or bool(flags & _NLM_F_DUMP_INTR)
                if kind == _NLMSG_ERROR:
                    _raise_error(message)
                elif kind != _NLMSG_DONE:
                    yield message
        if interrupted:
            raise InterruptedError(errno.EINTR, "the dump was interrupted by a change")


def event_socket(groups: int) -> socket.socket:
    """A non-blocking socket that receives what the kernel tells of these multicast groups (a mask of RTMGRP_*)."""
    events = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
    )
    events.bind((0, groups))
    return events


def split(datagram: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The type, flags, sequence number and bytes of each message in a datagram; stops at what is malformed."""
    offset = 0
    while offset + _HEADER.size <= len(datagram):
        length, kind, flags, sequence_number, _ = _HEADER.unpack_from(datagram, offset)
        if length < _HEADER.size or offset + length > len(datagram):
            return
        yield kind, flags, sequence_number, datagram[offset : offset + length]
        offset += (length + 3) & ~3


def route_answer(message: bytes) -> RouteAnswer:
    """An rtmsg, read here as it is packed here: every activation asks. And each message of pyroute2's holds itself, so
    that only the garbage collector can free it."""
    family, _, _, _, table, _, _, kind, _ = _RTMSG.unpack_from(message, _HEADER.size)
    found: dict[int, bytes] = {}
    offset = _HEADER.size + _RTMSG.size
    while offset + _ATTRIBUTE.size <= len(message):
        length, attribute = _ATTRIBUTE.unpack_from(message, offset)
        if length < _ATTRIBUTE.size or offset + length > len(message):
            break
        found[attribute] = message[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return RouteAnswer(
        family, kind, table, _number(found.get(_RTA_OIF)),
        _address(found.get(_RTA_PREFSRC)), _address(found.get(_RTA_GATEWAY)),
    )  # fmt: skip


def _number(value: bytes | None) -> int | None:
    return int.from_bytes(value, sys.byteorder) if value is not None and len(value) == 4 else None


def _address(value: bytes | None) -> str | None:
    if value is None or len(value) not in (4, 16):
        return None
    return socket.inet_ntop(socket.AF_INET if len(value) == 4 else socket.AF_INET6, value)


def _route_question(destination: str, link: int | None) -> bytes:
    """An rtmsg with its attributes (rtnetlink(7)). Packed here: every activation asks, and pyroute2 takes five times
    as long for it as the kernel for the answer."""
    address = ipaddress.ip_address(destination)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    question = _RTMSG.pack(family, address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    question += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(address.packed), _RTA_DST) + address.packed
    if link is not None:
        question += _ATTRIBUTE.pack(_ATTRIBUTE.size + 4, _RTA_OIF) + struct.pack("=I", link)
    return question


def _decoded(codec: Any, data: bytes) -> Any:
    message = codec(data)
    message.decode()
    return message


def _raise_error(message: bytes) -> None:
    """NLMSG_ERROR: a negative errno, 0 for an acknowledgement."""
    (negative,) = struct.unpack_from("=i", message, _HEADER.size)
    if negative:
        raise OSError(-negative, f"the kernel refuses: {errno.errorcode.get(-negative, -negative)}")


@contextlib.contextmanager
def _bare_package(name: str) -> Iterator[None]:
    """Import modules of a package without running its ``__init__``, which for pyroute2 imports all it has.

    That costs 11 MB and 80 ms on a PC where these three modules cost 1.4 MB and 10 ms. Whoever imports the package
    afterwards gets the whole one.
    """
    specification = None if name in sys.modules else importlib.machinery.PathFinder.find_spec(name)
    if specification is None or specification.submodule_search_locations is None:
        yield  # already imported, or not installed: the import inside says so
        return
    package = ModuleType(name)
    package.__path__ = list(specification.submodule_search_locations)
    package.__spec__ = specification
    sys.modules[name] = package
    try:
        yield
    finally:
        del sys.modules[name]
