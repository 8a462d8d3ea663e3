"""Reading: what each line becomes, which habits are forgiven, and that an error names its line."""

import contextlib

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from appliance.errors import BadRequest
from appliance.nmos.is05.sdp.model import (
    Attribute,
    Connection,
    Fmtp,
    Line,
    Rtcp,
    RtpMap,
    SdpError,
    Session,
    SourceFilter,
    SsrcGroup,
    Timing,
)
from appliance.nmos.is05.sdp.parse import MAX_LINE, MAX_LINES, MAX_MEDIA, MAX_SIZE, parse
from appliance.nmos.is05.sdp.transport import audio_format, capability_facts, media_type, narrow, to_transport_params
from appliance.nmos.is05.sdp.write import write
from tests.unit.nmos.is05.sdp import strategies

START = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
AUDIO = "m=audio 5004 RTP/AVP 97\r\n"
"""Line 5 of a file, with START before it."""


def use(session: Session) -> None:
    """All that the product does with a file that a controller sent."""
    write(session)
    for ask in (media_type, audio_format, capability_facts):
        with contextlib.suppress(SdpError):
            ask(session)
    to_transport_params(narrow(session, ["audio/L24"]), legs=2, receiver_addresses=[{"192.0.2.1"}, set()])


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.nearly_sdp | st.text() | st.binary())
@example("v=0\nm=audio 5004 RTP/AVP 97\na=rtpmap:97 L" + "9" * 5000 + "/48000")
@example("v=0\nc=IN IP4 239.0.0.1\nm=video 1 RTP/AVP 97\na=rtpmap:97 raw/90000\na=fmtp:97 exactframerate=1e999999999")
@example("v=0\nc=IN IP4 239.0.0.1\nm=video 1 RTP/AVP 97\na=rtpmap:97 raw/90000\na=fmtp:97 exactframerate=25/0")
@example("v=0\nm=audio ٥٠٠٤ RTP/AVP 97")
def test_rubbish_is_read_or_refused(text: str | bytes) -> None:
    with contextlib.suppress(SdpError):
        use(parse(text))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.nearly_sdp)
def test_what_was_read_is_written_and_read_alike(text: str) -> None:
    try:
        session = parse(text)
    except SdpError:
        return
    assert parse(write(session)) == session


def test_media_lines() -> None:
    media = parse(START + "m=AUDIO 5004/2 RTP/AVP 97 98\n").media[0]
    assert (media.kind, media.port, media.port_count, media.protocol) == ("audio", 5004, 2, "RTP/AVP")
    assert media.formats == ("97", "98")


@pytest.mark.parametrize(
    ("text", "connection"),
    [
        ("IP4 239.0.0.1/32", Connection("IP4", "239.0.0.1", 32)),
        ("IP4 239.0.0.1/32/3", Connection("IP4", "239.0.0.1", 32, 3)),
        ("IP4 192.0.2.7", Connection("IP4", "192.0.2.7")),
        ("IP6 ff3e::1", Connection("IP6", "ff3e::1")),
        ("IP6 ff3e::1/3", Connection("IP6", "ff3e::1", None, 3)),
        ("IP4 encoder.example.com", Connection("IP4", "encoder.example.com")),
    ],
)
def test_connections(text: str, connection: Connection) -> None:
    assert parse(f"{START}c=IN {text}\r\n").connection == connection


def test_a_media_connection_goes_before_the_session_s() -> None:
    session = parse(f"{START}c=IN IP4 239.0.0.1/32\r\n{AUDIO}{AUDIO}c=IN IP4 239.0.0.2/32\r\n")
    assert [connection.address for m in session.media if (connection := session.connection_of(m))] == [
        "239.0.0.1",
        "239.0.0.2",
    ]


def test_attributes_of_a_media() -> None:
    media = parse(
        START
        + AUDIO
        + "a=rtpmap:97 L24/48000/2\r\na=fmtp:97 a=1;  Flag ; b=x=y;\r\na=ptime:.125\r\na=rtcp:5005 IN IP4 239.0.0.9\r\n"
        + "a=ssrc-group:DUP 1 2\r\na=source-filter:incl IN IP4 239.0.0.1 192.0.2.1 192.0.2.2\r\na=mid: one\r\n"
        + "a=unknown: kept  as it is\r\na=flag\r\na=ptime:4\r\na=fmtp:text x\r\ny=z\r\n"
    ).media[0]
    assert media.rtpmaps == (RtpMap(97, "L24", 48000, 2),)
    assert media.fmtps == (Fmtp(97, (("a", "1"), ("Flag", None), ("b", "x=y"))),)
    assert media.fmtp.get("B") == "x=y"
    assert "flag" in media.fmtp
    assert media.ptime == 0.125
    assert media.rtcp == Rtcp(5005, "IP4", "239.0.0.9")
    assert media.ssrc_groups == (SsrcGroup("DUP", (1, 2)),)
    assert media.source_filters == (SourceFilter("incl", "IP4", "239.0.0.1", ("192.0.2.1", "192.0.2.2")),)
    assert media.mid == "one"
    assert media.attributes == (
        Attribute("unknown", " kept  as it is"),
        Attribute("flag"),
        Attribute("ptime", "4"),
        Attribute("fmtp", "text x"),
    )
    assert media.lines == (Line("y", "z"),)


def test_the_rtpmap_is_the_one_of_the_first_format() -> None:
    media = parse(START + "m=audio 5004 RTP/AVP 97 96\r\na=rtpmap:96 L16/48000\r\na=rtpmap:97 L24/48000\r\n").media[0]
    assert media.rtpmap == RtpMap(97, "L24", 48000)


@pytest.mark.parametrize(
    ("clock", "source", "version", "gmid", "domain", "traceable"),
    [
        ("ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37", "ptp", "IEEE1588-2008", "39-a7-94-ff-fe-07-cb-d0", 37, False),
        ("ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0", "ptp", "IEEE1588-2008", "39-a7-94-ff-fe-07-cb-d0", None, False),
        (
            "ptp=IEEE1588-2008:00-00-00-00-00-00-00-00:domain-nmbr=0",
            "ptp",
            "IEEE1588-2008",
            "00-00-00-00-00-00-00-00",
            0,
            False,
        ),
        ("ptp=IEEE1588-2008:traceable", "ptp", "IEEE1588-2008", None, None, True),
        ("ptp=traceable", "ptp", None, None, None, True),
        ("ntp=/traceable/", "ntp", None, None, None, True),
        ("ntp=192.0.2.1:123", "ntp", None, None, None, False),
        ("gps", "gps", None, None, None, True),
        ("private:traceable", "private:traceable", None, None, None, True),
        ("local", "local", None, None, None, False),
    ],
)
def test_reference_clocks(
    clock: str, source: str, version: str | None, gmid: str | None, domain: int | None, traceable: bool
) -> None:
    (found,) = parse(f"{START}{AUDIO}a=ts-refclk:{clock}\r\n").media[0].reference_clocks
    assert (found.source, found.ptp_version, found.gmid, found.domain, found.traceable) == (
        source,
        version,
        gmid,
        domain,
        traceable,
    )
    assert found.mac is None


def test_the_mac_address_of_a_local_clock() -> None:
    (clock,) = parse(f"{START}a=ts-refclk:localmac=40-A3-6B-A0-2B-D2\r\n").reference_clocks
    assert clock.mac == "40-a3-6b-a0-2b-d2"


@pytest.mark.parametrize(
    ("text", "offset"),
    [("direct=0", 0), ("direct=963214424 rate=48000", 963214424), ("id=src:1 direct=5", 5), ("sender", None)],
)
def test_media_clocks(text: str, offset: int | None) -> None:
    clock = parse(f"{START}{AUDIO}a=mediaclk:{text}\r\n").media[0].media_clock
    assert clock is not None
    assert clock.offset == offset


def test_missing_lines_are_forgiven() -> None:
    session = parse("v=0\nm=audio 5004 RTP/AVP 11\n")
    assert (session.origin, session.name, session.times) == (None, "", (Timing(),))
    assert session.media[0].rtpmap == RtpMap(11, "L16", 44100, 1)


def test_unused_lines_are_kept_in_the_order_of_the_rfc() -> None:
    session = parse(f"{START}k=clear:x\r\nx=?\r\np=+1\r\nu=http://192.0.2.1/\r\n")
    assert [line.letter for line in session.lines] == ["u", "p", "k", "x"]


BROKEN = [
    ("", None, "empty"),
    ("\r\n\n", None, "empty"),
    ("hello", 1, "starts with v=0"),
    ("\nv=1\n", 2, "starts with v=0"),
    (START + "nonsense\r\n", 5, "<letter>=<value>"),
    (START + "s=again\r\n", 5, "second s="),
    (START + "o=- 1 2 IN IP4 192.0.2.1\r\n", 5, "second o="),
    (START + "v=0\r\n", 5, "second v="),
    (START + AUDIO + "o=- 1 2 IN IP4 192.0.2.1\r\n", 6, "before the first m="),
    (START + "c=IN IP4 239.0.0.1\r\nc=IN IP4 239.0.0.2\r\n", 6, "second c="),
    ("v=0\no=- 1 2 IN IP4\n", 2, "o= takes"),
    ("v=0\nt=now later\n", 2, "a time in t="),
    ("v=0\nt=0\n", 2, "t= takes"),
    (START + "b=lots\r\n", 5, "b= takes"),
    (START + "b=AS:many\r\n", 5, "the bandwidth"),
    (START + "c=IN IP4 ff02::1\r\n", 5, "says IP4"),
    (START + "c=IN IP5 1.2.3.4\r\n", 5, "neither IP4 nor IP6"),
    (START + "c=IN IP4 239.0.0.1/300\r\n", 5, "the TTL"),
    (START + "c=IN IP4 239.0.0.1/32/1/1\r\n", 5, "one '/' too many"),
    (START + "c=239.0.0.1\r\n", 5, "c= takes"),
    (START + "m=audio\r\n", 5, "m= takes"),
    (START + "m=audio 5004 RTP/AVP\r\n", 5, "m= takes"),
    (START + "m=audio 70000 RTP/AVP 97\r\n", 5, "the port in m="),
    (START + AUDIO + "a=rtpmap:97 L24\r\n", 6, "a=rtpmap takes"),
    (START + AUDIO + "a=rtpmap:200 L24/48000\r\n", 6, "payload type"),
    (START + AUDIO + "a=rtpmap:97 L24/0/2\r\n", 6, "clock rate"),
    (START + AUDIO + "a=ptime:soon\r\n", 6, "a=ptime takes"),
    (START + AUDIO + "a=maxptime:0\r\n", 6, "a=maxptime takes"),
    (START + AUDIO + "a=framerate:fast\r\n", 6, "a=framerate takes"),
    (START + AUDIO + "a=source-filter: incl IN IP4 239.0.0.1\r\n", 6, "a=source-filter takes"),
    (START + AUDIO + "a=source-filter: incl IN IP7 239.0.0.1 192.0.2.1\r\n", 6, "address type"),
    (START + AUDIO + "a=rtcp:x\r\n", 6, "the port in a=rtcp"),
    (START + AUDIO + "a=rtcp:5005 IN\r\n", 6, "a=rtcp takes"),
    (START + AUDIO + "a=ssrc-group:DUP one two\r\n", 6, "an SSRC"),
    (START + AUDIO + "a=mediaclk:\r\n", 6, "a=mediaclk"),
    (START + AUDIO + "a=ts-refclk:=x\r\n", 6, "a=ts-refclk"),
    (START + AUDIO + "a=:x\r\n", 6, "without a name"),
    (START + "a=group:\r\n", 5, "a=group"),
    (START + "i=nul\0\r\n", 5, "NUL"),
    (START + "i=" + "x" * MAX_LINE + "\r\n", 5, "longer than"),
    (START + AUDIO * (MAX_MEDIA + 1), 5 + MAX_MEDIA, "m= lines"),
    ("v=0\r\n" * MAX_SIZE, None, "over the limit of 65536"),
    (START + "\n" * MAX_LINES, None, "lines, over the limit"),
    (START + AUDIO + "a=fmtp:97 " + "x;" * 1000, 6, "parameters in a=fmtp"),
    ("v=0\ns=\ud800\n", None, "surrogates"),
]


@pytest.mark.parametrize(("text", "line", "reason"), BROKEN, ids=[reason for _, _, reason in BROKEN])
def test_errors_name_the_line_and_the_reason(text: str, line: int | None, reason: str) -> None:
    with pytest.raises(SdpError) as caught:
        parse(text)
    assert isinstance(caught.value, BadRequest)
    assert caught.value.line == line
    assert reason in caught.value.message
    assert len(caught.value.message) < 200
    if line:
        assert caught.value.message.startswith(f"SDP line {line}: ")
