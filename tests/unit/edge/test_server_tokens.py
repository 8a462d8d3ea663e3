"""The server where tokens are wanted: nothing is given away by a short cut."""

import asyncio
import time
from collections.abc import Callable, Sequence

from aiohttp import web

from appliance.edge.server import HttpServer
from appliance.nmos.is10.guard import TokenGuard
from appliance.nmos.is10.keyring import Key
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.support.leaks import run
from tests.support.tokens import claims, unsigned

PATH = "/x-nmos/node/v1.3/self"
NOW = time.time()
GOOD = unsigned(claims(iat=None, exp=NOW + 600))
OTHER = unsigned(claims(iat=None, exp=NOW + 600, x_nmos_node={"read": ["devices"]}))


class Keys:
    """Whoever says that he signed has signed."""

    def keys(self, issuer: str, key_id: str | None) -> Sequence[Key]:
        return (Key(None, None),)

    def missing(self, issuer: str) -> bool:
        return False


async def settled(id: str) -> None:
    """At once."""


async def asked(*tokens: str | None) -> list[bytes]:
    """The status lines, and the header that goes with 401, of GETs over one connection."""
    site = Site()
    site.route(PATH, get=lambda request: Answer({"secret": True}, depends=(("node", None),)))
    server = HttpServer(site, settled)
    server.tokens = TokenGuard(Keys(), lambda token, key: True, lambda: {"box.example.com"}, time.time, time.monotonic)
    port = await server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heads = []
    for token in tokens:
        field = "" if token is None else f"Authorization: Bearer {token}\r\n"
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{field}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
        await reader.readexactly(int(length[16:]))
        heads.append(head.split(b" ")[1])
    writer.close()
    await server.stop()
    return heads


def test_what_is_kept_ready_is_not_given_away() -> None:
    # the third and later ones find the answer ready, and would find their fields learnt
    tokens = (None, GOOD, GOOD, GOOD, None, OTHER, None, GOOD, "x", None)
    expected = [b"200" if token == GOOD else b"403" if token == OTHER else b"401" for token in tokens]
    assert run(asked(*tokens)) == expected


def test_who_serves_a_socket_is_told_how_long_its_token_lasts() -> None:
    """And nobody of a stream that needs no token."""
    lasting: list[Callable[[], float] | None] = []
    now = [NOW]

    async def serve(_incoming: web.BaseRequest, request: Request) -> web.StreamResponse:
        lasting.append(request.lasting)
        return web.Response()

    async def test() -> None:
        server = HttpServer(Site(), settled)
        server.open()
        server.sockets("/x-nmos/events/v1.0/devices/", serve)
        server.stream("/panel/events", serve)
        server.tokens = TokenGuard(
            Keys(), lambda token, key: True, lambda: {"box.example.com"}, lambda: now[0], time.time
        )
        port = await server.listen("127.0.0.1", 0)
        token = unsigned(claims(iat=None, exp=NOW + 600, scope="events"))
        upgrade = f"Upgrade: websocket\r\nAuthorization: Bearer {token}\r\n"
        for path, fields in (("/x-nmos/events/v1.0/devices/a", upgrade), ("/panel/events", "")):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n".encode())
            assert b" 200 " in await reader.read()
            writer.close()
        await server.stop()

    run(test())
    of_token, of_stream = lasting
    assert of_stream is None
    assert of_token is not None
    assert of_token() == 600
    now[0] += 601
    assert of_token() == -1
