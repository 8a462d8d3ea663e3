"""Hears the mDNS queries on the network, which python-zeroconf answers but does not tell of, and who speaks at all.

Sockets (one for IPv4, one for each interface for IPv6) bound to the multicast group itself: so each gets a copy of
every packet and takes no unicast answer away from python-zeroconf or avahi-daemon, which share the port. They join
nothing: the sockets of python-zeroconf have joined already, and Linux gives what any socket of the host has joined
(IP_MULTICAST_ALL).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from appliance.discovery.query import Query, read_query
from appliance.edge.packet_info import ANCILLARY_BYTES, arrived_at, want_interface

MDNS_PORT = 5353
_GROUP = "224.0.0.251"
_GROUP6 = "ff02::fb"
_MAX_PACKET = 9000
_PACKETS_A_TURN = 20

_log = logging.getLogger(__name__)


class Ears:
    """``on_query`` is called on the loop with every query that is heard, ``on_heard`` with the address of each who
    speaks and the index of the interface; ``close`` ends it."""

    def __init__(self, on_query: Callable[[Query], None], on_heard: Callable[[str, int], None]) -> None:
        self._on_query, self._on_heard = on_query, on_heard
        self._sockets: list[socket.socket] = []

    def open(self) -> None:
        """Listen wherever the host can. Where it cannot, restarts of peers show by their counters only."""
        loop = asyncio.get_running_loop()
        places: list[tuple[str, int] | tuple[str, int, int, int]] = [(_GROUP, MDNS_PORT)]
        places += [(_GROUP6, MDNS_PORT, 0, index) for index, _ in socket.if_nameindex()]
        for place in places:
            try:
                ear = _bound(place)
            except OSError as error:
                _log.debug("cannot hear mDNS queries at %s: %s", place, error)
                continue
            self._sockets.append(ear)
            loop.add_reader(ear, self._read, ear)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for ear in self._sockets:
            loop.remove_reader(ear)
            ear.close()
        self._sockets.clear()

    def _read(self, ear: socket.socket) -> None:
        for _ in range(_PACKETS_A_TURN):
            try:
                data, ancillary, _, sender = ear.recvmsg(_MAX_PACKET, ANCILLARY_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                _log.debug("mDNS queries: %s", error)
                return
            self._on_heard(sender[0], arrived_at(ancillary))
            if query := read_query(data):
                self._on_query(query)


def _bound(place: tuple[str, int] | tuple[str, int, int, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    ear = socket.socket(family, socket.SOCK_DGRAM)
    try:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        want_interface(ear)
        ear.setblocking(False)
        ear.bind(place)
    except OSError:
        ear.close()
        raise
    return ear
