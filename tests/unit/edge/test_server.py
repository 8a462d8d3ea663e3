"""Bottle inside the loop, and who makes room where too many connections are open (test_http.py has the sockets)."""

import asyncio
import gc
import inspect
import socket
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from collections.abc import Awaitable
from typing import Any

import pytest
from aiohttp import web

from appliance.config.access import AccessConfig
from appliance.edge.connection import Connection
from appliance.edge.connections import Connections, Limits, Phase
from appliance.edge.server import call_bottle
from appliance.web.access import Access, Right
from appliance.web.messages import Answer, Request
from appliance.web.quick import QuickReads
from appliance.web.ready import ReadyAnswers
from appliance.web.site import Site
from tests.support.leaks import run


def test_bottle_hands_back_the_handlers_value_and_lets_its_bugs_through() -> None:
    answer = Answer({})

    async def promise(request: Request) -> Answer:
        return answer

    def bug(request: Request) -> Answer:
        raise KeyError("x")

    site = Site()
    site.route("/value", get=lambda request: answer)
    site.route("/promise", get=promise)
    site.route("/bug", get=bug)
    assert call_bottle(site, Request("GET", "/value")) is answer
    promised = call_bottle(site, Request("GET", "/promise"))
    assert inspect.isawaitable(promised)
    assert run(_result_of(promised)) is answer
    assert call_bottle(site, Request("BREW", "/value")).status == 405
    with pytest.raises(KeyError):
        call_bottle(site, Request("GET", "/bug"))


async def _result_of(promised: Awaitable[Any]) -> Any:
    return await promised


def test_the_date_is_made_once_a_second() -> None:
    times = iter([1_700_000_000.2, 1_700_000_000.9, 1_700_000_001.0])
    connections = Connections(Limits(), QuickReads(ReadyAnswers()), clock=lambda: next(times))
    first, same, later = connections.date(), connections.date(), connections.date()
    assert first == b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    assert first is same
    assert later == b"Date: Tue, 14 Nov 2023 22:13:21 GMT\r\n"


class Stub:
    """What `Connections` sees of a connection."""

    def __init__(self, remote: str, since: float, phase: Phase = Phase.IDLE) -> None:
        self.remote, self.since, self.phase = remote, since, phase
        self.task = None
        self.right = Right.CHANGE
        self.said = ""

    def drop(self) -> None:
        self.said = "dropped"

    def refuse(self, answer: Answer) -> None:
        self.said = str(answer.status)


def admit(open: list[Stub], *late: Stub) -> list[str]:
    """What is said to each of ``open`` and ``late`` where all of ``open`` are as many as there may be."""

    async def test() -> list[str]:
        connections = Connections(Limits(connections=len(open)), QuickReads(ReadyAnswers()))
        for stub in [*open, *late]:
            connections.admit(_as_connection(stub))
        said = [stub.said for stub in [*open, *late]]
        assert len(connections) <= len(open)
        connections.stop()
        return said

    return run(test())


def _as_connection(stub: Stub) -> Connection:
    return stub  # type: ignore[return-value]


def test_the_longest_waiting_of_the_address_that_has_most_makes_room() -> None:
    controller, old, older = Stub("10.0.0.1", 1), Stub("10.0.0.9", 8), Stub("10.0.0.9", 7)
    busy = Stub("10.0.0.9", 0, Phase.WORKING)
    assert admit([controller, old, older, busy], Stub("10.0.0.2", 9)) == ["", "", "dropped", "", ""]


def test_each_newcomer_takes_another_ones_place() -> None:
    idle = [Stub("10.0.0.9", since) for since in range(4)]
    assert admit(idle, Stub("10.0.0.2", 9), Stub("10.0.0.2", 9)) == ["dropped", "dropped", "", "", "", ""]


def test_where_all_work_the_newcomer_is_refused() -> None:
    busy = [Stub("10.0.0.1", 1, Phase.WORKING) for _ in range(3)]
    assert admit(busy, Stub("10.0.0.2", 9)) == ["", "", "", "503"]


class Paper(asyncio.Transport):
    """A connection of a client at some address to some address of the box; what is written to it is kept."""

    def __init__(self, remote: str, here: str = "10.0.0.1") -> None:
        super().__init__({"peername": (remote, 5555), "sockname": (here, 80)})
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


ASKED = b"GET /x-nmos/kept HTTP/1.1\r\nHost: box\r\n\r\n"


def answered(connections: Connections, transport: Paper, *data: bytes) -> str:
    """The status that a connection by this transport answers these bytes with, and whether it is closed then."""

    async def test() -> str:
        async def refused(_request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=404)

        connection = Connection(connections, web.Server(refused), asyncio.get_running_loop())
        connection.connection_made(transport)
        for each in data:
            connection.data_received(each)
        for _ in range(5):
            await asyncio.sleep(0)
        said = f"{transport.written[9:12].decode()}{' closed' if transport.closed else ''}"
        connection.connection_lost(None)
        connections.stop()
        return said.strip()

    return run(test())


def listed(*networks: str) -> Connections:
    ready = ReadyAnswers()
    answer = Answer({}, depends=(("device", None),))
    ready.keep("/x-nmos/kept", answer, answer.payload())
    quick = QuickReads(ready)
    quick.learn(ASKED, {"Host": "box"})
    connections = Connections(Limits(), quick)
    connections.access = Access(AccessConfig(read=networks))
    return connections


@pytest.mark.parametrize(
    ("remote", "here", "said"),
    [
        ("10.0.0.9", "10.0.0.1", "200"),
        ("10.0.1.9", "10.0.0.1", "403 closed"),
        ("::ffff:10.0.0.9", "::ffff:10.0.0.1", "200"),
        ("fe80::9%eth0", "fe80::1%eth0", "403 closed"),
        ("127.0.0.1", "127.0.0.1", "200"),  # the box itself
        ("10.0.1.1", "10.0.1.1", "200"),
    ],
)
def test_who_is_in_no_network_is_turned_away(remote: str, here: str, said: str) -> None:
    assert answered(listed("10.0.0.0/24"), Paper(remote, here), ASKED) == said
    assert answered(listed(), Paper(remote, here), ASKED) == "200"


@pytest.mark.parametrize("data", [b"\x00" * 100_000, b"GET", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"\r\n"])
def test_nothing_of_what_a_stranger_sends_is_parsed(data: bytes) -> None:
    assert answered(listed("10.0.0.0/24"), Paper("10.0.1.9"), data, data) == "403 closed"


def test_who_is_turned_away_makes_room_before_all_others() -> None:
    stranger = Stub("10.0.1.9", 8)
    stranger.right = Right.NOTHING
    others = [Stub("10.0.0.9", since) for since in range(3)]
    assert admit([*others, stranger], Stub("10.0.0.2", 9)) == ["", "", "", "dropped", ""]


def test_they_are_in_the_log_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    connections = listed("10.0.0.0/24")
    for _ in range(50):
        answered(connections, Paper("10.0.1.9"), ASKED)
    assert [record.message for record in caplog.records] == [
        "10.0.1.9 was turned away: it is in no network of [access]"
    ]


def test_other_rules_end_connections_that_they_have_no_place_for() -> None:
    async def test() -> list[bool]:
        connections = listed()
        transports = [Paper("10.0.0.9"), Paper("10.0.1.9"), Paper("127.0.0.1", "127.0.0.1")]
        made = []
        for transport in transports:
            connection = Connection(connections, web.Server(_nobody), asyncio.get_running_loop())
            connection.connection_made(transport)
            made.append(connection)
        made[1].phase = Phase.WORKING  # a stream, say
        connections.restrict(Access(AccessConfig(read=("10.0.0.0/24",))))
        closed = [transport.closed for transport in transports]
        for connection in made:
            connection.connection_lost(None)
        connections.stop()
        return closed

    assert run(test()) == [False, True, False]


async def _nobody(_request: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError


@pytest.mark.parametrize(
    "said",
    [b"", b"GET /x-nm", b"\x16\x03\x01\x02\x00", b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
     b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
     b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{"],
)  # fmt: skip
def test_a_connection_leaves_nothing_for_the_collector(said: bytes) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/read":
            await request.read()
        return web.Response(text="x")

    async def test() -> None:
        loop = asyncio.get_running_loop()
        connections, server = Connections(Limits(), QuickReads(ReadyAnswers())), web.Server(answer)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        await loop.connect_accepted_socket(lambda: Connection(connections, server, loop), theirs)
        await loop.sock_sendall(ours, said)
        while len(said) < 6 and said and not await loop.sock_recv(ours, 10_000):
            pass  # what is no HTTP was answered
        ours.close()
        for _ in range(100):
            await asyncio.sleep(0)
        connections.stop()
        await server.shutdown(0.1)

    gc.collect()
    gc.disable()
    try:
        run(test())
        assert not [one for one in gc.get_objects() if isinstance(one, Connection)]
        transports = [one for one in gc.get_objects() if isinstance(one, _SelectorSocketTransport)]
        assert not [one for one in transports if one.get_protocol() is None]
    finally:
        gc.enable()
