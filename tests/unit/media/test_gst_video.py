"""The GStreamer driver's command lines for pictures."""

from collections.abc import Container
from dataclasses import replace
from typing import Any

import pytest

from appliance.config.model import InputConfig, MediaConfig, OutputConfig
from appliance.config.video import VideoConfig
from appliance.errors import ApplianceError, BadRequest
from appliance.media.abilities import VIDEO
from appliance.media.engine import Job, Plan, Tools
from appliance.media.gst_video import _RAW_FORMATS
from appliance.media.gstreamer import GStreamerEngine
from tests.unit.media.streams import RECEIVER, SENDER

BAD = {"openh264enc", "openh264dec", "h264parse", "mpegtsmux", "tsdemux", "tsparse", "kmssink", "waylandsink"}
SMALL = VideoConfig(frame_width=320, frame_height=240)
CAMERA = replace(SENDER, audio=None, media_type="video/raw", payload_type=96, video=SMALL, end=InputConfig("pattern"))
SCREEN = replace(RECEIVER, audio=None, media_type="video/raw", video=SMALL, end=OutputConfig("none"))


V4L2_ENCODER = (
    'v4l2h264enc extra-controls="controls,video_bitrate=4000000,h264_i_frame_period=25" ! video/x-h264,level=(string)4'
)


def plan(job: Job, there: Container[str] | None = frozenset(BAD)) -> Plan:
    tools = Tools(lambda program: program, elements=lambda: there)
    return GStreamerEngine(MediaConfig(), tools).plan(job)


def line(job: Job, there: Container[str] | None = frozenset(BAD), **changes: Any) -> str:
    return " ".join(plan(replace(job, **changes), there).argv or ())


def test_a_test_pattern_uncompressed() -> None:
    assert line(CAMERA) == (
        "gst-launch-1.0 videotestsrc is-live=true pattern=smpte ! video/x-raw,width=320,height=240,framerate=25/1"
        " ! videoconvert ! video/x-raw,format=UYVP ! rtpvrawpay mtu=1452 pt=96 chunks-per-frame=20"
        " ! udpsink host=239.1.1.1 port=5004 bind-address=10.1.0.2 bind-port=5004"
        ' multicast-iface="eth0" ttl-mc=32 auto-multicast=false processing-deadline=0'
    )


def test_an_uncompressed_picture_is_described_to_the_depayloader() -> None:
    assert line(SCREEN) == (
        "gst-launch-1.0 -e fdsrc fd=@leg0@ do-timestamp=true blocksize=9216"
        " ! application/x-rtp,media=video,clock-rate=90000,encoding-name=RAW,sampling=(string)YCbCr-4:2:2"
        ",depth=(string)10,width=(string)320,height=(string)240,colorimetry=(string)BT709-2"
        " ! rtpjitterbuffer latency=20 ! rtpvrawdepay ! fakesink sync=true"
    )


def test_what_the_driver_says_it_can_is_what_it_can() -> None:
    able = VIDEO["gstreamer"].samplings
    assert {(sampling, depth) for depth, samplings in able.items() for sampling in samplings} == set(_RAW_FORMATS)


def test_a_camera_and_a_film_are_made_to_fit() -> None:
    fit = "! videoconvert ! videoscale ! videorate ! video/x-raw,width=320,height=240,framerate=30000/1001 "
    film = replace(SMALL, grain_rate="30000/1001")
    assert f'v4l2src device="/dev/video0" {fit}' in line(CAMERA, end=InputConfig("v4l2"), video=film)
    played = plan(replace(CAMERA, end=InputConfig("file", path="/a b.mp4"), video=film))
    assert f'filesrc location="/a b.mp4" ! decodebin {fit}' in " ".join(played.argv or ())
    assert played.ends
    assert plan(replace(CAMERA, end=InputConfig("v4l2", device="/dev/video2"))).claims == {
        "capture /dev/video2",
        "to 239.1.1.1:5004",
    }


@pytest.mark.parametrize(
    ("there", "encoder"),
    [
        ({"openh264enc"}, "openh264enc rate-control=bitrate bitrate=4000000 gop-size=25 complexity=low"),
        ({"openh264enc", "x264enc"}, "x264enc tune=zerolatency speed-preset=veryfast bitrate=4000 key-int-max=25"),
        (
            {"x264enc", "v4l2h264enc"},
            V4L2_ENCODER,
        ),
    ],
)
def test_the_best_encoder_that_is_there(there: set[str], encoder: str) -> None:
    text = line(CAMERA, there, media_type="video/H264")
    assert f"! video/x-raw,format=I420 ! {encoder} ! rtph264pay config-interval=-1 mtu=1452 pt=96 ! udpsink" in text


def test_jpeg_xs_where_its_elements_are() -> None:
    there = {"svtjpegxsenc", "svtjpegxsdec", "rtpjxsvpay", "rtpjxsvdepay"}
    text = line(CAMERA, there, media_type="video/jxsv", bit_rate=5760)
    assert (
        "! videoconvert ! video/x-raw,format=I422_10LE ! svtjpegxsenc bits-per-pixel=3.0000"
        " ! rtpjxsvpay mtu=1452 pt=96 ! udpsink"
    ) in text
    text = line(SCREEN, there, media_type="video/jxsv", end=OutputConfig("display"))
    assert (
        "encoding-name=JXSV,packetmode=(string)0,sampling=(string)YCbCr-4:2:2,depth=(string)10,width=(string)320"
        ",height=(string)240,exactframerate=(string)25 ! rtpjitterbuffer latency=20 ! rtpjxsvdepay ! svtjpegxsdec"
        " ! videoconvert ! autovideosink"
    ) in text
    with pytest.raises(ApplianceError, match="rtpjxsvpay of GStreamer: gst-plugins-rs"):
        line(CAMERA, {"svtjpegxsenc"}, media_type="video/jxsv")


def test_a_transport_stream() -> None:
    text = line(CAMERA, media_type="video/MP2T", payload_type=98, bit_rate=1000)
    assert "bitrate=1000000 gop-size=25 complexity=low ! h264parse ! mpegtsmux alignment=7 ! rtpmp2tpay" in text
    text = line(CAMERA, media_type="video/MP2T", video=None, end=InputConfig("file", path="/x.ts"))
    assert 'filesrc location="/x.ts" ! tsparse set-timestamps=true alignment=7 ! rtpmp2tpay mtu=1452 pt=96' in text


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        (OutputConfig("kms"), "kmssink"),
        (OutputConfig("kms", device="33"), "kmssink connector-id=33"),
        (OutputConfig("wayland"), "waylandsink"),
        (OutputConfig("wayland", device="wayland-1"), 'waylandsink display="wayland-1"'),
        (OutputConfig("display"), "autovideosink"),
    ],
)
def test_screens(end: OutputConfig, shown: str) -> None:
    assert line(SCREEN, end=end).endswith(f"! rtpvrawdepay ! videoconvert ! {shown}")
    coded = line(SCREEN, media_type="video/H264", video=None, end=end)
    assert coded.endswith(f"! rtph264depay ! queue ! decodebin ! videoconvert ! {shown}")
    assert "! rtpmp2tdepay ! queue ! decodebin !" in line(SCREEN, media_type="video/MP2T", video=None, end=end)


def test_files_have_the_stream_as_it_came() -> None:
    end = OutputConfig("file", path="/x")
    assert line(SCREEN, end=end).endswith('! rtpvrawdepay ! filesink location="/x"')
    assert line(SCREEN, None, media_type="video/MP2T", end=end).endswith('! rtpmp2tdepay ! filesink location="/x"')
    text = line(SCREEN, None, media_type="video/H264", end=end)
    assert '! video/x-h264,stream-format=byte-stream,alignment=au ! filesink location="/x"' in text
    assert plan(replace(SCREEN, end=end)).claims == {"file /x"}
    assert plan(replace(SCREEN, end=OutputConfig("kms"))).claims == {"screen default"}


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (replace(CAMERA, media_type="video/SMPTE2022-6"), "nothing that carries video/SMPTE2022-6"),
        (
            replace(CAMERA, media_type="video/jxsv", video=replace(SMALL, packet_transmission_mode="slice_sequential")),
            "as codestream, not as slice_sequential",
        ),
        (replace(SCREEN, media_type="video/jxsv", video=replace(SMALL, color_sampling="RGB")), "not RGB with 10 bit"),
        (replace(CAMERA, media_type="video/smpte291"), 'driver = "command" runs a program that can'),
        (replace(CAMERA, video=replace(SMALL, component_depth=12)), "not YCbCr-4:2:2 with 12 bit"),
        (replace(CAMERA, video=replace(SMALL, interlace_mode="interlaced_tff")), "progressive pictures"),
        (replace(SCREEN, video=None), "needs a transport file"),
        (replace(SCREEN, end=OutputConfig("kms", device="HDMI-A-1")), "is no number of a connector"),
        (replace(SCREEN, end=OutputConfig("alsa")), '"alsa" is no output of video'),
        (replace(CAMERA, end=InputConfig("tone")), '"tone" is no input of video'),
    ],
)
def test_what_it_can_never_do_it_says(job: Job, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        plan(job)


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (replace(CAMERA, media_type="video/H264"), "v4l2h264enc or x264enc or openh264enc of GStreamer: apt install"),
        (replace(CAMERA, media_type="video/MP2T"), "mpegtsmux"),
        (replace(SCREEN, end=OutputConfig("wayland")), "a Wayland desktop needs waylandsink"),
        (replace(SCREEN, media_type="video/H264", end=OutputConfig("display")), "to show H.264 needs"),
        (replace(SCREEN, media_type="video/MP2T", end=OutputConfig("display")), "needs tsdemux"),
    ],
)
def test_what_is_not_installed_it_says(job: Job, why: str) -> None:
    with pytest.raises(ApplianceError, match=why):
        plan(job, frozenset())
    with pytest.raises(ApplianceError, match="being asked what it has"):
        plan(job, None)
