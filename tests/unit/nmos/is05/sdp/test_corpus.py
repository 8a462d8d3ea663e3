"""Files in the shapes that real devices write: what a receiver makes of each, and that nothing of them is lost."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.nmos.is05.sdp.model import SdpError, Session
from appliance.nmos.is05.sdp.parse import parse
from appliance.nmos.is05.sdp.transport import audio_format, flow_facts, media_type, narrow, to_transport_params
from appliance.nmos.is05.sdp.write import write

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path.stem for path in CORPUS.glob("*.sdp"))


def read(name: str) -> Session:
    return parse((CORPUS / f"{name}.sdp").read_bytes())


def leg(**changes: Any) -> dict[str, Any]:
    """A leg that receives from any source, with what the file changes in it."""
    any_source = {"source_ip": None, "multicast_ip": None, "interface_ip": "auto", "destination_port": 5004}
    return {**any_source, "rtp_enabled": True, **changes}


OFF = {"rtp_enabled": False}

# File: media type, and what a two-legged receiver that has 10.10.0.77 makes of it.
EXPECTED: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "ancillary": (
        "video/smpte291",
        [leg(multicast_ip="232.32.87.86", source_ip="172.29.80.65", destination_port=11437), OFF],
    ),
    "byte-order-mark": ("audio/L16", [leg(multicast_ip="239.3.3.3", destination_port=5010), OFF]),
    "dante-aes67": ("audio/L24", [leg(multicast_ip="239.69.84.17"), OFF]),
    "dup-delayed": (
        "video/MP2T",
        [leg(multicast_ip="233.252.0.41", source_ip="198.51.100.1", destination_port=30000)] * 2,
    ),
    "dup-two-sources": (
        "audio/L24",
        [
            leg(multicast_ip="233.252.0.40", source_ip="198.51.100.1", destination_port=30000),
            leg(multicast_ip="233.252.0.40", source_ip="198.51.101.1", destination_port=30000),
        ],
    ),
    "excluded-source": ("video/H264", [leg(multicast_ip="239.10.2.6", destination_port=5006), OFF]),
    "fec-and-rtcp": ("video/MP2T", [leg(multicast_ip="233.252.3.1", destination_port=30000), OFF]),
    "framecount-without-ptime": ("audio/L16", [leg(multicast_ip="239.7.7.7"), OFF]),
    "ipv6-source-specific": (
        "audio/L24",
        [leg(multicast_ip="ff3e::8000:51", source_ip="2001:db8:7::51"), OFF],
    ),
    "latin-1": ("audio/L24", [leg(multicast_ip="239.4.4.4"), OFF]),
    "lf-only-and-little-else": ("audio/L16", [leg(multicast_ip="239.255.10.1", destination_port=6000), OFF]),
    "lower-case-encoding": ("audio/L24", [leg(multicast_ip="239.9.9.9"), OFF]),
    "old-traceable-clock": ("audio/AM824", [leg(multicast_ip="239.10.5.5"), OFF]),
    "ravenna-stream": ("audio/L24", [leg(multicast_ip="239.1.44.12", source_ip="10.44.0.12"), OFF]),
    "sdi-over-ip": (
        "video/SMPTE2022-6",
        [leg(multicast_ip="232.0.16.1", source_ip="172.29.80.65", destination_port=5000), OFF],
    ),
    "second-leg-switched-off": (
        "audio/L24",
        [
            leg(multicast_ip="239.10.1.5"),
            leg(multicast_ip="239.20.1.5", destination_port="auto", rtp_enabled=False),
        ],
    ),
    "several-media-one-connection": (
        "video/raw",
        [leg(multicast_ip="239.20.3.9", destination_port=20000), OFF],
    ),
    "st2022-7-out-of-order": (
        "video/jxsv",
        [
            leg(multicast_ip="239.100.9.10", source_ip="192.168.100.2", destination_port=50000),
            leg(multicast_ip="239.101.9.10", source_ip="192.168.101.2", destination_port=50020),
        ],
    ),
    "unicast-with-ttl": ("video/MP2T", [leg(interface_ip="10.10.0.77", destination_port=40000), OFF]),
    "untidy-video": (
        "video/raw",
        [leg(multicast_ip="232.80.177.113", source_ip="172.29.80.65", destination_port=27346), OFF],
    ),
    "wildcard-source-filter": ("audio/L24", [leg(multicast_ip="239.10.2.5", source_ip="10.2.0.5"), OFF]),
}


def test_every_file_has_its_expectation() -> None:
    assert sorted(EXPECTED) == FILES


@pytest.mark.parametrize("name", FILES)
def test_what_a_receiver_makes_of_it(name: str) -> None:
    session = read(name)
    expected_type, expected_legs = EXPECTED[name]
    assert media_type(session) == expected_type
    addresses = [{"10.10.0.77"}, {"10.20.0.77"}]
    assert to_transport_params(session, legs=2, receiver_addresses=addresses) == expected_legs
    # Without a second leg, the first is what the file says first.
    assert to_transport_params(session, legs=1, receiver_addresses=addresses) == expected_legs[:1]


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_lost_in_writing_it_again(name: str) -> None:
    session = read(name)
    assert parse(write(session)) == session
    kept = {line.split("=", 1)[0] for line in write(session).splitlines()}
    assert {chr(line[0]) for line in (CORPUS / f"{name}.sdp").read_bytes().split(b"\n") if b"=" in line[:2]} <= kept


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(FILES), st.data())
def test_a_damaged_file_is_read_or_refused(name: str, data: st.DataObject) -> None:
    text = bytearray((CORPUS / f"{name}.sdp").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text) - 1))
        text[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    with contextlib.suppress(SdpError):
        session = parse(bytes(text))
        assert parse(write(session)) == session
        flow_facts(session)
        to_transport_params(session, legs=2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dante-aes67", ("L24", 48000, 2, 1.0, 97)),
        # 0.12 is what AES67 rounds 12 samples at 96 kHz to.
        ("ravenna-stream", ("L24", 96000, 8, 0.125, 98)),
        ("framecount-without-ptime", ("L16", 48000, 1, 1.0, 99)),
        ("lf-only-and-little-else", ("L16", 44100, 1, 1.0, 11)),
        ("byte-order-mark", ("L16", 44100, 2, 1.09, 96)),
        ("lower-case-encoding", ("L24", 48000, 2, 1.0, 101)),
        # The first format of the m= line is the one that is sent.
        ("wildcard-source-filter", ("L24", 48000, 2, 1.0, 97)),
        ("old-traceable-clock", ("AM824", 48000, 4, 1.0, 97)),
    ],
)
def test_audio_formats(name: str, expected: tuple[str, int, int, float, int]) -> None:
    audio = audio_format(read(name))
    found = (audio.encoding, audio.sample_rate, audio.channels, audio.packet_time_ms, audio.payload_type)
    assert found == expected


def test_video_is_no_audio_format() -> None:
    with pytest.raises(SdpError, match="video/raw, which is not audio"):
        audio_format(read("untidy-video"))


def test_names_survive_their_encoding() -> None:
    assert read("latin-1").name == "Régie son"
    assert read("byte-order-mark").name == "Regie 2 – Clément"


def test_a_receiver_takes_what_it_understands_of_several_media() -> None:
    session = read("several-media-one-connection")
    audio = narrow(session, ["audio/L16", "audio/l24"])
    assert media_type(audio) == "audio/L24"
    assert audio_format(audio).channels == 16
    assert to_transport_params(audio, legs=1) == [leg(multicast_ip="239.20.3.9", destination_port=20010)]
    with pytest.raises(SdpError, match=r"describes video/raw, audio/L24, video/smpte291, which is none of video/jxsv"):
        narrow(session, ["video/jxsv"])


def test_facts_of_raw_video() -> None:
    facts = flow_facts(read("untidy-video"))
    assert facts == {
        "media_type": "video/raw",
        "format": "urn:x-nmos:format:video",
        "frame_width": 3840,
        "frame_height": 2160,
        "grain_rate": {"numerator": 60000, "denominator": 1001},
        "interlace_mode": ("interlaced_tff", "interlaced_bff"),
        "colorspace": "BT2100",
        "transfer_characteristic": "PQ",
        "color_sampling": "YCbCr-4:2:0",
        "component_depth": 10,
        "st2110_21_sender_type": "2110TPW",
        "transport_bit_rate": 10700000,
    }


def test_facts_of_jpeg_xs() -> None:
    facts = flow_facts(read("st2022-7-out-of-order"))
    assert facts["interlace_mode"] == "interlaced_psf"
    assert facts["packet_transmission_mode"] == "slice_out_of_order"
    assert (facts["profile"], facts["level"], facts["sublevel"]) == ("Main422.10", "2k-1", "Sublev4bpp")
    assert facts["transport_bit_rate"] == 180000
    assert facts["st2110_21_sender_type"] == "2110TPNL"
