"""The sockets at which RTP arrives for a receiver's process: opened here, read there.

Bound to the group and the interface, but member of nothing: the memberships are the daemon's own (multicast.py), so
that it leaves the moment it wants to, and so that a source-specific one stays source-specific. The kernel filters
(BPF, socket(7)) what would harm: a datagram too short for RTP (an empty one would be the end of file for the reader),
and, as a membership is the whole interface's, what other sources send to the group. Until the reader says that it
runs, everything is: it would begin with what is already too late to be played.
"""

from __future__ import annotations

import ipaddress
import socket

from appliance.edge.packet_filter import ACCEPT, DROP, Instruction, attach
from appliance.media.engine import Leg

RECEIVE_BUFFER = 1 << 20
_RTP_HEADER, _UDP_HEADER = 12, 8


class RtpSocket:
    """One leg's socket, shut until :meth:`open_gate`. OSError where it cannot be had."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._socket = socket.socket(_family(leg), socket.SOCK_DGRAM)
        try:
            self._set_up()
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def open_gate(self) -> None:
        """Let packets in from now on."""
        attach(self._socket, packets_of(self._leg))

    def close(self) -> None:
        self._socket.close()

    def _set_up(self) -> None:
        attach(self._socket, NOTHING)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if self._leg.multicast:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._leg.interface.encode())
        self._socket.bind(_bind_address(self._leg))


def packets_of(leg: Leg) -> tuple[Instruction, ...]:
    """The filter for what may be RTP, and from the leg's source where a multicast one has one."""
    checks: list[tuple[Instruction, int, int]] = [(_LOAD_LENGTH, _JUMP_IF_AT_LEAST, _UDP_HEADER + _RTP_HEADER)]
    if leg.multicast and leg.source_ip:
        source = ipaddress.ip_address(leg.source_ip).packed
        offset = 12 if len(source) == 4 else 8  # of the source address in the IP header (RFC 791, RFC 8200)
        for place in range(0, len(source), 4):
            word = int.from_bytes(source[place : place + 4], "big")
            checks.append((_load_word(offset + place), _JUMP_IF_EQUAL, word))
    program: list[Instruction] = []
    for index, (load, jump, value) in enumerate(checks):
        to_the_drop = 2 * (len(checks) - 1 - index) + 1
        program += [load, (jump, 0, to_the_drop, value)]
    return (*program, ACCEPT, DROP)


_NET_HEADER = 0xFFF00000  # SKF_NET_OFF: relative to the IP header
_JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST = 0x15, 0x35
_LOAD_LENGTH: Instruction = (0x80, 0, 0, 0)
NOTHING = (DROP,)


def _load_word(offset: int) -> Instruction:
    return 0x20, 0, 0, _NET_HEADER + offset


def _family(leg: Leg) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in leg.destination_ip else socket.AF_INET


def _bind_address(leg: Leg) -> tuple[str, int] | tuple[str, int, int, int]:
    if ":" not in leg.destination_ip:
        return leg.destination_ip, leg.port
    link_local = ipaddress.IPv6Address(leg.destination_ip)
    scoped = link_local.is_link_local or leg.destination_ip.lower().startswith("ff02")
    return leg.destination_ip, leg.port, 0, socket.if_nametoindex(leg.interface) if scoped else 0
