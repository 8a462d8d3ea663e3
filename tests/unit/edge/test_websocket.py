"""Where a Query API's ``ws_href`` may lead, and what is left of a served socket."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from appliance.discovery.contact import ContactPolicy, Myself
from appliance.discovery.registration.services import Candidate
from appliance.edge.client import HttpFailure
from appliance.edge.connection import Connection
from appliance.edge.connections import Connections, Limits
from appliance.edge.events_server import PREFIX, EventSockets
from appliance.edge.websocket import ServedSocket, SocketClient, socket_url
from appliance.nmos.is07.broadcast import Broadcaster
from appliance.web.messages import Request
from appliance.web.quick import QuickReads
from appliance.web.ready import ReadyAnswers
from tests.support.clock import FakeClock
from tests.support.leaks import run

POLICY = ContactPolicy(Myself("id", frozenset({"10.0.0.1"}), 80))
REGISTRY = Candidate("http://10.0.0.8:8010", "v1.3")


@pytest.mark.parametrize(
    ("href", "url", "headers"),
    [
        ("ws://10.0.0.8:8011/ws/?uid=5%2C6", "ws://10.0.0.8:8011/ws/?uid=5%2C6", {}),
        ("ws://10.0.0.9/x", "ws://10.0.0.9:80/x", {}),
        ("ws://10.0.0.8", "ws://10.0.0.8:80/", {}),
        ("ws://[fd00::8]:81/x", "ws://[fd00::8]:81/x", {}),
        ("ws://registry.local:8011/x", "ws://10.0.0.8:8011/x", {"Host": "registry.local:8011"}),
    ],
)
def test_where_it_leads(href: str, url: str, headers: dict[str, str]) -> None:
    assert socket_url(href, REGISTRY, POLICY) == (url, headers)


@pytest.mark.parametrize(
    "href",
    [
        None,
        5,
        "",
        "http://10.0.0.8/x",
        "ws:///x",
        "ws://10.0.0.8:99999/x",
        "ws://[::/x",
        "ws://10.0.0.8/ x",
        "ws://10.0.0.8/\r\nx",
        "ws://127.0.0.1:22/",
        "ws://[::1]/",
        "ws://10.0.0.1:80/",
        "ws://239.0.0.1/",
        "ws://0.0.0.0/",
    ],
)
def test_where_it_must_not_lead(href: object) -> None:
    with pytest.raises(HttpFailure):
        socket_url(href, REGISTRY, POLICY)


ASKED = (
    b"GET /x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def _read(incoming: web.BaseRequest) -> web.StreamResponse:
    served = await ServedSocket.accept(incoming)
    async for _ in served.messages():
        pass
    return served.response


async def _tell_events(incoming: web.BaseRequest) -> web.StreamResponse:
    sockets = EventSockets(Broadcaster(frozenset({"desk"}), lambda source_id: False), FakeClock())
    return await sockets.handle(incoming, Request("GET", f"{PREFIX}desk"))


@pytest.mark.parametrize("serve", [_read, _tell_events])
@pytest.mark.parametrize("said", [b"", b"\x81\x82\0\0\0\0hi", b"\xff\xff\xff"])
def test_a_client_that_vanishes_leaves_nothing_for_the_collector(
    said: bytes, serve: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        connections, server = Connections(Limits(), QuickReads(ReadyAnswers())), web.Server(serve)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        await loop.connect_accepted_socket(lambda: Connection(connections, server, loop), theirs)
        await loop.sock_sendall(ours, ASKED)
        assert (await loop.sock_recv(ours, 1000)).startswith(b"HTTP/1.1 101 ")
        await loop.sock_sendall(ours, said)
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
    finally:
        gc.enable()


@pytest.mark.parametrize(("left", "said"), [([0.0], []), ([1e-6, 1e-6, 0.0], []), ([1000.0, -1.0], ["hi"])])
def test_it_ends_when_nothing_is_left_of_the_permission(left: list[float], said: list[str]) -> None:
    """Also while messages come, and when the clock was put right meanwhile."""
    remaining = iter(left)
    heard: list[str] = []

    async def serve(incoming: web.BaseRequest) -> web.StreamResponse:
        served = await ServedSocket.accept(incoming, lambda: next(remaining))
        heard.extend([text async for text in served.messages()])
        return served.response

    async def test() -> None:
        server = web.Server(serve)
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname()[:2])
        writer.write(ASKED)
        await reader.readuntil(b"\r\n\r\n")
        for text in said:
            writer.write(b"\x81\x82\0\0\0\0" + text.encode())
        assert await reader.readexactly(4) == b"\x88\x02\x03\xf0", "closed by 1008 (RFC 6455 section 7.4.1)"
        writer.write(b"\x88\x82\0\0\0\0\x03\xf0")
        assert await reader.read() == b""
        writer.close()
        listening.close()
        await server.shutdown(0.1)

    run(test())
    assert heard == said
    assert next(remaining, None) is None


@pytest.mark.parametrize("to", ["http://127.0.0.1:{port}/there", "/there", "ws://127.0.0.1:{port}/there"])
def test_it_follows_nobody_elsewhere(to: str) -> None:
    asked: list[str] = []

    async def test() -> None:
        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            asked.append(request.path)
            raise web.HTTPFound(to.format(port=port))

        server = web.Server(serve)
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        client = SocketClient()
        with pytest.raises(HttpFailure, match="redirects"):
            await client.connect(f"ws://127.0.0.1:{port}/here", {"Authorization": "Bearer x"}, 1000, 5.0)
        await client.close()
        listening.close()
        await server.shutdown(0.1)

    run(test())
    assert asked == ["/here"]
