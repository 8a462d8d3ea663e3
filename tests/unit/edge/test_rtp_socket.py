"""The filter of a receiver's socket, run on a BPF machine of a few lines and, on loopback, on the kernel's."""

import socket
import struct
from dataclasses import replace
from ipaddress import ip_address

import pytest

from appliance.edge.packet_filter import Instruction
from appliance.edge.rtp_socket import NOTHING, RtpSocket, packets_of
from appliance.media.engine import Leg

LEG = Leg("eth0", "10.1.0.2", "232.1.1.1", 5004, source_ip="10.1.0.9")
RTP = bytes(12)


def accepted(program: tuple[Instruction, ...], source: str, payload: bytes) -> bool:
    """Run the program as the kernel does: the packet begins at the UDP header, the IP header is before it."""
    packed = ip_address(source).packed
    ip_header = bytes(12) + packed + bytes(4) if len(packed) == 4 else bytes(8) + packed + bytes(16)
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, k = program[at]
        at += 1
        match code:
            case 0x80:
                accumulator = 8 + len(payload)
            case 0x20:
                (accumulator,) = struct.unpack_from("!I", ip_header, k - 0xFFF00000)
            case 0x15:
                at += if_true if accumulator == k else if_false
            case 0x35:
                at += if_true if accumulator >= k else if_false
            case 0x06:
                return k != 0
            case _:
                raise AssertionError(code)


@pytest.mark.parametrize(("payload", "let_in"), [(b"", False), (RTP[1:], False), (RTP, True), (bytes(1400), True)])
def test_only_what_may_be_rtp(payload: bytes, let_in: bool) -> None:
    assert accepted(packets_of(replace(LEG, source_ip=None)), "10.7.7.7", payload) is let_in


def test_only_from_the_source() -> None:
    program = packets_of(LEG)
    assert accepted(program, "10.1.0.9", RTP)
    assert not accepted(program, "10.1.0.8", RTP)
    assert not accepted(program, "10.1.0.9", b"")


@pytest.mark.parametrize("source", ["fd01::9:1", "fd01:1::9", "fe01::9", "fd01::1:0:0:9"])
def test_only_from_the_source_by_ipv6(source: str) -> None:
    program = packets_of(replace(LEG, destination_ip="ff35::1", source_ip="fd01::9"))
    assert accepted(program, "fd01::9", RTP)
    assert not accepted(program, source, RTP)
    assert not accepted(program, "fd01::9", b"")


def test_unicast_may_come_from_another_address_of_the_sender() -> None:
    assert accepted(packets_of(replace(LEG, destination_ip="10.1.0.2")), "10.1.0.8", RTP)


def test_shut_lets_nothing_in() -> None:
    assert not accepted(NOTHING, "10.1.0.9", RTP)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_the_kernel_agrees(ip: str) -> None:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind((ip, 0))
        port = sender.getsockname()[1] ^ 1
        opened = RtpSocket(Leg("lo", ip, ip, port))
        with socket.socket(fileno=socket.dup(opened.fileno())) as reader:
            reader.setblocking(False)
            sender.sendto(RTP + b"too early", (ip, port))
            opened.open_gate()
            for payload in (b"", b"short", RTP + b"first", RTP + b"second"):
                sender.sendto(payload, (ip, port))
            assert [reader.recv(100), reader.recv(100)] == [RTP + b"first", RTP + b"second"]
            with pytest.raises(BlockingIOError):
                reader.recv(100)
        opened.close()


def test_an_address_that_is_not_ours_cannot_be_had() -> None:
    with pytest.raises(OSError):
        RtpSocket(Leg("lo", "192.0.2.1", "192.0.2.1", 5004))
