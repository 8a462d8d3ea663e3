"""The GStreamer driver's command lines."""

from dataclasses import replace

import pytest

from appliance.config.model import InputConfig, MediaConfig, OutputConfig
from appliance.errors import BadRequest
from appliance.media.engine import AudioFormat, Job, Patch, Relay, Tools, with_descriptors
from appliance.media.gstreamer import GStreamerEngine
from tests.unit.media.streams import L24, RECEIVER, SENDER, on


def engine(config: MediaConfig | None = None, program: str | None = "/usr/bin/gst-launch-1.0") -> GStreamerEngine:
    return GStreamerEngine(config or MediaConfig(), Tools(lambda _: program, ("python3", "file_loop.py")))


def line(job: Job, config: MediaConfig | None = None) -> str:
    argv = engine(config).plan(job).argv
    assert argv is not None
    return " ".join(argv)


def test_a_tone() -> None:
    assert line(replace(SENDER, end=InputConfig("tone", frequency_hz=440, level_db=-20))) == (
        "gst-launch-1.0 -m audiotestsrc is-live=true wave=sine freq=440.000000 volume=0.10000000 samplesperbuffer=48"
        " ! audioconvert ! audioresample ! audio/x-raw,format=S32LE,rate=48000,channels=2 ! level interval=100000000"
        " ! audioconvert ! audioresample ! audio/x-raw,format=S24BE,rate=48000,channels=2"
        " ! rtpL24pay min-ptime=1000000 max-ptime=1000000 mtu=1452 pt=97"
        " ! udpsink host=239.1.1.1 port=5004 bind-address=10.1.0.2 bind-port=5004"
        ' multicast-iface="eth0" ttl-mc=32 auto-multicast=false processing-deadline=0'
    )


def test_a_loudspeaker() -> None:
    assert line(replace(RECEIVER, end=OutputConfig("alsa", device="hw:CARD=PCH,DEV=0"))) == (
        "gst-launch-1.0 -em fdsrc fd=@leg0@ do-timestamp=true blocksize=9216"
        " ! application/x-rtp,media=audio,clock-rate=48000,encoding-name=L24,channels=2"
        " ! rtpjitterbuffer latency=20 ! rtpL24depay"
        " ! audioconvert ! audioresample ! audio/x-raw,format=S32LE,rate=48000,channels=2 ! level interval=100000000"
        " ! audioconvert ! audioresample"
        ' ! alsasink device="hw:CARD=PCH,DEV=0" buffer-time=40000 latency-time=5000'
    )


def test_the_relay_makes_one_stream_of_two_legs() -> None:
    both = replace(RECEIVER, legs=(RECEIVER.legs[0], replace(RECEIVER.legs[0], interface="eth1")))
    plan = engine().plan(both)
    assert line(both).count("fdsrc") == 1
    assert plan.sockets == both.legs
    assert plan.relay == Relay(48_000, 2, 3, 0.01)


def test_another_source_of_the_same_sound_needs_no_other_player() -> None:
    plan = engine().plan(RECEIVER)
    assert plan.becomes(engine().plan(on(RECEIVER, "239.9.9.9")))
    assert plan.becomes(engine().plan(replace(RECEIVER, legs=RECEIVER.legs * 2)))
    assert not plan.becomes(engine().plan(replace(RECEIVER, audio=replace(L24, channels=8))))
    assert not plan.becomes(engine().plan(replace(RECEIVER, end=OutputConfig("alsa"))))
    assert not engine().plan(SENDER).becomes(engine().plan(SENDER))


def test_packets_wait_for_each_other_as_long_as_the_latency_lets_them() -> None:
    def patience(job: Job, latency_ms: float) -> float:
        relay = engine(MediaConfig(latency_ms=latency_ms)).plan(job).relay
        return relay.patience_s if relay else 0.0

    assert patience(RECEIVER, 100) == pytest.approx(0.05)
    assert patience(RECEIVER, 1) == pytest.approx(0.008)
    assert patience(replace(RECEIVER, audio=replace(L24, packet_time_ms=20)), 1) == pytest.approx(0.06)


def test_two_legs_leave_by_a_tee() -> None:
    second = replace(SENDER.legs[0], interface="eth1", interface_ip="10.2.0.2")
    text = line(replace(SENDER, legs=(SENDER.legs[0], second)))
    assert "! tee name=legs legs. ! queue ! udpsink" in text
    assert text.count("udpsink") == 2
    assert "bind-address=10.2.0.2" in text


def test_l16_and_short_packets() -> None:
    text = line(replace(SENDER, audio=AudioFormat("L16", 48_000, 8, 0.125, payload_type=101)))
    assert "format=S16BE" in text
    assert "rtpL16pay min-ptime=125000 max-ptime=125000 mtu=1452 pt=101" in text
    assert "samplesperbuffer=48" in text


def test_silence_file_and_sound_card_as_inputs() -> None:
    assert "wave=silence" in line(replace(SENDER, end=InputConfig("silence")))
    assert 'alsasrc device="default"' in line(replace(SENDER, end=InputConfig("alsa")))
    text = line(replace(SENDER, end=InputConfig("file", path="/a b.wav")))
    assert text.startswith("python3 file_loop.py wav /a b.wav gst-launch-1.0 -m fdsrc fd=@file@ ! rawaudioparse")
    assert "format=pcm @pcm@ ! audioconvert ! audioresample !" in text


def test_wav_file_and_nothing_as_outputs() -> None:
    text = line(replace(RECEIVER, end=OutputConfig("file", path="/tmp/x.wav")))
    assert text.endswith('audio/x-raw,format=S24LE,rate=48000,channels=2 ! wavenc ! filesink location="/tmp/x.wav"')
    assert line(replace(RECEIVER, end=OutputConfig("none"))).endswith("fakesink sync=true")


def test_unicast_is_left_to_the_routes() -> None:
    text = line(replace(SENDER, legs=(replace(SENDER.legs[0], destination_ip="10.1.0.9", source_port=None),)))
    assert "host=10.1.0.9" in text
    assert "multicast" not in text
    assert "bind-port" not in text


def test_what_two_processes_cannot_share_is_claimed() -> None:
    assert engine().plan(replace(RECEIVER, end=OutputConfig("alsa"))).claims == {"playback default"}
    assert engine().plan(replace(RECEIVER, end=OutputConfig("file", path="/x"))).claims == {"file /x"}
    assert not engine().plan(RECEIVER).claims
    assert engine().plan(replace(SENDER, end=InputConfig("alsa"))).claims == {"capture default", "to 239.1.1.1:5004"}


def test_more_channels_than_audioconvert_can_do_are_converted_as_one() -> None:
    wide = AudioFormat("L24", 48_000, 64, 0.125)
    assert (
        "! audio/x-raw,rate=48000,channels=64 ! capssetter caps=audio/x-raw,rate=3072000,channels=1 ! audioconvert"
        " ! audio/x-raw,format=S24BE ! capssetter caps=audio/x-raw,rate=48000,channels=64,channel-mask=(bitmask)0x0"
        " ! rtpL24pay "
    ) in line(replace(SENDER, audio=wide))
    text = line(replace(RECEIVER, audio=wide, end=OutputConfig("alsa")))
    assert "channels=1 ! audioconvert ! audio/x-raw,format=S32LE ! capssetter" in text
    assert "audioresample" not in text


def test_am824_is_carried_as_what_it_is_on_the_wire() -> None:
    am824 = AudioFormat("AM824", 48_000, 2, 0.125)
    assert line(replace(SENDER, audio=am824, end=InputConfig("file", path="/x"))).startswith(
        "python3 file_loop.py raw /x gst-launch-1.0 -m fdsrc fd=@file@"
        " ! rawaudioparse use-sink-caps=false format=pcm pcm-format=s16be sample-rate=48000 num-channels=4"
        " ! rtpL16pay min-ptime=125000 max-ptime=125000 "
    )
    text = line(replace(RECEIVER, audio=am824, end=OutputConfig("file", path="/x")))
    assert "encoding-name=L16,channels=4 ! rtpjitterbuffer latency=20 ! rtpL16depay" in text
    assert text.endswith('! rtpL16depay ! filesink location="/x"')
    assert engine().plan(replace(RECEIVER, audio=am824, end=OutputConfig("none"))).relay is None


@pytest.mark.parametrize(
    ("audio", "why"),
    [
        (replace(L24, encoding="L20"), "L16, L24 and AM824, not L20"),
        (replace(L24, encoding="AM824"), '"tone" with 2 channels it cannot do'),
        (replace(L24, channels=0), "0 channels"),
        (replace(L24, packet_time_ms=0), "packet time of 0 ms"),
        (replace(L24, channels=16), "packets of 2316 octets"),
    ],
)
def test_what_it_cannot_do_it_says(audio: AudioFormat, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        line(replace(SENDER, audio=audio))


def test_a_file_needs_a_path() -> None:
    with pytest.raises(BadRequest, match="path is missing"):
        line(replace(RECEIVER, end=OutputConfig("file")))


def test_not_installed_says_what_to_install() -> None:
    missing = engine(program=None).unavailable() or ""
    assert missing.startswith("gst-launch-1.0 is not installed: apt install gstreamer1.0-tools ")
    assert engine().unavailable() is None


def test_only_a_descriptor_gets_a_number() -> None:
    assert with_descriptors(("fdsrc", "fd=@leg0@", "fd=@leg1@", 'location="fd=@leg0@"'), (7, 9)) == (
        "fdsrc",
        "fd=7",
        "fd=9",
        'location="fd=@leg0@"',
    )


OUTPUT = Patch(False, "sink-speaker", 2, 48_000, 240)
INPUT = Patch(True, "local-tone", 2, 48_000, 240)
FROM_MIXER = (
    "gst-launch-1.0 {e}fdsrc fd=@mixer@ blocksize=1920 ! rawaudioparse use-sink-caps=false format=pcm pcm-format=s32le"
    " sample-rate=48000 num-channels=2 ! "
)
TO_MIXER = (
    " ! audioconvert ! audioresample ! audio/x-raw,format=S32LE,rate=48000,channels=2 ! fdsink fd=@mixer@"
    " sync=true processing-deadline=0"
)


def test_a_sender_that_reads_from_the_mixer() -> None:
    job = replace(SENDER, end=InputConfig("file", path="/a.wav"), patch=OUTPUT)
    text = line(job)
    assert text.startswith(FROM_MIXER.format(e="-m ") + "audioconvert ! audioresample ! audio/x-raw,format=S32LE,")
    assert "/a.wav" not in text
    assert text.count("udpsink") == 1
    plan = engine().plan(replace(job, end=InputConfig("alsa")))
    assert plan.patch == OUTPUT
    assert plan.claims == {"to 239.1.1.1:5004"}, "the sound card is the capture's"


def test_a_receiver_that_writes_to_the_mixer() -> None:
    text = line(replace(RECEIVER, end=OutputConfig("alsa"), patch=INPUT))
    assert text.endswith("! level interval=100000000" + TO_MIXER)
    plan = engine().plan(replace(RECEIVER, end=OutputConfig("alsa"), patch=INPUT))
    assert (plan.sockets, plan.patch, plan.claims) == (RECEIVER.legs, INPUT, frozenset())


def test_a_capture_and_a_sink() -> None:
    capture = Job("s/mixer", "capture", "gstreamer", "x", (), L24, InputConfig("alsa", device="hw:1"), patch=INPUT)
    assert line(capture) == ('gst-launch-1.0 alsasrc device="hw:1" buffer-time=40000 latency-time=5000' + TO_MIXER)
    assert engine().plan(capture).claims == {"capture hw:1"}
    looped = line(replace(capture, end=InputConfig("file", path="/a.wav")))
    assert " wav /a.wav gst-launch-1.0 fdsrc fd=@file@ ! rawaudioparse " in looped
    assert looped.endswith(" @pcm@" + TO_MIXER)
    sink = Job("r/mixer", "sink", "gstreamer", "x", (), L24, OutputConfig("alsa"), patch=OUTPUT)
    assert line(sink) == FROM_MIXER.format(e="-e ") + (
        'audioconvert ! audioresample ! alsasink device="default" buffer-time=40000 latency-time=5000'
        " provide-clock=false slave-method=resample"
    )
    assert engine().plan(sink).claims == {"playback default"}
    assert line(replace(sink, end=OutputConfig("none"))).endswith("num-channels=2 ! fakesink sync=true")


def test_64_channels_are_mixed_at_their_own_rate() -> None:
    wide = AudioFormat("L24", 96_000, 64, packet_time_ms=0.125)
    with pytest.raises(BadRequest, match="64 channels can be mixed at their own rate only, not at 48000 Hz"):
        line(replace(RECEIVER, audio=wide, patch=replace(INPUT, channels=64)))
