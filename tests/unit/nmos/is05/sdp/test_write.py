"""Writing: the order of RFC 8866 section 5, and that what is written is read back as it was."""

import pytest
from hypothesis import HealthCheck, given, settings

from appliance.nmos.is05.sdp.model import (
    Attribute,
    Bandwidth,
    Connection,
    Fmtp,
    Group,
    Line,
    Media,
    MediaClock,
    Origin,
    ReferenceClock,
    RtpMap,
    Session,
    SourceFilter,
)
from appliance.nmos.is05.sdp.parse import parse
from appliance.nmos.is05.sdp.write import number, write
from tests.unit.nmos.is05.sdp import strategies


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(strategies.sessions)
def test_what_is_written_is_read_back(session: Session) -> None:
    text = write(session)
    assert parse(text) == session
    assert parse(text.encode()) == session
    assert write(parse(text)) == text


def test_order_and_line_ends() -> None:
    session = Session(
        origin=Origin("-", "7", "8", "IP4", "192.0.2.1"),
        name="Stage",
        information="left",
        connection=Connection("IP4", "239.0.0.1", 32),
        groups=(Group("DUP", ("a", "b")),),
        attributes=(Attribute("tool", "x"), Attribute("flag")),
        lines=(Line("u", "http://192.0.2.1/"), Line("r", "1 1 0"), Line("x", "later")),
        media=(
            Media(
                kind="audio",
                port=5004,
                protocol="RTP/AVP",
                formats=("97",),
                bandwidths=(Bandwidth("AS", 2500),),
                source_filters=(SourceFilter("incl", "IP4", "239.0.0.1", ("192.0.2.1",)),),
                rtpmaps=(RtpMap(97, "L24", 48000, 2),),
                fmtps=(Fmtp(97, (("channel-order", "SMPTE2110.(ST)"), ("flag", None))),),
                ptime=0.125,
                maxptime=1.0,
                reference_clocks=(ReferenceClock("localmac", "00-11-22-33-44-55"),),
                media_clock=MediaClock("direct=0"),
                direction="recvonly",
                mid="a",
            ),
        ),
    )
    assert write(session).split("\r\n") == [
        "v=0",
        "o=- 7 8 IN IP4 192.0.2.1",
        "s=Stage",
        "i=left",
        "u=http://192.0.2.1/",
        "c=IN IP4 239.0.0.1/32",
        "t=0 0",
        "r=1 1 0",
        "a=group:DUP a b",
        "a=tool:x",
        "a=flag",
        "x=later",
        "m=audio 5004 RTP/AVP 97",
        "b=AS:2500",
        "a=source-filter: incl IN IP4 239.0.0.1 192.0.2.1",
        "a=rtpmap:97 L24/48000/2",
        "a=fmtp:97 channel-order=SMPTE2110.(ST); flag",
        "a=ptime:0.125",
        "a=maxptime:1",
        "a=ts-refclk:localmac=00-11-22-33-44-55",
        "a=mediaclk:direct=0",
        "a=recvonly",
        "a=mid:a",
        "",
    ]


def test_a_session_without_a_name_has_a_space_there() -> None:
    assert write(Session()) == "v=0\r\ns= \r\nt=0 0\r\n"
    assert parse(write(Session())).name == ""


@pytest.mark.parametrize("name", ["two\nlines", "carriage\rreturn", "nul\0"])
def test_no_text_can_break_its_line(name: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        write(Session(name=name))


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.125, "0.125"), (10.0, "10"), (1.09, "1.09"), (1e-06, "0.000001"), (4, "4")]
)
def test_numbers_have_no_exponent_and_no_needless_zeros(value: float, text: str) -> None:
    assert number(value) == text
