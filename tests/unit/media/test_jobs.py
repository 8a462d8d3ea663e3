"""From /active to a job."""

from dataclasses import replace
from typing import Any

import pytest

from appliance.config.model import Config, Format, InputConfig, MediaConfig, ReceiverConfig, SenderConfig, Transport
from appliance.core.types import JSON
from appliance.media.engine import AudioFormat, Job, Leg
from appliance.media.jobs import Desired, Refusal, desired
from tests.unit.media.streams import NETWORK

CONFIG = Config()
SENDER = SenderConfig("tone", "device", label="Tone", input=InputConfig("tone"))
RECEIVER = ReceiverConfig("speaker", "device")

SENDER_LEG: JSON = {
    "source_ip": "10.1.0.2",
    "destination_ip": "239.1.1.1",
    "source_port": 5004,
    "destination_port": 5006,
    "rtp_enabled": True,
}
RECEIVER_LEG: JSON = {
    "source_ip": "10.1.0.9",
    "multicast_ip": "232.1.1.1",
    "interface_ip": "10.1.0.2",
    "destination_port": 5004,
    "rtp_enabled": True,
}


def sdp(rtpmap: str = "98 L16/48000/4", ptime: str = "0.125", kind: str = "audio") -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 10.1.0.9\r\ns=x\r\nt=0 0\r\n"
        f"m={kind} 5004 RTP/AVP 98\r\nc=IN IP4 232.1.1.1/32\r\na=rtpmap:{rtpmap}\r\na=ptime:{ptime}\r\n"
    )


def sending(*legs: JSON, sender: SenderConfig = SENDER, enable: bool = True) -> Desired:
    return desired("s", sender, {"master_enable": enable, "transport_params": list(legs)}, NETWORK, CONFIG)


def receiving(
    *legs: JSON, file: str | None = None, receiver: ReceiverConfig = RECEIVER, config: Config = CONFIG
) -> Desired:
    active = {
        "master_enable": True,
        "transport_params": list(legs),
        "transport_file": {"data": file, "type": "application/sdp" if file else None},
    }
    return desired("r", receiver, active, NETWORK, config)


def test_a_sender() -> None:
    leg = Leg("eth0", "10.1.0.2", "239.1.1.1", 5006, "10.1.0.2", 5004, ttl=32)
    audio = AudioFormat("L24", 48_000, 2, 1.0, 97)
    wanted = Job("s", "sender", "gstreamer", "Tone", (leg,), audio, SENDER.input, media_type="audio/L24")
    assert sending(SENDER_LEG) == wanted


def test_a_receiver_with_a_transport_file() -> None:
    job = receiving(RECEIVER_LEG, file=sdp())
    assert isinstance(job, Job)
    assert job.legs == (Leg("eth0", "10.1.0.2", "232.1.1.1", 5004, "10.1.0.9"),)
    assert job.audio == AudioFormat("L16", 48_000, 4, 0.125, 98)
    assert (job.driver, job.label, job.end) == ("gstreamer", "speaker", RECEIVER.output)


def test_a_receiver_without_a_file_takes_what_its_output_takes_first() -> None:
    job = receiving(RECEIVER_LEG, receiver=replace(RECEIVER, media_types=("audio/L16",), sample_rates=(96_000,)))
    assert isinstance(job, Job)
    assert job.audio == AudioFormat("L16", 96_000, 2)


def test_unicast_comes_to_the_interface_itself() -> None:
    job = receiving({**RECEIVER_LEG, "multicast_ip": None})
    assert isinstance(job, Job)
    assert job.legs[0].destination_ip == "10.1.0.2"
    assert not job.legs[0].multicast


def test_ipv6() -> None:
    job = receiving({**RECEIVER_LEG, "multicast_ip": "ff35::1", "interface_ip": "fd01::2", "source_ip": None})
    assert isinstance(job, Job)
    assert job.legs == (Leg("eth0", "fd01::2", "ff35::1", 5004),)
    assert job.legs[0].multicast


def test_legs_that_are_off_are_left_out() -> None:
    second = {**RECEIVER_LEG, "interface_ip": "10.2.0.2"}
    off = {"rtp_enabled": False, "interface_ip": "auto"}
    job = receiving(RECEIVER_LEG, second)
    assert isinstance(job, Job)
    assert [leg.interface for leg in job.legs] == ["eth0", "eth1"]
    assert receiving(off) is None
    half = receiving(off, second)
    assert isinstance(half, Job)
    assert [leg.interface for leg in half.legs] == ["eth1"]


@pytest.mark.parametrize("active", [{}, {"master_enable": True, "transport_params": [{}]}, {"transport_params": []}])
def test_what_was_never_activated_is_idle(active: JSON) -> None:
    assert desired("s", SENDER, active, NETWORK, CONFIG) is None
    assert desired("r", RECEIVER, active, NETWORK, CONFIG) is None


def test_what_is_off_is_idle() -> None:
    assert sending(SENDER_LEG, enable=False) is None


def test_events_are_no_streams() -> None:
    assert sending({}, sender=replace(SENDER, transport=Transport.MQTT, format=Format.DATA)) is None


def test_the_same_again_at_another_time_is_another_job() -> None:
    active = {"master_enable": True, "transport_params": [SENDER_LEG]}
    jobs = [
        desired("s", SENDER, {**active, "activation": {"activation_time": time}}, NETWORK, CONFIG)
        for time in ("1:0", "1:0", "2:0")
    ]
    assert jobs[0] == jobs[1] != jobs[2]


def test_of_several_streams_in_a_file_the_one_that_fits_is_played() -> None:
    several = sdp("98 raw/90000", kind="video") + "".join(
        line + "\r\n"
        for line in ("m=audio 5006 RTP/AVP 97", "c=IN IP4 232.1.1.2/32", "a=rtpmap:97 L16/48000/2", "a=ptime:1")
    )
    job = receiving(RECEIVER_LEG, file=several)
    assert isinstance(job, Job)
    assert job.audio is not None
    assert job.audio.encoding == "L16"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"interface_ip": "10.9.9.9"}, "interface_ip 10.9.9.9 is no address of this box now"),
        ({"interface_ip": "auto"}, "interface_ip is not known: nothing was ever activated with one"),
        ({"destination_port": "auto"}, "destination_port is not known: nothing was ever activated with one"),
    ],
)
def test_legs_that_cannot_be(change: dict[str, Any], why: str) -> None:
    assert receiving({**RECEIVER_LEG, **change}) == Refusal(why)


@pytest.mark.parametrize("change", [{"destination_ip": None}, {"source_ip": "10.9.9.9"}, {"destination_port": None}])
def test_senders_legs_that_cannot_be(change: dict[str, Any]) -> None:
    assert isinstance(sending({**SENDER_LEG, **change}), Refusal)


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (sdp("98 L8/48000/2"), "SDP: describes audio/L8, which is none of audio/L24, audio/L16"),
        (sdp("98 L24/44100/2"), "the transport file does not fit: its sample rate is 44100, this receiver takes 48000"),
        (
            sdp("98 L24/48000/16"),
            "the transport file does not fit: its number of channels is 16, this receiver takes 1 to 8",
        ),
        (sdp("98 raw/90000", kind="video"), "SDP: describes video/raw, which is none of audio/L24, audio/L16"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_says_why(file: str, why: str) -> None:
    assert receiving(RECEIVER_LEG, file=file) == Refusal(why)


def test_a_file_that_is_none_is_refused() -> None:
    assert isinstance(receiving(RECEIVER_LEG, file="hello"), Refusal)


def test_the_driver_is_the_endpoints_own_else_everybodys() -> None:
    everybody = replace(CONFIG, media=MediaConfig(driver="null"))
    for receiver, config, driver in [
        (RECEIVER, everybody, "null"),
        (replace(RECEIVER, driver="gstreamer"), everybody, "gstreamer"),
        (replace(RECEIVER, driver="null"), CONFIG, "null"),
    ]:
        job = receiving(RECEIVER_LEG, receiver=receiver, config=config)
        assert isinstance(job, Job)
        assert job.driver == driver


def test_video_is_a_job_without_audio() -> None:
    receiver = replace(RECEIVER, format=Format.VIDEO, media_types=("video/raw",))
    for job in (
        receiving(RECEIVER_LEG, receiver=receiver),
        receiving(RECEIVER_LEG, receiver=receiver, file=sdp("98 raw/90000", kind="video")),
        sending(SENDER_LEG, sender=replace(SENDER, format=Format.VIDEO, media_type="video/raw")),
    ):
        assert isinstance(job, Job)
        assert job.audio is None
        assert job.legs
