"""Requests for a random walk over the whole HTTP surface of a box: good ones, bent a little or a lot."""

import copy
import http.client
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.lan.box import LOOPBACK, Box
from tests.support import generated
from tests.support.specs import examples

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "PUT", "DELETE", "BREW")
CHANGING = (
    *(("staged", "PATCH"), ("bulk/senders", "POST"), ("bulk/receivers", "POST"), ("target", "PUT")),
    *(("map/activations", "POST"), ("subscriptions", "POST"), ("panel/take", "POST"), ("panel/label", "POST")),
)
"""What a path is for, where that is not reading."""
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1e308, 2**53, 2**64, -(2**70), 0.1, "", "x", "auto", "null", "0", "\x00", "\ud7ff"),
    *("x" * 5000, "🎛", "\u202egnp.exe", "../../etc/passwd", "<b>x</b>", "0:0", "1:999999999", "99999999999999:0"),
    *("239.1.1.1", "::1", "300.1.1.1", "fe80::1%eth0", "activate_immediate", "activate_scheduled_relative", [], {}),
    *([[]], [{}], {"a": {"b": {}}}, [None] * 3, ["x"] * 70, {str(n): n for n in range(40)}),
)
HEADERS: tuple[Mapping[str, str], ...] = (
    *({"Accept": text} for text in ("text/html", "*/*;q=0", "\xff")),
    *({"Content-Type": text} for text in ("text/plain", "application/json; charset=latin-1", "application/sdp", "")),
    *({"If-None-Match": text} for text in ("*", '"', 'W/"x", "y"', "x" * 4000)),
    *({"Origin": "http://evil.example"}, {"Access-Control-Request-Headers": "a\tb"}, {"Range": "bytes=0-1"}),
    *({"Cookie": "panel=x; ="}, {"Accept-Encoding": "gzip"}, {"Connection": "close"}, {"X": "y" * 7000}),
    *({"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": text} for text in ("13", "8", "x")),
    {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "eA=="},
)
NODE = "/x-nmos/node/v1.3"
_SCHEMAS = {
    "v1.1/single/senders/.*/staged": ("is-05", "v1.1", "sender-stage-schema"),
    "v1.1/single/receivers/.*/staged": ("is-05", "v1.1", "receiver-stage-schema"),
    "v1.0/single/senders/.*/staged": ("is-05", "v1.0", "v1.0-sender-stage-schema"),
    "v1.0/single/receivers/.*/staged": ("is-05", "v1.0", "v1.0-receiver-stage-schema"),
    "v1.1/bulk/senders": ("is-05", "v1.1", "bulk-sender-post-schema"),
    "v1.1/bulk/receivers": ("is-05", "v1.1", "bulk-receiver-post-schema"),
    "map/activations": ("is-08", "v1.0", "map-activations-post-request-schema"),
    "subscriptions": ("is-04", "v1.3", "queryapi-subscriptions-post-request"),
    "target": ("is-04", "v1.3", "nodeapi-receiver-target"),
}
STREAMS = re.compile(r"/panel/events|/x-nmos/query/[^/]+/subscriptions/|/x-nmos/events/v1.0/devices")
_DOCUMENTED = {101, 200, 201, 202, 204, 206, 304, 400, 403, 404, 405, 406, 409, 413, 415, 423, 426, 500, 501}
DOCUMENTED_500 = re.compile(r"cannot be resolved|is 'auto'")


class Client:
    """One connection, kept for as long as the box keeps it."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._connection = http.client.HTTPConnection("box")
        self._connection.sock = box.host.connect(LOOPBACK, box.port)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        usual = {"Content-Type": "application/json"} if body is not None else {}
        self._connection.request(method, path, body, usual | dict(headers or {}))
        answer = self._connection.getresponse()
        content = b"" if answer.status == 101 else answer.read()
        if answer.will_close or answer.status == 101:
            self._connection.close()
            self._connection.sock = self._box.host.connect(LOOPBACK, self._box.port)
        return answer.status, content

    def close(self) -> None:
        self._connection.close()


def crawl(client: Client) -> list[str]:
    """Every path that the box's own lists lead to, and some beside them."""
    paths, waiting = [], ["/x-nmos/"]
    while waiting:
        path = waiting.pop()
        paths.append(path)
        status, content = client.ask("GET", path)
        for entry in json.loads(content) if status == 200 and content[:1] == b"[" else []:
            part = entry if isinstance(entry, str) else entry.get("id", "") if isinstance(entry, dict) else ""
            below = path + part.rstrip("/") + "/"
            if part and below.count("/") < 9 and not STREAMS.match(below):
                waiting.append(below)
    panel = ("status", "sources", "receivers", "peers", "take", "label", "explain", "streams", "tally", "presets", "x")
    more = (
        "/",
        "/healthz",
        "/metrics",
        "/panel.js",
        "/nowhere",
        "/x-nmos/node/v9.9/self",
        "/x-nmos/node/v1.3/senders/x",
    )
    changing = [path for path in paths if path.rstrip("/").endswith(tuple(end for end, _ in CHANGING))]
    return [*paths, *(f"/panel/{name}" for name in panel), *more, *changing * (1 + len(paths) // len(changing))]


def bodies(box: Box) -> Iterator[Any]:
    """What others send: to begin from."""
    for version in ("v1.0", "v1.1"):
        for name, document in examples("is-05", version):
            if "patch" in name or "post" in name:
                yield document
    for name, document in examples("is-08", "v1.0"):
        if "post" in name or "activation" in name:
            yield document
    senders = box.json("/x-nmos/node/v1.3/senders")
    receivers = [receiver["id"] for receiver in box.json("/x-nmos/node/v1.3/receivers")]
    yield from senders[:3]
    yield {"receiver_id": receivers[0], "sender_id": senders[0]["id"]}
    yield {"id": senders[0]["id"], "label": "Another", "description": "x"}
    yield {"master_enable": True, "activation": {"mode": "activate_immediate"}}
    for nanoseconds in (1, 5_000_000, 900_000_000):
        yield {"activation": {"mode": "activate_scheduled_relative", "requested_time": f"0:{nanoseconds}"}}
    yield [{"id": id, "params": {"master_enable": False}} for id in receivers[:5]]
    yield {"max_update_rate_ms": 100, "persist": False, "resource_path": "/senders", "params": {}, "secure": False}


def bent(chance: random.Random, document: Any) -> Any:
    """A copy with some of its values replaced, dropped, doubled or added to."""
    document = copy.deepcopy(document)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        place = document
        while isinstance(place, dict | list) and place:
            key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], dict | list) or not place[key] or chance.random() < 0.3:
                match chance.randrange(4):
                    case 0:
                        del place[key]
                    case 1 if isinstance(place, dict):
                        place[chance.choice(("x", "id", "activation", "", "a" * 200))] = copy.deepcopy(
                            chance.choice(ODD)
                        )
                    case _:
                        place[key] = copy.deepcopy(chance.choice(ODD))
                break
            place = place[key]
    return document


Maker = Callable[[random.Random], Any]
Request = tuple[str, str, bytes | None, Mapping[str, str]]
"""Method, path, body, header fields."""


def makers(box: Box) -> dict[str, Maker]:
    """By what is in a path: what makes bodies for it, as AMWA's schemas have them."""
    own = tuple(resource["id"] for kind in ("senders", "receivers") for resource in box.json(f"{NODE}/{kind}"))
    return {part: generated.documents(*schema, own) for part, schema in _SCHEMAS.items()}


def request_of(
    chance: random.Random, paths: list[str], documents: list[Any], made: Mapping[str, Maker] | None = None
) -> Request:
    path = chance.choice(paths)
    method = next((method for end, method in CHANGING if path.rstrip("/").endswith(end)), "GET")
    if chance.random() < 0.3:
        method = chance.choice(METHODS)
    if method not in ("GET", "HEAD") or chance.random() < 0.2:
        path = path.rstrip("/") or "/"
    headers = chance.choice(HEADERS) if chance.random() < 0.2 else {}
    maker = next((maker for part, maker in (made or {}).items() if re.search(part, path)), None)
    if chance.random() < 0.2:
        path += "?" + chance.choice(
            ("label=x", "query.rql=eq(label,x)", "limit=-1", "paging.limit=2", "%00", "a=b&a=c")
        )
    if method in ("GET", "HEAD", "OPTIONS"):
        return method, path, None, headers
    document = chance.choice(documents) if maker is None or chance.random() < 0.4 else maker(chance)
    body = json.dumps(document if maker and chance.random() < 0.5 else bent(chance, document)).encode()
    return method, path, body[: chance.randrange(len(body))] if chance.random() < 0.05 else body, headers


def undocumented(status: int, answered: bytes) -> bool:
    """Whether this is an answer that no specification has for any request. The one 500 of IS-05: see there."""
    return status not in _DOCUMENTED or (status == 500 and not DOCUMENTED_500.search(answered.decode()))
