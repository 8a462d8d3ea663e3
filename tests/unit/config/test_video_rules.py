"""Senders and receivers of video, ancillary data and mux in a configuration."""

import json

import pytest

from appliance.config.loader import parse
from appliance.config.video_rules import _ACCEPTED, JPEG_XS_WORDS
from appliance.errors import ConfigError
from tests.support.specs import specs_folder

BOX = '[[devices]]\nname = "d"\n[media]\ndriver = "null"\n'
SENDER = BOX + '[[senders]]\nname = "s"\ndevice = "d"\nformat = "{}"\nmedia_type = "{}"\n'
RAW = SENDER.format("video", "video/raw")
JXSV = SENDER.format("video", "video/jxsv")
ANC = SENDER.format("data", "video/smpte291")
RECEIVER = BOX + '[[receivers]]\nname = "r"\ndevice = "d"\nformat = "video"\nmedia_types = ["video/jxsv"]\n'
ACCEPTS = RECEIVER + '[[receivers.accepts]]\nlabel = "x"\n'


@pytest.mark.parametrize(
    "text",
    [
        RAW,
        RAW + 'video = { grain_rate = "60000/1001", frame_width = 1919, color_sampling = "RGB" }',
        JXSV + "video = { bit_rate = 100000 }",
        SENDER.format("video", "video/H264") + 'video = { bit_rate = 8000, profile = "High", level = "4.1" }',
        ANC + 'did_sdid = ["61/02"]',
        SENDER.format("mux", "video/SMPTE2022-6"),
        SENDER.format("mux", "video/MP2T"),
        RECEIVER,
        ACCEPTS,
        ACCEPTS + 'level = ["2k-1"]\ncolor_sampling = ["XYZ"]\nmax_bit_rate = 1',
    ],
)
def test_good(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (RAW.replace("null", "gstreamer"), "senders[0].input.kind", 'must be "pattern" or "file" or "v4l2" for video'),
        (RAW.replace("video/raw", "audio/L24"), "senders[0].media_type", "must be video/raw or"),
        (RAW + 'transport = "mqtt"', "senders[0].transport", "carries no video"),
        (RAW + "channels = 4", "senders[0].channels", "is for audio"),
        (RAW + 'event_type = "boolean"', "senders[0].event_type", "is for events"),
        (RAW + 'did_sdid = ["61/02"]', "senders[0].did_sdid", "is for ancillary data"),
        (ANC + 'did_sdid = ["61/02", "0x61"]', "senders[0].did_sdid[1]", "two hexadecimal numbers"),
        (RAW + 'video = { grain_rate = "29.97" }', "senders[0].video.grain_rate", "frames a second such as"),
        (RAW + 'video = { grain_rate = "25/0" }', "senders[0].video.grain_rate", "frames a second such as"),
        (RAW + "video = { frame_width = 0 }", "senders[0].video.frame_width", "1 to 32767"),
        (RAW + "video = { frame_width = 1919 }", "senders[0].video.frame_width", "must be even"),
        (
            RAW + 'video = { frame_height = 1081, color_sampling = "YCbCr-4:2:0" }',
            "senders[0].video.frame_height",
            "must be even",
        ),
        (RAW + "video = { component_depth = 9 }", "senders[0].video.component_depth", "one of 8, 10"),
        (RAW + "video = { bit_rate = 5 }", "senders[0].video.bit_rate", "is for coded video"),
        (JXSV, "senders[0].video.bit_rate", "is missing"),
        (JXSV + "video = { bit_rate = 0 }", "senders[0].video.bit_rate", "must be 1 to"),
        (JXSV + 'video = { bit_rate = 9, profile = "Best" }', "senders[0].video.profile", "one of HighBayer"),
        (JXSV + 'video = { bit_rate = 9, colorspace = "red" }', "senders[0].video.colorspace", 'must be "BT601"'),
        (RECEIVER.replace("video/jxsv", "video/VP9"), "receivers[0].media_types[0]", "must be video/raw"),
        (RECEIVER.replace('"video/jxsv"', ""), "receivers[0].media_types", "one media type"),
        (RECEIVER + "max_channels = 2", "receivers[0].max_channels", "is for audio"),
        (RECEIVER + "[[receivers.accepts]]", "receivers[0].accepts[0].label", "is missing"),
        (ACCEPTS + "preference = 101", "receivers[0].accepts[0].preference", "-100 to 100"),
        (ACCEPTS + 'grain_rate = ["25", "x"]', "receivers[0].accepts[0].grain_rate[1]", "frames a second"),
        (ACCEPTS + "frame_height = [-1]", "receivers[0].accepts[0].frame_height[0]", "1 to 32767"),
        (ACCEPTS + 'media_type = ["video/raw"]', "receivers[0].accepts[0].media_type[0]", "one of video/jxsv"),
        (ACCEPTS + 'level = ["9k"]', "receivers[0].accepts[0].level[0]", "one of 1k-1"),
        (ACCEPTS + "max_bit_rate = 0", "receivers[0].accepts[0].max_bit_rate", "1 or more"),
        (
            BOX + '[[receivers]]\nname = "r"\ndevice = "d"\n[[receivers.accepts]]\nlabel = "x"',
            "receivers[0].accepts",
            "is for video",
        ),
        (BOX + '[[senders]]\nname = "s"\ndevice = "d"\nvideo = { frame_width = 2 }', "senders[0].video", "is audio"),
    ],
)
def test_each_error_names_its_key(text: str, key: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert reason in dict(refused.value.problems)[key]


def test_the_words_are_those_of_the_registers() -> None:
    registers = specs_folder() / "nmos-parameter-registers"

    def words(file: str, name: str) -> set[str]:
        return set(json.loads((registers / file).read_text())["properties"][name]["enum"])

    for name, allowed in JPEG_XS_WORDS.items():
        assert set(allowed) == words("flow-attributes/flow_video_jxsv_register.json", name)
    for name in ("colorspace", "transfer_characteristic"):
        assert set(_ACCEPTED[name]) == words("flow-attributes/flow_video_base_register.json", name)
    for name in ("packet_transmission_mode", "st2110_21_sender_type"):
        assert set(_ACCEPTED[name]) == words("sender-attributes/sender_register.json", name)
