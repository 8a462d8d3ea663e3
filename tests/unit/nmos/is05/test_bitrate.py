"""How much of a link a stream takes."""

import pytest

from appliance.core.types import JSON, Kind
from appliance.nmos.is05.bitrate import BitRates, of_file, of_flow
from tests.unit.nmos.is05.boxes import Box, multicast_sdp, receiver_id, sender_id

HD = {"grain_rate": {"numerator": 60000, "denominator": 1001}, "frame_width": 1920, "frame_height": 1080}
COMPONENTS = [
    {"name": name, "width": width, "height": 1080, "bit_depth": 10}
    for name, width in (("Y", 1920), ("Cb", 960), ("Cr", 960))
]
SD_AUDIO = 48_000 * 2 * 24 + 1000 * 8 * (38 + 40)
"""1 ms of stereo L24: payload, and a thousand times the headers of Ethernet, IP, UDP and RTP."""


def video(fmtp: str, encoding: str = "raw", more: str = "") -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=there\r\nt=0 0\r\nm=video 5010 RTP/AVP 96\r\nc=IN IP4 239.1.2.3/32\r\n"
        f"{more}a=rtpmap:96 {encoding}/90000\r\na=fmtp:96 {fmtp}\r\n"
    )


RAW = "sampling={}; width=1920; height=1080; exactframerate=60000/1001; depth=10; colorimetry=BT709; PM=2110GPM"


def test_linear_audio() -> None:
    flow: JSON = {"media_type": "audio/L24", "sample_rate": {"numerator": 48_000}, "bit_depth": 24}
    assert of_flow({}, flow, {"channels": [{}, {}]}, 1.0) == SD_AUDIO
    assert of_flow({}, flow, {"channels": [{}, {}]}, 0.125) == 48_000 * 48 + 8000 * 8 * 78
    assert of_file(multicast_sdp()) == SD_AUDIO
    assert of_file(multicast_sdp(media="AM824/48000/2")) == 48_000 * 64 + 1000 * 8 * 78


def test_raw_video_is_what_its_pixels_are_and_four_hundredths_more() -> None:
    active = 1920 * 1080 * 20 * 60000 / 1001
    sent = of_flow({}, {"media_type": "video/raw", **HD, "components": COMPONENTS}, {}, 1.0)
    assert active < sent < 1.06 * active
    assert of_file(video(RAW.format("YCbCr-4:2:2"))) == sent
    assert of_flow({}, {"media_type": "video/raw", "components": COMPONENTS}, HD, 1.0) == sent, "of the source"


@pytest.mark.parametrize(("sampling", "samples"), [("YCbCr-4:4:4", 3), ("RGB", 3), ("YCbCr-4:2:0", 1.5), ("KEY", 1)])
def test_each_sampling(sampling: str, samples: float) -> None:
    assert of_file(video(RAW.format(sampling))) == pytest.approx(
        of_file(video(RAW.format("YCbCr-4:2:2"))) * samples / 2
    )


def test_coded_video_is_what_it_says() -> None:
    assert of_flow({"bit_rate": 100_000}, {"media_type": "video/jxsv"}, {}, 1.0) == 100_000_000 * 1498 // 1460
    assert of_file(video("profile-level-id=42e01f", "H264", "b=AS:8000\r\n")) == 8_000_000 * 1498 // 1460


@pytest.mark.parametrize(
    "file", [video("", "smpte291"), video("packetization-mode=1", "H264"), video("x=1"), "v=0\r\n"]
)
def test_what_is_not_known_takes_nothing(file: str) -> None:
    assert of_file(file) == 0


def test_of_a_boxs_own() -> None:
    box = Box()
    rates = BitRates(box.store)
    assert rates.of(box.endpoint(Kind.SENDER, sender_id("tone")), None) == SD_AUDIO
    assert rates.of(box.endpoint(Kind.RECEIVER, receiver_id("speaker")), multicast_sdp()) == SD_AUDIO
    assert rates.of(box.endpoint(Kind.RECEIVER, receiver_id("speaker")), None) == 0
