"""A session description (RFC 8866) as frozen dataclasses, with what AES67, ST 2110 and ST 2022-7 add to it.

What the product uses has a field; every other attribute and line is kept as it was found, so that nothing is lost
between reading and writing. Strings are as in the file: only look-ups are case-insensitive where the RFCs say so.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from appliance.errors import BadRequest

AddressType: TypeAlias = Literal["IP4", "IP6"]
Direction: TypeAlias = Literal["sendrecv", "sendonly", "recvonly", "inactive"]


class SdpError(BadRequest):
    """A session description cannot be read or used; ``line`` is where (from 1), ``None`` for what is missing."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(f"SDP line {line}: {message}" if line else f"SDP: {message}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Origin:
    """o= (RFC 8866 section 5.2). The session id and version are numbers by the RFC; not every vendor's are."""

    username: str
    session_id: str
    session_version: str
    address_type: AddressType
    address: str


@dataclass(frozen=True, slots=True)
class Connection:
    """c= (section 5.7). ``ttl`` for IPv4 only; ``count`` of consecutive groups, of which RTP here uses the first."""

    address_type: AddressType
    address: str
    ttl: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """b= (section 5.8). ``AS`` is in kilobits a second."""

    kind: str
    value: int


@dataclass(frozen=True, slots=True)
class Timing:
    """t= (section 5.9), NTP seconds; 0 0 is permanent."""

    start: int = 0
    stop: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line that the product does not use (u=, e=, p=, r=, z=, k=, or an unknown letter)."""

    letter: str
    value: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that the product does not use: ``a=name`` (value ``None``) or ``a=name:value``."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """a=source-filter (RFC 4570 section 3). ``address_type`` and ``destination`` may be ``*``."""

    mode: Literal["incl", "excl"]
    address_type: str
    destination: str
    sources: tuple[str, ...]

    def covers(self, destination: str) -> bool:
        return self.destination == "*" or same_address(self.destination, destination)


@dataclass(frozen=True, slots=True)
class Group:
    """a=group (RFC 5888 section 5); DUP is RFC 7104, FEC and FEC-FR are RFC 5956 and RFC 6364."""

    semantics: str
    mids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SsrcGroup:
    """a=ssrc-group (RFC 5576 section 4.2); DUP is RFC 7104: two streams in one media description."""

    semantics: str
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RtpMap:
    """a=rtpmap. ``parameters`` is the number of channels for audio."""

    payload_type: int
    encoding: str
    clock_rate: int
    parameters: int | None = None


@dataclass(frozen=True, slots=True)
class Fmtp:
    """a=fmtp: parameters in the order of the file; a value of ``None`` is a flag (``interlace``)."""

    payload_type: int
    parameters: tuple[tuple[str, str | None], ...] = ()

    def __contains__(self, name: str) -> bool:
        return any(key.lower() == name.lower() for key, _ in self.parameters)

    def get(self, name: str) -> str | None:
        """The first value of that name, in any case; ``None`` where it is missing or a flag."""
        return next((value for key, value in self.parameters if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class ReferenceClock:
    """a=ts-refclk (RFC 7273 section 4.8, ST 2110-10 section 8.2): ``source=value``, e.g. ptp, localmac, ntp, gps."""

    source: str
    value: str | None = None

    @property
    def traceable(self) -> bool:
        """Whether the clock is bound to a global one, so that any two traceable ones agree."""
        parts = (self.value or self.source).replace("/", "").split(":")
        return self.source in ("gps", "gal", "glonass") or parts[-1] == "traceable"

    @property
    def ptp_version(self) -> str | None:
        version = self._ptp_parts()[0]
        return None if version in ("", "traceable") else version

    @property
    def gmid(self) -> str | None:
        """The grandmaster of a PTP clock, lower case as in IS-04."""
        server = self._ptp_parts()[1]
        return None if server in ("", "traceable") else server.lower()

    @property
    def domain(self) -> int | None:
        """The PTP domain number; RFC 7273 drafts and older AES67 files write ``domain-nmbr=0``."""
        number = self._ptp_parts()[2].removeprefix("domain-nmbr=")
        return int(number) if number.isascii() and number.isdigit() and len(number) < 4 else None

    @property
    def mac(self) -> str | None:
        return self.value.lower() if self.source == "localmac" and self.value else None

    def _ptp_parts(self) -> tuple[str, str, str]:
        if self.source != "ptp" or self.value is None:
            return "", "", ""
        version, _, server = self.value.partition(":")
        gmid, _, domain = server.partition(":")
        return version, gmid, domain


@dataclass(frozen=True, slots=True)
class MediaClock:
    """a=mediaclk (RFC 7273 section 5), whole: ``direct=0``, ``direct=0 rate=48000``, ``sender``, ``id=.. sender``."""

    text: str

    @property
    def offset(self) -> int | None:
        """The RTP timestamp at the epoch of the reference clock, where it is direct-referenced and numeric."""
        for word in self.text.split():
            number = word.removeprefix("direct=")
            if number != word and number.isascii() and number.isdigit() and len(number) <= 10:
                return int(number)
        return None


@dataclass(frozen=True, slots=True)
class Rtcp:
    """a=rtcp (RFC 3605)."""

    port: int
    address_type: AddressType | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """m= and what follows it. ``ptime`` and ``maxptime`` are in milliseconds, ``framerate`` is as written."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    port_count: int = 1
    information: str | None = None
    connections: tuple[Connection, ...] = ()
    bandwidths: tuple[Bandwidth, ...] = ()
    source_filters: tuple[SourceFilter, ...] = ()
    rtpmaps: tuple[RtpMap, ...] = ()
    fmtps: tuple[Fmtp, ...] = ()
    ptime: float | None = None
    maxptime: float | None = None
    framerate: str | None = None
    reference_clocks: tuple[ReferenceClock, ...] = ()
    media_clock: MediaClock | None = None
    ts_delay: str | None = None
    direction: Direction | None = None
    rtcp: Rtcp | None = None
    ssrc_groups: tuple[SsrcGroup, ...] = ()
    mid: str | None = None
    attributes: tuple[Attribute, ...] = ()
    lines: tuple[Line, ...] = ()

    @property
    def rtpmap(self) -> RtpMap | None:
        """What the first format of the m= line means: its a=rtpmap, else RFC 3551's static table."""
        first = next(iter(self.formats), "")
        for rtpmap in self.rtpmaps:
            if str(rtpmap.payload_type) == first:
                return rtpmap
        return _STATIC_PAYLOAD_TYPES.get((self.kind, first)) or next(iter(self.rtpmaps), None)

    @property
    def fmtp(self) -> Fmtp:
        """The format parameters that go with :attr:`rtpmap`; empty where there are none."""
        rtpmap = self.rtpmap
        payload_type = rtpmap.payload_type if rtpmap else -1
        found = (fmtp for fmtp in self.fmtps if fmtp.payload_type == payload_type)
        return next(found, Fmtp(payload_type))

    @property
    def is_rtp(self) -> bool:
        return self.protocol.upper().startswith("RTP/")

    def attribute(self, name: str) -> str | None:
        return next((found.value for found in self.attributes if found.name.lower() == name), None)


@dataclass(frozen=True, slots=True)
class Session:
    """A whole session description. ``origin`` is missing only where the file had none."""

    origin: Origin | None = None
    name: str = ""
    information: str | None = None
    connection: Connection | None = None
    bandwidths: tuple[Bandwidth, ...] = ()
    times: tuple[Timing, ...] = (Timing(),)
    groups: tuple[Group, ...] = ()
    source_filters: tuple[SourceFilter, ...] = ()
    reference_clocks: tuple[ReferenceClock, ...] = ()
    media_clock: MediaClock | None = None
    direction: Direction | None = None
    attributes: tuple[Attribute, ...] = ()
    lines: tuple[Line, ...] = ()
    media: tuple[Media, ...] = ()

    def connection_of(self, media: Media) -> Connection | None:
        """The media's own c=, else the session's (RFC 8866 section 5.7)."""
        return media.connections[0] if media.connections else self.connection

    def filters_of(self, media: Media) -> Iterator[SourceFilter]:
        """The source filters that hold for this media's address: its own go before the session's (RFC 4570)."""
        connection = self.connection_of(media)
        if connection is None:
            return
        for source_filter in (*media.source_filters, *self.source_filters):
            if source_filter.covers(connection.address):
                yield source_filter

    def direction_of(self, media: Media) -> Direction | None:
        return media.direction or self.direction


def ip_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that ``text`` is a literal of, ``None`` for a host name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def same_address(one: str, other: str) -> bool:
    """Whether two addresses are the same: IPv6 has many spellings."""
    parsed = ip_of(one)
    return one.lower() == other.lower() if parsed is None else parsed == ip_of(other)


# RFC 3551 section 6: what a payload type below 96 means without a=rtpmap.
_STATIC_PAYLOAD_TYPES = {
    ("audio", "0"): RtpMap(0, "PCMU", 8000, 1),
    ("audio", "8"): RtpMap(8, "PCMA", 8000, 1),
    ("audio", "9"): RtpMap(9, "G722", 8000, 1),
    ("audio", "10"): RtpMap(10, "L16", 44100, 2),
    ("audio", "11"): RtpMap(11, "L16", 44100, 1),
    ("audio", "14"): RtpMap(14, "MPA", 90000),
    ("video", "26"): RtpMap(26, "JPEG", 90000),
    ("video", "31"): RtpMap(31, "H261", 90000),
    ("video", "32"): RtpMap(32, "MPV", 90000),
    ("video", "33"): RtpMap(33, "MP2T", 90000),
    ("video", "34"): RtpMap(34, "H263", 90000),
}
