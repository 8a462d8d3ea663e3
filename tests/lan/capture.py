"""`Capture`: records what passes a host's port that is IGMP, MLD or mDNS, with the kernel's time of arrival.

A packet socket in the host's namespace, read by a thread of the test process: there is no capturing program to
install, and the socket is open when the constructor returns, so nothing sent after that is missed.
"""

import ipaddress
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

from zeroconf import DNSIncoming, DNSPointer, DNSRecord  # type: ignore[attr-defined]  # public since ever, yet not in __all__

from tests.lan.network import Host
from tests.lan.waiting import eventually

_ETH_P_ALL = 0x0003
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the socket module has no name for it
_TIMESPEC = struct.Struct("@qq")
_RECEIVE_BUFFER = 1 << 22
_LARGEST = 65536
_MDNS_PORT = 5353
_ETHERNET, _IPV4, _IPV6 = 14, 0x0800, 0x86DD
_IGMP, _UDP, _HOP_BY_HOP, _ICMPV6 = 2, 17, 0, 58

# IGMPv3 (RFC 3376 section 4.2.12) and MLDv2 (RFC 3810 section 5.2.12) number their group records alike.
_RECORDS = {
    1: "is_include",
    2: "is_exclude",
    3: "to_include",
    4: "to_exclude",
    5: "allow",
    6: "block",
}
_OLD_MESSAGES = {0x12: "report_v1", 0x16: "report_v2", 0x17: "leave_v2"}
_JOINING = ("to_exclude", "is_exclude", "report_v1", "report_v2")


@dataclass(frozen=True, slots=True)
class Membership:
    """One group record of an IGMP or MLD report. `at` is wall clock time in seconds, as all times here."""

    at: float
    sender: str
    kind: str  # a record type of _RECORDS, "report_v1", "report_v2" or "leave_v2"
    group: str
    sources: tuple[str, ...] = ()

    @property
    def joins(self) -> bool:
        """Says that the sender wants the group, or sources of it."""
        asks_for_sources = self.kind in ("allow", "to_include", "is_include") and bool(self.sources)
        return self.kind in _JOINING or asks_for_sources

    @property
    def leaves(self) -> bool:
        """Says that the sender wants the group, or sources of it, no more."""
        return self.kind in ("leave_v2", "block") or (self.kind == "to_include" and not self.sources)


@dataclass(frozen=True, slots=True)
class MdnsPacket:
    """One mDNS message. `records` reads it; `at` is wall clock time in seconds."""

    at: float
    sender: str
    payload: bytes

    @property
    def is_response(self) -> bool:
        return bool(self.payload[2] & 0x80)

    def records(self) -> list[DNSRecord]:
        """Its answers, authorities and additionals, as zeroconf's classes; [] of a query without any."""
        answers: Any = DNSIncoming(self.payload).answers
        return list(answers() if callable(answers) else answers)  # a property until zeroconf 0.1xx

    @property
    def is_probe(self) -> bool:
        """Asks for names that its sender is about to take (RFC 6762 section 8.2)."""
        return not self.is_response and DNSIncoming(self.payload).num_authorities > 0

    def asked(self) -> set[str]:
        """The names that it asks for; none of a response."""
        return set() if self.is_response else {question.name for question in DNSIncoming(self.payload).questions}

    def instances(self) -> set[str]:
        """Those that it announces or probes for, or knows of and wants not to hear again."""
        return {record.alias for record in self.records() if isinstance(record, DNSPointer) and record.ttl}


Direction = Literal["both", "in", "out"]


class Capture:
    """Records from construction to `close`. The lists only grow; the thread that fills them is ours alone."""

    def __init__(self, host: Host, port: str = "eth0", direction: Direction = "both") -> None:
        self.memberships: list[Membership] = []
        self.mdns: list[MdnsPacket] = []
        self._direction = direction
        self._socket = host.open_socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._socket.bind((port, _ETH_P_ALL))
        self._socket.setblocking(False)
        self._stop_reading, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._read, name=f"capture-{host.label}-{port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stop_reading.close()
        self._thread.join()
        self._stopped.close()
        self._socket.close()

    def joins(self, group: str) -> list[Membership]:
        """The reports by which somebody joined the group (or asked for a source in it)."""
        return [record for record in list(self.memberships) if record.group == group and record.joins]

    def leaves(self, group: str) -> list[Membership]:
        """The reports by which somebody left it."""
        return [record for record in list(self.memberships) if record.group == group and record.leaves]

    def wait_for_join(self, group: str) -> Membership:
        """The first join of the group."""
        return eventually(lambda: self.joins(group), f"a join of {group}")[0]

    def wait_for_leave(self, group: str) -> Membership:
        return eventually(lambda: self.leaves(group), f"a leave of {group}")[0]

    def wait_for_mdns(self, where: Callable[[MdnsPacket], bool], what: str) -> MdnsPacket:
        """The first mDNS packet for which `where` holds."""
        return eventually(lambda: [packet for packet in list(self.mdns) if where(packet)], what)[0]

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while all(key.fileobj is self._socket for key, _ in selector.select()):
                self._take_one()

    def _take_one(self) -> None:
        frame, ancillary, _, address = self._socket.recvmsg(_LARGEST, socket.CMSG_SPACE(_TIMESPEC.size))
        outgoing = address[2] == socket.PACKET_OUTGOING
        if self._direction != "both" and outgoing != (self._direction == "out"):
            return
        at = time.time()
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, nanoseconds = _TIMESPEC.unpack(data)
                at = seconds + nanoseconds / 1e9
        for message in dissect(frame, at):
            if isinstance(message, MdnsPacket):
                self.mdns.append(message)
            else:
                self.memberships.append(message)


def dissect(frame: bytes, at: float) -> list[Membership | MdnsPacket]:
    """What an Ethernet frame says of memberships or by mDNS; [] of any other."""
    ethertype = int.from_bytes(frame[12:14], "big")
    try:
        if ethertype == _IPV4:
            return _from_ipv4(frame[_ETHERNET:], at)
        if ethertype == _IPV6:
            return _from_ipv6(frame[_ETHERNET:], at)
    except (IndexError, ValueError, struct.error):
        pass  # shorter than it says it is
    return []


def _from_ipv4(packet: bytes, at: float) -> list[Membership | MdnsPacket]:
    header, protocol, sender = (packet[0] & 0x0F) * 4, packet[9], _address(packet[12:16])
    body = packet[header : int.from_bytes(packet[2:4], "big")]
    if protocol == _IGMP:
        if body[0] == 0x22:
            return [*_group_records(body, 4, sender, at)]
        if kind := _OLD_MESSAGES.get(body[0]):
            return [Membership(at, sender, kind, _address(body[4:8]))]
    return _mdns(body, sender, at) if protocol == _UDP else []


def _from_ipv6(packet: bytes, at: float) -> list[Membership | MdnsPacket]:
    next_header, sender, body = packet[6], _address(packet[8:24]), packet[40:]
    if next_header == _HOP_BY_HOP:  # MLD has a router alert option before it
        next_header, body = body[0], body[(body[1] + 1) * 8 :]
    if next_header == _ICMPV6 and body[0] == 143:
        return [*_group_records(body, 16, sender, at)]
    return _mdns(body, sender, at) if next_header == _UDP else []


def _group_records(report: bytes, width: int, sender: str, at: float) -> list[Membership]:
    """The group records of an IGMPv3 or MLDv2 report; `width` is that of an address."""
    records = []
    offset = 8
    for _ in range(int.from_bytes(report[6:8], "big")):
        kind, auxiliary_words, count = struct.unpack_from("!BBH", report, offset)
        group, *sources = (
            _address(report[start : start + width])
            for start in range(offset + 4, offset + 4 + width * (count + 1), width)
        )
        records.append(Membership(at, sender, _RECORDS.get(kind, f"type {kind}"), group, tuple(sources)))
        offset += 4 + width * (count + 1) + 4 * auxiliary_words
    return records


def _mdns(datagram: bytes, sender: str, at: float) -> list[Membership | MdnsPacket]:
    from_port, to_port = struct.unpack_from("!HH", datagram)
    payload = datagram[8:]
    if _MDNS_PORT in (from_port, to_port) and len(payload) >= 12:
        return [MdnsPacket(at, sender, payload)]
    return []


def _address(octets: bytes) -> str:
    return str(ipaddress.ip_address(octets))
