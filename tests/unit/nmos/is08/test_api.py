"""What the Channel Mapping API shows, held against AMWA's schemas."""

from typing import Any

import pytest

from appliance.config.mapping import MappingConfig
from appliance.config.model import Config, Format, ReceiverConfig, SenderConfig, Transport
from appliance.core.types import Kind
from appliance.nmos.is08.matrix import matrix
from tests.support.specs import problems
from tests.unit.nmos.is05.boxes import IDENTITIES
from tests.unit.nmos.is08.rooms import IMMEDIATE, MUTED, Room, at, relative, source_id

PARTS = {
    "inputs": {
        "": "input-base-schema",
        "/properties": "input-properties-schema",
        "/parent": "input-parent-response-schema",
        "/channels": "input-channels-response-schema",
        "/caps": "input-caps-response-schema",
    },
    "outputs": {
        "": "output-base-schema",
        "/properties": "output-properties-schema",
        "/sourceid": "output-sourceid-response-schema",
        "/channels": "output-channels-response-schema",
        "/caps": "output-caps-response-schema",
    },
}


def valid(schema: str, document: Any) -> None:
    assert problems("is-08", "v1.0", schema, document) == []


def test_all_that_can_be_read_is_as_the_schemas_want_it() -> None:
    room = Room()
    room.post({"sender-tone": {"0": MUTED}}, relative(5))
    valid("base-schema", room.get(""))
    valid("io-response-schema", room.get("/io"))
    for kind, parts in PARTS.items():
        valid("inputs-outputs-base-schema", room.get(f"/{kind}"))
        for id in room.get(f"/{kind}"):
            for path, schema in parts.items():
                valid(schema, room.get(f"/{kind}/{id.rstrip('/')}{path}"))
    valid("map-base-schema", room.get("/map"))
    valid("map-active-response-schema", room.get("/map/active"))
    for id in room.get("/outputs"):
        valid("map-active-output-response-schema", room.get(f"/map/active/{id.rstrip('/')}"))
    valid("map-activations-get-response-schema", room.get("/map/activations"))
    (pending,) = room.get("/map/activations")
    valid("map-activations-activation-get-response-schema", room.get(f"/map/activations/{pending}"))


def test_what_there_is() -> None:
    room = Room()
    assert room.get("/inputs") == [
        "receiver-speaker/", "receiver-blocks/", "local-tone/", "local-wide/", "local-narrow/", "mono/"
    ]  # fmt: skip
    assert room.get("/outputs") == ["sender-tone/", "sender-wide/", "sender-narrow/", "sink-speaker/", "sink-blocks/"]
    speaker = IDENTITIES.of(Kind.RECEIVER, "speaker")
    assert room.get("/inputs/receiver-speaker/parent") == {"id": speaker, "type": "receiver"}
    for id in ("local-tone", "mono"):
        assert room.get(f"/inputs/{id}/parent") == {"id": None, "type": None}
    assert room.get("/outputs/sender-tone/sourceid") == source_id("tone")
    assert room.get("/outputs/sink-speaker/sourceid") is None
    assert room.get("/inputs/receiver-blocks/caps") == {"reordering": False, "block_size": 2}
    assert room.get("/outputs/sender-narrow/caps") == {"routable_inputs": ["local-narrow", "mono", None]}
    assert room.get("/outputs/sender-tone/caps") == {"routable_inputs": None}
    assert len(room.get("/inputs/receiver-speaker/channels")) == 4
    assert room.get("/outputs/sink-speaker/channels") == [{"label": "Left"}, {"label": "Right"}]
    assert room.get("/inputs/local-tone/properties") == {"name": "Tone", "description": "A tone of 440 Hz"}
    assert room.get("/inputs/receiver-blocks/properties")["name"] == "In pairs"


def test_io_says_the_same_as_its_parts_also_after_a_new_label() -> None:
    room = Room()
    before = room.get("/io")
    assert before["inputs"]["receiver-speaker"]["properties"]["name"] == "Speaker"
    with room.store.transaction("label") as tx:
        tx.update(Kind.RECEIVER, IDENTITIES.of(Kind.RECEIVER, "speaker"), label="Monitor")
    io = room.get("/io")
    assert io["inputs"]["receiver-speaker"]["properties"]["name"] == "Monitor"
    for kind in ("inputs", "outputs"):
        for id, one in io[kind].items():
            for name, part in one.items():
                assert part == room.get(f"/{kind}/{id}/{name.replace('_', '')}")


@pytest.mark.parametrize(
    "path",
    [
        "/inputs/x",
        "/inputs/x/caps",
        "/outputs/local-tone",
        "/outputs/x/sourceid",
        "/map/active/x",
        "/map/activations/x",
    ],
)
def test_what_is_not_there_is_404(path: str) -> None:
    assert Room().ask("GET", path).status == 404


def test_an_activation_is_answered_with_its_id_and_what_it_does() -> None:
    room = Room()
    action = {"sender-tone": {"0": at("local-tone", 1), "1": at("local-tone", 0)}}
    answer = room.post(action)
    assert answer.status == 200
    valid("map-activations-post-response-schema", answer.body)
    (shown,) = answer.body.values()
    assert shown["action"] == action
    assert shown["activation"] == {**IMMEDIATE, "requested_time": None, "activation_time": "1700000037:0"}
    assert room.get("/map/active")["activation"] == shown["activation"]
    assert room.get("/map/active/sender-tone")["map"]["sender-tone"] == action["sender-tone"]
    assert room.get("/map/activations") == {}


def test_every_method_has_its_preflight() -> None:
    room = Room()
    for path, method in (("/map/activations", "POST"), ("/map/activations/1", "DELETE")):
        answer = room.ask("OPTIONS", path)
        assert answer.status == 200
        assert method in answer.headers["Access-Control-Allow-Methods"]


def test_the_devices_that_have_audio_say_where_it_is_mapped() -> None:
    store = Room().store
    controls = {
        body["label"]: [control["href"] for control in body["controls"] if control["type"].endswith(":cm-ctrl/v1.0")]
        for body in store.all(Kind.DEVICE).values()
    }
    assert controls == {"box": ["http://10.0.0.1:8080/x-nmos/channelmapping/v1.0/"], "bare": []}


def test_what_is_no_linear_pcm_over_rtp_has_neither_input_nor_output() -> None:
    config = Config(
        mapping=MappingConfig(),
        senders=(
            SenderConfig("pcm", "box"),
            SenderConfig("through", "box", media_type="audio/AM824"),
            SenderConfig("video", "box", format=Format.VIDEO),
            SenderConfig("event", "box", format=Format.DATA, transport=Transport.MQTT),
        ),
        receivers=(ReceiverConfig("through", "box", media_types=("audio/L24", "audio/AM824")),),
    )
    found = matrix(config, IDENTITIES)
    assert list(found.inputs) == ["local-pcm"]
    assert list(found.outputs) == ["sender-pcm"]
