"""A Session as the text of an SDP file: CRLF, in the order that RFC 8866 section 5 fixes, typed attributes first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

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
)


def write(session: Session) -> str:
    """The file's text; :class:`ValueError` where a string in ``session`` has a line break (parse makes none such)."""
    lines = [*_session_lines(session)]
    for media in session.media:
        lines.extend(_media_lines(media))
    for line in lines:
        if _BREAKS.search(line):
            raise ValueError(f"a line of an SDP file cannot hold a line break: {line!r}")
    return "".join(f"{line}\r\n" for line in lines)


def number(value: float) -> str:
    """A number without exponent and without needless zeros: ``1``, ``0.125``."""
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_BREAKS = re.compile(r"[\r\n\0]")


def _session_lines(session: Session) -> Iterator[str]:
    yield "v=0"
    if session.origin:
        yield _origin(session.origin)
    # A session without a name has a single space there (RFC 8866 section 5.3).
    yield f"s={session.name or ' '}"
    yield from _optional("i=", session.information)
    yield from _kept(session.lines, "uep")
    if session.connection:
        yield _connection(session.connection)
    yield from map(_bandwidth, session.bandwidths)
    yield from (f"t={timing.start} {timing.stop}" for timing in session.times)
    yield from _kept(session.lines, "rzk")
    yield from map(_group, session.groups)
    yield from map(_source_filter, session.source_filters)
    yield from map(_reference_clock, session.reference_clocks)
    yield from _media_clock(session.media_clock)
    yield from _optional("a=", session.direction)
    yield from map(_attribute, session.attributes)
    yield from _unknown(session.lines, "ueprzk")


def _media_lines(media: Media) -> Iterator[str]:
    port = f"{media.port}/{media.port_count}" if media.port_count != 1 else str(media.port)
    yield " ".join((f"m={media.kind}", port, media.protocol, *media.formats))
    yield from _optional("i=", media.information)
    yield from map(_connection, media.connections)
    yield from map(_bandwidth, media.bandwidths)
    yield from _kept(media.lines, "k")
    yield from map(_source_filter, media.source_filters)
    yield from map(_rtpmap, media.rtpmaps)
    yield from map(_fmtp, media.fmtps)
    yield from _duration("a=ptime:", media.ptime)
    yield from _duration("a=maxptime:", media.maxptime)
    yield from _optional("a=framerate:", media.framerate)
    yield from map(_reference_clock, media.reference_clocks)
    yield from _media_clock(media.media_clock)
    yield from _optional("a=ts-delay:", media.ts_delay)
    yield from _optional("a=", media.direction)
    if media.rtcp:
        yield _rtcp(media.rtcp)
    yield from map(_ssrc_group, media.ssrc_groups)
    yield from _optional("a=mid:", media.mid)
    # After what has a field: reading takes the first of what should be said once, and what repeats it is among these.
    yield from map(_attribute, media.attributes)
    yield from _unknown(media.lines, "k")


def _optional(prefix: str, value: str | None) -> Iterator[str]:
    if value is not None:
        yield prefix + value


def _duration(prefix: str, value: float | None) -> Iterator[str]:
    if value is not None:
        yield prefix + number(value)


def _kept(lines: Iterable[Line], letters: str) -> Iterator[str]:
    """The unused lines of these letters, in the order of the letters."""
    for letter in letters:
        yield from (f"{line.letter}={line.value}" for line in lines if line.letter == letter)


def _unknown(lines: Iterable[Line], known: str) -> Iterator[str]:
    yield from (f"{line.letter}={line.value}" for line in lines if line.letter not in known)


def _origin(origin: Origin) -> str:
    return f"o={origin.username} {origin.session_id} {origin.session_version} IN {origin.address_type} {origin.address}"


def _connection(connection: Connection) -> str:
    suffixes = "" if connection.ttl is None else f"/{connection.ttl}"
    if connection.count != 1:
        suffixes += f"/{connection.count}"
    return f"c=IN {connection.address_type} {connection.address}{suffixes}"


def _bandwidth(bandwidth: Bandwidth) -> str:
    return f"b={bandwidth.kind}:{bandwidth.value}"


def _group(group: Group) -> str:
    return " ".join(("a=group:" + group.semantics, *group.mids))


def _source_filter(source_filter: SourceFilter) -> str:
    # The space after the colon is part of RFC 4570's grammar.
    return (
        f"a=source-filter: {source_filter.mode} IN {source_filter.address_type} "
        f"{source_filter.destination} {' '.join(source_filter.sources)}"
    )


def _rtpmap(rtpmap: RtpMap) -> str:
    parameters = "" if rtpmap.parameters is None else f"/{rtpmap.parameters}"
    return f"a=rtpmap:{rtpmap.payload_type} {rtpmap.encoding}/{rtpmap.clock_rate}{parameters}"


def _fmtp(fmtp: Fmtp) -> str:
    parameters = (name if value is None else f"{name}={value}" for name, value in fmtp.parameters)
    return f"a=fmtp:{fmtp.payload_type} {'; '.join(parameters)}".rstrip()


def _reference_clock(clock: ReferenceClock) -> str:
    return f"a=ts-refclk:{clock.source}" if clock.value is None else f"a=ts-refclk:{clock.source}={clock.value}"


def _media_clock(clock: MediaClock | None) -> Iterator[str]:
    return _optional("a=mediaclk:", clock.text if clock else None)


def _rtcp(rtcp: Rtcp) -> str:
    where = f" IN {rtcp.address_type} {rtcp.address}" if rtcp.address else ""
    return f"a=rtcp:{rtcp.port}{where}"


def _ssrc_group(group: SsrcGroup) -> str:
    return " ".join(("a=ssrc-group:" + group.semantics, *map(str, group.ssrcs)))


def _attribute(attribute: Attribute) -> str:
    return f"a={attribute.name}" if attribute.value is None else f"a={attribute.name}:{attribute.value}"
