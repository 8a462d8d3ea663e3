"""Events and tally between boxes: a button here lights a lamp there, whatever happens to the servers in between."""

import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import StartBox
from tests.lan.box import Box
from tests.lan.event_server import EventServer, frame
from tests.lan.network import Lan
from tests.lan.waiting import eventually
from tests.lan.websocket import WebSocket
from tests.support.specs import problems

DESK = """
[node]
label = "Desk"
[media]
driver = "null"
[[devices]]
name = "desk"
[[senders]]
name = "button"
label = "Button"
device = "desk"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
[[senders]]
name = "fader"
label = "Fader"
device = "desk"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "number/position/percent"
event = { min = 0, max = 100, step = 0.1, scale = 10 }
[[senders]]
name = "text"
label = "Text"
device = "desk"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "string"
"""
STAGE = """
[node]
label = "Stage"
[media]
driver = "null"
[[events.lamps]]
name = "tally"
[[events.lamps]]
name = "loud"
[[devices]]
name = "stage"
[[senders]]
name = "programme"
label = "Programme"
device = "stage"
[[receivers]]
name = "speaker"
device = "stage"
output = { kind = "none" }
[[receivers]]
name = "lamp"
device = "stage"
format = "data"
transport = "websocket"
media_types = ["application/json"]
event_types = ["boolean"]
actions = [{ lamp = "tally" }, { show = "on air", equals = true }, { take = "speaker", source = "Programme" }]
[[receivers]]
name = "level"
device = "stage"
format = "data"
transport = "websocket"
media_types = ["application/json"]
event_types = ["number/*"]
actions = [{ lamp = "loud", above = 50 }, { show = "level {value}" }]
"""


HEALTH = {"command": "health", "timestamp": "1:1"}
TEXTS = 700
"""Of 4 KB each: more than the box keeps for one client, and the kernels on the way."""


@pytest.fixture
def desk(lan: Lan, start_box: StartBox) -> Box:
    return start_box(lan.host("desk"), DESK, name="desk")


@pytest.fixture
def stage(lan: Lan, start_box: StartBox) -> Box:
    return start_box(lan.host("stage"), STAGE, name="stage")


def endpoint(box: Box, plural: str, label: str) -> str:
    (found,) = [body["id"] for body in box.json(f"/x-nmos/node/v1.3/{plural}") if body["label"] == label]
    return str(found)


def active(box: Box, label: str) -> dict[str, Any]:
    """The one leg of an active sender."""
    sender = endpoint(box, "senders", label)
    return dict(box.json(f"/x-nmos/connection/v1.1/single/senders/{sender}/active")["transport_params"][0])


def patch(box: Box, receiver: str, leg: dict[str, Any] | None, *, enable: bool = True) -> None:
    body: dict[str, Any] = {"master_enable": enable, "activation": {"mode": "activate_immediate"}}
    if leg is not None:
        body["transport_params"] = [leg]
    path = f"/x-nmos/connection/v1.1/single/receivers/{endpoint(box, 'receivers', receiver)}/staged"
    answer = box.patch(path, body)
    assert answer.status == 200, answer.body


def connect(box: Box, receiver: str, to: Box, sender: str) -> None:
    """What a controller does."""
    params = active(to, sender)
    names = ("connection_uri", "ext_is_07_source_id", "ext_is_07_rest_api_url")
    patch(box, receiver, {name: params[name] for name in names})


def press(box: Box, label: str, value: Any) -> None:
    answer = box.post("/panel/tally", {"source_id": endpoint(box, "sources", label), "value": value})
    assert answer.status == 200, answer.body


def board(box: Box) -> dict[str, Any]:
    return dict(box.json("/panel/tally"))


def lit(box: Box) -> set[str]:
    return {lamp["name"] for lamp in board(box)["lamps"] if lamp["lit"]}


def heard(box: Box, label: str) -> Any:
    return next(receiver["value"] for receiver in board(box)["receivers"] if receiver["label"] == label)


def status(box: Box, label: str) -> dict[str, Any]:
    return next(item["stream"] for item in box.json("/panel/receivers")["receivers"] if item["label"] == label)


def test_a_button_here_lights_a_lamp_there(desk: Box, stage: Box) -> None:
    connect(stage, "lamp", desk, "Button")
    connect(stage, "level", desk, "Fader")
    eventually(lambda: heard(stage, "lamp") is False and heard(stage, "level") == 0, "the states of the desk")
    eventually(lambda: status(stage, "lamp")["phase"] == "running", "the receiver to be running")
    press(desk, "Button", True)
    eventually(lambda: lit(stage) == {"tally"}, "the lamp")
    press(desk, "Fader", 74.26)
    eventually(lambda: lit(stage) == {"tally", "loud"}, "the other lamp")
    assert board(stage)["shown"] == ["on air", "level 74.3"]
    speaker = endpoint(stage, "receivers", "speaker")
    taken = f"/x-nmos/connection/v1.1/single/receivers/{speaker}/active"
    wanted = endpoint(stage, "senders", "Programme")
    eventually(lambda: stage.json(taken)["sender_id"] == wanted, "the take")
    press(desk, "Button", False)
    eventually(lambda: lit(stage) == {"loud"}, "the lamp to go out")
    patch(stage, "level", None, enable=False)
    eventually(lambda: lit(stage) == set(), "a parked receiver to light nothing")
    press(desk, "Fader", 99)
    press(desk, "Button", True)
    eventually(lambda: lit(stage) == {"tally"}, "the lamp again")
    assert heard(stage, "level") is None


def test_a_take_at_the_panel_needs_no_controller(desk: Box, stage: Box) -> None:
    lamp = endpoint(stage, "receivers", "lamp")
    button = endpoint(desk, "senders", "Button")
    eventually(lambda: button in stage.get("/panel/sources").text, "the button in the menu")
    fader = endpoint(desk, "senders", "Fader")
    assert stage.post("/panel/take", {"receiver_id": lamp, "sender_id": fader}).status == 409, "it does not fit"
    answer = stage.post("/panel/take", {"receiver_id": lamp, "sender_id": button})
    assert answer.status == 200, answer.body
    press(desk, "Button", True)
    eventually(lambda: lit(stage) == {"tally"}, "the lamp")
    (shown,) = [item for item in stage.json("/panel/receivers")["receivers"] if item["id"] == lamp]
    assert shown["shows"] == "Button"
    assert stage.post("/panel/take", {"receiver_id": lamp, "sender_id": None}).status == 200
    eventually(lambda: lit(stage) == set(), "the lamp to go out")


def test_a_killed_server_is_found_again_with_the_state_that_it_then_has(desk: Box, stage: Box) -> None:
    connect(stage, "lamp", desk, "Button")
    eventually(lambda: heard(stage, "lamp") is False, "the state")
    press(desk, "Button", True)
    eventually(lambda: lit(stage) == {"tally"}, "the lamp")
    desk.kill()
    eventually(lambda: status(stage, "lamp")["phase"] == "fault", "the fault")
    assert lit(stage) == {"tally"}, "the last known state stays"
    desk.start()
    eventually(lambda: status(stage, "lamp")["phase"] == "running", "the receiver to be running")
    press(desk, "Button", False)
    eventually(lambda: lit(stage) == set(), "what the restarted button says")
    press(desk, "Button", True)
    eventually(lambda: lit(stage) == {"tally"}, "the lamp after the restart")
    assert desk.stop() == 0
    eventually(lambda: status(stage, "lamp")["phase"] == "fault", "the fault of a server that stopped")
    desk.start()
    assert next(source["value"] for source in board(desk)["sources"]) is True, "what was set by hand is kept"
    assert stage.stop() == 0


def test_events_come_in_their_order_to_all_who_subscribed(lan: Lan, desk: Box) -> None:
    uri, source = active(desk, "Fader")["connection_uri"], active(desk, "Fader")["ext_is_07_source_id"]
    other = lan.host("other")
    with WebSocket(other, uri) as first, WebSocket(other, uri) as second:
        for client in (first, second):
            client.say({"command": "subscription", "sources": [source]})
            assert client.receive()["payload"] == {"value": 0, "scale": 10}
        for value in range(1, 51):
            press(desk, "Fader", value)
        for client in (first, second):
            messages = [client.receive() for _ in range(50)]
            assert [message["payload"]["value"] for message in messages] == [10 * value for value in range(1, 51)]
            assert not [problem for each in messages for problem in problems("is-07", "v1.0", "message", each)]
            times = [tuple(map(int, each["timing"]["creation_timestamp"].split(":"))) for each in messages]
            assert times == sorted(times)
        second.say({"command": "health", "timestamp": "5:05"})
        assert second.receive()["timing"]["origin_timestamp"] == "5:05"
        assert desk.stop() == 0
        endings = [first.receive() for _ in range(2)]
        assert [message and message["message_type"] for message in endings] == ["shutdown", None]


def ended(client: WebSocket, command: Any) -> bool:
    """Whether a client that only talks is dropped."""
    try:
        for _ in range(10_000):
            client.say(command)
        while client.receive() is not None:
            pass
    except ConnectionError:
        return True
    return True


def test_hostile_clients_hurt_only_themselves(lan: Lan, desk: Box) -> None:
    params = active(desk, "Fader")
    uri, source = params["connection_uri"], params["ext_is_07_source_id"]
    other = lan.host("other")
    subscription = {"command": "subscription", "sources": [source]}
    with WebSocket(other, uri) as good, WebSocket(other, uri) as bad, WebSocket(other, uri) as flood:
        good.say(subscription)
        assert good.receive()["message_type"] == "state"
        for text in ("{", "[]", '{"command": "reboot"}', "\x00", '{"command": "subscription", "sources": [1]}') * 2:
            bad.say_text(text)
        assert bad.receive() is None
        assert ended(flood, subscription)
        press(desk, "Fader", 1)
        assert good.receive()["payload"]["value"] == 10
    with WebSocket(other, f"{uri.rpartition('/')[0]}/{source}") as nowhere:
        assert nowhere.status == 404
    with WebSocket(other, uri) as large:
        assert ended(large, "x" * 100_000)
    assert desk.get("/healthz").status == 200


def test_who_does_not_read_is_dropped_and_others_hear_everything(lan: Lan, desk: Box) -> None:
    params = active(desk, "Text")
    uri, subscription = (
        params["connection_uri"],
        {"command": "subscription", "sources": [params["ext_is_07_source_id"]]},
    )
    other = lan.host("other")
    with WebSocket(other, uri) as slow, WebSocket(other, uri) as good:
        slow.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for client in (slow, good):
            client.say(subscription)
            client.receive()
        for turn in range(TEXTS):
            press(desk, "Text", f"{turn:04}" + "x" * 4000)
            assert good.receive()["payload"]["value"].startswith(f"{turn:04}")
            if turn % 100 == 0:  # both are there; one does not read, that is all
                with contextlib.suppress(ConnectionError):
                    slow.say(HEALTH)
                good.say(HEALTH)
                assert good.receive()["message_type"] == "health"
        read = 0
        with contextlib.suppress(ConnectionError):
            while slow.receive() is not None:
                read += 1
        assert read < TEXTS, "it was told everything, though it did not read"


def test_a_receiver_says_why_it_hears_nothing(lan: Lan, desk: Box, stage: Box) -> None:
    params = active(desk, "Button")
    there = params["connection_uri"]
    source = params["ext_is_07_source_id"]
    for leg, why in (
        ({"connection_uri": None, "ext_is_07_source_id": source}, "connection_uri is not set"),
        ({"connection_uri": there, "ext_is_07_source_id": None}, "ext_is_07_source_id is not set"),
        ({"connection_uri": there.replace(":8080", ":8081"), "ext_is_07_source_id": source}, "cannot be had"),
        (
            {"connection_uri": "ws://127.0.0.1:8081/x", "ext_is_07_source_id": source},
            "no address that this box contacts",
        ),
        ({"connection_uri": there.rpartition("/")[0] + "/x", "ext_is_07_source_id": source}, "404"),
        (
            {"connection_uri": there, "ext_is_07_source_id": active(desk, "Fader")["ext_is_07_source_id"]},
            "takes boolean",
        ),
    ):
        patch(stage, "lamp", leg)
        eventually(lambda why=why: why in status(stage, "lamp")["detail"], f"the panel to say {why}")  # type: ignore[misc]
    connect(stage, "lamp", desk, "Button")
    eventually(lambda: status(stage, "lamp")["phase"] == "running", "the receiver to be running")


def test_the_panel_follows_events(desk: Box) -> None:
    with desk.stream("/panel/events") as stream:

        def tallies() -> Any:
            while (line := stream.readline()) != b"event: tally\n":
                assert line
            return json.loads(stream.readline().removeprefix(b"data: "))["tally"]["sources"]

        assert [source["text"] for source in tallies()] == ["off", "0 percent", ""]
        press(desk, "Button", True)
        assert [source["text"] for source in tallies()] == ["on", "0 percent", ""]
    for body, code in (
        ({"source_id": "x", "value": True}, 404),
        ({"source_id": endpoint(desk, "sources", "Button"), "value": "on"}, 400),
        ({"source_id": endpoint(desk, "sources", "Button")}, 400),
    ):
        assert desk.post("/panel/tally", body).status == code


STRANGE = "674e32cb-84b5-475e-b7db-7821530c4375"
STATE = {
    "identity": {"source_id": STRANGE},
    "event_type": "boolean",
    "timing": {"creation_timestamp": "1:1"},
    "payload": {"value": True},
    "message_type": "state",
}


def endless(message: Any) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        while True:
            connection.sendall(frame(message) * 100)

    return serve


def once(message: Any) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.sendall(frame(message))
        connection.recv(65536)

    return serve


@pytest.mark.parametrize(
    ("serve", "why"),
    [
        pytest.param(endless("{"), "no message of IS-07", id="nonsense"),
        pytest.param(endless(STATE), "more than 2000 messages", id="flood"),
        pytest.param(once("x" * 1_000_000), "cannot be had", id="too large"),
        pytest.param(lambda connection: None, "cannot be had", id="closes"),
    ],
)
def test_a_hostile_server_hurts_only_its_receiver(
    lan: Lan, desk: Box, stage: Box, serve: Callable[[socket.socket], None], why: str
) -> None:
    connect(stage, "level", desk, "Fader")
    with EventServer(lan.host("hostile"), serve) as server:
        patch(stage, "lamp", {"connection_uri": server.uri, "ext_is_07_source_id": STRANGE})
        eventually(lambda: why in status(stage, "lamp")["detail"], f"the panel to say {why}")
        press(desk, "Fader", 60)
        eventually(lambda: heard(stage, "level") == 60, "the other receiver's event")
        eventually(lambda: server.connections >= 2, "another try")
        assert server.connections < 10
    assert stage.get("/healthz").status == 200


def test_a_server_that_never_shakes_hands_is_given_up(lan: Lan, stage: Box) -> None:
    with EventServer(lan.host("hostile"), lambda connection: None, shakes_hands=False) as server:
        patch(stage, "lamp", {"connection_uri": server.uri, "ext_is_07_source_id": STRANGE})
        eventually(lambda: "does not answer" in status(stage, "lamp")["detail"], "the panel to say so")
        patch(stage, "lamp", None, enable=False)
        eventually(lambda: status(stage, "lamp")["phase"] == "idle", "a parked receiver to be idle")
    assert stage.stop() == 0
