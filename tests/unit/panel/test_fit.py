"""Does a sender fit, and the sentence when it does not."""

import dataclasses
from typing import Any

import pytest

from appliance.core.types import JSON
from appliance.discovery.world import SenderEntry
from appliance.nmos.caps.words import summary
from appliance.panel.fit import fit, stream_of
from tests.support.specs import examples, recorded_documents
from tests.unit.panel.worlds import RTP, audio_entry, receiver

AUDIO = receiver("r", "Speakers", "audio", "audio/L24", "audio/L16")
FORMAT = "urn:x-nmos:cap:format:"


def with_caps(**caps: Any) -> JSON:
    return {**AUDIO, "caps": {**AUDIO["caps"], **caps}}


def changed(part: str, **fields: object) -> SenderEntry:
    entry = audio_entry("Mic")
    parts: dict[str, Any] = {part: {**getattr(entry, part), **fields}}
    return audio_entry("Mic", **parts)


def rate(numerator: int, denominator: int = 1) -> JSON:
    return {"numerator": numerator, "denominator": denominator}


@pytest.mark.parametrize(
    ("sent", "taken", "verdict"),
    [
        ("rtp", "rtp", "yes"),
        ("rtp.mcast", "rtp", "yes"),
        ("rtp", "rtp.mcast", "yes"),
        ("rtp.ucast", "rtp.mcast", "no"),
        ("websocket", "rtp", "no"),
        ("dash", "rtp", "no"),
        ("rtpx", "rtp", "no"),
    ],
)
def test_transports(sent: str, taken: str, verdict: str) -> None:
    entry = changed("sender", transport=f"urn:x-nmos:transport:{sent}")
    found = fit(entry, {**AUDIO, "transport": f"urn:x-nmos:transport:{taken}"})
    assert found.verdict == verdict
    if verdict == "no":
        assert found.reason == f"it is sent by {sent}, this receiver takes {taken}"


def test_format() -> None:
    assert fit(audio_entry("Mic"), AUDIO).verdict == "yes"
    video = receiver("r", "Screen", "video", "video/raw")
    assert fit(audio_entry("Mic"), video).reason == "it is audio, this receiver takes video"


def test_media_type() -> None:
    entry = changed("flow", media_type="audio/L20")
    assert fit(entry, AUDIO).reason == "it is audio/L20, this receiver takes audio/L24 or audio/L16"


def test_event_type() -> None:
    data = {**receiver("r", "Lamp", "data"), "caps": {"event_types": ["boolean"]}}
    entry = dataclasses.replace(
        audio_entry("Tally"), flow={"id": "f", "format": "urn:x-nmos:format:data", "event_type": "number"}
    )
    assert fit(entry, data).reason == "its events are number, this receiver takes boolean"


def test_v1_0_says_no_media_type_and_may_still_be_taken() -> None:
    entry = dataclasses.replace(audio_entry("Mic"), flow={"id": "f", "format": "urn:x-nmos:format:audio"}, source=None)
    assert fit(entry, AUDIO).verdict == "yes"


def test_without_flow_and_source_it_is_not_known() -> None:
    found = fit(dataclasses.replace(audio_entry("Mic"), flow=None, source=None), AUDIO)
    assert (found.verdict, found.reason) == ("unknown", "its format is not known yet")


@pytest.mark.parametrize(
    ("constraint_set", "reason"),
    [
        ({}, ""),
        ({FORMAT + "sample_rate": {"enum": [rate(48_000)]}}, ""),
        ({FORMAT + "sample_rate": {"enum": [{"numerator": 48_000}]}}, ""),
        (
            {FORMAT + "sample_rate": {"enum": [rate(96_000)]}},
            "its sample rate is 48000, this receiver takes 96000",
        ),
        ({FORMAT + "channel_count": {"minimum": 1, "maximum": 8}}, ""),
        (
            {FORMAT + "channel_count": {"minimum": 4}},
            "its number of channels is 2, this receiver takes 4 and more",
        ),
        (
            {FORMAT + "channel_count": {"maximum": 1}},
            "its number of channels is 2, this receiver takes up to 1",
        ),
        (
            {FORMAT + "sample_depth": {"minimum": 8, "maximum": 16}},
            "its bit depth is 24, this receiver takes 8 to 16",
        ),
        (
            {FORMAT + "media_type": {"enum": ["audio/L16"]}},
            "its media type is audio/L24, this receiver takes audio/L16",
        ),
        ({FORMAT + "grain_rate": {"enum": [rate(25)]}}, ""),
        ({"urn:x-vendor:cap:whatever": {"enum": ["x"]}}, ""),
        ({FORMAT + "sample_rate": {}}, ""),
        ({FORMAT + "sample_rate": "nonsense"}, ""),
    ],
)
def test_one_constraint_set(constraint_set: JSON, reason: str) -> None:
    found = fit(audio_entry("Mic"), with_caps(constraint_sets=[constraint_set]))
    assert (found.verdict, found.reason) == ("no" if reason else "yes", reason)


def test_one_satisfied_set_is_enough_and_a_disabled_one_is_none() -> None:
    wrong = {FORMAT + "channel_count": {"enum": [6]}}
    good = {FORMAT + "channel_count": {"enum": [2]}}
    assert fit(audio_entry("Mic"), with_caps(constraint_sets=[wrong, good])).verdict == "yes"
    off = {**good, "urn:x-nmos:cap:meta:enabled": False}
    assert fit(audio_entry("Mic"), with_caps(constraint_sets=[wrong, off])).verdict == "no"
    assert "switched off" in fit(audio_entry("Mic"), with_caps(constraint_sets=[off])).reason


def test_the_reason_is_of_the_set_that_came_furthest() -> None:
    far = {FORMAT + "sample_rate": {"enum": [rate(48_000)]}, FORMAT + "channel_count": {"enum": [6]}}
    near = {FORMAT + "sample_rate": {"enum": [rate(96_000)]}}
    assert "number of channels" in fit(audio_entry("Mic"), with_caps(constraint_sets=[near, far])).reason


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"frame_width": 1920, "frame_height": 1080, "grain_rate": rate(50)}, "raw 1920x1080p50"),
        (
            {"frame_width": 1920, "frame_height": 1080, "grain_rate": rate(30_000, 1001)},
            "raw 1920x1080p29.97",
        ),
        (
            {
                "frame_width": 1920,
                "frame_height": 1080,
                "grain_rate": rate(25),
                "interlace_mode": "interlaced_tff",
            },
            "raw 1920x1080i50",
        ),
        ({}, "raw"),
    ],
)
def test_video_in_words(fields: JSON, detail: str) -> None:
    flow = {"id": "f", "format": "urn:x-nmos:format:video", "media_type": "video/raw", **fields}
    assert summary(stream_of(SenderEntry("p", {"id": "s"}, flow))) == detail


def test_every_example_of_bcp_004_01_can_be_asked() -> None:
    for name, caps in examples("bcp-004-01", "v1.0"):
        sets = caps.get("caps", caps).get("constraint_sets", caps if isinstance(caps, list) else [])
        assert sets, name
        assert fit(audio_entry("Mic"), with_caps(constraint_sets=sets)).verdict in ("yes", "no")


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v1.2", "v1.3"])
def test_a_real_peer_in_every_version(version: str) -> None:
    documents = recorded_documents("nmos-cpp-node", "node", version)
    flows = {flow["id"]: flow for flow in documents["flows"]}
    sources = {source["id"]: source for source in documents["sources"]}
    verdicts = {}
    for sender in documents["senders"]:
        flow = flows.get(sender["flow_id"])
        source = sources.get(flow["source_id"]) if flow else None
        entry = SenderEntry("p", sender, flow, source, api_version=version)
        if sender["transport"].startswith(RTP):
            verdicts[sender["label"].rpartition("/")[2]] = fit(entry, AUDIO).verdict
    assert verdicts.pop("a0") == "yes"
    assert set(verdicts.values()) == {"no"}
