"""An SDP file as a Session: strict about what it must understand, forgiving about the rest.

One pass over the lines. A draft collects what the session says, and each m= line starts a draft of its own; the
table at the bottom says which attribute is read by what. Vendors' habits that are accepted: LF or CR alone, blank
lines, a byte order mark, Latin-1, lines out of order, missing o=, s= and t=, spaces around values, a trailing ``;``
in a=fmtp, attribute names in another case. What is not: a first line other than v=0, a line that is no
``letter=value``, and a line that the product relies on and cannot understand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from appliance.nmos.is05.sdp import values
from appliance.nmos.is05.sdp.model import (
    Attribute,
    Bandwidth,
    Connection,
    Direction,
    Fmtp,
    Group,
    Line,
    Media,
    MediaClock,
    Origin,
    ReferenceClock,
    Rtcp,
    RtpMap,
    SdpError,
    Session,
    SourceFilter,
    SsrcGroup,
    Timing,
)

MAX_SIZE = 64 * 1024
"""Characters in a file: fifty times what the largest ST 2022-7 file has."""
MAX_LINE = 8 * 1024
MAX_LINES = 1500
MAX_MEDIA = 64

_BREAK = re.compile(r"\r\n|\r|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_Value = TypeVar("_Value")


def parse(text: str | bytes) -> Session:
    """The session that ``text`` describes; :class:`SdpError` names the line and what is wrong with it."""
    lines = _lines(text)
    session = _Draft()
    level = session
    for position, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            letter, value = _letter(line)
            if letter == "m":
                level = session.start_media(value)
            else:
                level.take(letter, value)
        except values.Malformed as problem:
            raise SdpError(str(problem), line=position) from None
    return session.session()


@dataclass(slots=True)
class _Draft:
    """What one level of the file (the session, or one media) has said so far."""

    head: values.MediaLine | None = None
    origin: Origin | None = None
    name: str | None = None
    information: str | None = None
    connections: list[Connection] = field(default_factory=list)
    bandwidths: list[Bandwidth] = field(default_factory=list)
    times: list[Timing] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    source_filters: list[SourceFilter] = field(default_factory=list)
    rtpmaps: list[RtpMap] = field(default_factory=list)
    fmtps: list[Fmtp] = field(default_factory=list)
    ptime: float | None = None
    maxptime: float | None = None
    framerate: str | None = None
    reference_clocks: list[ReferenceClock] = field(default_factory=list)
    media_clock: MediaClock | None = None
    ts_delay: str | None = None
    direction: Direction | None = None
    rtcp: Rtcp | None = None
    ssrc_groups: list[SsrcGroup] = field(default_factory=list)
    mid: str | None = None
    attributes: list[Attribute] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    media: list[_Draft] = field(default_factory=list)

    def start_media(self, value: str) -> _Draft:
        if len(self.media) == MAX_MEDIA:
            raise values.Malformed(f"more than {MAX_MEDIA} m= lines")
        self.media.append(_Draft(head=values.media_line(value)))
        return self.media[-1]

    def take(self, letter: str, value: str) -> None:
        if letter == "a":
            self._take_attribute(value)
        elif letter == "i":
            self.information = _first("i=", self.information, value)
        elif letter == "b":
            self.bandwidths.append(values.bandwidth(value))
        elif letter == "c":
            if self.connections and self.head is None:
                raise values.Malformed("a second c= line for the session")
            self.connections.append(values.connection(value))
        elif self.head is None:
            self._take_session_line(letter, value)
        elif letter in "vos":
            raise values.Malformed(f"{letter}= belongs before the first m= line")
        else:
            self.lines.append(Line(letter, value))

    def session(self) -> Session:
        return Session(
            origin=self.origin,
            name=self.name or "",
            information=self.information,
            connection=self.connections[0] if self.connections else None,
            bandwidths=tuple(self.bandwidths),
            times=tuple(self.times) or (Timing(),),
            groups=tuple(self.groups),
            source_filters=tuple(self.source_filters),
            reference_clocks=tuple(self.reference_clocks),
            media_clock=self.media_clock,
            direction=self.direction,
            attributes=tuple(self.attributes),
            lines=_in_order(self.lines, "ueprzk"),
            media=tuple(draft.description(draft.head) for draft in self.media if draft.head),
        )

    def description(self, head: values.MediaLine) -> Media:
        return Media(
            kind=head.kind,
            port=head.port,
            protocol=head.protocol,
            formats=head.formats,
            port_count=head.port_count,
            information=self.information,
            connections=tuple(self.connections),
            bandwidths=tuple(self.bandwidths),
            source_filters=tuple(self.source_filters),
            rtpmaps=tuple(self.rtpmaps),
            fmtps=tuple(self.fmtps),
            ptime=self.ptime,
            maxptime=self.maxptime,
            framerate=self.framerate,
            reference_clocks=tuple(self.reference_clocks),
            media_clock=self.media_clock,
            ts_delay=self.ts_delay,
            direction=self.direction,
            rtcp=self.rtcp,
            ssrc_groups=tuple(self.ssrc_groups),
            mid=self.mid,
            attributes=tuple(self.attributes),
            lines=_in_order(self.lines, "k"),
        )

    def _take_session_line(self, letter: str, value: str) -> None:
        if letter == "v":
            raise values.Malformed("a second v= line: one description to a file")
        if letter == "o":
            self.origin = _first("o=", self.origin, values.origin(value))
        elif letter == "s":
            self.name = _first("s=", self.name, value)
        elif letter == "t":
            self.times.append(values.timing(value))
        else:
            self.lines.append(Line(letter, value))

    def _take_attribute(self, text: str) -> None:
        name, colon, value = text.partition(":")
        name = name.strip()
        if not name:
            raise values.Malformed("an attribute without a name")
        readers = _SESSION_ATTRIBUTES if self.head is None else _MEDIA_ATTRIBUTES
        read = readers.get(name.lower())
        if read is None or not read(self, value.strip()):
            self.attributes.append(Attribute(name, value if colon else None))


def _lines(text: str | bytes) -> list[str]:
    """The lines of the file without the v=0 that it starts with, which stays as an empty one to keep the count."""
    if len(text) > MAX_SIZE:
        raise SdpError(f"{len(text)} long, over the limit of {MAX_SIZE}")
    lines = [line.strip() for line in _BREAK.split(_decoded(text).removeprefix("\ufeff"))]
    if len(lines) > MAX_LINES:
        raise SdpError(f"{len(lines)} lines, over the limit of {MAX_LINES}")
    for position, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE:
            raise SdpError(f"longer than {MAX_LINE} characters", line=position)
        if "\0" in line:
            raise SdpError("a NUL character", line=position)
    first = next((position for position, line in enumerate(lines) if line), None)
    if first is None:
        raise SdpError("empty")
    if lines[first] != "v=0":
        raise SdpError(f"a session description starts with v=0, not {values.excerpt(lines[first])}", line=first + 1)
    lines[first] = ""
    return lines


def _decoded(text: str | bytes) -> str:
    if isinstance(text, bytes):
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError:
            return text.decode("latin-1")
    if _SURROGATE.search(text):
        raise SdpError("characters that are no Unicode text (lone surrogates)")
    return text


def _letter(line: str) -> tuple[str, str]:
    if len(line) < 2 or line[1] != "=" or not (line[0].isascii() and line[0].isalpha()):
        raise values.Malformed(f"expected <letter>=<value>, not {values.excerpt(line)}")
    return line[0], line[2:].strip()


def _first(what: str, already: object, value: _Value) -> _Value:
    if already is not None:
        raise values.Malformed(f"a second {what} line")
    return value


def _in_order(lines: list[Line], letters: str) -> tuple[Line, ...]:
    """Unused lines in the order in which they are written (RFC 8866 section 5), unknown letters last."""
    return tuple(sorted(lines, key=lambda line: letters.find(line.letter) % (len(letters) + 1)))


def _source_filter(draft: _Draft, value: str) -> bool:
    draft.source_filters.append(values.source_filter(value))
    return True


def _reference_clock(draft: _Draft, value: str) -> bool:
    draft.reference_clocks.append(values.reference_clock(value))
    return True


def _group(draft: _Draft, value: str) -> bool:
    draft.groups.append(values.group(value))
    return True


def _ssrc_group(draft: _Draft, value: str) -> bool:
    draft.ssrc_groups.append(values.ssrc_group(value))
    return True


def _rtpmap(draft: _Draft, value: str) -> bool:
    draft.rtpmaps.append(values.rtpmap(value))
    return True


def _fmtp(draft: _Draft, value: str) -> bool:
    fmtp = values.fmtp(value)
    if fmtp is not None:
        draft.fmtps.append(fmtp)
    return fmtp is not None


# Of what can be said once, the first one counts and a later one is kept among the unused attributes.


def _media_clock(draft: _Draft, value: str) -> bool:
    if draft.media_clock is not None:
        return False
    draft.media_clock = values.media_clock(value)
    return True


def _ptime(draft: _Draft, value: str) -> bool:
    if draft.ptime is not None:
        return False
    draft.ptime = values.milliseconds("a=ptime", value)
    return True


def _maxptime(draft: _Draft, value: str) -> bool:
    if draft.maxptime is not None:
        return False
    draft.maxptime = values.milliseconds("a=maxptime", value)
    return True


def _framerate(draft: _Draft, value: str) -> bool:
    if draft.framerate is not None:
        return False
    draft.framerate = values.framerate(value)
    return True


def _rtcp(draft: _Draft, value: str) -> bool:
    if draft.rtcp is not None:
        return False
    draft.rtcp = values.rtcp(value)
    return True


def _ts_delay(draft: _Draft, value: str) -> bool:
    if draft.ts_delay is not None or not value:
        return False
    draft.ts_delay = value
    return True


def _mid(draft: _Draft, value: str) -> bool:
    if draft.mid is not None or not value:
        return False
    draft.mid = value
    return True


def _direction(direction: Direction) -> _Reader:
    def read(draft: _Draft, value: str) -> bool:
        if draft.direction is not None or value:
            return False
        draft.direction = direction
        return True

    return read


_Reader: TypeAlias = Callable[[_Draft, str], bool]
"""Reads an attribute into the draft; ``False`` leaves it among the unused ones."""

_ANYWHERE: dict[str, _Reader] = {
    "source-filter": _source_filter,
    "ts-refclk": _reference_clock,
    "mediaclk": _media_clock,
    "sendrecv": _direction("sendrecv"),
    "sendonly": _direction("sendonly"),
    "recvonly": _direction("recvonly"),
    "inactive": _direction("inactive"),
}
_SESSION_ATTRIBUTES = _ANYWHERE | {"group": _group}
_MEDIA_ATTRIBUTES = _ANYWHERE | {
    "rtpmap": _rtpmap,
    "fmtp": _fmtp,
    "ptime": _ptime,
    "maxptime": _maxptime,
    "framerate": _framerate,
    "ts-delay": _ts_delay,
    "rtcp": _rtcp,
    "ssrc-group": _ssrc_group,
    "mid": _mid,
}
