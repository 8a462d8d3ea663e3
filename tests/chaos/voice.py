"""`Voice`: says anything by mDNS from a host of the LAN, true or not."""

import ipaddress
import random
import socket
import struct
from contextlib import suppress
from typing import Self

from zeroconf import (  # type: ignore[attr-defined]  # the records are in every release, not in its __all__
    DNSAddress,
    DNSOutgoing,
    DNSPointer,
    DNSQuestion,
    DNSRecord,
    DNSService,
    DNSText,
)

from tests.lan.network import Host
from tests.lan.peer import NODE_TYPE

GHOST = "ghost"
"""How the names of nodes begin that are not there: others may remember them for as long as they were said to live."""
_GROUP = ("224.0.0.251", 5353)
_ANSWER, _QUERY, _IN, _FLUSH = 0x8400, 0, 1, 0x8001
_PTR, _TXT, _SRV, _A = 12, 16, 33, 1
_PLAUSIBLE = b"".join(bytes([len(pair)]) + pair for pair in (b"api_proto=http", b"api_ver=v1.3", b"api_auth=false"))


class Voice:
    """It speaks from port 5353, as a responder does, and hears nothing."""

    def __init__(self, host: Host) -> None:
        self._socket = host.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            self._socket.setsockopt(socket.SOL_SOCKET, option, 1)
        self._socket.bind(("", _GROUP[1]))
        own = socket.inet_aton(host.address())
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def say(self, *records: DNSRecord) -> None:
        """One packet of answers that nobody asked for."""
        out = DNSOutgoing(_ANSWER)
        for record in records:
            out.add_answer_at_time(record, 0)
        self.shout(*out.packets())

    def ask(self, *names: str) -> None:
        out = DNSOutgoing(_QUERY)
        for name in names:
            out.add_question(DNSQuestion(name, _PTR, _IN))
        self.shout(*out.packets())

    def shout(self, *packets: bytes) -> None:
        for packet in packets:
            with suppress(OSError):  # no room to send: so much is lost, as on any network
                self._socket.sendto(packet, _GROUP)


def instance(
    name: str, server: str, address: str, port: int = 8080, ttl: int = 120, txt: bytes = b""
) -> list[DNSRecord]:
    """The records of a node called so; with a `ttl` of 0, its goodbye."""
    full = f"{name}.{NODE_TYPE}"
    return [
        DNSPointer(NODE_TYPE, _PTR, _IN, ttl, full),
        DNSService(full, _SRV, _FLUSH, ttl, 0, 0, port, server),
        DNSText(full, _TXT, _FLUSH, ttl, txt or _PLAUSIBLE),
        DNSAddress(server, _A, _FLUSH, ttl, ipaddress.ip_address(address).packed),
    ]


def rubbish(chance: random.Random) -> bytes:
    """A packet that begins like DNS, and goes on like nothing at all; or one that refers to itself for ever."""
    head = struct.pack("!6H", 0, chance.choice((0, _ANSWER)), *(chance.choice((0, 1, 9, 65535)) for _ in range(4)))
    loop = b"\xc0\x0c\x00\x0c\x00\x01"
    return head + (loop * 3 if chance.random() < 0.2 else chance.randbytes(chance.randrange(400)))
