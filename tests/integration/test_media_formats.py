"""Every format that GStreamer carries, over a LAN: what one host sends is what the other one records."""

import random
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_media_stream import GROUP, TONE, MediaProcess, gstreamer, off, sending, tone
from tests.lan.network import RED_AND_BLUE, Lan
from tests.lan.waiting import eventually
from tests.support import audio

pytestmark = [pytest.mark.gstreamer, pytest.mark.root, pytest.mark.usefixtures(gstreamer.__name__)]


VIDEO = {"format": "video"}
RGB = "video/x-raw,format=RGB"
SMALL = "video/x-raw,width=320,height=240,framerate=25/1"
PATIENT = {"latency_ms": 200}
"""A busy machine is not what is tested here."""


def into(path: Path) -> dict[str, str]:
    return {"kind": "file", "path": str(path)}


def receiving(own: str, rtpmap: str, *attributes: str, kind: str = "audio") -> dict[str, Any]:
    """/active of a receiver of GROUP with a transport file that says this of the stream."""
    lines = ("v=0", "o=- 1 1 IN IP4 10.77.1.1", "s=x", "t=0 0", f"m={kind} 5004 RTP/AVP 97", "c=IN IP4 239.0.0.1/32")
    sdp = "".join(f"{line}\r\n" for line in (*lines, f"a=rtpmap:97 {rtpmap}", *attributes))
    leg = {
        "interface_ip": own,
        "multicast_ip": GROUP,
        "source_ip": None,
        "destination_port": 5004,
        "rtp_enabled": True,
    }
    return {
        "master_enable": True,
        "transport_params": [leg],
        "transport_file": {"data": sdp, "type": "application/sdp"},
    }


def recorded(process: MediaProcess, path: Path, size: int) -> Path:
    """Wait until so much is in the file, and stop the receiver in order."""
    eventually(lambda: path.exists() and path.stat().st_size > size, f"{size} bytes in {path}")
    process.activate("receiver", off())
    eventually(lambda: not process.pipelines(), "the end of the pipeline")
    return path


@pytest.mark.parametrize(
    ("encoding", "rate", "channels", "ptime"),
    [
        ("L24", 48_000, 1, 1),
        ("L24", 96_000, 2, 1),
        ("L16", 96_000, 8, 0.125),
        ("L24", 48_000, 8, 0.125),
        ("L24", 48_000, 64, 0.125),
    ],
)
def test_audio(lan: Lan, tmp_path: Path, encoding: str, rate: int, channels: int, ptime: float) -> None:
    source, display, wav = lan.host("source"), lan.host("display"), tmp_path / "out.wav"
    stream: dict[str, Any] = {
        "media_type": f"audio/{encoding}",
        "sample_rate": rate,
        "channels": channels,
        "packet_time_ms": ptime,
    }
    sender = MediaProcess(source, sender=tone(**stream))
    limits = {"max_channels": 64, "sample_rates": (48_000, 96_000)}
    receiver = MediaProcess(display, receiver={"output": into(wav), **limits}, media=PATIENT)
    receiver.activate("receiver", receiving(display.address(), f"{encoding}/{rate}/{channels}", f"a=ptime:{ptime:g}"))
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address(), GROUP)))
    size = rate * channels * int(encoding[1:]) // 8 // 2
    heard = audio.read(recorded(receiver, wav, size), {0, channels // 2, channels - 1})
    assert (heard.rate, heard.width_bits) == (rate, int(encoding[1:]))
    for channel in heard.channels:
        samples = audio.sounding(channel)
        assert len(samples) > rate // 4
        assert audio.pitch_hz(samples, rate) == pytest.approx(TONE, abs=0.1)
        assert audio.level_db(samples) == pytest.approx(-18.0, abs=0.2)
        assert audio.interruptions(samples, TONE, rate) == 0
    sender.stop()
    receiver.stop()


def test_subframes_of_am824_pass_through_as_they_are(lan: Lan, tmp_path: Path) -> None:
    source, display = lan.host("source"), lan.host("display")
    played, out = tmp_path / "in.am824", tmp_path / "out.am824"
    played.write_bytes(content := random.Random(31).randbytes(4 * 2 * 4800))
    aes3 = {"media_type": "audio/AM824", "packet_time_ms": 0.125, "input": {"kind": "file", "path": str(played)}}
    sender = MediaProcess(source, sender=aes3)
    receiver = MediaProcess(display, receiver={"media_types": ("audio/AM824",), "output": into(out)}, media=PATIENT)
    receiver.activate("receiver", receiving(display.address(), "AM824/48000/2", "a=ptime:0.125"))
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address(), GROUP)))
    heard = recorded(receiver, out, 3 * len(content)).read_bytes()
    silent = len(heard) - len(heard.lstrip(b"\0"))
    heard = heard[silent // 8 * 8 :]
    assert content * 2 in heard, "two rounds of the file without a gap"
    begun = content.find(heard[:64]) // 8 * 8
    assert heard in content[begun:] + content * (len(heard) // len(content) + 1), "and nothing but that"
    sender.stop()
    receiver.stop()


def test_a_wav_file_goes_round_without_a_gap(lan: Lan, tmp_path: Path) -> None:
    source, display, wav = lan.host("source"), lan.host("display"), tmp_path / "out.wav"
    audio.write_tone(tmp_path / "short.wav", TONE, 0.25)
    sender = MediaProcess(source, sender={"input": {"kind": "file", "path": str(tmp_path / "short.wav")}})
    receiver = MediaProcess(display, receiver={"output": into(wav)}, media=PATIENT)
    receiver.activate("receiver", receiving(display.address(), "L24/48000/2", "a=ptime:1"))
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address(), GROUP)))
    samples = audio.sounding(audio.read(recorded(receiver, wav, 400_000)).channels[0])
    assert len(samples) > 60_000, "five rounds"
    assert audio.pitch_hz(samples, 48_000) == pytest.approx(TONE, abs=0.05)
    assert audio.interruptions(samples, TONE, 48_000) == 0
    sender.stop()
    receiver.stop()


def test_a_file_that_is_no_wav_file_is_told_as_that(lan: Lan, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("no sound in here", encoding="utf-8")
    process = MediaProcess(lan.isolated("box"), sender={"input": {"kind": "file", "path": str(tmp_path / "x.wav")}})
    process.activate("sender", sending(("127.0.0.1", "127.0.0.1")))
    assert process.until("sender", "fault")["detail"].endswith(f"ended with 1: {tmp_path}/x.wav is no WAV file")
    process.stop()


@pytest.mark.parametrize(
    ("sampling", "depth", "format"), [("YCbCr-4:2:2", 10, "UYVP"), ("YCbCr-4:2:2", 8, "UYVY"), ("RGB", 8, "RGB")]
)
def test_uncompressed_video(lan: Lan, tmp_path: Path, sampling: str, depth: int, format: str) -> None:
    source, display, out = lan.host("source"), lan.host("display"), tmp_path / "frames"
    line = f"videotestsrc pattern=smpte75 num-buffers=1 ! {SMALL} ! videoconvert ! video/x-raw,format={format}"
    still = made(line, tmp_path / "still")
    picture = {"frame_width": 320, "frame_height": 240, "color_sampling": sampling, "component_depth": depth}
    sender = MediaProcess(
        source,
        sender={
            **VIDEO,
            "media_type": "video/raw",
            "video": picture,
            "input": {"kind": "pattern", "pattern": "smpte75"},
        },
    )
    receiver = MediaProcess(
        display, receiver={**VIDEO, "media_types": ["video/raw"], "output": into(out)}, media=PATIENT
    )
    fmtp = f"a=fmtp:97 sampling={sampling}; width=320; height=240; exactframerate=25; depth={depth}; colorimetry=BT709"
    receiver.activate("receiver", receiving(display.address(), "raw/90000", fmtp, kind="video"))
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address(), GROUP)))
    sender.until("sender", "running")
    frames = recorded(receiver, out, 12 * len(still)).read_bytes()
    seen = [frames[place : place + len(still)] == still for place in range(0, len(frames), len(still))]
    assert all(seen[1:-1]), "each frame but perhaps the first and the last, of which we heard a part only"
    sender.stop()
    receiver.stop()


@pytest.mark.parametrize("kind", ["video", "mux"])
def test_coded_video(lan: Lan, tmp_path: Path, kind: str) -> None:
    source, display, out = lan.host("source"), lan.host("display"), tmp_path / "stream"
    media_type, encoding = {"video": ("video/H264", "H264"), "mux": ("video/MP2T", "MP2T")}[kind]
    stream = {"format": kind, "media_type": media_type, "video": {"frame_width": 320, "frame_height": 240}}
    sender = MediaProcess(source, sender={**stream, "input": {"kind": "pattern", "pattern": "ball"}})
    receiver = MediaProcess(
        display, receiver={"format": kind, "media_types": [media_type], "output": into(out)}, media=PATIENT
    )
    receiver.activate("receiver", receiving(display.address(), f"{encoding}/90000", kind="video"))
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address(), GROUP)))
    sender.until("sender", "running")
    pictures = decoded(recorded(receiver, out, 25_000), tmp_path / "pictures", 320 * 240)
    assert len(pictures) >= 10
    assert len(set(pictures)) > len(pictures) // 2, "the ball moves"
    for picture in pictures[len(pictures) // 2 :]:
        levels = Counter(value > 128 for value in picture)
        assert 0.001 < levels[True] / len(picture) < 0.1, "a small white ball on black"
    sender.stop()
    receiver.stop()


def decoded(path: Path, pictures: Path, size: int) -> list[bytes]:
    """The luma of each picture of a file, of this many pixels."""
    data = made(f"filesrc location={path} ! decodebin ! videoconvert ! video/x-raw,format=GRAY8", pictures)
    return [data[place : place + size] for place in range(0, len(data) - size + 1, size)]


def made(line: str, path: Path) -> bytes:
    """What GStreamer makes alone."""
    argv = ["gst-launch-1.0", "-q", *line.split(), "!", "filesink", f"location={path}"]
    subprocess.run(argv, check=True, timeout=60, stdout=subprocess.DEVNULL)
    return path.read_bytes()


def test_a_transport_stream_from_a_file_arrives_as_it_is(lan: Lan, tmp_path: Path) -> None:
    source, display, film, out = lan.host("source"), lan.host("display"), tmp_path / "film.ts", tmp_path / "stream"
    encoded = "openh264enc ! h264parse ! mpegtsmux alignment=7"
    made(f"videotestsrc num-buffers=150 pattern=ball ! {SMALL} ! videoconvert ! {encoded}", film)
    stream = {"format": "mux", "media_type": "video/MP2T", "input": into(film)}
    sender = MediaProcess(source, sender=stream)
    receiver = MediaProcess(
        display, receiver={"format": "mux", "media_types": ["video/MP2T"], "output": into(out)}, media=PATIENT
    )
    receiver.activate("receiver", receiving(display.address(), "MP2T/90000", kind="video"))
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address(), GROUP)))
    sender.until("sender", "running")
    pictures = decoded(recorded(receiver, out, film.stat().st_size // 3), tmp_path / "pictures", 320 * 240)
    assert len(pictures) >= 25
    sender.stop()
    receiver.stop()


def test_a_film_is_made_to_fit(lan: Lan, tmp_path: Path) -> None:
    source, display, film, out = lan.host("source"), lan.host("display"), tmp_path / "film.avi", tmp_path / "frames"
    made("videotestsrc num-buffers=100 pattern=red ! video/x-raw,width=64,height=48,framerate=10/1 ! avimux", film)
    picture = {"frame_width": 320, "frame_height": 240, "color_sampling": "RGB", "component_depth": 8}
    sender = MediaProcess(source, sender={**VIDEO, "media_type": "video/raw", "video": picture, "input": into(film)})
    receiver = MediaProcess(
        display, receiver={**VIDEO, "media_types": ["video/raw"], "output": into(out)}, media=PATIENT
    )
    fmtp = "a=fmtp:97 sampling=RGB; width=320; height=240; exactframerate=25; depth=8; colorimetry=BT709"
    receiver.activate("receiver", receiving(display.address(), "raw/90000", fmtp, kind="video"))
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address(), GROUP)))
    sender.until("sender", "running")
    size = 320 * 240 * 3
    frames = recorded(receiver, out, 12 * size).read_bytes()
    for start in range(size, len(frames) - size, size):
        red, green, blue = frames[start + size // 2 : start + size // 2 + 3]
        assert red > 200
        assert max(green, blue) < 40
    sender.stop()
    receiver.stop()


def test_both_legs_of_a_picture_are_one_and_one_may_be_cut(lan: Lan, tmp_path: Path) -> None:
    source, display, out = lan.host("source", RED_AND_BLUE), lan.host("display", RED_AND_BLUE), tmp_path / "frames"
    still = made(f"videotestsrc pattern=smpte75 num-buffers=1 ! {SMALL} ! videoconvert ! {RGB}", tmp_path / "still")
    picture = {"frame_width": 320, "frame_height": 240, "color_sampling": "RGB", "component_depth": 8}
    pattern = {"kind": "pattern", "pattern": "smpte75"}
    sender = MediaProcess(source, sender={**VIDEO, "media_type": "video/raw", "video": picture, "input": pattern})
    receiver = MediaProcess(
        display, receiver={**VIDEO, "media_types": ["video/raw"], "output": into(out)}, media=PATIENT
    )
    fmtp = "a=fmtp:97 sampling=RGB; width=320; height=240; exactframerate=25; depth=8; colorimetry=BT709"
    active = receiving(display.address("eth0"), "raw/90000", fmtp, kind="video")
    (first,) = active["transport_params"]
    second = {**first, "interface_ip": display.address("eth1"), "multicast_ip": "239.1.2.4"}
    receiver.activate("receiver", {**active, "transport_params": [first, second]})
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address("eth0"), GROUP), (source.address("eth1"), "239.1.2.4")))
    sender.until("sender", "running")
    begun = 5
    eventually(lambda: out.exists() and out.stat().st_size > begun * len(still), "pictures")
    source.link_down("eth0")
    frames = recorded(receiver, out, 20 * len(still)).read_bytes()
    seen = [frames[place : place + len(still)] == still for place in range(0, len(frames), len(still))]
    assert all(seen[begun - 1 : -1]), "each frame from before the cut on, but perhaps the last"
    sender.stop()
    receiver.stop()
