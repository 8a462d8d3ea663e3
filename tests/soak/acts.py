"""What happens at the place: each act is one thing that people, programs, peers or the network do, and is over soon.

An act may end in an error answer, which is the box's good right; a connection that breaks, or an answer that no
specification knows, is the run's failure.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

from tests.lan.peer import Fault
from tests.lan.websocket import WebSocket
from tests.soak.place import EVERYTHING, SINGLE, Place, ids
from tests.support.walk import Client, bodies, crawl, makers, request_of, undocumented

Act = Callable[[Place, random.Random], None]

_QUERY = "/x-nmos/query/v1.3"
_MAP = "/x-nmos/channelmapping/v1.0"


def take(place: Place, chance: random.Random) -> None:
    """From source to source, and off now and then."""
    receiver = ids(place.display, "receivers")[0]
    for _ in range(chance.randint(2, 6)):
        sender = chance.choice((*place.tones, *place.tones, None))
        _answered(place.display.post("/panel/take", {"receiver_id": receiver, "sender_id": sender}).status)
        time.sleep(chance.random())


def patch(place: Place, chance: random.Random) -> None:
    """As controllers do: at once, later, later and then not, and in bulk."""
    for _ in range(20):
        plural = chance.choice(("senders", "receivers"))
        path = f"{SINGLE}/{plural}/{chance.choice(ids(place.desk, plural))}/staged"
        mode = chance.choice(("activate_immediate", "activate_immediate", "activate_scheduled_relative"))
        when = None if mode == "activate_immediate" else f"0:{chance.randrange(500_000_000)}"
        body: dict[str, Any] = {
            "master_enable": chance.random() < 0.7,
            "activation": {"mode": mode, "requested_time": when},
        }
        if chance.random() < 0.5:
            body["transport_params"] = [{"multicast_ip" if plural == "receivers" else "destination_ip": _group(chance)}]
        _answered(place.desk.patch(path, body).status)
        if when and chance.random() < 0.3:
            _answered(place.desk.patch(path, {"activation": {"mode": None}}).status)
    for plural in ("senders", "receivers"):
        bulk = [{"id": id, "params": {"master_enable": False}} for id in ids(place.desk, plural)]
        _answered(place.desk.post(f"/x-nmos/connection/v1.1/bulk/{plural}", bulk).status)


def press(place: Place, chance: random.Random) -> None:
    """Buttons, values, and lamps that follow them."""
    sources = place.desk.json("/panel/tally")["sources"]
    for _ in range(30):
        source = chance.choice(sources)
        value: object = chance.choice((True, False, chance.randrange(100), "on air", "ok", 20.5))
        _answered(place.desk.post("/panel/tally", {"source_id": source["id"], "value": value}).status)


def listen(place: Place, chance: random.Random) -> None:
    """WebSockets of the Query API, which come and go: politely, or without a word."""
    with ExitStack() as open_sockets:
        for _ in range(chance.randint(1, 12)):
            kind = chance.choice(("nodes", "senders", "receivers", "devices"))
            body = {"max_update_rate_ms": 100, "persist": False, "resource_path": f"/{kind}", "params": {}}
            body |= {"secure": False}
            answer = place.desk.post(f"{_QUERY}/subscriptions", body)
            _answered(answer.status)
            if answer.status in (200, 201):
                socket_ = open_sockets.enter_context(WebSocket(place.desk.host, answer.json()["ws_href"]))
                if chance.random() < 0.7:
                    socket_.receive()


def hear(place: Place, chance: random.Random) -> None:
    """WebSockets of the Events API, with commands right and wrong."""
    senders = place.desk.json("/x-nmos/node/v1.3/senders")
    sources = [sender for sender in senders if sender["transport"].endswith("websocket")]
    active = f"{SINGLE}/senders/{sources[0]['id']}/active"
    href = place.desk.json(active)["transport_params"][0]["connection_uri"]
    known = [source["id"] for source in place.desk.json("/panel/tally")["sources"]]
    with ExitStack() as open_sockets:
        for _ in range(chance.randint(1, 12)):
            client = open_sockets.enter_context(WebSocket(place.desk.host, href))
            client.say({"command": "subscription", "sources": chance.sample(known, 3)})
            client.say({"command": "health", "timestamp": "1:0"})
            if chance.random() < 0.7:
                client.receive()
            if chance.random() < 0.3:
                client.say_text(chance.choice(("", "{", "[]", "null", '{"command": 1}', "x" * 5000)))


def watch(place: Place, chance: random.Random) -> None:
    """The panel's stream of events, read for a moment by some who then go."""
    for box in place.boxes:
        with ExitStack() as streams:
            for _ in range(chance.randint(1, 6)):
                stream = streams.enter_context(box.stream("/panel/events"))
                for _ in range(chance.randrange(10)):
                    stream.readline()


def reload(place: Place, chance: random.Random) -> None:
    """Another sender, a label, and back; sometimes a file that is refused."""
    more = f'\n[[senders]]\nname = "more-{chance.randrange(4)}"\ndevice = "audio"\ninput = {{ kind = "silence" }}\n'
    for config in (EVERYTHING + more, EVERYTHING.replace("Tone L24", f"Tone {chance.randrange(9)}"), "[nonsense]\n"):
        if chance.random() < 0.6:
            _answered(place.desk.reload(config).status)
    _answered(place.desk.reload(EVERYTHING).status)


def presets(place: Place, chance: random.Random) -> None:
    name = f"Preset {chance.randrange(5)}"
    for path in ("save", "recall", "rename", "recall", "delete"):
        body = {"name": name} | ({"to": f"Preset {chance.randrange(5)}"} if path == "rename" else {})
        _answered(place.desk.post(f"/panel/presets/{path}", body).status)


def channels(place: Place, chance: random.Random) -> None:
    """The channel map: now, later, and later but then not."""
    outputs = place.desk.json(f"{_MAP}/map/active")["map"]
    for _ in range(5):
        output = chance.choice(list(outputs))
        entry = {"0": {"input": None, "channel_index": None}}
        later = chance.random() < 0.5
        activation = {
            "mode": "activate_scheduled_relative" if later else "activate_immediate",
            "requested_time": "0:300000000" if later else None,
        }
        body = {"activation": activation, "action": {output: entry}}
        answer = place.desk.post(f"{_MAP}/map/activations", body)
        _answered(answer.status)
        if later and answer.status == 202 and chance.random() < 0.5:
            for id in answer.json():
                _answered(place.desk.raw("DELETE", f"{_MAP}/map/activations/{id}").status)


def peer(place: Place, chance: random.Random) -> None:
    """A peer changes, misbehaves, leaves, comes back, or is another one after a power cut."""
    one = chance.choice(place.peers)
    match chance.randrange(6):
        case 0:
            for _ in range(10):
                one.relabel("senders", chance.randrange(4), f"Label {chance.randrange(1000)}")
        case 1:
            one.withdraw()
            time.sleep(chance.random())
            one.announce()
        case 2:
            one.flicker()
        case 3:
            one.restart()
        case 4:
            faults = (Fault.error(500), Fault.html(), Fault.truncated(), Fault.cut(), Fault.body("[{}]"))
            one.fault(chance.choice(faults), times=3)
            one.relabel("self", 0, f"Label {chance.randrange(1000)}")
            one.heal()
        case _:
            for _ in range(30):
                one.bump("senders", "flows")


def registry(place: Place, chance: random.Random) -> None:
    """It goes in any way, and is back; what it held may be gone."""
    match chance.randrange(4):
        case 0:
            place.registry.withdraw()
            time.sleep(chance.random())
        case 1:
            place.registry.kill()
            place.registry.start()
        case 2:
            place.registry.fault("answer", times=5)
            time.sleep(chance.random())
            place.registry.heal()
        case _:
            place.registry.forget()
    place.registry.announce()


def broker(place: Place, _chance: random.Random) -> None:
    place.broker.kill()
    place.broker.start()


def cable(place: Place, chance: random.Random) -> None:
    """Out and in again."""
    box = chance.choice((place.desk, place.display))
    box.host.link_down()
    time.sleep(chance.random())
    box.host.link_up()


def idle(place: Place, chance: random.Random) -> None:
    """Connections that say nothing, half of a request, or rubbish; and more of them than the box keeps open."""
    said = (
        b"",
        b"GET /x-nm",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"\x16\x03\x01\x02\x00",
        b"POST /panel/take HTTP/1.1\r\n",
    )
    with ExitStack() as clients:
        for _ in range(chance.choice((5, 50, 300))):
            client = clients.enter_context(closing(place.visitor.connect(place.desk.host.address(), place.desk.port)))
            with _refused():
                client.sendall(chance.choice(said))


def walk(place: Place, chance: random.Random) -> None:
    """Some steps of the random walk over the whole HTTP surface."""
    with closing(Client(place.desk)) as client:
        paths, documents, made = crawl(client), list(bodies(place.desk)), makers(place.desk)
        for _ in range(200):
            method, path, body, headers = request_of(chance, paths, documents, made)
            status, answered = client.ask(method, path, body, headers)
            assert not undocumented(status, answered), (
                f"{method} {path} {(body or b'')[:300]!r}: {status} {answered[:300]!r}"
            )


def tidy(place: Place) -> None:
    """What was left that somebody must take away, and a receiver that runs: so one round compares with another."""
    receiver = ids(place.display, "receivers")[0]
    _answered(place.display.post("/panel/take", {"receiver_id": receiver, "sender_id": place.tones[0]}).status)
    for subscription in place.desk.json(f"{_QUERY}/subscriptions"):
        if subscription["persist"]:
            place.desk.raw("DELETE", f"{_QUERY}/subscriptions/{subscription['id']}")
    for preset in json.loads(place.desk.get("/panel/settings").body)["panel"]["presets"]:
        place.desk.post("/panel/presets/delete", {"name": preset["name"]})


ACTS: tuple[Act, ...] = (
    *(take, patch, press, listen, hear, watch, reload, presets),
    *(channels, peer, registry, broker, cable, idle, walk),
)


def _group(chance: random.Random) -> str:
    return f"239.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"


def _answered(status: int) -> None:
    assert status < 500 or status in (500, 501), status  # a 500 is IS-05's for auto; a bug's is in the log, too


@contextmanager
def _refused() -> Iterator[None]:
    """A full house closes the door."""
    with suppress(TimeoutError, ConnectionResetError, BrokenPipeError):
        yield
