"""The HTTP server over real sockets: what strangers send, how slowly, and how many of them."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

import pytest
from aiohttp import web

from appliance.edge.connections import Limits
from appliance.edge.server import HttpServer
from appliance.errors import BadRequest
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.support.leaks import run

LIMITS = Limits(connections=20, body=100_000)
BIG = b"[" + b",".join(b"%d" % number for number in range(200_000)) + b"]"
DEPENDS = (("sender", None),)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def error(self) -> str:
        """The reason in an NMOS error; any page may read it."""
        body = json.loads(self.body)
        assert set(body) == {"code", "error", "debug"}
        assert body["code"] == self.status
        assert self.headers["access-control-allow-origin"] == "*"
        assert self.headers["content-type"] == "application/json"
        return str(body["error"])


class Client:
    """One connection, spoken to in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self, *, head: bool = False) -> Reply:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines[1:] if line]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), "a header twice"
        length = 0 if head else int(headers.get("content-length", 0))
        return Reply(int(lines[0].split()[1]), headers, await self.reader.readexactly(length))

    async def ask(self, method: str, path: str, body: bytes | None = None, *fields: str) -> Reply:
        length = () if body is None else (f"Content-Length: {len(body)}",)
        lines = [f"{method} {path} HTTP/1.1", "Host: box", *fields, *length, "", ""]
        self.send("\r\n".join(lines).encode() + (body or b""))
        return await self.reply(head=method == "HEAD")

    async def closed(self) -> bool:
        """Whether the other end closes, sooner or later."""
        try:
            return await self.reader.read() == b""
        except ConnectionResetError:
            return True


class Box:
    """A server with a few paths, and connections to it."""

    def __init__(self, limits: Limits = LIMITS, first: Callable[[Request], bool] | None = None) -> None:
        self.site = Site()
        self.settle: Callable[[str], Awaitable[None]] = _at_once
        self.settled: list[str] = []
        self.asked = 0
        self.streaming = asyncio.Event()
        self.promised = asyncio.Event()
        self.server = HttpServer(self.site, self._settled, limits, first=first)
        self.server.stream("/x-nmos/stream", self._stream)
        self.port = 0
        self._clients: list[Client] = []
        route = self.site.route
        route("/x-nmos/kept", get=self._kept)
        route("/x-nmos/big", get=lambda request: Answer(BIG, depends=DEPENDS))
        route("/x-nmos/items/<id>", get=self._show, patch=self._patch)
        route("/x-nmos/take", patch=lambda request: Answer({}, settle=("a", "b")))
        route("/x-nmos/bug", get=lambda request: Answer({1, 2}), put=self._bug)
        route("/x-nmos/refused", get=self._refused)
        route("/x-nmos/late", get=self._late)
        route("/panel", get=lambda request: Answer({"local": request.local, "remote": request.remote}))

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self._clients.append(client)
        return client

    def close_clients(self) -> None:
        for client in self._clients:
            client.writer.close()

    def _kept(self, request: Request) -> Answer:
        self.asked += 1
        return Answer({"asked": self.asked}, depends=DEPENDS)

    def _show(self, request: Request) -> Answer:
        return Answer(
            {
                "id": request.params["id"],
                "query": dict(request.query),
                "raw": request.raw_query,
                "body": len(request.body),
            }
        )

    def _patch(self, request: Request) -> Answer:
        return Answer({"id": request.params["id"], "given": request.json_object()})

    def _bug(self, request: Request) -> Answer:
        raise ConnectionResetError("not this connection: one that the handler used")

    def _refused(self, request: Request) -> Answer:
        raise BadRequest("key: wrong")

    async def _late(self, request: Request) -> Answer:
        await self.promised.wait()
        return Answer({"late": True})

    async def _settled(self, id: str) -> None:
        await self.settle(id)
        self.settled.append(id)

    async def _stream(self, incoming: web.BaseRequest, request: Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(incoming)
        self.streaming.set()
        while True:
            await response.write(b"x" * 1000)
            await asyncio.sleep(0.01)


async def _at_once(_id: str) -> None: ...


@asynccontextmanager
async def serving(limits: Limits = LIMITS, first: Callable[[Request], bool] | None = None) -> AsyncIterator[Box]:
    box = Box(limits, first)
    box.port = await box.server.listen("127.0.0.1", 0)
    try:
        yield box
    finally:
        box.close_clients()
        async with asyncio.timeout(1):  # the contract of stop, whatever is open
            await box.server.stop()
        assert box.server.connections == 0


def within(test: Callable[[], Coroutine[None, None, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await test()

    run(limited())


@contextmanager
def without_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# ---- plain requests


def test_head_has_the_headers_of_get_and_no_body() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            for path in ("/x-nmos/kept", "/x-nmos/kept/", "/x-nmos/items/1", "/x-nmos/nothing", "/panel"):
                for _ in range(2):  # made, then kept
                    got, head = await client.ask("GET", path), await client.ask("HEAD", path)
                    assert head.status == got.status
                    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
                    assert int(head.headers["content-length"]) == len(got.body) > 0

    within(test)


def test_what_is_served_first_does_not_wait_and_all_else_does() -> None:
    async def test() -> None:
        async with serving(
            first=lambda request: request.method == "GET" and request.path.startswith("/x-nmos/")
        ) as box:
            first, panel, patching = await box.connect(), await box.connect(), await box.connect()
            waiting = [
                asyncio.create_task(panel.ask("GET", "/later")),
                asyncio.create_task(patching.ask("PATCH", "/x-nmos/items/1", b"{}")),
            ]
            for path, status in (("/x-nmos/kept", 200), ("/x-nmos/kept", 200), ("/x-nmos/none", 404)):
                assert (await first.ask("GET", path)).status == status
            assert not any(task.done() for task in waiting)
            box.site.route("/later", get=lambda request: Answer({}))
            box.server.open()
            assert [reply.status for reply in await asyncio.gather(*waiting)] == [200, 200]

    within(test)


def test_cors_is_on_the_nmos_apis_only() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            panel = await client.ask("GET", "/panel")
            assert "access-control-allow-origin" not in panel.headers
            assert panel.headers["x-content-type-options"] == "nosniff"
            assert json.loads(panel.body) == {"local": True, "remote": "127.0.0.1"}
            assert (await client.ask("GET", "/x-nmos/refused")).error() == "key: wrong"
            assert "nothing at" in (await client.ask("GET", "/x-nmos/none")).error()
            options = await client.ask("OPTIONS", "/x-nmos/items/1", None, "Access-Control-Request-Headers: X-A, X-B")
            assert options.status == 200
            assert options.headers["access-control-allow-headers"] == "X-A, X-B"

    within(test)


@pytest.mark.parametrize("method", ["PROPFIND", "TRACE", "DELETE"])
def test_a_method_that_a_path_does_not_have_is_405(method: str) -> None:
    async def test() -> None:
        async with serving() as box:
            reply = await (await box.connect()).ask(method, "/x-nmos/items/1")
            assert reply.status == 405
            assert reply.headers["allow"] == "GET, PATCH, HEAD, OPTIONS"
            reply.error()

    within(test)


def test_a_kept_answer_has_a_tag_and_is_not_sent_twice_to_who_has_it() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            first = await client.ask("GET", "/x-nmos/kept")
            etag = first.headers["etag"]
            assert first.headers["cache-control"] == "no-cache"
            for _ in range(3):
                for field in (f"If-None-Match: {etag}", f'If-None-Match: "x", W/{etag}', "If-None-Match: *"):
                    for method in ("GET", "HEAD"):
                        again = await client.ask(method, "/x-nmos/kept", None, field)
                        assert (again.status, again.body) == (304, b"")
                        assert again.headers["etag"] == etag
                other = await client.ask("GET", "/x-nmos/kept", None, 'If-None-Match: "other"')
                assert (other.status, other.body) == (200, first.body)
            box.site.ready.forget_all()
            changed = await client.ask("GET", "/x-nmos/kept", None, f"If-None-Match: {etag}")
            assert changed.status == 200
            assert changed.headers["etag"] != etag
            assert (await client.ask("GET", "/x-nmos/items/1")).headers["cache-control"] == "no-store"

    within(test)


def test_a_query_does_not_get_what_was_kept_without_one() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            for expected in (1, 2):
                assert json.loads((await client.ask("GET", "/x-nmos/kept?a=1")).body) == {"asked": expected}
            assert json.loads((await client.ask("GET", "/x-nmos/kept")).body) == {"asked": 3}
            assert json.loads((await client.ask("GET", "/x-nmos/kept")).body) == {"asked": 3}
            assert json.loads((await client.ask("GET", "/x-nmos/kept?")).body)["asked"] in (3, 4)
            reply = await client.ask("GET", "/x-nmos/items/1?a=%20b&c")
            assert json.loads(reply.body)["query"] == {"a": " b", "c": ""}
            assert json.loads(reply.body)["raw"] == "a=%20b&c"

    within(test)


def test_requests_in_any_pieces_and_in_a_row_are_answered_in_order() -> None:
    async def test() -> None:
        async with serving() as box:
            one = b"GET /x-nmos/kept HTTP/1.1\r\nHost: box\r\n\r\n"
            two = b'PATCH /x-nmos/items/7 HTTP/1.1\r\nHost: box\r\nContent-Length: 7\r\n\r\n{"a":1}'
            three = b"GET /x-nmos/items/3 HTTP/1.1\r\nHost: box\r\n\r\n"
            stream = one + one + two + one + three + two + three
            for size in (1, 7, 40, 45, len(one), len(one) + 1, 100, len(stream)):
                client = await box.connect()
                for start in range(0, len(stream), size):
                    client.send(stream[start : start + size])
                    await asyncio.sleep(0)
                bodies = [json.loads((await client.reply()).body) for _ in range(7)]
                kept, patched, shown = (
                    {"asked": 1},
                    {"id": "7", "given": {"a": 1}},
                    {"id": "3", "query": {}, "raw": "", "body": 0},
                )
                assert bodies == [kept, kept, patched, kept, shown, patched, shown]
                client.writer.close()

    within(test)


def test_answers_of_a_slow_handler_are_not_overtaken() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            await client.ask("GET", "/x-nmos/kept")
            await client.ask("GET", "/x-nmos/kept")
            client.send(b"GET /x-nmos/late HTTP/1.1\r\nHost: box\r\n\r\n")
            await asyncio.sleep(0.02)
            client.send(b"GET /x-nmos/kept HTTP/1.1\r\nHost: box\r\n\r\n")
            await asyncio.sleep(0.02)
            box.promised.set()
            assert json.loads((await client.reply()).body) == {"late": True}
            assert json.loads((await client.reply()).body) == {"asked": 1}

    within(test)


@pytest.mark.parametrize(
    ("request_line", "field", "stays"),
    [
        ("GET /x-nmos/kept HTTP/1.1", "Connection: close", False),
        ("GET /x-nmos/kept HTTP/1.0", "A: b", False),
        ("GET /x-nmos/kept HTTP/1.0", "Connection: keep-alive", True),
        ("GET /x-nmos/kept HTTP/1.1", "Connection: keep-alive", True),
        ("GET http://box/x-nmos/kept HTTP/1.1", "A: b", True),
        (
            "GET /x-nmos/kept HTTP/1.1",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA",
            True,
        ),
    ],
)
def test_connections_stay_or_close_as_asked(request_line: str, field: str, stays: bool) -> None:
    async def test() -> None:
        async with serving() as box:
            for _ in range(3):
                client = await box.connect()
                for _ in range(3 if stays else 1):
                    client.send(f"{request_line}\r\nHost: box\r\n{field}\r\n\r\n".encode())
                    reply = await client.reply()
                    assert reply.status == 200
                    assert json.loads(reply.body) == {"asked": 1}
                    expected = "close" if not stays else "keep-alive" if "1.0" in request_line else None
                    assert reply.headers.get("connection") == expected
                assert stays or await client.closed()

    within(test)


def test_a_large_answer_reaches_a_client_that_reads_slowly() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            for _ in range(3):
                client.send(b"GET /x-nmos/big HTTP/1.1\r\nHost: box\r\n\r\n")
            for _ in range(3):
                assert (await client.reply()).body == BIG
                await asyncio.sleep(0.01)

    within(test)


# ---- bodies


def test_a_body_in_chunks_is_read_like_any_other() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            client.send(b"PATCH /x-nmos/items/1 HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send(b'4;x=y\r\n{"a"\r\n')
            await asyncio.sleep(0.01)
            client.send(b"3\r\n:1}\r\n0\r\nTrailer: x\r\n\r\n")
            reply = await client.reply()
            assert json.loads(reply.body) == {"id": "1", "given": {"a": 1}}
            assert reply.headers["connection"] == "close"  # is_plain says why
            assert await client.closed()

    within(test)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413_and_the_answer_arrives(chunked: bool) -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            kind = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {LIMITS.body * 100}"
            client.send(f"PATCH /x-nmos/items/1 HTTP/1.1\r\nHost: box\r\n{kind}\r\n\r\n".encode())
            for _ in range(30):  # most of it after the answer was made
                client.send((b"2000\r\n" + b" " * 8192 + b"\r\n") if chunked else b" " * 8192)
                await asyncio.sleep(0)
            reply = await client.reply()
            assert reply.status == 413
            assert f"over {LIMITS.body} bytes" in reply.error()
            assert reply.headers["connection"] == "close"
            client.writer.write_eof()
            assert await client.closed()

    within(test)


def test_a_body_at_the_limit_is_read() -> None:
    async def test() -> None:
        async with serving() as box:
            reply = await (await box.connect()).ask("PATCH", "/x-nmos/items/1", b" " * (LIMITS.body - 2) + b"{}")
            assert reply.status == 200

    within(test)


def test_a_client_that_asks_before_it_sends_a_body_is_told_to() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            head = b"PATCH /x-nmos/items/1 HTTP/1.1\r\nHost: box\r\nExpect: 100-continue\r\nContent-Length: "
            client.send(head + b"2\r\n\r\n")
            assert (await client.reply()).status == 100
            client.send(b"{}")
            assert (await client.reply()).status == 200
            client.send(head + b"99999999\r\n\r\n")
            assert (await client.reply()).status == 413

    within(test)


def test_a_packed_body_is_refused_unopened() -> None:
    async def test() -> None:
        async with serving() as box:
            bomb = gzip.compress(bytes(10_000_000))
            client = await box.connect()
            reply = await client.ask("PATCH", "/x-nmos/items/1", bomb, "Content-Encoding: gzip")
            assert reply.status == 415
            assert "Content-Encoding" in reply.error()

    within(test)


def test_chunks_that_are_none_are_400() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            client.send(b"PATCH /x-nmos/items/1 HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            reply = await client.reply()
            assert reply.status == 400
            reply.error()

    within(test)


# ---- requests within requests

PATCH = b"PATCH /x-nmos/items/1 HTTP/1.1\r\nHost: box\r\n"
GET = b"GET /x-nmos/kept HTTP/1.1\r\nHost: box\r\n"
HIDDEN = b"GET /x-nmos/items/hidden HTTP/1.1\r\nHost: box\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "doubtful",
    [
        PATCH + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
        PATCH + CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n",
        PATCH + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        PATCH + b"Content-Length: 2, 2\r\n\r\n{}",
        PATCH + b"Content-Length: +2\r\n\r\n{}",
        PATCH + b"Content-Length: 0_2\r\n\r\n{}",
        PATCH + b"Content-Length: 0x2\r\n\r\n{}",
        PATCH + b"Content-Length : 2\r\n\r\n{}",
        PATCH + b"X: a\r\n Content-Length: 2\r\n\r\n",
        PATCH + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        PATCH + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        PATCH + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        PATCH.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
        PATCH + CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n",
        PATCH + CHUNKED + b"\r\n2\r\n{}XX0\r\n\r\n",
        PATCH + CHUNKED + b"\r\n2;\nxx\r\n{}\r\n0\r\n\r\n",
        PATCH + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nContent-Length: 44\r\n\r\n",
        b"PATCH /x-nmos/items/1 HTTP/1.1\nHost: box\nContent-Length: 2\n\n{}",
        GET + b"X: a\nContent-Length: 5\r\n\r\n",
        GET + b"X: a\rContent-Length: 5\r\n\r\n",
        GET + b"X: a\0b\r\n\r\n",
        GET + b"Host: evil\r\n\r\n",
        GET.replace(b"1.1", b"9.9") + b"\r\n",
    ],
    ids=lambda data: repr(data[len(PATCH) :][:60]),
)
def test_what_others_may_read_otherwise_is_the_last_request(doubtful: bytes) -> None:
    """Whatever the parser makes of it: what might be a second request is not answered (RFC 9112 section 11.2)."""

    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            client.send(doubtful + HIDDEN)
            said = b""
            try:
                while more := await client.reader.read(65_536):
                    said += more
            except ConnectionResetError:
                pass
            assert said.count(b"HTTP/1.1 ") == 1
            assert b'"id":"hidden"' not in said

    within(test)


# ---- what is no HTTP


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # a TLS hello
        (b"hello\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET /x-nmos/kept HTTP/x.1\r\n\r\n", 400),
        (b"GET http://[/x-nmos/kept HTTP/1.1\r\nHost: box\r\n\r\n", 400),
        (b"GET /x-nmos/kept HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /x-nmos/kept HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /x-nmos/kept HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET /x-nmos/kept HTTP/1.1\r\nA: " + b"x" * 100_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /x-nmos/items/%ff HTTP/1.1\r\nHost: box\r\n\r\n", 400),
        (b"GET /x-nmos/items/%c3%28 HTTP/1.1\r\nHost: box\r\n\r\n", 400),
        (b"GET /x-nmos/items/a%zz HTTP/1.1\r\nHost: box\r\n\r\n", 400),
        (b"GET /x-nmos/items/a%2 HTTP/1.1\r\nHost: box\r\n\r\n", 400),
        (b"GET /x-nmos/items/\xff\xfe HTTP/1.1\r\nHost: box\r\n\r\n", 400),
        (b"GET /x-nmos/kept?" + b"a&" * 200 + b" HTTP/1.1\r\nHost: box\r\n\r\n", 400),
        (b"GET /x-nmos/items/%00 HTTP/1.1\r\nHost: box\r\n\r\n", 200),
        (b"GET /x-nmos/items/%C3%BC HTTP/1.1\r\nHost: box\r\n\r\n", 200),
        (b"GET //x-nmos/kept HTTP/1.1\r\nHost: box\r\n\r\n", 404),
        (b"GET /x-nmos/../panel HTTP/1.1\r\nHost: box\r\n\r\n", 404),
        (b"OPTIONS * HTTP/1.1\r\nHost: box\r\n\r\n", 404),
        (b"CONNECT box:443 HTTP/1.1\r\nHost: box\r\n\r\n", 404),
    ],
)
def test_what_is_no_good_request_gets_an_error_in_json(
    data: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            client.send(data)
            reply = await client.reply()
            assert reply.status == status, reply
            if status in (400, 431):
                assert reply.error()
            elif status >= 400:
                assert json.loads(reply.body)["code"] == status
            assert (await (await box.connect()).ask("GET", "/x-nmos/kept")).status == 200

    with without_errors(caplog):
        within(test)


# ---- clients that are slow, many, or gone


def test_a_head_that_does_not_end_is_408() -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, read_s=0.05)) as box:
            idle, slow = await box.connect(), await box.connect()
            slow.send(b"GET /x-nmos/kept HTTP/1.1\r\n")

            async def drip() -> None:
                while True:
                    slow.send(b"A: b\r\n")
                    await asyncio.sleep(0.02)

            dripping = asyncio.create_task(drip())
            reply = await slow.reply()
            dripping.cancel()
            assert reply.status == 408
            assert "not whole after 0.05 s" in reply.error()
            assert await slow.closed()
            assert (await idle.ask("GET", "/x-nmos/kept")).status == 200

    within(test)


def test_a_body_that_does_not_end_is_408() -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, read_s=0.05)) as box:
            slow = await box.connect()
            slow.send(b"PATCH /x-nmos/items/1 HTTP/1.1\r\nHost: box\r\nContent-Length: 100\r\n\r\n{")
            reply = await slow.reply()
            assert reply.status == 408
            assert "body was not whole" in reply.error()
            slow.writer.write_eof()
            assert await slow.closed()

    within(test)


def test_an_idle_connection_is_closed_after_a_while() -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, idle_s=0.05)) as box:
            silent, quiet = await box.connect(), await box.connect()
            for _ in range(3):
                assert (await quiet.ask("GET", "/x-nmos/kept")).status == 200
            assert await silent.closed()
            assert await quiet.closed()

    within(test)


def test_a_client_that_reads_nothing_is_dropped() -> None:
    async def test() -> None:
        async with serving(replace(LIMITS, write_s=0.05)) as box:
            client = await box.connect()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for _ in range(100):
                client.send(b"GET /x-nmos/big HTTP/1.1\r\nHost: box\r\n\r\n")
            while box.server.connections:  # noqa: ASYNC110 - the server has no event for this
                await asyncio.sleep(0.01)

    within(test)


def test_where_too_many_are_open_one_that_waits_makes_room() -> None:
    async def test() -> None:
        async with serving() as box:
            idle = [await box.connect() for _ in range(5 * LIMITS.connections)]
            assert (await idle[-1].ask("GET", "/x-nmos/kept")).status == 200
            for _ in range(5):
                assert (await (await box.connect()).ask("GET", "/x-nmos/kept")).status == 200
            assert await idle[0].closed(), "the oldest went first"
            assert box.server.connections <= LIMITS.connections

    within(test)


def test_half_sent_requests_make_room_too() -> None:
    async def test() -> None:
        async with serving() as box:
            for number in range(3 * LIMITS.connections):
                client = await box.connect()
                client.send(
                    b"PATCH /x-nmos/items/1 HTTP/1.1\r\nHost: box\r\nContent-Length: 10\r\n" + b"\r\n" * (number % 2)
                )
            assert (await (await box.connect()).ask("GET", "/x-nmos/kept")).status == 200

    within(test)


def test_where_all_are_being_answered_a_new_one_is_refused_politely() -> None:
    async def test() -> None:
        async with serving() as box:
            busy = [await box.connect() for _ in range(LIMITS.connections)]
            for client in busy:
                client.send(b"GET /x-nmos/late HTTP/1.1\r\nHost: box\r\n\r\n")
            await asyncio.sleep(0.05)
            refused = await (await box.connect()).reply()
            assert refused.status == 503
            assert "too many" in refused.error()
            box.promised.set()
            for client in busy:
                assert (await client.reply()).status == 200

    within(test)


def test_a_client_that_goes_in_the_middle_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with serving() as box:
            for data in (
                b"GET /x-nm",
                b"GET /x-nmos/big HTTP/1.1\r\nHost: box\r\n\r\n" * 3,
                b"GET /x-nmos/late HTTP/1.1\r\nHost: box\r\n\r\n",
                b"PATCH /x-nmos/items/1 HTTP/1.1\r\nHost: box\r\nContent-Length: 10\r\n\r\n{",
                b"GET /x-nmos/stream HTTP/1.1\r\nHost: box\r\n\r\n",
                b"rubbish\r\n\r\n",
            ):
                for wait_s in (0.0, 0.02):
                    client = await box.connect()
                    client.send(data)
                    await asyncio.sleep(wait_s)
                    client.writer.transport.abort()
            box.promised.set()
            assert (await (await box.connect()).ask("GET", "/x-nmos/kept")).status == 200

    with without_errors(caplog):
        within(test)


# ---- our own side


def test_a_bug_in_a_handler_is_500_and_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            for method in ("GET", "PUT"):
                reply = await client.ask(method, "/x-nmos/bug")
                assert reply.status == 500
                assert "log" in reply.error()
            assert (await client.ask("GET", "/x-nmos/kept")).status == 200

    within(test)
    assert [record.message for record in caplog.records] == ["GET /x-nmos/bug failed", "PUT /x-nmos/bug failed"]


def test_an_answer_waits_for_its_streams_and_not_for_ever() -> None:
    async def test() -> None:
        async with serving() as box:
            client = await box.connect()
            joined = asyncio.Event()

            async def settle(id: str) -> None:
                await joined.wait()

            box.settle = settle
            client.send(b"PATCH /x-nmos/take HTTP/1.1\r\nHost: box\r\nContent-Length: 0\r\n\r\n")
            asyncio.get_running_loop().call_later(0.02, joined.set)
            assert (await client.reply()).status == 200
            assert box.settled == ["a", "b"]
            joined.clear()
            assert (await client.ask("PATCH", "/x-nmos/take", b"")).status == 200
            assert box.settled == ["a", "b"], "given up after a moment"

            async def bug(id: str) -> None:
                raise ValueError(id)

            box.settle = bug
            assert (await client.ask("PATCH", "/x-nmos/take", b"")).status == 200, "the take was made all the same"

    within(test)


def test_stop_ends_idle_slow_and_endless_connections() -> None:
    async def test() -> None:
        async with serving() as box:
            waiting = [await box.connect() for _ in range(4)]
            waiting[1].send(b"GET /x")
            waiting[2].send(b"PATCH /x-nmos/items/1 HTTP/1.1\r\nHost: box\r\nContent-Length: 10\r\n\r\n")
            waiting[3].send(b"rubbish\r\n\r\n")
            endless, late, last = await box.connect(), await box.connect(), await box.connect()
            endless.send(b"GET /x-nmos/stream HTTP/1.1\r\nHost: box\r\n\r\n")
            late.send(b"GET /x-nmos/late HTTP/1.1\r\nHost: box\r\n\r\n")
            await box.streaming.wait()
            asyncio.get_running_loop().call_later(0.05, box.promised.set)
            async with asyncio.timeout(1):
                await box.server.stop()
            assert (await late.reply()).status == 200, "what is being answered is answered still"
            assert await last.closed()
            assert box.server.connections == 0

    within(test)
