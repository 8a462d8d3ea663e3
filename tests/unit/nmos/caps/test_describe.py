"""The capabilities of this box's own senders and receivers."""

import json
from functools import cache
from typing import Any

import jsonschema
import pytest

from appliance.config.loader import load, parse
from appliance.config.model import DeviceConfig, MediaConfig
from appliance.core.tai import parse_tai
from appliance.core.types import JSON, Kind
from appliance.nmos.caps.match import ENABLED, LABEL, PREFERENCE, misfit, out_of_caps
from appliance.nmos.caps.stream import FORMAT_CAP, PARAMETERS, TRANSPORT_CAP, UNRESTRICTED, Stream
from appliance.nmos.is05.sdp.facts import capability_facts
from appliance.nmos.is05.sdp.parse import parse as parse_sdp
from appliance.nmos.is05.transportfile import TransportFiles
from tests.lan.box import CHECKOUT
from tests.support.specs import problems, specs_folder, validator
from tests.unit.nmos.is05.boxes import Box, multicast_sdp


@cache
def everything() -> Box:
    return Box(load(CHECKOUT / "docs" / "examples" / "everything.toml"))


def labelled(kind: Kind) -> dict[str, JSON]:
    return {body["label"]: body for body in everything().store.all(kind).values()}


def all_sets() -> list[Any]:
    ends = [*labelled(Kind.SENDER).values(), *labelled(Kind.RECEIVER).values()]
    return [pytest.param(body, id=body["label"]) for body in ends]


@cache
def register() -> jsonschema.Draft4Validator:
    """The Capabilities register's schema, whose references are to BCP-004-01's."""
    schema = json.loads((specs_folder() / "nmos-parameter-registers/capabilities/constraint_set.json").read_text())
    bundle: Any = validator("bcp-004-01", "v1.0", "param_constraint").schema
    text = json.dumps(schema).replace('"$ref": "', '"$ref": "#/definitions/')
    return jsonschema.Draft4Validator({**json.loads(text), "definitions": bundle["definitions"]})


@pytest.mark.parametrize("body", all_sets())
def test_they_are_as_the_specifications_want_them(body: JSON) -> None:
    caps = body["caps"]
    assert problems("bcp-004-01", "v1.0", "receiver_constraint_sets", body) == []
    assert parse_tai(caps["version"]) < parse_tai(body["version"])
    for constraint_set in caps["constraint_sets"]:
        assert [error.message for error in register().iter_errors(constraint_set)] == []
        assert {LABEL, PREFERENCE, ENABLED} < set(constraint_set)
        allowed = constraint_set.get(FORMAT_CAP + "media_type", {}).get("enum", [])
        assert set(allowed) <= set(caps.get("media_types", allowed))


def test_a_sender_sends_what_its_capabilities_say() -> None:
    store = everything().store
    for sender in store.all(Kind.SENDER).values():
        flow = store.get(Kind.FLOW, sender["flow_id"]) or {}
        source = store.get(Kind.SOURCE, flow["source_id"])
        receiver = {"transport": sender["transport"], "format": flow["format"], "caps": sender["caps"]}
        assert misfit(Stream(sender, flow, source), receiver) is None


def test_a_transport_file_says_the_same_as_the_resources() -> None:
    """Of every parameter that both know (the Capabilities register, Target (a) and (b))."""
    box, compared = everything(), 0
    files = TransportFiles(box.store, box.connections, box.network, ttl=32)
    for sender in box.store.all(Kind.SENDER).values():
        endpoint = box.endpoint(Kind.SENDER, sender["id"])
        if not endpoint.transport.is_rtp:
            continue
        flow = box.store.get(Kind.FLOW, sender["flow_id"]) or {}
        resources = Stream(sender, flow, box.store.get(Kind.SOURCE, flow["source_id"]))
        file = Stream(told=capability_facts(parse_sdp(files.sdp(endpoint))))
        assert file.media_type == flow["media_type"]
        for urn in PARAMETERS:
            known, told = resources.values(urn), file.values(urn)
            if known and told and known != (UNRESTRICTED,):
                assert set(known) <= set(told), (sender["label"], urn)
                compared += 1
        assert out_of_caps(file, sender["caps"]) is None
    assert compared > 60


@pytest.mark.parametrize(
    ("sender", "receiver", "fits"),
    [
        ("Tone L24", "Speaker", True),
        ("ST 2110-20", "Screen", True),
        ("JPEG XS", "Screen", False),
        ("JPEG XS", "JPEG XS decoder", True),
        ("JPEG XS in slices", "JPEG XS decoder", True),
        ("Ancillary data", "Caption decoder", True),
        ("SDI over IP", "SDI output", True),
        ("Button", "Tally lamp", True),
        ("Button", "Display", False),
    ],
)
def test_who_fits_whom(sender: str, receiver: str, fits: bool) -> None:
    store = everything().store
    body = labelled(Kind.SENDER)[sender]
    flow = store.get(Kind.FLOW, body["flow_id"]) or {}
    stream = Stream(body, flow, store.get(Kind.SOURCE, flow["source_id"]))
    assert (misfit(stream, labelled(Kind.RECEIVER)[receiver]) is None) is fits


BOX = '[[devices]]\nname = "d"\n[[receivers]]\nname = "r"\ndevice = "d"\n'


def caps_of(text: str, *, driver: str = "gstreamer") -> JSON:
    box = Box(parse(f'[media]\ndriver = "{driver}"\n{BOX}{text}'))
    return dict(next(iter(box.store.all(Kind.RECEIVER).values()))["caps"])


def test_audio_follows_from_the_driver_and_the_configuration() -> None:
    l24, l16, *wider = caps_of("max_channels = 4")["constraint_sets"]
    assert l24 == {
        LABEL: "L24, 48 kHz, up to 4 channels",
        PREFERENCE: 1,
        ENABLED: True,
        FORMAT_CAP + "media_type": {"enum": ["audio/L24"]},
        FORMAT_CAP + "sample_rate": {"enum": [{"numerator": 48_000, "denominator": 1}]},
        FORMAT_CAP + "sample_depth": {"enum": [24]},
        FORMAT_CAP + "channel_count": {"minimum": 1, "maximum": 4},
        TRANSPORT_CAP + "packet_time": {"minimum": 0.08, "maximum": 20},
    }
    assert l16[PREFERENCE] == 0
    assert [(one[ENABLED], one[FORMAT_CAP + "channel_count"]["maximum"]) for one in wider] == [(False, 64)] * 2


def test_the_null_driver_limits_nothing() -> None:
    only = caps_of('sample_rates = []\nmedia_types = ["audio/L24"]', driver="null")["constraint_sets"]
    assert len(only) == 1
    assert TRANSPORT_CAP + "packet_time" not in only[0]
    assert FORMAT_CAP + "sample_rate" not in only[0]


def test_the_version_moves_with_the_capabilities_and_with_nothing_else() -> None:
    box = Box(parse(BOX))
    id, before = next(iter(box.store.all(Kind.RECEIVER).items()))
    box.clock.advance(1)
    with box.store.transaction("renamed") as tx:
        tx.update(Kind.RECEIVER, id, label="Foyer")
    box.reached_at(("10.0.0.1",))
    again = box.rebooted()
    assert again.resource(Kind.RECEIVER, id)["caps"] == before["caps"]
    wider = again.rebooted(parse(BOX + "max_channels = 16"))
    assert parse_tai(wider.resource(Kind.RECEIVER, id)["caps"]["version"]) > parse_tai(before["caps"]["version"])
    assert again.config.devices == (DeviceConfig("d"),)
    assert again.config.media == MediaConfig()


def test_a_transport_file_that_does_not_fit_is_refused_with_the_constraint() -> None:
    box = Box(parse(BOX))
    id = next(iter(box.store.all(Kind.RECEIVER)))
    file = {"data": multicast_sdp(media="L24/96000/2"), "type": "application/sdp"}
    answer = box.patch(Kind.RECEIVER, id, {"transport_file": file})
    assert answer.status == 400
    assert answer.body["error"] == "transport_file.data: its sample rate is 96000, this receiver takes 48000"
    assert answer.body["debug"] == FORMAT_CAP + "sample_rate"


def test_what_the_gstreamer_driver_can_take_of_pictures_is_said_for_each_media_type() -> None:
    text = 'format = "video"\nmedia_types = ["video/raw", "video/jxsv", "video/H264"]\noutput = { kind = "none" }\n'
    sets = caps_of(text)["constraint_sets"]
    shown = [(one[FORMAT_CAP + "media_type"]["enum"], one.get(FORMAT_CAP + "component_depth")) for one in sets]
    assert shown == [
        (["video/raw"], {"enum": [8]}),
        (["video/raw"], {"enum": [10]}),
        (["video/jxsv"], None),
        (["video/H264"], None),
    ]
    assert [one.get(FORMAT_CAP + "interlace_mode") for one in sets] == [{"enum": ["progressive"]}] * 3 + [None]
    assert sets[2][TRANSPORT_CAP + "packet_transmission_mode"] == {"enum": ["codestream"]}
    assert len(caps_of(text, driver="null")["constraint_sets"]) == 1, "nobody knows what somebody else can do"
