"""Messages and commands: written as AMWA's schemas want them, and read from strangers without a crash."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import BadRequest
from appliance.nmos.is07.messages import (
    MAX_BYTES,
    Command,
    ConnectionStatus,
    Ending,
    Health,
    HealthCommand,
    Message,
    State,
    Subscription,
    encode,
    read_command,
    read_message,
)
from appliance.nmos.is07.types import Payload
from tests.support.specs import examples, problems

ONE = "6cbd0441-7882-44cd-9557-842243a0d618"
TWO = "ff455cf3-fb17-448b-8f4c-e6c0e294f5ed"
NS = 1_000_000_000
MESSAGES: list[Message] = [
    State(ONE, "boolean", Payload(True), 5 * NS, TWO, 4 * NS, 6 * NS),
    State(ONE, "number/temperature/C", Payload(201, 10), 5 * NS),
    State(ONE, "string/enum/x", Payload("é"), 5 * NS),
    Ending("reboot", ONE, 5 * NS, TWO),
    Ending("shutdown", ONE, 5 * NS),
    ConnectionStatus(True),
    ConnectionStatus(False),
    Health("1441974485:012", 5 * NS),
]
COMMANDS: list[Command] = [HealthCommand("1441974485:012"), Subscription(()), Subscription((ONE, TWO))]


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_messages_are_valid_and_read_back_the_same(message: Message) -> None:
    assert problems("is-07", "v1.0", "message", message.to_json()) == []
    assert read_message(encode(message)) == message
    assert read_message(encode(message).encode()) == message


@pytest.mark.parametrize("command", COMMANDS, ids=repr)
def test_commands_are_valid_and_read_back_the_same(command: Command) -> None:
    assert problems("is-07", "v1.0", "command", command.to_json()) == []
    assert read_command(encode(command)) == command


@pytest.mark.parametrize(("name", "body"), list(examples("is-07", "v1.0")))
def test_the_examples_are_understood(name: str, body: Any) -> None:
    if name.endswith("-message") or "-state-" in name:
        assert read_message(json.dumps(body)) is not None
    elif name.endswith("-command"):
        assert read_command(json.dumps(body)) is not None


def changed(message: Message, **parts: Any) -> str:
    return json.dumps({**message.to_json(), **parts})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ("[" * 30_000, "nested too deeply"),
        (" " * (MAX_BYTES + 1), f"over {MAX_BYTES} bytes"),
        ('{"message_type": NaN}', "NaN is not a JSON value"),
        (changed(MESSAGES[0], message_type="hello"), "message_type"),
        (changed(MESSAGES[0], message_type=["state"]), "message_type"),
        (changed(MESSAGES[0], identity=None), "identity: must be an object"),
        (changed(MESSAGES[0], identity={"source_id": "x"}), "identity.source_id"),
        (changed(MESSAGES[0], identity={"source_id": ONE, "flow_id": 1}), "identity.flow_id"),
        (changed(MESSAGES[0], timing={}), "creation_timestamp"),
        (changed(MESSAGES[0], timing={"creation_timestamp": "yesterday"}), "TAI time"),
        (changed(MESSAGES[0], timing={"creation_timestamp": "1:1", "action_timestamp": 5}), "action_timestamp"),
        (changed(MESSAGES[0], event_type="object/thing"), "event_type"),
        (changed(MESSAGES[0], event_type="boolean/" + "x" * 300), "event_type"),
        (changed(MESSAGES[0], event_type="number"), "payload.value: must be a number"),
        (changed(MESSAGES[0], event_type="string"), "payload.value: must be a string"),
        (changed(MESSAGES[1], payload={"value": "1"}), "payload.value: must be a number"),
        (changed(MESSAGES[1], payload={"value": 10**30}), "too large"),
        ('{"message_type": "state", "x": 1e999}', "too large a number"),
        (changed(MESSAGES[1], payload={"value": 1, "scale": 0}), "payload.scale"),
        (changed(MESSAGES[1], payload={"value": 1, "scale": True}), "payload.scale"),
        (changed(MESSAGES[2], payload={"value": "x" * 5000}), "4096 characters"),
        (changed(MESSAGES[2], payload={"value": "\ud800"}), "UTF-8"),
        (changed(MESSAGES[5], active="yes"), "active"),
        (changed(MESSAGES[7], timing={"origin_timestamp": "x", "creation_timestamp": "1:1"}), "origin_timestamp"),
    ],
)
def test_bad_messages_are_refused_with_the_key(text: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        read_message(text)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"command": "reboot"}, "command: 'reboot' is none of"),
        ({"command": {}}, "command"),
        ({"command": "health"}, "timestamp"),
        ({"command": "health", "timestamp": "now"}, "TAI time"),
        ({"command": "subscription"}, "sources: must be an array"),
        ({"command": "subscription", "sources": ONE}, "sources: must be an array"),
        ({"command": "subscription", "sources": [ONE, "all"]}, r"sources\[1\]"),
    ],
)
def test_bad_commands_are_refused_with_the_key(body: Any, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        read_command(json.dumps(body))


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.just(ONE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("message_type", "identity", "timing", "payload", "event_type", "active", "command", "sources", "timestamp")
BODIES = st.sampled_from([each.to_json() for each in (*MESSAGES, *COMMANDS)]).flatmap(
    lambda body: st.dictionaries(st.sampled_from(KEYS), ANY_JSON, max_size=3).map(lambda more: {**body, **more})
)


@given(BODIES)
def test_nothing_is_worse_than_refused(body: Any) -> None:
    for read in (read_message, read_command):
        understood: Any = None
        with contextlib.suppress(BadRequest):
            understood = read(json.dumps(body))
        if understood is not None:
            schema = "message" if read is read_message else "command"
            assert problems("is-07", "v1.0", schema, understood.to_json()) == [] or "origin" not in str(body)
