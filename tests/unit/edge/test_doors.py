"""What comes to the TLS port, from garbage to a good client, over real sockets; and that nothing of it stays."""

import asyncio
import gc
import logging
import socket
import ssl
import struct
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from appliance.config.access import AccessConfig
from appliance.config.model import TlsConfig
from appliance.edge.connection import Connection
from appliance.edge.connections import Connections, Limits
from appliance.edge.doors import BUFFER, MAX_HANDSHAKES, Doors
from appliance.edge.server import HttpServer
from appliance.edge.tls import Tls
from appliance.web.access import Access
from appliance.web.messages import Answer
from appliance.web.quick import QuickReads
from appliance.web.ready import ReadyAnswers
from appliance.web.site import Site
from tests.support.authority import EC, RSA, Authority
from tests.support.leaks import run

HELLO = b"\x16\x03\x01\x02\x00\x01"
ASK = b"GET /x HTTP/1.1\r\nHost: box.local\r\nConnection: close\r\n\r\n"


class Box:
    """A server with a certificate; ``port`` is where it is while it is ``open``."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        certificate, key = self.authority.certify("box", "box.local")
        self.tls = Tls(TlsConfig((str(certificate),), (str(key),)))
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[HttpServer]:
        site = Site()
        site.route("/x", get=lambda request: Answer({}))
        server = HttpServer(site, _settled, tls=self.tls)
        self.port = await server.listen("127.0.0.1", 0)
        server.open()
        try:
            yield server
        finally:
            await server.stop()

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority.ca)

    async def ask(self, context: ssl.SSLContext) -> bytes:
        """The status line of an answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context, server_hostname="box.local")
        writer.write(ASK)
        head = await reader.read()
        writer.close()
        return head.split(b"\r\n")[0]


async def _settled(id: str) -> None:
    """At once."""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Box:
    return Box(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


# ---- what is spoken


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_it_speaks_12_and_13(box: Box, version: ssl.TLSVersion) -> None:
    async def test() -> bytes:
        async with box.open():
            context = box.trusting()
            context.minimum_version = context.maximum_version = version
            return await box.ask(context)

    assert run(test()) == b"HTTP/1.1 200 OK"


BCP_003_01 = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "DHE-RSA-AES128-SHA256",
    "DHE-RSA-AES256-SHA256",
]


@pytest.mark.parametrize("dhe", [False, True])
def test_its_suites_are_those_of_bcp_003_01_in_its_order(dhe: bool, tmp_path: Path) -> None:
    """Found as a scanner does: who offers all but those that were taken before gets the next."""
    authority = Authority(tmp_path)
    pairs = [authority.certify(name, "box.local", key=key) for name, key in (("ec", EC), ("rsa", RSA))]
    certificates, keys = zip(*((str(certificate), str(key)) for certificate, key in pairs), strict=True)
    server = Tls(TlsConfig(certificates, keys, dhe=dhe)).context()
    wanted = [suite for suite in BCP_003_01 if dhe or not suite.startswith("DHE")]
    offered, taken = BCP_003_01[::-1], []
    while (suite := _taken(server, authority.ca, offered)) is not None:
        taken.append(suite)
        offered.remove(suite)
    assert taken == wanted


def _taken(server: ssl.SSLContext, ca: Path, offered: list[str]) -> str | None:
    """The suite that a client of TLS 1.2 gets; ``None`` where hands are not shaken."""
    client = ssl.create_default_context(cafile=ca)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(":".join(offered) or "PSK")
    there, here = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(here, there, server_hostname="box.local"), server.wrap_bio(there, here, server_side=True))
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return None
    cipher = ends[0].cipher()
    return cipher[0] if cipher else None


@pytest.mark.parametrize("suites", ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "DHE+AESGCM"])
def test_it_refuses_suites_that_bcp_003_01_has_not(box: Box, suites: str, caplog: pytest.LogCaptureFixture) -> None:
    context = box.trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    _refused(box, context)
    assert "no shared cipher" in caplog.text


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_it_refuses_old_versions(box: Box, version: str, caplog: pytest.LogCaptureFixture) -> None:
    context = box.trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    _refused(box, context)
    assert "unsupported protocol" in caplog.text


def _refused(box: Box, context: ssl.SSLContext) -> None:
    """It does not shake hands, and goes on."""

    async def test() -> None:
        async with box.open() as server:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await box.ask(context)
            await _until(lambda: server.failed_handshakes == 1)
            assert await box.ask(box.trusting()) == b"HTTP/1.1 200 OK"

    run(test())


# ---- what stays


async def _good(box: Box) -> None:
    assert await box.ask(box.trusting()) == b"HTTP/1.1 200 OK"


async def _trusts_nobody(box: Box) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await box.ask(ssl.create_default_context(cafile=None))


async def _garbage(box: Box) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
    writer.write(b"\x16\x03\x01\x00\x05hello" * 20)
    await reader.read()
    writer.close()


async def _half(box: Box) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
    writer.write(HELLO)
    await writer.drain()
    writer.close()


async def _resets(box: Box) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
    writer.write(HELLO)
    await writer.drain()
    for _ in range(10):
        await asyncio.sleep(0)  # it has begun to shake hands
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize("come", [_good, _trusts_nobody, _garbage, _half, _resets])
def test_nothing_is_left_for_the_collector(box: Box, come: Callable[[Box], Awaitable[None]]) -> None:
    seen: list[object] = []

    async def test() -> None:
        async with box.open() as server:
            await come(box)
            await _until(lambda: server.connections == 0 and (come is _good or server.failed_handshakes == 1))
            for _ in range(20):
                await asyncio.sleep(0)
            ours = (Connection, SSLProtocol, _SelectorSocketTransport)
            seen.extend(one for one in gc.get_objects() if isinstance(one, ours) and _is_served(one, box.port))

    gc.collect()
    gc.disable()
    try:
        run(test())
        assert not seen
    finally:
        gc.enable()


def _is_served(one: object, port: int) -> bool:
    """Not the client's, which is in this process too and leaves what asyncio's clients leave."""
    if isinstance(one, SSLProtocol):
        return bool(one._server_side)  # noqa: SLF001 - asyncio says no other way
    if isinstance(one, _SelectorSocketTransport):
        return bool(one.get_extra_info("sockname")[1] == port)
    return True


# ---- how many, and who


def test_a_flood_of_half_open_ones_leaves_room_for_a_good_one(box: Box) -> None:
    async def test() -> None:
        async with box.open() as server:
            flood = [socket.create_connection(("127.0.0.1", box.port)) for _ in range(3 * MAX_HANDSHAKES)]
            try:
                for each in flood:
                    each.send(HELLO)
                assert await box.ask(box.trusting()) == b"HTTP/1.1 200 OK"
                await _until(lambda: server.failed_handshakes >= 2 * MAX_HANDSHAKES)
            finally:
                for each in flood:
                    each.close()

    run(test())


def test_a_connection_that_only_waits_costs_little_memory(box: Box) -> None:
    async def test() -> list[int]:
        async with box.open() as server:
            address = ("127.0.0.1", box.port)
            _reader, writer = await asyncio.open_connection(*address, ssl=box.trusting(), server_hostname="box.local")
            await _until(lambda: server.connections == 1)
            protocols: list[Any] = [one for one in gc.get_objects() if isinstance(one, SSLProtocol)]
            sizes = [len(one._ssl_buffer) for one in protocols if one._server_side and one._transport is not None]  # noqa: SLF001
            writer.close()
            return sizes

    (size,) = run(test())
    assert size <= BUFFER


def test_who_is_in_no_network_shakes_no_hand(box: Box) -> None:
    made: list[asyncio.Protocol] = []

    async def test() -> bytes:
        loop = asyncio.get_running_loop()
        connections, server = Connections(Limits(), QuickReads(ReadyAnswers())), web.Server(_nobody)
        connections.restrict(Access(AccessConfig(read=("10.0.0.0/8",))))

        def make() -> Connection:
            made.append(Connection(connections, server, loop))
            raise AssertionError

        # as if it came to another of our addresses than its own, from outside
        doors = Doors(box.tls.context, make, lambda remote, here: connections.admits("192.0.2.1", here))
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        doors.open([listening])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = await reader.read()
        writer.close()
        await doors.close()
        return said

    assert run(test()) == b""
    assert not made


async def _nobody(_request: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)
