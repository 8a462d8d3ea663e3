"""Targets for what clients send: bytes that may be HTTP, bodies of PATCHes and POSTs, presets; and for what registries
and the kernel answer."""

import asyncio
import contextlib
import functools
import itertools
import json
from collections.abc import Awaitable
from typing import Any

from aiohttp import web

from appliance.edge.connection import Connection, Wire, serialised
from appliance.edge.connections import Connections, Limits
from appliance.edge.rtnetlink import route_answer, split
from appliance.errors import ApplianceError
from appliance.media.pcm import Pcm
from appliance.media.playout import Playout
from appliance.panel import presets
from appliance.panel.items import Named, ReceiverItem
from appliance.web.messages import Answer, error_answer
from appliance.web.quick import QuickReads
from appliance.web.ready import ReadyAnswers
from tests.unit.discovery.registration.box import NAMED
from tests.unit.discovery.registration.box import Box as Registered
from tests.unit.edge.test_netlink_messages import ROUTE, attributes, message
from tests.unit.edge.test_server import Paper
from tests.unit.nmos.is05.boxes import Box, receiver_id, sender_id
from tests.unit.nmos.query.registries import Registry
from tests.unit.panel import test_annotations as annotated

KEPT = "/x-nmos/kept"
_CUT = 7


class _Paper(Paper):
    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def http(data: bytes) -> None:
    """Whole or in pieces, first or after a good request: each answer is one, and the quick way answers as the other."""
    quick, slow = (_conversation((data, data), quick=quick) for quick in (True, False))
    assert quick == slow
    _conversation(tuple(data[at : at + _CUT] for at in range(0, min(len(data), 3000), _CUT)), quick=True)


def _conversation(pieces: tuple[bytes, ...], *, quick: bool) -> list[bytes]:
    """The status lines of what a connection answers."""

    async def talk() -> bytes:
        ready = ReadyAnswers()
        answer = Answer({}, depends=(("device", None),))
        if quick:
            ready.keep(KEPT, answer, answer.payload())

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            connection = request.protocol
            assert isinstance(connection, Connection)
            if request.method == "GET" and request.rel_url.raw_path_qs == KEPT:
                connection.learn(request)
                return Wire(*serialised(KEPT, answer))
            return Wire(*serialised(KEPT, error_answer(404, "nothing")))

        connections, server = Connections(Limits(linger_s=0.0), QuickReads(ready)), web.Server(handle)
        connection, transport = Connection(connections, server, asyncio.get_running_loop()), _Paper("10.0.0.9")
        connection.connection_made(transport)
        for piece in pieces:
            if not transport.closed:
                connection.data_received(piece)
                for _ in range(4):
                    await asyncio.sleep(0)
        connection.connection_lost(None)
        connections.stop()
        await server.shutdown(0.0)
        return transport.written

    written = asyncio.run(talk())
    assert not written or written.startswith(b"HTTP/1.1 "), written[:100]
    return [line for line in written.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def staged(data: bytes) -> None:
    """Any body to any staged parameters, and both bulk ways: a documented answer, and nothing half done."""
    box = _BOXES[0]
    for method, path in _CHANGING:
        answer = box.ask(method, path, raw=data)
        assert not isinstance(answer, Awaitable)
        assert answer.status < 500 or b"auto" in answer.payload() or b"resolved" in answer.payload(), answer.payload()
        json.loads(answer.payload() or b"null")


_BOXES = [Box()]
_CHANGING = (
    *(("PATCH", f"/v1.1/single/senders/{sender_id(name)}/staged") for name in ("tone", "pair")),
    *(("PATCH", f"/v1.1/single/receivers/{receiver_id(name)}/staged") for name in ("speaker", "dual", "direct")),
    *(("POST", f"/v1.1/bulk/{kind}") for kind in ("senders", "receivers")),
)


def preset_file(data: bytes) -> None:
    """What somebody imports."""
    try:
        listed = json.loads(data)
    except (ValueError, RecursionError):
        return
    found = presets.imported(listed, _RECEIVERS, "1:0")
    presets.check_room(found)
    json.dumps(presets.exported(found, lambda id: None)).encode()


_RECEIVERS = [ReceiverItem(f"r{number}", "Speaker", Named("d", "Box")) for number in range(2)]
PRESETS = json.dumps([{"name": "One", "takes": [{"receiver": {"id": "r0", "label": "Speaker"}, "sender": None}]}])


def registry(data: bytes) -> None:
    """What a registry answers to the question for its versions, and to everything else."""
    box = Registered()
    box.candidates(NAMED)
    box.answer(200, body=data)
    for status in (201, 409, 500, 200, 404):
        if box.open is not None:
            box.answer(status, body=data, location=data.decode("latin-1"))


def rtp(data: bytes) -> None:
    """Datagrams on two legs, each with its length in front."""
    playout, now = Playout(Pcm(48_000, 2, 3), 0.01), 1.0
    playout.choose(2)
    playout.start(now)
    while data:
        packet, data, now = data[1 : 1 + data[0]], data[1 + data[0] :], now + 0.001
        playout.packet(len(data) % 2, packet, now)
        assert sum(map(len, playout.output(now))) < 1_000_000
    playout.report(now)


RTP = b"".join(b"\x18\x80\x61" + bytes((0, number, 0, 0, 0, number * 2, 0, 0, 0, 9)) + bytes(12) for number in range(9))


def netlink(data: bytes) -> None:
    """What the kernel says, of which no length is believed; its messages are as long as their head at least."""
    for kind, flags, number, part in split(data):
        assert data.find(part) >= 0, (kind, flags, number)
        route_answer(part + bytes(max(0, len(ROUTE_ANSWER) - len(part))))
    route_answer(ROUTE_ANSWER + data)


ROUTE_ANSWER = message(24, ROUTE)
NETLINK = message(24, ROUTE + attributes((4, b"\x02\0\0\0"), (7, b"\x0a\x01\0\x02"), (5, b"\x0a\x01\0\x01"))) + message(
    3
)


def subscription(data: bytes) -> None:
    """Who asks the local Query API for a WebSocket: he is refused, or follows what there is for a moment."""
    subscriptions, wanted = _registry().subscriptions, _object(data)
    for version in ("v1.0", "v1.3"):
        now = next(_hours)
        with contextlib.suppress(ApplianceError):
            new, _ = subscriptions.create(now, version, wanted)
            json.dumps(new.body("ws://box/")).encode()
            subscriptions.leave(now, subscriptions.follow(version, new.id, lambda: None))
            if new.persist:
                subscriptions.delete(version, new.id)
    assert len([*subscriptions.of("v1.0"), *subscriptions.of("v1.3")]) <= 2


@functools.cache
def _registry() -> Registry:
    registry = Registry()
    registry.add("desk")
    return registry


_hours = itertools.count(0.0, 3600.0)
SUBSCRIPTION = (
    b'{"max_update_rate_ms": 100, "persist": false, "resource_path": "/senders", "params": {"label": "a"}, '
    b'"secure": false}'
)


def annotation(data: bytes) -> None:
    """Labels, descriptions, tags and services that somebody edits on the page: refused, or shown by every API."""
    box, wanted = _annotated(), _object(data)
    for id in (annotated.NODE, annotated.SPEAKER):
        answer = box.ask("POST", {}, {**wanted, "id": id})
        answer.payload()
        assert answer.status in (200, 400)
        box.ask("GET", {"id": id}).payload()


_annotated = functools.cache(annotated.Box)
ANNOTATIONS = (
    b'{"label": "Speaker", "description": "in the foyer", "tags": {"row": ["a", "b"], "seat": null}}',
    b'{"services": [{"href": "http://10.0.0.1/", "type": "urn:x-maker:service:status", "authorization": false}]}',
    b'{"tags": null, "services": null}',
)


def _object(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
