"""Hypothesis strategies for session descriptions: whatever parse can return, and text that is nearly SDP."""

from typing import TypeVar

from hypothesis import strategies as st

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
    Rtcp,
    RtpMap,
    Session,
    SourceFilter,
    SsrcGroup,
    Timing,
)

_T = TypeVar("_T")
_READABLE = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs"), include_characters=" ")
tokens = st.text(
    st.characters(codec="ascii", categories=("Lu", "Ll", "Nd"), include_characters="-_.+"), min_size=1, max_size=12
)
# Free text: the model holds it without the spaces around it.
texts = st.text(_READABLE, max_size=30).map(str.strip)
_IP4 = st.ip_addresses(v=4).map(str)
_IP6 = st.ip_addresses(v=6).map(str)
_addresses = st.one_of(st.tuples(st.just("IP4"), _IP4), st.tuples(st.just("IP6"), _IP6))
_durations = st.integers(1, 10_000_000).map(lambda microseconds: microseconds / 1000)

origins = st.builds(
    lambda username, session_id, version, address: Origin(username, session_id, version, *address),
    tokens,
    tokens,
    tokens,
    _addresses,
)
connections = st.one_of(
    st.builds(Connection, st.just("IP4"), _IP4, st.none(), st.just(1)),
    st.builds(Connection, st.just("IP4"), _IP4, st.integers(0, 255), st.integers(1, 99)),
    st.builds(Connection, st.just("IP6"), _IP6, st.none(), st.integers(1, 99)),
)
bandwidths = st.builds(Bandwidth, tokens, st.integers(0, 10**9))
timings = st.builds(Timing, st.integers(0, 2**40), st.integers(0, 2**40))
source_filters = st.builds(
    SourceFilter,
    st.sampled_from(["incl", "excl"]),
    st.sampled_from(["IP4", "IP6", "*"]),
    st.one_of(st.just("*"), _IP4, _IP6),
    st.lists(st.one_of(_IP4, _IP6), min_size=1, max_size=3).map(tuple),
)
groups = st.builds(Group, tokens, st.lists(tokens, max_size=3).map(tuple))
rtpmaps = st.builds(
    RtpMap, st.integers(0, 127), tokens, st.integers(1, 2**32 - 1), st.one_of(st.none(), st.integers(1, 64))
)
_values = st.text(_READABLE.filter(lambda character: character != ";"), max_size=20).map(str.strip)
fmtps = st.builds(
    Fmtp, st.integers(0, 127), st.lists(st.tuples(tokens, st.one_of(st.none(), _values)), max_size=5).map(tuple)
)
reference_clocks = st.builds(ReferenceClock, tokens, st.one_of(st.none(), texts))
media_clocks = st.builds(MediaClock, texts.filter(bool))
rtcps = st.one_of(
    st.builds(Rtcp, st.integers(1, 65535)),
    st.builds(lambda port, address: Rtcp(port, *address), st.integers(1, 65535), _addresses),
)
ssrc_groups = st.builds(SsrcGroup, tokens, st.lists(st.integers(0, 2**32 - 1), max_size=3).map(tuple))
# A prefix keeps them apart from the attributes that have a field of their own.
attributes = st.builds(Attribute, tokens.map(lambda name: "x-" + name), st.one_of(st.none(), texts))
directions = st.sampled_from([None, "sendrecv", "sendonly", "recvonly", "inactive"])


def _optional(strategy: st.SearchStrategy[_T]) -> st.SearchStrategy[_T | None]:
    return st.none() | strategy


def _tuple(strategy: st.SearchStrategy[_T], most: int = 2) -> st.SearchStrategy[tuple[_T, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


def _lines(letters: str) -> st.SearchStrategy[tuple[Line, ...]]:
    """Unused lines, in the order in which they are written: the known letters, then the unknown one."""
    known = st.lists(st.builds(Line, st.sampled_from(letters), texts), max_size=3)
    ordered = known.map(lambda lines: sorted(lines, key=lambda line: letters.index(line.letter)))
    return st.tuples(ordered, st.lists(st.builds(Line, st.just("x"), texts), max_size=1)).map(
        lambda pair: (*pair[0], *pair[1])
    )


media = st.builds(
    Media,
    kind=st.sampled_from(["audio", "video", "application", "text"]),
    port=st.integers(0, 65535),
    protocol=st.sampled_from(["RTP/AVP", "RTP/SAVP", "udp"]),
    formats=st.lists(tokens, min_size=1, max_size=3).map(tuple),
    port_count=st.integers(1, 4),
    information=_optional(texts),
    connections=_tuple(connections),
    bandwidths=_tuple(bandwidths),
    source_filters=_tuple(source_filters),
    rtpmaps=_tuple(rtpmaps),
    fmtps=_tuple(fmtps),
    ptime=_optional(_durations),
    maxptime=_optional(_durations),
    framerate=_optional(st.sampled_from(["25", "29.97", "60000/1001"])),
    reference_clocks=_tuple(reference_clocks),
    media_clock=_optional(media_clocks),
    ts_delay=_optional(tokens),
    direction=directions,
    rtcp=_optional(rtcps),
    ssrc_groups=_tuple(ssrc_groups),
    mid=_optional(tokens),
    attributes=_tuple(attributes, 3),
    lines=_lines("k"),
)
sessions = st.builds(
    Session,
    origin=_optional(origins),
    name=texts,
    information=_optional(texts),
    connection=_optional(connections),
    bandwidths=_tuple(bandwidths),
    times=st.lists(timings, min_size=1, max_size=2).map(tuple),
    groups=_tuple(groups),
    source_filters=_tuple(source_filters),
    reference_clocks=_tuple(reference_clocks),
    media_clock=_optional(media_clocks),
    direction=directions,
    attributes=_tuple(attributes, 3),
    lines=_lines("ueprzk"),
    media=_tuple(media, 3),
)

_RUBBISH = st.text(max_size=40)
_NEARLY = st.one_of(
    st.builds("{}={}".format, st.sampled_from("vosiuepcbtrzkamx"), _RUBBISH),
    st.builds(
        "a={}:{}".format,
        st.sampled_from(
            [
                "source-filter",
                "rtpmap",
                "fmtp",
                "ptime",
                "maxptime",
                "framerate",
                "group",
                "mid",
                "ssrc-group",
                "rtcp",
                "ts-refclk",
                "mediaclk",
                "ts-delay",
                "framecount",
                "inactive",
            ]
        ),
        _RUBBISH,
    ),
    st.builds("c=IN {} {}".format, st.sampled_from(["IP4", "IP6", "IP5"]), _RUBBISH | _IP4 | _IP6),
    st.builds("m=audio {} RTP/AVP {}".format, st.integers(0, 70_000), st.integers(0, 130)),
    st.builds(
        "a=rtpmap:97 {}/{}".format, st.sampled_from(["L24", "raw", "jxsv", "smpte291"]) | _RUBBISH, st.integers()
    ),
    st.builds("a=fmtp:97 {}={}".format, st.sampled_from(["width", "depth", "exactframerate", "packetmode"]), _RUBBISH),
    _RUBBISH,
)
nearly_sdp = st.lists(_NEARLY, max_size=15).map(lambda lines: "\n".join(["v=0", *lines]))
