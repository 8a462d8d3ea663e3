"""The host's network on Linux, followed live: rtnetlink for questions and for events.

Strategy: an event only says *that* something changed. All messages that wait are drained, and on the next turn of the
loop links and addresses are read anew, half a millisecond of work; listeners hear of it once, if the state differs.
So a lost event (ENOBUFS) costs nothing but the same reading, and no order of events can leave us with a wrong picture.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from appliance.edge.rtnetlink import (
    ROUTES_THAT_LEAD_SOMEWHERE,
    RT_TABLE_LOCAL,
    RTM_DELROUTE,
    RTM_NEWROUTE,
    RTN_MULTICAST,
    RouteAnswer,
    Rtnetlink,
    event_socket,
    split,
)
from appliance.network.listeners import Listeners
from appliance.network.model import Address, Interface, NetworkState, Route, StateListener
from appliance.network.roles import with_roles

log = logging.getLogger(__name__)

# RTMGRP_* of linux/rtnetlink.h: links, IPv4 and IPv6 addresses and routes
EVENT_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
# from linux/if.h and linux/if_arp.h
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING, _IFF_MULTICAST, _IFF_LOWER_UP = 0x1, 0x8, 0x40, 0x1000, 0x10000
_ARPHRD_ETHER = 1
_SHARING = ("vlan", "macvlan", "macvtap", "ipvlan")
"""Kinds of interfaces that use the cable of another one."""
# from linux/if_addr.h: addresses that are not, or not yet, or not much longer to be used
_IFA_F_DADFAILED, _IFA_F_DEPRECATED, _IFA_F_TENTATIVE, _IFA_F_OPTIMISTIC = 0x08, 0x20, 0x40, 0x04
_MAX_DATAGRAMS_A_TURN = 256
_RECEIVE_BYTES = 1 << 16
_RTM_TABLE = 16 + 4  # where rtmsg has its table: after the header and four bytes


class NetlinkNetwork:
    """`appliance.network.model.Network` over netlink. ``media`` and ``control`` are [network]'s.

    The sockets belong to the network namespace of the thread that calls `open`.
    """

    def __init__(self, media: Sequence[str] = (), control: str | None = None) -> None:
        self._media = tuple(media)
        self._control = control
        self._listeners = Listeners()
        self._state = NetworkState()
        self._route_changes = 0
        self._reading_is_due = False
        self._rtnetlink: Rtnetlink | None = None
        self._events: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Read the network for the first time. `ImportError` without pyroute2, `OSError` without netlink."""
        self._rtnetlink = Rtnetlink()
        # Listening begins before reading: what changes in between is an event, not an oversight.
        self._events = event_socket(EVENT_GROUPS)
        self._state = self._read()

    def watch(self) -> None:
        """Follow changes on the running event loop."""
        if self._events is None:
            raise RuntimeError("watch() before open()")
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._events, self._drain)

    def snapshot(self) -> NetworkState:
        return self._state

    def refresh(self) -> NetworkState:
        """Read again now; listeners are told where it differs."""
        before, self._state = self._state, self._read()
        if self._state != before:
            self._listeners.tell(self._state)
        return self._state

    def assign(self, media: Sequence[str], control: str | None) -> None:
        """Other interfaces are for media and control from now on; listeners are told if that makes a difference."""
        if (tuple(media), control) != (self._media, self._control):
            self._media, self._control = tuple(media), control
            self.refresh()

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        return self._listeners.add(listener)

    def lookup(self, destination: str, *, interface: str | None = None) -> Route | None:
        """The kernel's route, in about a tenth of a millisecond. `None` where there is none (ENETUNREACH and its like).

        An IPv6 group has a route on every interface (ff00::/8 in the local table), which the kernel made and which
        says nothing of where anybody wants it to go: `None` without an ``interface``, as for an IPv4 group.
        """
        link = self._index(interface) if interface is not None else None
        if interface is not None and link is None:
            return None
        try:
            answer = self._kernel.route(destination, link)
        except OSError as error:
            if error.errno not in _NO_ROUTE:
                raise
            return None
        if answer.type not in ROUTES_THAT_LEAD_SOMEWHERE or (link is None and _is_every_links_route(answer)):
            return None
        name = None if answer.link is None else self._name(answer.link)
        return Route(name, answer.source, answer.gateway) if name else None

    def close(self) -> None:
        """Stop watching. May be repeated."""
        if self._loop is not None and self._events is not None:
            self._loop.remove_reader(self._events)
        self._loop = None
        if self._events is not None:
            self._events.close()
            self._events = None
        if self._rtnetlink is not None:
            self._rtnetlink.close()
            self._rtnetlink = None

    @property
    def _kernel(self) -> Rtnetlink:
        if self._rtnetlink is None:
            raise RuntimeError("the network is not open")
        return self._rtnetlink

    def _read(self) -> NetworkState:
        addresses: dict[int, list[Address]] = {}
        for message in self._kernel.addresses():
            if address := _address(message):
                addresses.setdefault(message["index"], []).append(address)
        links = self._kernel.links()
        names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in links}
        interfaces = [_interface(link, tuple(addresses.get(link["index"], ())), names) for link in links]
        state = NetworkState({interface.name: interface for interface in interfaces}, routes=self._route_changes)
        return with_roles(state, self._media, self._control)

    def _drain(self) -> None:
        """Take what the kernel has told, and read it all anew on the loop's next turn, once."""
        if self._events is None:
            return
        for _ in range(_MAX_DATAGRAMS_A_TURN):
            try:
                datagram = self._events.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                log.info("more network changes at once than the kernel keeps; reading all of them anew")
                self._route_changes += 1
                break
            self._route_changes += any(_is_route_of_somebody(kind, data) for kind, _, _, data in split(datagram))
        if not self._reading_is_due and self._loop is not None:
            self._reading_is_due = True
            self._loop.call_soon(self._read_after_events)

    def _read_after_events(self) -> None:
        self._reading_is_due = False
        if self._rtnetlink is not None:
            self.refresh()

    def _index(self, name: str) -> int | None:
        if name not in self._state.interfaces:
            self.refresh()
        interface = self._state.interfaces.get(name)
        return interface.index if interface else None

    def _name(self, index: int) -> str | None:
        """The name of a link; read anew for one so new that its event is still waiting."""
        for state in (self._state, None):
            for interface in (state or self.refresh()).interfaces.values():
                if interface.index == index:
                    return interface.name
        return None


# What the kernel says where no route leads: also for prohibited ones, and for interfaces that are down or gone.
_NO_ROUTE = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENODEV,
        errno.EACCES,
        errno.EINVAL,
        errno.EADDRNOTAVAIL,
    }
)


def _is_route_of_somebody(kind: int, message: bytes) -> bool:
    """Whether routes changed beyond those that the kernel itself keeps for each address (the local table)."""
    return kind in (RTM_NEWROUTE, RTM_DELROUTE) and len(message) > _RTM_TABLE and message[_RTM_TABLE] != RT_TABLE_LOCAL


def _is_every_links_route(route: RouteAnswer) -> bool:
    what = (route.family, route.table, route.type)
    return what == (socket.AF_INET6, RT_TABLE_LOCAL, RTN_MULTICAST)


def _interface(link: Any, addresses: tuple[Address, ...], names: dict[int, str]) -> Interface:
    flags = link["flags"]
    name = link.get_attr("IFLA_IFNAME")
    loopback = bool(flags & _IFF_LOOPBACK)
    carrier = bool(flags & _IFF_UP and flags & _IFF_RUNNING and flags & _IFF_LOWER_UP)
    master = link.get_attr("IFLA_MASTER")
    return Interface(
        name=name,
        index=link["index"],
        mac=link.get_attr("IFLA_ADDRESS") if link["ifi_type"] == _ARPHRD_ETHER else None,
        up=bool(flags & _IFF_UP),
        carrier=carrier,
        loopback=loopback,
        multicast=bool(flags & _IFF_MULTICAST),
        mtu=link.get_attr("IFLA_MTU") or 0,
        speed_mbps=_speed(name) if carrier and not loopback else None,
        addresses=addresses,
        port_of=names.get(master, str(master)) if master else None,
        over=link_below(link, names),
    )


def link_below(link: Any, names: dict[int, str]) -> str | None:
    """The name of the interface whose cable a link uses. IFLA_LINK is also the other end of a veth pair, and may be of
    another namespace: neither shares a cable."""
    info = link.get_attr("IFLA_LINKINFO")
    sharing = info is not None and info.get_attr("IFLA_INFO_KIND") in _SHARING
    here = link.get_attr("IFLA_LINK_NETNSID") is None
    return names.get(link.get_attr("IFLA_LINK")) if sharing and here else None


def _address(message: Any) -> Address | None:
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    if flags & (_IFA_F_DADFAILED | _IFA_F_DEPRECATED):
        return None
    if flags & _IFA_F_TENTATIVE and not flags & _IFA_F_OPTIMISTIC:
        return None
    # IFA_LOCAL is ours; where IFA_ADDRESS differs it is the other end of a point-to-point link.
    ip = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    return Address(ip, message["prefixlen"]) if ip else None


def _speed(name: str) -> int | None:
    """Mbit/s; the driver says -1, or EINVAL, where it knows none."""
    try:
        speed = int(Path("/sys/class/net", name, "speed").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return speed if speed > 0 else None
