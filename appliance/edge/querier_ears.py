"""Hears the queries of IGMP and MLD, on all interfaces: a raw socket for each, with a filter for nothing but queries.

Raw sockets need CAP_NET_RAW, which the service has until `edge/capabilities.py` gives it up: the sockets stay good,
also for interfaces that come later. Whoever is not allowed to listen cannot know, and says so.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable

from appliance.edge.packet_filter import ACCEPT, DROP, Instruction, attach
from appliance.edge.packet_info import ANCILLARY_BYTES, arrived_at, want_interface
from appliance.network.model import Network, NetworkState
from appliance.network.queriers import Queriers

log = logging.getLogger(__name__)

_ICMP6_FILTER = 1  # linux/icmpv6.h
_MLD_QUERY = 130
_PACKETS_A_TURN = 64
# IGMP's type, behind an IP header of whatever length, is 0x11 for a query (RFC 3376 section 4)
_QUERIES_ONLY: tuple[Instruction, ...] = (
    (0xB1, 0, 0, 0),  # ldxb 4 * ([0] & 0xf)
    (0x50, 0, 0, 0),  # ldb [x + 0]
    (0x15, 0, 1, 0x11),
    ACCEPT,
    DROP,
)


class QuerierEars:
    """``on_change`` is called when somebody asks after a silence, and when a silence has lasted."""

    def __init__(self, network: Network, now: Callable[[], float], on_change: Callable[[], None]) -> None:
        self._network, self._now, self._on_change = network, now, on_change
        self._queriers = Queriers()
        self._sockets: dict[int, socket.socket] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def open(self) -> None:
        """Take the sockets, in the network namespace and with the rights of the caller."""
        for version, open_socket in ((4, _igmp), (6, _mld)):
            try:
                self._sockets[version] = open_socket()
            except OSError as error:
                log.info("queries of IPv%d multicast memberships are not heard: %s", version, error.strerror)

    def start(self) -> None:
        """Listen on the running event loop."""
        self._unsubscribe = self._network.subscribe(self._observe)
        loop = asyncio.get_running_loop()
        for version, ear in self._sockets.items():
            loop.add_reader(ear, self._hear, version)
        if self._sockets:
            self._observe(self._network.snapshot())

    def stop(self) -> None:
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        for ear in self._sockets.values():
            loop.remove_reader(ear)
            ear.close()
        self._sockets.clear()

    def unasked(self, interface: str, version: int) -> bool | None:
        """As `appliance.network.queriers.Unasked`."""
        return self._queriers.unasked(interface, version, self._now()) if version in self._sockets else None

    def _observe(self, state: NetworkState) -> None:
        self._queriers.observe(state, self._now())
        self._arm()

    def _hear(self, version: int) -> None:
        names = {interface.index: interface.name for interface in self._network.snapshot().interfaces.values()}
        news = False
        for _ in range(_PACKETS_A_TURN):
            try:
                _, ancillary, _, _ = self._sockets[version].recvmsg(64, ANCILLARY_BYTES)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                log.debug("queries of IPv%d memberships: %s", version, error)
                break
            name = names.get(arrived_at(ancillary))
            news |= name is not None and self._queriers.heard(name, version, self._now())
        if news:
            self._on_change()
        self._arm()

    def _arm(self) -> None:
        """One timer, for the first silence that may be; put off by those who ask, when it is due."""
        due = self._queriers.due(self._now())
        if self._timer is None and due is not None:
            self._timer = asyncio.get_running_loop().call_later(due - self._now(), self._is_silent)

    def _is_silent(self) -> None:
        self._timer = None
        self._on_change()
        self._arm()


def _igmp() -> socket.socket:
    ear = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_IGMP)
    try:
        attach(ear, _QUERIES_ONLY)
        want_interface(ear)
    except OSError:
        ear.close()
        raise
    return ear


def _mld() -> socket.socket:
    ear = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMPV6)
    try:
        blocked = [0xFFFFFFFF] * 8
        blocked[_MLD_QUERY >> 5] &= ~(1 << (_MLD_QUERY & 31))
        ear.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *blocked))
        want_interface(ear)
    except OSError:
        ear.close()
        raise
    return ear
