"""Finding the daemon, and what the client says when it does not answer as it should."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from appliance.commands.client import CommandError, Daemon, NotThere, Unreachable, find_url


def test_url_is_the_given_one_else_the_environments_else_the_runtime_files(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    assert find_url(None, {}, file) == "http://127.0.0.1:8080"
    file.write_text('{"url": "http://127.0.0.1:80"}')
    assert find_url(None, {}, file) == "http://127.0.0.1:80"
    assert find_url(None, {"NMOS_APPLIANCE_URL": "http://b:1"}, file) == "http://b:1"
    assert find_url("http://a:1", {"NMOS_APPLIANCE_URL": "http://b:1"}, file) == "http://a:1"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 5}', '{"url": ""}', "\xff"])
def test_a_bad_runtime_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "api.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(CommandError, match=r"api\.json"):
        find_url(None, {}, file)


@pytest.mark.parametrize("url", ["", "box", "ftp://box", "http://", "http://box:99999", "http://[::1"])
def test_a_bad_url_is_refused(url: str) -> None:
    with pytest.raises(CommandError, match="is not a URL"):
        Daemon(url)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b'HTTP/1.1 400 No\r\n\r\n{"code":400,"error":"sender_id: no","debug":null}', "sender_id: no"),
        (b"HTTP/1.1 503 Oh\r\n\r\n<html>", "the box answered 503"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", "the box answered 302"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "is not an nmos-appliance"),
        (b"SSH-2.0-OpenSSH\r\n", "no box at"),
        (b"", "no box at"),
    ],
)
def test_what_a_wrong_answer_is_called(answer: bytes, message: str) -> None:
    with answering(answer) as url, pytest.raises(CommandError, match=message):
        Daemon(url).get("/panel/status")


def test_what_is_not_there_is_told_from_what_fails() -> None:
    with answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}") as url, pytest.raises(NotThere):
        Daemon(url).get("/panel/tally")


def test_nobody_operates_the_terminal_of_who_asks() -> None:
    nasty = r'{"label\u001b]0;x\u0007":["a\u001b[2J\nforged\u009b1m\u202e"],"n":1}'
    with answering(b"HTTP/1.1 200 OK\r\n\r\n" + nasty.encode()) as url:
        assert Daemon(url).get("/panel/sources") == {
            r"label\x1b]0;x\x07": [r"a\x1b[2J\nforged\x9b1m\u202e"],
            "n": 1,
        }
    with answering(b"HTTP/1.1 200 OK\r\n\r\nevent: menu\ndata: " + nasty.encode() + b"\n\n") as url:
        ((_, data),) = list(Daemon(url).events("/panel/events"))
        assert list(data) == [r"label\x1b]0;x\x07", "n"]
    refused = rb'{"code":409,"error":"first\nsecond \u001b[2J","debug":null}'
    with answering(b"HTTP/1.1 409 No\r\n\r\n" + refused) as url, pytest.raises(CommandError) as error:
        Daemon(url).get("/panel/status")
    assert error.value.message == "first\nsecond \\x1b[2J"


def test_silence_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        daemon = Daemon(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.05)
        with pytest.raises(Unreachable, match="does not answer"):
            daemon.get("/panel/status")


def test_events_and_keep_alives() -> None:
    stream = b': hello\n\nevent: menu\ndata: {"a":1}\n\nevent: menu\r\ndata: {"a":\r\ndata: 2}\r\n\r\n'
    with answering(b"HTTP/1.1 200 OK\r\n\r\n" + stream) as url:
        assert list(Daemon(url).events("/panel/events")) == [
            ("", None),
            ("menu", {"a": 1}),
            ("menu", {"a": 2}),
        ]


def test_an_event_that_is_not_json_is_refused() -> None:
    stream = b"HTTP/1.1 200 OK\r\n\r\nevent: menu\ndata: {\n\n"
    with answering(stream) as url, pytest.raises(CommandError, match="not JSON"):
        list(Daemon(url).events("/panel/events"))


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that reads one request and gives ``answer`` to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join()
