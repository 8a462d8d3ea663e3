"""Requests known by their bytes: found only where the parser's word holds for them."""

import pytest

from appliance.web.messages import Answer
from appliance.web.quick import MAX_LEARNT, MAX_REQUEST, QuickReads, is_one_request
from appliance.web.ready import ReadyAnswers

FIELDS = {"Host": "box", "Accept": "*/*"}


def request(path: str = "/a", fields: dict[str, str] | None = None, method: str = "GET", version: str = "1.1") -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in (FIELDS if fields is None else fields).items()]
    return f"{method} {path} HTTP/{version}\r\n{''.join(lines)}\r\n".encode()


def make() -> tuple[QuickReads, ReadyAnswers]:
    ready = ReadyAnswers()
    for path in ("/a", "/b"):
        answer = Answer({"at": path}, depends=(("device", None),))
        ready.keep(path, answer, answer.payload())
    return QuickReads(ready), ready


def test_fields_seen_once_are_known_for_every_kept_path() -> None:
    quick, ready = make()
    assert quick.find(request("/a")) is None
    quick.learn(request("/a"), FIELDS)
    for path in ("/a", "/b"):
        found = quick.find(request(path))
        assert found is not None
        assert found[1] == b'{"at":"%s"}' % path.encode()
        assert found[0].startswith(b"HTTP/1.1 200 OK\r\n")
    ready.forget_all()
    assert quick.find(request("/a")) is None


@pytest.mark.parametrize(
    "data",
    [
        request("/c"),
        request("/a?x"),
        request("/a#b"),
        request("/a", method="HEAD"),
        request("/a", method="get"),
        request("/a", version="1.0"),
        request("/a", {**FIELDS, "X": "y"}),
        request("/a")[:-1],
        request("/a") + b"\r\n",
        request("/a") + request("/a"),
        request("/a") * 2,
        b"",
        b"\r\n",
        b"GET /a HTTP/1.1",
        b"GET  /a HTTP/1.1\r\n" + request("/a").partition(b"\r\n")[2],
        b"GET /\xff HTTP/1.1\r\n" + request("/a").partition(b"\r\n")[2],
    ],
)
def test_any_other_bytes_are_left_to_the_parser(data: bytes) -> None:
    quick, _ = make()
    quick.learn(request("/a"), FIELDS)
    assert quick.find(data) is None


@pytest.mark.parametrize(
    "field",
    [
        ("Connection", "close"),
        ("connection", "Upgrade"),
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "h2c"),
        ("Expect", "100-continue"),
        ("Authorization", "Bearer x"),
        ("Transfer-Encoding", "chunked"),
        ("Range", "bytes=0-1"),
        ("X-Long", "x" * MAX_REQUEST),
    ],
)
def test_fields_that_tell_something_are_not_learnt(field: tuple[str, str]) -> None:
    quick, _ = make()
    fields = {**FIELDS, field[0]: field[1]}
    quick.learn(request("/a", fields), fields)
    assert quick.find(request("/a", fields)) is None


def test_connection_keep_alive_tells_nothing() -> None:
    quick, _ = make()
    fields = {**FIELDS, "Connection": "Keep-Alive"}
    quick.learn(request("/a", fields), fields)
    assert quick.find(request("/a", fields)) is not None


def test_the_tag_a_client_has_is_compared_with_that_of_each_answer() -> None:
    quick, ready = make()
    kept = ready.get("/a")
    assert kept is not None
    fields = {**FIELDS, "If-None-Match": kept.etag}
    quick.learn(request("/b", fields), fields)
    at_a, at_b = quick.find(request("/a", fields)), quick.find(request("/b", fields))
    assert at_a is not None
    assert at_b is not None
    assert (at_a[0][:12], at_a[1]) == (b"HTTP/1.1 304", b"")
    assert (at_b[0][:12], at_b[1]) == (b"HTTP/1.1 200", b'{"at":"/b"}')


def test_one_who_varies_his_fields_does_not_fill_the_memory() -> None:
    quick, _ = make()
    for number in range(MAX_LEARNT + 1):
        fields = {"X": str(number)}
        quick.learn(request("/a", fields), fields)
    assert quick.find(request("/a", {"X": "0"})) is None
    assert quick.find(request("/a", {"X": str(MAX_LEARNT)})) is not None


@pytest.mark.parametrize(
    ("data", "length", "is_one"),
    [
        (request(), 0, True),
        (request() + b"{}", 2, True),
        (request() + b"\r\n\r\n", 4, True),
        (request() + b"{}", 0, False),
        (request() + b"{}", 3, False),
        (request() + request(), 0, False),
        (request()[:-1], 0, False),
        (b"GET / HTTP/1.1\n\nGET / HTTP/1.1\r\n\r\n", 0, False),
        (b"GET / HTTP/1.1\nA: b\n\r\nGET / HTTP/1.1\r\n\r\n", 0, False),
        (b"", 0, False),
    ],
)
def test_exactly_one_request(data: bytes, length: int, is_one: bool) -> None:
    assert is_one_request(data, length) is is_one
