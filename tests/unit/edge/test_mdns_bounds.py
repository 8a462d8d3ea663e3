"""What is kept of what everybody multicasts."""

import asyncio
import gc
import socket
import struct
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
from zeroconf import (  # type: ignore[attr-defined]  # the records are in every release, not in its __all__
    DNSAddress,
    DNSHinfo,
    DNSPointer,
    DNSQuestion,
    DNSService,
    DNSText,
    RecordUpdate,
    Zeroconf,
    current_time_millis,
)
from zeroconf._cache import DNSCache
from zeroconf._history import QuestionHistory
from zeroconf._protocol import incoming

from appliance.discovery.records import NODE_TYPE, Record
from appliance.edge.mdns_bounds import MAX_BEGUN, MAX_CACHED, Guard, QuestionBounds, forget_tracebacks, guard
from appliance.edge.mdns_records import PacketListener
from tests.support.leaks import run

REGISTER = "_nmos-register._tcp.local."
FOR_EVER = 2**31 - 1


class Lan:
    """What python-zeroconf does with each packet of records."""

    def __init__(self, types: tuple[str, ...] = (REGISTER,)) -> None:
        self.heard: list[Record] = []
        self.cache = DNSCache()
        self._listener = PacketListener(self.heard.extend, types)
        self._zeroconf = cast("Zeroconf", SimpleNamespace(cache=self.cache))

    def say(self, *records: Any) -> None:
        updates = [RecordUpdate(record, self.cache.get(record)) for record in records]
        self._listener.async_update_records(self._zeroconf, 1.0, updates)
        self.cache.async_add_records([update.new for update in updates if update.old is None])
        self._listener.async_update_records_complete()

    @property
    def cached(self) -> set[str]:
        return {name for name, records in self.cache.cache.items() if records}

    def __len__(self) -> int:
        return sum(map(len, self.cache.cache.values()))


@pytest.mark.parametrize(
    "made",
    [
        lambda n: DNSText(f"n{n}.{NODE_TYPE}", 16, 1, FOR_EVER, b"x", 1.0),
        lambda n: DNSService(f"n{n}.{REGISTER}", 33, 1, FOR_EVER, 0, 0, 80, f"h{n}.local.", 1.0),
        lambda n: DNSPointer(NODE_TYPE, 12, 1, FOR_EVER, f"n{n}.{NODE_TYPE}", 1.0),
        lambda n: DNSAddress(f"h{n}.local.", 1, 1, FOR_EVER, struct.pack("!I", n), created=1.0),
    ],
    ids=["TXT", "SRV", "PTR", "A"],
)
def test_a_flood_of_records_that_never_expire_does_not_fill_the_cache(made: Callable[[int], Any]) -> None:
    lan = Lan()
    for packet in range(400):
        lan.say(*(made(packet * 100 + n) for n in range(100)))
    assert len(lan.heard) == 40_000
    assert MAX_CACHED / 2 < len(lan) <= MAX_CACHED + 1_000
    assert lan.cache.get(made(39_999)) is not None


def test_of_services_that_do_not_matter_nothing_is_cached() -> None:
    lan = Lan()
    for n in range(10):
        lan.say(
            DNSPointer("_ipp._tcp.local.", 12, 1, 120, f"printer{n}._ipp._tcp.local.", 1.0),
            DNSText(f"printer{n}._ipp._tcp.local.", 16, 1, 120, b"x", 1.0),
            DNSText(f"printer{n}._ipp._tcp.local.", 16, 1, 120, b"x", 1.0),
            DNSHinfo(f"h{n}.local.", 13, 1, 120, "x", "y", 1.0),
        )
    assert lan.cached == set()


def test_what_matters_stays_in_the_cache_whatever_its_case() -> None:
    lan = Lan((REGISTER, "_NMOS-MQTT._tcp.local."))
    names = {f"n.{NODE_TYPE}", f"r.{REGISTER}", "b._nmos-mqtt._tcp.local."}
    lan.say(*(DNSText(name.upper(), 16, 1, 120, b"x", 1.0) for name in names))
    lan.say(DNSAddress("h.local.", 1, 1, 120, bytes(4), created=1.0))
    assert lan.cached == names | {"h.local."}
    lan.say(DNSText("x._ipp._tcp.local.", 16, 1, 120, b"x", 1.0))
    assert lan.cached == names | {"h.local."}


def test_a_record_that_is_said_twice_in_a_packet_is_forgotten_once() -> None:
    lan = Lan()
    said = DNSText("x._ipp._tcp.local.", 16, 1, 120, b"x", 1.0)
    lan.say(said, said)
    lan.say(said)
    assert len(lan) == 0


def test_a_question_is_remembered_no_longer_than_it_suppresses_others() -> None:
    history, bounds = QuestionHistory(), QuestionBounds()
    zeroconf = cast("Zeroconf", SimpleNamespace(question_history=history))
    question, now = DNSQuestion(NODE_TYPE, 12, 1), current_time_millis()
    history.add_question_at_time(question, now - 1500, set())
    fresh = DNSQuestion(REGISTER, 12, 1)
    history.add_question_at_time(fresh, now, set())
    assert history.suppresses(question, now - 1500, set())
    bounds.apply(zeroconf)
    assert not history.suppresses(question, now - 1500, set())
    assert history.suppresses(fresh, now, set())


def test_packets_that_are_no_dns_leave_nothing() -> None:
    forget_tracebacks()
    forget_tracebacks()
    for n in range(3000):  # each with words of its own: at which offset, and from whom
        packet = struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + bytes(n % 500) + b"\xc0\xff" + struct.pack("!H", n)
        assert not incoming.DNSIncoming(packet[:12] + b"\xff" + packet[13:], (f"10.0.0.{n}", 5353)).valid
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, incoming.DNSIncoming)]
    assert len(vars(incoming)["_seen_logs"]) <= 1000


class Beyond(asyncio.DatagramProtocol):
    """python-zeroconf's protocol."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.done = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        self.heard.append(data)
        if data == packet(WHOLE):
            self.done.set()


WHOLE, BEGUN, RESPONSE, BEGUN_RESPONSE = 0, 0x0200, 0x8400, 0x8600
SENDER = ("10.0.0.1", 5353)


def packet(flags: int, number: int = 0) -> bytes:
    return struct.pack("!6H", number, flags, 1, 0, 0, 0)


def test_queries_that_are_begun_without_end_wait_in_a_bounded_number() -> None:
    now, beyond = 0.0, Beyond()
    guarded = Guard(beyond, lambda: now)
    through: list[float] = []
    for _ in range(10_000):
        now += 0.01
        before = len(beyond.heard)
        guarded.datagram_received(packet(BEGUN), SENDER)
        through += [now] * (len(beyond.heard) - before)
    together = 1
    for one, next_one in pairwise(through):
        together = together + 1 if next_one - one < 0.6 else 1  # python-zeroconf answers after half a second of quiet
        assert together <= MAX_BEGUN
    assert through[-1] > 95  # others have their turn all the same


@pytest.mark.parametrize("flags", [WHOLE, RESPONSE, BEGUN_RESPONSE])
def test_all_else_goes_through(flags: int) -> None:
    beyond = Beyond()
    guarded = Guard(beyond, lambda: 0.0)
    packets = [packet(flags, number) for number in range(3 * MAX_BEGUN)] + [b"", b"\0\0"]
    for each in packets:
        guarded.datagram_received(each, SENDER)
    assert beyond.heard == packets


def test_it_stands_before_the_protocol_of_a_socket_that_is_read_already() -> None:
    async def test() -> list[bytes]:
        beyond = Beyond()
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: beyond, ("127.0.0.1", 0))
        guard(cast("Zeroconf", SimpleNamespace(engine=SimpleNamespace(readers=[transport, object()]))))
        guarded = transport.get_protocol()
        assert isinstance(guarded, Guard)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for flags in [BEGUN] * (MAX_BEGUN + 5) + [WHOLE]:
                sender.sendto(packet(flags), transport.get_extra_info("sockname"))
        await beyond.done.wait()
        transport.close()
        return beyond.heard

    assert run(test()) == [packet(BEGUN)] * MAX_BEGUN + [packet(WHOLE)]
