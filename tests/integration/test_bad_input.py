"""Rubbish of every kind for a real box: it answers with a clear error, nothing is half applied, and it goes on."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.lan.box import CHECKOUT, LOOPBACK, Box
from tests.lan.documents import peer_documents
from tests.lan.http import Answer
from tests.lan.network import RED_AND_BLUE, Lan
from tests.support.specs import problems

CONFIG = (CHECKOUT / "docs" / "examples" / "everything.toml").read_text(encoding="utf-8")
JSON = {"Content-Type": "application/json"}
SINGLE = "/x-nmos/connection/v1.1/single"
HUGE_NUMBER = b"9" * 6000
DEEP = b"[" * 200_000 + b"]" * 200_000
HALF_A_PAIR = "\ud800"


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    with Lan(tmp_path_factory.mktemp("lan")) as lan:
        yield lan


@pytest.fixture(scope="module")
def running(lan: Lan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(lan.host("box", RED_AND_BLUE), tmp_path_factory.mktemp("box"), CONFIG) as box:
        yield box
        assert box.stop() == 0


@pytest.fixture
def box(running: Box) -> Iterator[Box]:
    """The box; after the test it is well, and has said nothing of a bug."""
    said = len(running.log)
    yield running
    assert running.alive
    assert running.json("/panel/status")["status"]["health"] == "ok"
    assert "Traceback" not in running.log[said:]
    assert "ERROR" not in running.log[said:]


@pytest.fixture
def untouched(box: Box) -> Iterator[Box]:
    """The box; the test changes nothing of what it shows, not even a version."""
    before = everything(box)
    yield box
    assert everything(box) == before


def everything(box: Box) -> dict[str, Any]:
    paths = [f"/x-nmos/node/v1.3/{what}" for what in ("self", "devices", "sources", "flows", "senders", "receivers")]
    for kind in ("senders", "receivers"):
        for id in box.json(f"{SINGLE}/{kind}/"):
            paths += [f"{SINGLE}/{kind}/{id}{what}" for what in ("staged", "active", "constraints")]
    return box.json_of(paths)


def endpoint(box: Box, kind: str, label: str) -> str:
    """The path of a sender or receiver in the Connection API."""
    [id] = [body["id"] for body in box.json(f"/x-nmos/node/v1.3/{kind}") if body["label"] == label]
    return f"{SINGLE}/{kind}/{id}"


def refused(answer: Answer, *statuses: int) -> str:
    """The reason in an error that has the form that all NMOS APIs give it."""
    assert answer.status in (statuses or (400,)), f"{answer.status} {answer.body[:300]!r}"
    body = answer.json()
    assert problems("is-04", "v1.3", "error", body) == []
    assert set(body) == {"code", "error", "debug"}
    assert body["code"] == answer.status
    assert answer.headers["content-type"] == "application/json"
    reason = str(body["error"])
    assert reason
    assert len(reason) < 1000, "a reason is to be read, not an echo"
    return reason


def exchange(box: Box, data: bytes) -> Answer:
    """The answer to these very bytes."""
    with closing(box.host.connect(LOOPBACK, box.port)) as connection:
        connection.sendall(data)
        response = http.client.HTTPResponse(connection, method=data.partition(b" ")[0].decode("latin-1"))
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, headers, response.read())
        response.close()
        return answer


# ---- what is no HTTP, or not what HTTP is for


def _get(path: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join((b"GET " + path + b" HTTP/1.1", b"Host: box", *fields, b"", b""))


def _patch(*fields: bytes, body: bytes = b"") -> bytes:
    path = b"/x-nmos/connection/v1.1/single/senders/x/staged"
    return b"\r\n".join((b"PATCH " + path + b" HTTP/1.1", b"Host: box", *fields, b"", body))


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (b"BREW /x-nmos/node/v1.3/self HTTP/1.1\r\nHost: box\r\n\r\n", (400, 405)),
        (b"get /x-nmos/node/v1.3/self HTTP/1.1\r\nHost: box\r\n\r\n", (400, 405)),
        (b"G\x00T /x-nmos/ HTTP/1.1\r\nHost: box\r\n\r\n", (400,)),
        (b"X" * 5000 + b" /x-nmos/ HTTP/1.1\r\nHost: box\r\n\r\n", (400, 405, 431)),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 404, 505)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (400,)),
        (b"\x00" * 100 + b"\r\n\r\n", (400,)),
        (_get(b"/x-nmos/", b"A: " + b"x" * 100_000), (400, 431)),
        (_get(b"/x-nmos/", *(b"A%d: x" % number for number in range(20_000))), (400, 431)),
        (_get(b"/x-nmos/", b"A: x\x00y"), (400,)),
        (_get(b"/x-nmos/", b"Content-Length: x"), (400,)),
        (_get(b"/" + b"x" * 20_000), (400, 404, 414, 431)),
        (_get(b"/x-nmos/node/v1.3/self?" + b"&".join(b"a%d=1" % number for number in range(3000))), (400, 431)),
        (_get(b"/panel/sources?" + b"&".join(b"a%d=1" % number for number in range(1000))), (400, 431)),
        (_get(b"/x-nmos/node/v1.3/../../../etc/passwd"), (404,)),
        (_get(b"/x-nmos/node/v1.3/%2e%2e/%2e%2e/etc/passwd"), (404,)),
        (_get(b"/x-nmos/node/v1.3/senders/..%2f..%2fself"), (404,)),
        (_get(b"/../../../../etc/passwd"), (404,)),
        (_get(b"//etc/passwd"), (404,)),
        (_get(b"/x-nmos//node/"), (404,)),
        (_get(b"/x-nmos/node/v1.3/senders/%00"), (404,)),
        (_get(b"/x-nmos/node/v1.3/senders/%0d%0aX:%20y"), (404,)),
        (_get(b"/x-nmos/node/v1.3/senders/%ff%fe"), (400,)),
        (_get(b"/x-nmos/node/v1.3/senders/\xff\xfe"), (400,)),
        (_get(b"/x-nmos/node/v1.3/senders/%ED%A0%80"), (400, 404)),
        (_get(b"/x-nmos/node/v1.3/senders/%"), (400,)),
        (_get(b"/x-nmos/node/v1.3/senders/%zz"), (400,)),
        (_get(b"/x-nmos/node/v1.3/senders/\xe2\x80\xae"), (400, 404)),
        (_get(b"http://elsewhere.example/etc/passwd"), (400, 404)),
        (_get(b"http://[/x-nmos/"), (400, 404)),
        (_get(b"/x-nmos/node/v1.3/senders/<id>"), (404,)),
        (_get(b"*"), (400, 404)),
        (_patch(b"Content-Length: 99999999999999999999"), (400, 413)),
        (_patch(b"Content-Length: 2000000"), (413,)),
        (_patch(b"Content-Length: -5"), (400,)),
        (_patch(b"Content-Length: 2", b"Content-Length: 3", body=b"{}"), (400,)),
        (_patch(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), (400,)),
        (_patch(b"Transfer-Encoding: chunked", body=b"zz\r\n"), (400,)),
        (_patch(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), (400, 404, 415)),
        (_patch(b"Content-Encoding: gzip", b"Content-Length: 2", body=b"{}"), (415,)),
        (_patch(b"Expect: miracles", b"Content-Length: 2", body=b"{}"), (404, 417)),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else None,
)
def test_what_is_no_good_request_is_answered_with_a_reason(
    untouched: Box, data: bytes, statuses: tuple[int, ...]
) -> None:
    answer = exchange(untouched, data)
    reason = refused(answer, *statuses)
    assert "root:" not in reason
    if b" /x-nmos" in data.partition(b"\r\n")[0]:
        assert answer.headers["access-control-allow-origin"] == "*"


def test_the_query_string_is_nothing_to_the_nmos_apis(untouched: Box) -> None:
    plain = untouched.get("/x-nmos/node/v1.3/senders")
    for query in ("?", "?x", "?a=%ff", "?a=b&a=c", "?paging.limit=1", "?" + "x" * 3000):
        assert untouched.get(f"/x-nmos/node/v1.3/senders{query}").body == plain.body


@pytest.mark.parametrize(
    "query", ["offset=-1", "limit=0", "limit=x", "limit=", "offset=1e9", "offset=" + "9" * 50, "receiver=x"]
)
def test_a_bad_query_at_the_panel_names_its_key(untouched: Box, query: str) -> None:
    reason = refused(untouched.get(f"/panel/sources?{query}"), 400, 404)
    assert reason.startswith(f"{query.partition('=')[0]}: ")


# ---- bodies


NO_JSON = [
    b"",
    b" ",
    b"{",
    b"{}{}",
    b"nul",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": "\x01"}',
    b"\xff\xfe{\x00}\x00\x00",
    b'{"label": "\xff"}',
    b'{"master_enable": NaN}',
    b'{"master_enable": Infinity}',
    b'{"a": ' + HUGE_NUMBER + b"}",
    DEEP,
    b'{"a":' * 100_000,
    b"\x00" * 1000,
    b"<html></html>",
]
NO_OBJECT = [b"[]", b"1", b'"x"', b"null", b"true", b"[{}]"]


def wants_bodies(box: Box) -> list[tuple[str, str]]:
    """Every path that takes a body."""
    receiver = endpoint(box, "receivers", "Speaker")
    return [
        ("PATCH", f"{endpoint(box, 'senders', 'Tone L24')}/staged"),
        ("PATCH", f"{receiver}/staged"),
        ("PATCH", f"{receiver}/staged".replace("v1.1", "v1.0")),
        ("POST", "/x-nmos/connection/v1.1/bulk/senders"),
        ("POST", "/x-nmos/connection/v1.0/bulk/receivers"),
        ("PUT", f"/x-nmos/node/v1.3/receivers/{receiver.rpartition('/')[2]}/target"),
        ("POST", "/panel/take"),
        ("POST", "/panel/label"),
    ]


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: repr(body[:20]))
def test_what_is_no_json_is_400_wherever_a_body_is_wanted(untouched: Box, body: bytes) -> None:
    for method, path in wants_bodies(untouched):
        reason = refused(untouched.raw(method, path, body, JSON))
        assert "JSON" in reason or "UTF-8" in reason, reason


@pytest.mark.parametrize("body", NO_OBJECT, ids=repr)
def test_json_that_is_no_object_is_400(untouched: Box, body: bytes) -> None:
    for method, path in wants_bodies(untouched):
        if "/bulk/" not in path:
            assert "object" in refused(untouched.raw(method, path, body, JSON))
        elif body != b"[]":
            assert refused(untouched.raw(method, path, body, JSON))


def test_a_body_of_two_megabytes_is_413(untouched: Box) -> None:
    body = b'{"label": "' + b"x" * 2_000_000 + b'"}'
    for method, path in wants_bodies(untouched):
        assert "bytes" in refused(untouched.raw(method, path, body, JSON), 413)


def test_text_that_cannot_be_written_as_utf_8_is_refused_and_never_echoed(untouched: Box) -> None:
    """JSON can spell half of a surrogate pair, and UTF-8 has no bytes for it (RFC 8259 section 8.2)."""
    for method, path in wants_bodies(untouched):
        for document in (
            {HALF_A_PAIR: 1},
            {"label": HALF_A_PAIR, "id": HALF_A_PAIR},
            {"receiver_id": HALF_A_PAIR, "sender_id": None},
            {"transport_file": {"data": HALF_A_PAIR, "type": "application/sdp"}},
            {"transport_file": {"data": "v=0", "type": HALF_A_PAIR}},
            {"transport_params": [{HALF_A_PAIR: 1}]},
            [{"id": HALF_A_PAIR, "params": {HALF_A_PAIR: 1}}],
        ):
            refused(untouched.raw(method, path, json.dumps(document).encode(), JSON), 400, 404)


# ---- a PATCH with one thing wrong


GOOD = {
    "sender": {
        "receiver_id": "6f6cf5b8-7b0e-4b38-b7c4-2f6ef77e9a5b",
        "master_enable": True,
        "activation": {"mode": None, "requested_time": None},
        "transport_params": [
            {
                "source_ip": "auto",
                "destination_ip": "239.1.2.3",
                "source_port": 5004,
                "destination_port": "auto",
                "rtp_enabled": True,
            }
        ],
    },
    "receiver": {
        "sender_id": None,
        "master_enable": True,
        "activation": {"mode": None, "requested_time": None},
        "transport_file": {"data": None, "type": None},
        "transport_params": [
            {
                "source_ip": "192.0.2.1",
                "multicast_ip": "239.1.2.3",
                "interface_ip": "auto",
                "destination_port": 5004,
                "rtp_enabled": True,
            }
        ],
    },
}
WRONG: list[Any] = [None, True, 0, -1, 1.5, 65536, 2**70, 1e300, "", "x", "true", "5004", "auto ", "a" * 5000, "\x00",
                    "٣", [], {}, [None], [[]], {"a": 1}, "0:0", "-1:0", "1:" + "9" * 400, "224.0.0.300", "::1%lo",
                    "activate_now", "1.2.3.4/8", "0.0.0.0", "255.255.255.255", "239.1.2.3 "]  # fmt: skip


def _places(document: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if at:
        yield at
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield from _places(value, (*at, key))


def _with(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    changed = json.loads(json.dumps(document))
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


def _name(place: tuple[str | int, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).lstrip(".")


@pytest.mark.parametrize("kind", ["sender", "receiver"])
@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
def test_a_wrong_value_at_any_key_of_a_patch_is_refused_by_that_key(box: Box, kind: str, version: str) -> None:
    label = "Unicast or multicast" if kind == "sender" else "Speaker"
    staged = f"{endpoint(box, f'{kind}s', label)}/staged".replace("v1.1", version)
    schema = f"{kind}-stage-schema" if version == "v1.1" else f"v1.0-{kind}-stage-schema"
    assert box.patch(staged, GOOD[kind]).status == 200
    before = box.json(staged)
    for place in _places(GOOD[kind]):
        for value in WRONG:
            document = _with(GOOD[kind], place, value)
            answer = box.patch(staged, document)
            where = f"{_name(place)} = {value!r:.60}: {answer.status} {answer.body[:200]!r}"
            if answer.status == 400:
                reason = refused(answer)
                key = next(key for key in reversed(place) if isinstance(key, str))
                assert key in reason, where
                assert box.json(staged) == before, where
                continue
            assert answer.status in (200, 202), where
            # What v1.0 lets a request leave out of transport_file, v1.1 is forgiven too.
            v1_0 = problems("is-05", "v1.0", f"v1.0-{kind}-stage-schema", document)
            assert not v1_0 or problems("is-05", version, schema, document) == [], where
            assert box.patch(staged, GOOD[kind]).status == 200
            assert box.json(staged) == before


@pytest.mark.parametrize("kind", ["sender", "receiver"])
def test_an_unknown_key_anywhere_in_a_patch_is_named(untouched: Box, kind: str) -> None:
    staged = f"{endpoint(untouched, f'{kind}s', 'Two legs')}/staged"
    for place in ((), ("activation",), ("transport_params", 0), ("transport_file",)):
        document: dict[str, Any] = {"transport_params": [{}, {}], "activation": {"mode": "activate_immediate"}}
        if kind == "receiver":
            document["transport_file"] = {"data": None, "type": None}
        elif "transport_file" in place:
            continue
        assert "surprise" in refused(untouched.patch(staged, _with(document, (*place, "surprise"), 1)))


def test_nothing_of_a_refused_patch_is_applied(untouched: Box) -> None:
    """The error is in the last key that is looked at; all before it is good."""
    sender = f"{endpoint(untouched, 'senders', 'Two legs')}/staged"
    legs = [{"destination_ip": "239.9.9.9"}, {"destination_ip": "239.9.9.10", "source_ip": "203.0.113.7"}]
    body = {"master_enable": False, "transport_params": legs, "activation": {"mode": "activate_immediate"}}
    assert "transport_params[1].source_ip" in refused(untouched.patch(sender, body))
    body = {"transport_params": [{}, {}, {}], "activation": {"mode": "activate_immediate"}}
    assert "legs" in refused(untouched.patch(sender, body))


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({}, "array"),
        ([{}], "id"),
        ([{"id": "x", "params": {}}], "id"),
        ([{"id": "6f6cf5b8-7b0e-4b38-b7c4-2f6ef77e9a5b"}], "params"),
        ([{"id": "6f6cf5b8-7b0e-4b38-b7c4-2f6ef77e9a5b", "params": 1}], "params"),
        ([{"id": "6f6cf5b8-7b0e-4b38-b7c4-2f6ef77e9a5b", "params": {}, "more": 1}], "more"),
        ([1], "object"),
    ],
)
def test_a_bad_bulk_request_is_refused_as_a_whole(untouched: Box, document: Any, key: str) -> None:
    for kind in ("senders", "receivers"):
        assert key in refused(untouched.post(f"/x-nmos/connection/v1.1/bulk/{kind}", document))


def test_a_bad_item_of_a_bulk_request_harms_no_other(box: Box) -> None:
    one, two = endpoint(box, "senders", "Tone L24"), endpoint(box, "senders", "Tone L16")
    before = box.json(f"{one}/staged")
    items = [
        {"id": one.rpartition("/")[2], "params": {"master_enable": "yes"}},
        {"id": two.rpartition("/")[2], "params": {"master_enable": True}},
    ]
    answer = box.post("/x-nmos/connection/v1.1/bulk/senders", items)
    assert [item["code"] for item in answer.json()] == [400, 200]
    assert answer.json()[0]["error"].startswith("master_enable: ")
    assert box.json(f"{one}/staged") == before


# ---- transport files


GOOD_SDP = next(iter(peer_documents("desk", "10.77.1.9").files.values()))


@pytest.mark.parametrize(
    "data",
    [
        "",
        "x",
        "v=1\r\n",
        "v=0",
        "v=0\r\n" * 500,
        "\x00" * 100,
        "<sdp/>",
        "{}",
        GOOD_SDP.replace("m=audio", "m=video"),
        GOOD_SDP.replace("L24", "L20"),
        GOOD_SDP.replace("/48000/2", "/48000/64"),
        GOOD_SDP.replace("/48000/2", "/44100/2"),
        GOOD_SDP.replace("5004", "0x1234"),
        GOOD_SDP.replace("5004", "70000"),
        GOOD_SDP.replace("5004", "-1"),
        GOOD_SDP.replace("IN IP4 239", "IN IP4 339"),
        GOOD_SDP.replace("c=IN IP4", "c=IN IP6"),
        GOOD_SDP.replace("c=IN", "c=OUT"),
        GOOD_SDP.replace("rtpmap:97", "rtpmap:"),
        GOOD_SDP + "a=" + "x" * 100_000 + "\r\n",
        GOOD_SDP + "a=x\r\n" * 50_000,
        GOOD_SDP + GOOD_SDP[GOOD_SDP.index("m=") :] * 300,
        GOOD_SDP[: GOOD_SDP.index("m=")],
    ],
    ids=lambda data: repr(data[-40:]),
)
def test_a_transport_file_that_is_none_or_does_not_fit_is_refused(untouched: Box, data: str) -> None:
    for label in ("Speaker", "Two legs"):
        body = {
            "transport_file": {"data": data, "type": "application/sdp"},
            "sender_id": None,
            "master_enable": True,
            "activation": {"mode": "activate_immediate"},
        }
        reason = refused(untouched.patch(f"{endpoint(untouched, 'receivers', label)}/staged", body))
        assert reason.startswith("transport_file.data: "), reason


def test_a_transport_file_cut_anywhere_is_taken_or_refused(box: Box) -> None:
    staged = f"{endpoint(box, 'receivers', 'Speaker')}/staged"
    before = box.json(staged)
    taken = 0
    for end in range(0, len(GOOD_SDP), 3):
        file = {"data": GOOD_SDP[:end], "type": "application/sdp"}
        answer = box.patch(staged, {"transport_file": file})
        if answer.status == 200:
            taken += 1
            assert box.json(staged)["transport_file"] == file
        else:
            assert refused(answer).startswith("transport_file.data: ")
    assert taken, "all but the optional last lines is enough"
    restored = {key: before[key] for key in ("transport_file", "transport_params")}
    assert box.patch(staged, restored).status == 200


@pytest.mark.parametrize(
    "file",
    [{"data": "v=0", "type": None}, {"data": "v=0", "type": "text/html"}, {"data": 1, "type": "application/sdp"}],
)
def test_a_transport_file_of_another_type_is_refused(untouched: Box, file: dict[str, Any]) -> None:
    staged = f"{endpoint(untouched, 'receivers', 'Speaker')}/staged"
    assert refused(untouched.patch(staged, {"transport_file": file})).startswith("transport_file.")


# ---- IS-04's target, and the panel


SENDER: dict[str, Any] = {
    "id": "11111111-1111-4111-8111-111111111111",
    "version": "1:0",
    "label": "",
    "description": "",
    "tags": {},
    "flow_id": None,
    "transport": "urn:x-nmos:transport:rtp.mcast",
    "device_id": "22222222-2222-4222-8222-222222222222",
    "manifest_href": "http://10.77.1.99/x",
    "interface_bindings": [],
    "subscription": {"receiver_id": None, "active": True},
}


@pytest.mark.parametrize(
    ("document", "statuses", "key"),
    [
        ({"id": "x"}, (400,), "id"),
        ({"manifest_href": "http://10.77.1.1:8080/healthz"}, (403,), "manifest_href"),
        ({"manifest_href": "http://127.0.0.1:8080/x-nmos/"}, (403,), "manifest_href"),
        ({"manifest_href": "http://[::1]:8080/x-nmos/"}, (403,), "manifest_href"),
        ({"manifest_href": "http://0x7f.1:8080/"}, (403, 404), "manifest_href"),
        ({"manifest_href": "http://2130706433:8080/"}, (403, 404), "manifest_href"),
        ({"manifest_href": "http://localhost:8080/"}, (403,), "manifest_href"),
        ({"manifest_href": "http://[::ffff:127.0.0.1]:8080/"}, (403,), "manifest_href"),
        ({"manifest_href": "http://224.0.0.1/"}, (403,), "manifest_href"),
        ({"manifest_href": "http://0.0.0.0:8080/"}, (403,), "manifest_href"),
        ({"manifest_href": "file:///etc/passwd"}, (400,), "manifest_href"),
        ({"manifest_href": "ftp://10.77.1.99/x"}, (400,), "manifest_href"),
        ({"manifest_href": "http://"}, (400,), "manifest_href"),
        ({"manifest_href": "http://[/"}, (400,), "manifest_href"),
        ({"manifest_href": "http://a:99999/"}, (400,), "manifest_href"),
        ({"manifest_href": "http://a\r\nX: y/"}, (400,), "manifest_href"),
        ({"manifest_href": "http://" + "a" * 5000 + "/"}, (400, 404), "manifest_href"),
        ({"manifest_href": "http://..../"}, (400, 404), "manifest_href"),
        ({"manifest_href": "http://ümläut.invalid/"}, (400, 404), "manifest_href"),
        ({"manifest_href": ""}, (400,), "manifest_href"),
        ({"manifest_href": 5}, (400,), "manifest_href"),
        ({"manifest_href": None}, (400,), "manifest_href"),
        ({"id": ["x"]}, (400,), "id"),
        ({"tags": {"x": "y"}}, (400,), "tags.x"),
        ({"subscription": {}}, (400,), "subscription.receiver_id"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_target_is_refused(untouched: Box, document: Any, statuses: tuple[int, ...], key: str) -> None:
    receiver = endpoint(untouched, "receivers", "Speaker").rpartition("/")[2]
    assert key in refused(untouched.put(f"/x-nmos/node/v1.3/receivers/{receiver}/target", SENDER | document), *statuses)
    assert "id" in refused(untouched.put(f"/x-nmos/node/v1.3/receivers/{receiver}/target", {"surprise": 1}), 400)


@pytest.mark.parametrize(
    ("path", "document", "key"),
    [
        ("take", {}, "receiver_id"),
        ("take", {"receiver_id": "x"}, "sender_id"),
        ("take", {"receiver_id": "x", "sender_id": None}, "receiver_id"),
        ("take", {"receiver_id": 1, "sender_id": None}, "receiver_id"),
        ("take", {"receiver_id": "$receiver", "sender_id": "x"}, "sender_id"),
        ("take", {"receiver_id": "$receiver", "sender_id": []}, "sender_id"),
        ("take", {"receiver_id": "$receiver", "sender_id": None, "more": 1}, "more"),
        ("label", {}, "id"),
        ("label", {"id": "x", "label": "y"}, "id"),
        ("label", {"id": "$receiver"}, "label"),
        ("label", {"id": "$receiver", "label": 1}, "label"),
        ("label", {"id": "$receiver", "label": "a\nb"}, "label"),
        ("label", {"id": "$receiver", "label": "a\u202eb"}, "label"),
        ("label", {"id": "$receiver", "label": "x" * 10_000}, "label"),
        ("label", {"id": "$receiver", "label": "x", "description": "\x07"}, "description"),
    ],
)
def test_bad_input_at_the_panel_names_its_key(untouched: Box, path: str, document: dict[str, Any], key: str) -> None:
    receiver = endpoint(untouched, "receivers", "Speaker").rpartition("/")[2]
    filled = {name: receiver if value == "$receiver" else value for name, value in document.items()}
    assert refused(untouched.post(f"/panel/{path}", filled), 400, 404).startswith(f"{key}: ")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {},
        {**JSON, "Origin": "http://elsewhere.example"},
        {**JSON, "Origin": "null"},
        {**JSON, "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_from_elsewhere_does_not_operate_the_box(untouched: Box, headers: dict[str, str]) -> None:
    receiver = endpoint(untouched, "receivers", "Speaker").rpartition("/")[2]
    body = json.dumps({"receiver_id": receiver, "sender_id": None}).encode()
    answer = untouched.raw("POST", "/panel/take", body, headers)
    refused(answer, 400, 403)
    assert "access-control-allow-origin" not in answer.headers
