"""The HTTP client against servers on loopback that misbehave byte by byte."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from appliance.edge.client import Bounds, HttpClient, HttpFailure, Reply, url_origin
from tests.support.leaks import run

QUICK = Bounds(body_bytes=1000, connect_s=2.0, idle_s=0.2, total_s=0.6)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n[]"

Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Calls `serve` with each request head; `heads` are those so far, `connections` how many there were."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self.heads: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._serving: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Server":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*self._serving)  # they end when the client has closed its connections

    def url(self, path: str = "/x") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if task := asyncio.current_task():
            self._serving.append(task)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self._serve(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answering(*answers: bytes, close: bool = False) -> Serve:
    """Each request gets the next of the answers, the last one again and again."""
    left = list(answers)

    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        if close:
            writer.close()

    return serve


def ask(serve: Serve, times: int = 1, path: str = "/x") -> tuple[Reply, Server]:
    async def asking() -> tuple[Reply, Server]:
        async with Server(serve) as server, aclosing(HttpClient()) as client:
            for _ in range(times - 1):
                await client.get(server.url(path), QUICK)
            return await client.get(server.url(path), QUICK), server

    return run(asking())


def failure(serve: Serve) -> HttpFailure:
    with pytest.raises(HttpFailure) as error:
        ask(serve)
    return error.value


def test_an_answer() -> None:
    reply, server = ask(answering(OK))
    assert (reply.status, reply.body, reply.content_type) == (200, b"[]", "application/json")
    head = server.heads[0].lower()
    assert b"accept-encoding: identity\r\n" in head
    assert f"host: 127.0.0.1:{server.port}\r\n".encode() in head
    assert b"cookie" not in head


def test_connections_are_kept() -> None:
    _, server = ask(answering(OK), times=5)
    assert (server.connections, len(server.heads)) == (1, 5)


def test_a_kept_connection_that_was_closed_is_opened_again() -> None:
    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)  # no "Connection: close", and still
        await writer.drain()
        writer.close()

    _, server = ask(serve, times=3)
    assert len(server.heads) == 3


def test_cookies_are_not_kept() -> None:
    with_cookie = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n")
    _, server = ask(answering(with_cookie), times=2)
    assert b"Cookie" not in server.heads[1]


def test_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    reply, _ = ask(answering(OK))
    assert reply.status == 200


def test_statuses_are_answers() -> None:
    reply, _ = ask(answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
    assert reply.status == 404


def test_a_redirect_within_the_host_is_followed() -> None:
    moved = b"HTTP/1.1 301 Moved\r\nLocation: /y/\r\nContent-Length: 0\r\n\r\n"
    reply, server = ask(answering(moved, OK))
    assert reply.status == 200
    assert server.heads[1].startswith(b"GET /y/ ")


@pytest.mark.parametrize(
    ("answer", "reason", "reached"),
    [
        (b"HTTP/1.1 302 F\r\nLocation: http://127.0.0.2/\r\nContent-Length: 0\r\n\r\n", "redirects elsewhere", True),
        (b"HTTP/1.1 302 F\r\nLocation: file:///etc\r\nContent-Length: 0\r\n\r\n", "no http URL", True),
        (b"HTTP/1.1 302 F\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n", "no URL", True),
        (b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "redirects more than", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", "5000 bytes, more than 1000", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\n123456789", "compressed (gzip)", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234", "answers too slowly", True),
        (b"HTTP/1.1 2", "does not answer", False),
        (b"hello, world\r\n\r\n", "no HTTP", True),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "no HTTP", True),
    ],
)
def test_what_is_no_answer(answer: bytes, reason: str, reached: bool) -> None:
    error = failure(answering(answer))
    assert reason in error.reason
    assert error.reached is reached


def test_the_end_in_the_middle() -> None:
    error = failure(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234", close=True))
    assert (error.reached, "middle of the answer" in error.reason) == (True, True)


def test_a_connection_without_an_answer() -> None:
    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    error = failure(serve)
    assert (error.reached, "without an answer" in error.reason) == (False, True)


@pytest.mark.parametrize("pause_s", [0.0, 0.01])
def test_an_endless_body(pause_s: float) -> None:
    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"64\r\n" + b"x" * 100 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(pause_s)

    assert "more than 1000 bytes" in failure(serve).reason


def test_a_trickle() -> None:
    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    assert "too slowly" in failure(serve).reason


def test_nobody_there() -> None:
    async def asking() -> None:
        async with Server(answering(OK)) as server:
            url = server.url()
        async with aclosing(HttpClient()) as client:
            await client.get(url, QUICK)

    with pytest.raises(HttpFailure, match="no connection: Connection refused") as error:
        run(asking())
    assert not error.value.reached


def test_other_methods_send_json() -> None:
    async def asking() -> Server:
        async with Server(answering(OK)) as server, aclosing(HttpClient()) as client:
            await client.send("POST", server.url(), {"a": 1}, QUICK)
            await client.send("DELETE", server.url(), bounds=QUICK)
            return server

    server = run(asking())
    assert b"Content-Type: application/json\r\n" in server.heads[0]
    assert server.heads[0].startswith(b"POST /x ")
    assert b"Content-Type" not in server.heads[-1]


@pytest.mark.parametrize("url", ["", "ftp://a/", "http:///x", "http://[::1", "/x"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(HttpFailure, match="URL"):
        url_origin(url)


def test_a_token_does_not_follow_a_redirect_elsewhere() -> None:
    async def asking() -> list[bytes]:
        async with Server(answering(OK)) as other, aclosing(HttpClient()) as client:
            moved = f"HTTP/1.1 302 F\r\nLocation: {other.url('/y')}\r\nContent-Length: 0\r\n\r\n".encode()
            async with Server(answering(moved)) as server:
                headers = {"Authorization": "Bearer a.b.c", "X-Kept": "yes"}
                await client.get(server.url(), QUICK, headers=headers, may_follow=lambda url: True)
                return [*server.heads, *other.heads]

    first, second = run(asking())
    assert b"Bearer" in first
    assert b"Bearer" not in second
    assert b"X-Kept" in second
