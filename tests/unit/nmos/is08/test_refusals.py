"""Maps that are refused: each with its code and its reason, and nothing of them applied."""

from dataclasses import replace
from typing import Any

import pytest

from appliance.config.model import SenderConfig
from tests.unit.nmos.is08.rooms import ABSOLUTE, CONFIG, IMMEDIATE, MUTED, RELATIVE, Room, at

FINE = {"sink-speaker": {"0": MUTED}}
_NOW = b'{"activation":{"mode":"activate_immediate"},"action":{'
_NULLS = b'{"input":null,"channel_index":null}'
TWICE_THE_OUTPUT = _NOW + b'"sender-tone":{"0":' + _NULLS + b'},"sender-tone":{"1":' + _NULLS + b"}}}"
TWICE_THE_CHANNEL = _NOW + b'"sender-tone":{"0":' + _NULLS + b',"0":' + _NULLS + b"}}}"


def refused(room: Room, status: int, reason: str, **sent: Any) -> None:
    before = room.get("/map/active")
    answer = room.ask("POST", "/map/activations", **sent)
    assert (answer.status, answer.body["code"]) == (status, status)
    assert reason in answer.body["error"]
    assert answer.body["debug"] is None
    assert room.get("/map/active") == before
    assert room.get("/map/activations") == {}
    assert room.changes == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "the body must be a JSON object, not an array"),
        ({}, "activation: is needed"),
        ({"activation": IMMEDIATE}, "action: is needed"),
        ({"action": FINE}, "activation: is needed"),
        ({"activation": IMMEDIATE, "action": FINE, "x": 1}, "x: is not a parameter here"),
        ({"activation": {}, "action": FINE}, "activation.mode: is needed"),
        ({"activation": {"mode": None}, "action": FINE}, "activation.mode: must be one of"),
        ({"activation": {"mode": "activate_later"}, "action": FINE}, "activation.mode: must be one of"),
        ({"activation": {"mode": ABSOLUTE}, "action": FINE}, "activation.requested_time: is needed for"),
        ({"activation": {"mode": RELATIVE, "requested_time": None}, "action": FINE}, "requested_time: is needed for"),
        (
            {"activation": {"mode": ABSOLUTE, "requested_time": "now"}, "action": FINE},
            "activation.requested_time: must be <seconds>:<nanoseconds>",
        ),
        (
            {"activation": {"mode": RELATIVE, "requested_time": "1" * 40 + ":0"}, "action": FINE},
            "activation.requested_time: ",
        ),
        ({"activation": {**IMMEDIATE, "x": 1}, "action": FINE}, "activation.x: is not a parameter here"),
        ({"activation": "now", "action": FINE}, "activation: must be object"),
        ({"activation": IMMEDIATE, "action": []}, "action: must be object"),
        ({"activation": IMMEDIATE, "action": {}}, "action: names no output"),
    ],
)
def test_requests_of_the_wrong_shape(body: Any, reason: str) -> None:
    refused(Room(), 400, reason, body=body)


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ({"nobody": {"0": MUTED}}, "action.nobody: there is no such output"),
        ({"local-tone": {"0": MUTED}}, "action.local-tone: there is no such output"),
        ({"sender-tone": {}}, "action.sender-tone: must be an object with one channel at least"),
        ({"sender-tone": None}, "action.sender-tone: must be an object"),
        ({"sender-tone": [MUTED]}, "action.sender-tone: must be an object"),
        ({"sender-tone": {"2": MUTED}}, "action.sender-tone.2: is no channel of it; those are 0 to 1"),
        ({"sender-tone": {"01": MUTED}}, "action.sender-tone.01: is no channel"),
        ({"sender-tone": {"-1": MUTED}}, "action.sender-tone.-1: is no channel"),
        ({"sender-tone": {"٣": MUTED}}, "is no channel"),
        ({"sender-tone": {"": MUTED}}, "is no channel"),
        ({"sender-tone": {"9" * 5000: MUTED}}, "is no channel"),
        ({"sender-tone": {"0": None}}, "action.sender-tone.0: must be an object with input and channel_index"),
        ({"sender-tone": {"0": {}}}, "action.sender-tone.0: must be an object with input and channel_index"),
        ({"sender-tone": {"0": {"input": None}}}, "action.sender-tone.0: must be an object"),
        ({"sender-tone": {"0": {**MUTED, "gain": 1}}}, "action.sender-tone.0: must be an object"),
        ({"sender-tone": {"0": {"input": "local-tone", "channel_index": None}}}, "are both null, or neither is"),
        ({"sender-tone": {"0": {"input": None, "channel_index": 0}}}, "are both null, or neither is"),
        ({"sender-tone": {"0": at("nothing", 0)}}, "action.sender-tone.0.input: there is no input 'nothing'"),
        ({"sender-tone": {"0": at("sender-tone", 0)}}, "action.sender-tone.0.input: there is no input"),
        ({"sender-tone": {"0": {"input": 1, "channel_index": 0}}}, ".0.input: must be the id of an input, or null"),
        ({"sender-tone": {"0": at("local-tone", 2)}}, ".0.channel_index: local-tone has the channels 0 to 1, not 2"),
        ({"sender-tone": {"0": at("local-tone", -1)}}, "has the channels 0 to 1, not -1"),
        ({"sender-tone": {"0": at("local-tone", 10**400)}}, "has the channels 0 to 1"),
        ({"sender-tone": {"0": {"input": "local-tone", "channel_index": True}}}, "must be a whole number, or null"),
        ({"sender-tone": {"0": {"input": "local-tone", "channel_index": 1.5}}}, "must be a whole number, or null"),
        ({"sender-tone": {"0": {"input": "local-tone", "channel_index": "0"}}}, "must be a whole number, or null"),
    ],
)
@pytest.mark.parametrize("activation", [IMMEDIATE, {"mode": RELATIVE, "requested_time": "1:0"}], ids=["now", "later"])
def test_actions_that_mean_nothing(action: Any, reason: str, activation: Any) -> None:
    refused(Room(), 400, reason, body={"activation": activation, "action": {**FINE, **action}})


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is not valid JSON"),
        (b"{", "is not valid JSON"),
        (b'{"activation": NaN}', "NaN is not a JSON value"),
        (b"\xff", "is not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (TWICE_THE_OUTPUT, "the key 'sender-tone' is there twice"),
        (TWICE_THE_CHANNEL, "the key '0' is there twice"),
    ],
)
def test_no_json(raw: bytes, reason: str) -> None:
    refused(Room(), 400, reason, raw=raw)


def test_more_than_the_limits_is_413() -> None:
    room = Room()
    many = {f"sender-{n}": {"0": MUTED} for n in range(1025)}
    refused(room, 413, "names 1025 outputs, and 1024", body={"activation": IMMEDIATE, "action": many})
    wide = {"sender-tone": {str(n): MUTED for n in range(65)}}
    refused(room, 413, "action.sender-tone: has 65 channels, and 64", body={"activation": IMMEDIATE, "action": wide})
    del many["sender-0"]
    refused(room, 400, "there is no such output", body={"activation": IMMEDIATE, "action": many})


def test_1024_outputs_are_one_map() -> None:
    senders = tuple(SenderConfig(f"s{n}", "box", channels=1) for n in range(1024))
    room = Room(replace(CONFIG, mapping=replace(CONFIG.mapping, outputs=()), senders=senders))  # type: ignore[type-var]
    assert room.post({f"sender-s{n}": {"0": MUTED} for n in range(1024)}).status == 200
    assert all(room.routed(f"sender-s{n}") == [None] for n in range(1024))


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (
            {"sender-narrow": {"0": at("local-tone", 0)}},
            "local-tone cannot be routed to sender-narrow, only local-narrow",
        ),
        # one block is taken apart, reversed, not complete, over the end
        ({"sender-wide": {"0": at("receiver-blocks", 0), "1": at("receiver-blocks", 0)}}, "does not reorder"),
        ({"sender-wide": {"0": at("receiver-blocks", 1), "1": at("receiver-blocks", 0)}}, "does not reorder"),
        ({"sender-wide": {"0": at("receiver-blocks", 0), "1": MUTED}}, "is routed in blocks of 2"),
        ({"sender-wide": {"6": at("receiver-blocks", 1), "7": at("receiver-blocks", 2)}}, "is routed in blocks of 2"),
        ({"sender-wide": {"7": at("receiver-blocks", 0)}}, "is routed in blocks of 2"),
        ({"sender-wide": {"0": at("receiver-blocks", 1)}}, "is routed in blocks of 2"),
        # whole blocks, but in another order
        (
            {"sender-wide": {str(n): at("receiver-blocks", (n + 2) % 4) for n in range(4)}},
            "action.sender-wide.2.channel_index: receiver-blocks does not reorder its channels: with 2 at 0",
        ),
    ],
)
def test_what_inputs_and_outputs_do_not_allow(action: Any, reason: str) -> None:
    refused(Room(), 400, reason, body={"activation": IMMEDIATE, "action": action})


def test_what_they_do_allow() -> None:
    room = Room()
    assert room.post({"sender-wide": {str(n + 4): at("receiver-blocks", n) for n in range(4)}}).status == 200
    assert room.post({"sender-wide": {"4": MUTED}}).status == 400, "half of a block would be left"
    assert room.post({"sender-wide": {"4": MUTED, "5": MUTED}}).status == 200
    assert room.post({"sender-tone": {"0": at("receiver-blocks", 2), "1": at("receiver-blocks", 3)}}).status == 200
    assert room.post({"sender-narrow": {"0": at("mono", 0)}}).status == 200
