"""Targets for what clients send: bytes that may be HTTP, bodies of PATCHes, presets; and for what registries answer."""

import asyncio
import json
from collections.abc import Awaitable

from aiohttp import web

from appliance.edge.connection import Connection, Wire, serialised
from appliance.edge.connections import Connections, Limits
from appliance.media.pcm import Pcm
from appliance.media.playout import Playout
from appliance.panel import presets
from appliance.panel.items import Named, ReceiverItem
from appliance.web.messages import Answer, error_answer
from appliance.web.quick import QuickReads
from appliance.web.ready import ReadyAnswers
from tests.unit.discovery.registration.box import NAMED
from tests.unit.discovery.registration.box import Box as Registered
from tests.unit.edge.test_server import Paper
from tests.unit.nmos.is05.boxes import Box, receiver_id, sender_id

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
