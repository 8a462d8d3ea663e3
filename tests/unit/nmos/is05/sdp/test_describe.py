"""A sender's transport file: from IS-04 resources, against what real peers write for theirs."""

from typing import Any

import pytest

from appliance.core.types import JSON
from appliance.errors import NotFound
from appliance.nmos.is05.sdp.describe import describe
from appliance.nmos.is05.sdp.formats import Packing, channel_order
from appliance.nmos.is05.sdp.model import Fmtp, Session
from appliance.nmos.is05.sdp.parse import parse
from appliance.nmos.is05.sdp.transport import audio_format, flow_facts, media_type, to_transport_params
from appliance.nmos.is05.sdp.write import write
from tests.support import specs

LEG: JSON = {
    "source_ip": "192.0.2.5",
    "destination_ip": "239.1.1.1",
    "source_port": 5004,
    "destination_port": 5006,
    "rtp_enabled": True,
}
SECOND_LEG: JSON = {**LEG, "source_ip": "198.51.100.5", "destination_ip": "239.2.1.1"}
SENDER: JSON = {"label": "Stage left"}
STEREO: JSON = {"channels": [{"label": "l", "symbol": "L"}, {"label": "r", "symbol": "R"}]}
L24: JSON = {"media_type": "audio/L24", "bit_depth": 24, "sample_rate": {"numerator": 48000}}
INTERNAL: JSON = {"name": "clk0", "ref_type": "internal"}
PTP: JSON = {
    "name": "clk1",
    "ref_type": "ptp",
    "version": "IEEE1588-2008",
    "gmid": "00-1d-c1-ff-fe-12-34-56",
    "traceable": False,
    "locked": True,
}
MACS = {0: "aa-bb-cc-00-00-01", 1: "aa-bb-cc-00-00-02"}


def described(
    flow: JSON = L24,
    source: JSON = STEREO,
    *legs: JSON,
    sender: JSON = SENDER,
    clock: JSON | None = INTERNAL,
    packing: Packing | None = None,
) -> Session:
    session = describe(
        sender,
        flow,
        source,
        legs or (LEG,),
        clock=clock,
        interfaces=MACS,
        session_id=17,
        session_version=18,
        packing=packing,
    )
    assert parse(write(session)) == session
    return session


def lines(session: Session) -> list[str]:
    return write(session).splitlines()


def fmtp(session: Session) -> Fmtp:
    return session.media[0].fmtp


def video(**changes: Any) -> JSON:
    components = [
        {"name": "Y", "width": 1920, "height": 1080, "bit_depth": 10},
        {"name": "Cb", "width": 960, "height": 1080, "bit_depth": 10},
        {"name": "Cr", "width": 960, "height": 1080, "bit_depth": 10},
    ]
    flow = {
        "media_type": "video/raw",
        "frame_width": 1920,
        "frame_height": 1080,
        "colorspace": "BT709",
        "grain_rate": {"numerator": 60000, "denominator": 1001},
        "components": components,
    }
    return {**flow, **changes}


def test_a_stereo_sender() -> None:
    assert lines(described()) == [
        "v=0",
        "o=- 17 18 IN IP4 192.0.2.5",
        "s=Stage left",
        "t=0 0",
        "m=audio 5006 RTP/AVP 97",
        "c=IN IP4 239.1.1.1/32",
        "a=source-filter: incl IN IP4 239.1.1.1 192.0.2.5",
        "a=rtpmap:97 L24/48000/2",
        "a=fmtp:97 channel-order=SMPTE2110.(ST)",
        "a=ptime:1",
        "a=ts-refclk:localmac=AA-BB-CC-00-00-01",
        "a=mediaclk:direct=0",
    ]


def test_packing() -> None:
    packing = Packing(ptime_ms=0.125, maxptime_ms=0.25, payload_type=100, ttl=3, parameters=(("TSMODE", "SAMP"),))
    text = lines(described(packing=packing))
    assert "m=audio 5006 RTP/AVP 100" in text
    assert "c=IN IP4 239.1.1.1/3" in text
    assert "a=fmtp:100 channel-order=SMPTE2110.(ST); TSMODE=SAMP" in text
    assert "a=ptime:0.125" in text
    assert "a=maxptime:0.25" in text


def test_two_legs_are_a_group() -> None:
    session = described(L24, STEREO, LEG, SECOND_LEG)
    text = lines(session)
    assert "a=group:DUP PRIMARY SECONDARY" in text
    assert [media.mid for media in session.media] == ["PRIMARY", "SECONDARY"]
    assert [media.reference_clocks[0].mac for media in session.media] == [MACS[0], MACS[1]]
    received = to_transport_params(session, legs=2)
    assert [(leg["multicast_ip"], leg["source_ip"]) for leg in received] == [
        ("239.1.1.1", "192.0.2.5"),
        ("239.2.1.1", "198.51.100.5"),
    ]


def test_a_leg_that_is_switched_off_is_left_out() -> None:
    session = described(L24, STEREO, {**LEG, "rtp_enabled": False}, SECOND_LEG)
    assert (session.groups, session.media[0].mid) == ((), None)
    assert session.media[0].reference_clocks[0].mac == MACS[1]
    assert session.origin is not None
    assert session.origin.address == "198.51.100.5"
    assert len(session.media) == 1


def test_unicast_has_neither_ttl_nor_filter() -> None:
    text = lines(described(L24, STEREO, {**LEG, "destination_ip": "192.0.2.77"}))
    assert "c=IN IP4 192.0.2.77" in text
    assert not [line for line in text if "source-filter" in line]


def test_ipv6_has_no_ttl() -> None:
    text = lines(described(L24, STEREO, {**LEG, "source_ip": "2001:db8::5", "destination_ip": "ff3e::8000:1"}))
    assert "o=- 17 18 IN IP6 2001:db8::5" in text
    assert "c=IN IP6 ff3e::8000:1" in text
    assert "a=source-filter: incl IN IP6 ff3e::8000:1 2001:db8::5" in text


def test_rtcp() -> None:
    leg = {**LEG, "rtcp_enabled": True, "rtcp_destination_ip": "239.1.1.1", "rtcp_destination_port": 5007}
    assert "a=rtcp:5007 IN IP4 239.1.1.1" in lines(described(L24, STEREO, leg))


@pytest.mark.parametrize(
    ("clock", "line"),
    [
        (PTP, "ptp=IEEE1588-2008:00-1D-C1-FF-FE-12-34-56:127"),
        ({**PTP, "traceable": True}, "ptp=IEEE1588-2008:traceable"),
        ({**PTP, "locked": False}, "localmac=AA-BB-CC-00-00-01"),
        (INTERNAL, "localmac=AA-BB-CC-00-00-01"),
        (None, "localmac=AA-BB-CC-00-00-01"),
    ],
)
def test_reference_clocks(clock: JSON | None, line: str) -> None:
    assert f"a=ts-refclk:{line}" in lines(described(clock=clock))


def test_an_interface_without_a_mac_address() -> None:
    session = describe(SENDER, L24, STEREO, [LEG], clock=None, interfaces={0: None}, session_id=1, session_version=1)
    assert "a=ts-refclk:localmac=00-00-00-00-00-00" in lines(session)


@pytest.mark.parametrize(
    ("symbols", "order"),
    [
        (["L", "R"], "ST"),
        (["M1"], "M"),
        (["M1", "M2"], "DM"),
        (["Lt", "Rt", "M1"], "LtRt,M"),
        (["L", "R", "C", "LFE", "Ls", "Rs"], "51"),
        (["L", "R", "C", "LFE", "Lss", "Rss", "Lrs", "Rrs", "L", "R"], "71,ST"),
        (["L", "R", "C", "LFE"], "ST,U02"),
        ([None, None, "L", "R", None], "U02,ST,U01"),
        ([None] * 65, "U64,U01"),
    ],
)
def test_channel_orders(symbols: list[str | None], order: str) -> None:
    assert channel_order(symbols) == f"SMPTE2110.({order})"


def test_transparent_aes3_has_pairs_of_subframes() -> None:
    source = {"channels": [{"label": "a"}] * 3}
    assert "a=rtpmap:97 AM824/48000/4" in lines(described({**L24, "media_type": "audio/AM824"}, source))


def test_raw_video() -> None:
    text = lines(described(video(), {}))
    assert "a=rtpmap:96 raw/90000" in text
    assert (
        "a=fmtp:96 sampling=YCbCr-4:2:2; width=1920; height=1080; exactframerate=60000/1001; depth=10; TCS=SDR; "
        "colorimetry=BT709; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPW"
    ) in text


def test_raw_video_of_other_kinds() -> None:
    flow = video(interlace_mode="interlaced_psf", colorspace="BT2100", transfer_characteristic="HLG")
    del flow["grain_rate"]
    sender = {**SENDER, "st2110_21_sender_type": "2110TPN"}
    parameters = fmtp(described(flow, {"grain_rate": {"numerator": 25}}, sender=sender))
    assert "interlace" in parameters
    assert "segmented" in parameters
    expected = {"exactframerate": "25", "RANGE": "NARROW", "TCS": "HLG", "TP": "2110TPN"}
    assert {name: parameters.get(name) for name in expected} == expected
    assert fmtp(described(video(colorspace="ALPHA"), {})).get("SSN") == "ST2110-20:2022"


@pytest.mark.parametrize(
    ("names", "chroma", "sampling"),
    [
        ("Y Cb Cr", (1920, 1080), "YCbCr-4:4:4"),
        ("Y Cb Cr", (960, 540), "YCbCr-4:2:0"),
        ("I Ct Cp", (960, 1080), "ICtCp-4:2:2"),
        ("R G B", (1920, 1080), "RGB"),
        ("Y X Z", (1920, 1080), "XYZ"),
        ("Key", (1920, 1080), "KEY"),
    ],
)
def test_samplings(names: str, chroma: tuple[int, int], sampling: str) -> None:
    sizes = [(1920, 1080), chroma, chroma]
    components = [
        {"name": name, "width": width, "height": height, "bit_depth": 12}
        for name, (width, height) in zip(names.split(), sizes, strict=False)
    ]
    assert fmtp(described(video(components=components), {})).get("sampling") == sampling


def test_jpeg_xs() -> None:
    flow = video(media_type="video/jxsv", profile="High444.12", level="2k-1", sublevel="Sublev3bpp")
    sender = {**SENDER, "bit_rate": 109000, "packet_transmission_mode": "slice_out_of_order"}
    session = described(flow, {}, sender=sender)
    assert "b=AS:109000" in lines(session)
    facts = flow_facts(session)
    assert facts["packet_transmission_mode"] == "slice_out_of_order"
    assert (facts["profile"], facts["level"], facts["sublevel"]) == ("High444.12", "2k-1", "Sublev3bpp")
    assert (facts["frame_width"], facts["color_sampling"]) == (1920, "YCbCr-4:2:2")


@pytest.mark.parametrize(
    ("flow", "rtpmap", "parameters"),
    [
        (video(media_type="video/H264"), "96 H264/90000", "packetization-mode=1"),
        (video(media_type="video/H265"), "96 H265/90000", None),
        ({"media_type": "video/MP2T"}, "98 MP2T/90000", None),
        ({"media_type": "video/SMPTE2022-6"}, "98 SMPTE2022-6/27000000", "TP=2110TPW"),
        (
            {
                "media_type": "video/smpte291",
                "grain_rate": {"numerator": 25, "denominator": 1},
                "DID_SDID": [{"DID": "0x61", "SDID": "0x02"}, {"DID": "0x41", "SDID": "0x05"}],
            },
            "100 smpte291/90000",
            "DID_SDID={0x61,0x02}; DID_SDID={0x41,0x05}; exactframerate=25; SSN=ST2110-40:2018",
        ),
    ],
)
def test_other_video(flow: JSON, rtpmap: str, parameters: str | None) -> None:
    session = described(flow, {})
    text = lines(session)
    assert f"a=rtpmap:{rtpmap}" in text
    assert [line.split(" ", 1)[1] for line in text if line.startswith("a=fmtp:")] == (
        [parameters] if parameters else []
    )
    assert media_type(session) == flow["media_type"]


def test_a_frame_rate_that_comes_back() -> None:
    session = described(video(media_type="video/H264"), {})
    assert "a=framerate:59.94" in lines(session)
    assert flow_facts(session)["grain_rate"] == {"numerator": 60000, "denominator": 1001}


def test_audio_that_comes_back() -> None:
    audio = audio_format(described({**L24, "media_type": "audio/L16"}, packing=Packing(ptime_ms=0.125)))
    assert (audio.encoding, audio.sample_rate, audio.channels, audio.packet_time_ms) == ("L16", 48000, 2, 0.125)


def test_a_label_cannot_break_the_file() -> None:
    session = described(sender={"label": "two\r\nlines\0"})
    assert session.name == "two lines"


@pytest.mark.parametrize(
    ("flow", "source", "leg", "reason"),
    [
        (L24, STEREO, {**LEG, "rtp_enabled": False}, "none of the sender's legs is enabled"),
        (L24, STEREO, {**LEG, "destination_ip": None}, "leg 1 of the sender has no destination_ip yet"),
        (L24, STEREO, {**LEG, "source_ip": "auto"}, "leg 1 of the sender has no source_ip yet"),
        (L24, STEREO, {**LEG, "destination_port": "auto"}, "leg 1 of the sender has no destination_port yet"),
        (L24, {}, LEG, "the source has no channels"),
        ({"media_type": "audio/L24"}, STEREO, LEG, "the flow has no sample_rate"),
        ({"media_type": "application/json"}, {}, LEG, "application/json is not sent as RTP"),
        (video(components=[]), {}, LEG, "the flow has no components"),
        (video(grain_rate=None), {}, LEG, "neither the flow nor its source has a grain_rate"),
        (
            video(components=[{"name": "DepthMap", "width": 1, "height": 1, "bit_depth": 8}]),
            {},
            LEG,
            "no sampling of DepthMap",
        ),
    ],
)
def test_what_has_no_transport_file(flow: JSON, source: JSON, leg: JSON, reason: str) -> None:
    with pytest.raises(NotFound, match="no transport file") as caught:
        described(flow, source, leg)
    assert reason in caught.value.message


def peers_senders() -> list[str]:
    documents = specs.recorded_documents("nmos-cpp-node", "connection", "v1.1")
    return [path.split("/")[1] for path in documents if path.endswith("transportfile.sdp")]


def test_what_a_real_peer_writes_for_the_same_resources() -> None:
    """nmos-cpp's own files: the same lines but for the order of format parameters and the spelling of 1.0."""
    node = specs.recorded_documents("nmos-cpp-node", "node", "v1.3")
    connection = specs.recorded_documents("nmos-cpp-node", "connection", "v1.1")
    by_id = {resource["id"]: resource for kind in ("senders", "flows", "sources") for resource in node[kind]}
    mac = node["self"]["interfaces"][0]["port_id"]
    assert len(peers_senders()) == 4
    for sender_id in peers_senders():
        sender = by_id[sender_id]
        flow = by_id[sender["flow_id"]]
        theirs = parse(connection[f"senders/{sender_id}/transportfile.sdp"])
        assert theirs.origin is not None
        ours = describe(
            sender,
            flow,
            by_id[flow["source_id"]],
            connection[f"senders/{sender_id}/active"]["transport_params"],
            clock=node["self"]["clocks"][0],
            interfaces={0: mac, 1: mac},
            session_id=int(theirs.origin.session_id),
            session_version=int(theirs.origin.session_version),
            packing=Packing(sender_type="2110TPN"),
        )
        assert comparable(ours) == comparable(theirs)
        assert to_transport_params(ours, legs=2) == to_transport_params(theirs, legs=2)


def comparable(session: Session) -> list[str]:
    """The file's lines with the parameters of each a=fmtp in alphabetical order."""
    return sorted(
        "; ".join(sorted(line.partition(" ")[2].split("; "))) if line.startswith("a=fmtp:") else line
        for line in lines(session)
    )
