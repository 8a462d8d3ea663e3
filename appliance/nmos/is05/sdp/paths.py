"""Which streams of a session are the legs of one RTP connection (ST 2022-7's path 1 and path 2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from appliance.nmos.is05.sdp.model import Group, Media, SdpError, Session, ip_of


@dataclass(frozen=True, slots=True)
class Path:
    """One leg: to which address and port, from which source (``None``: any), and whether it is being sent."""

    media: Media
    destination: str
    multicast: bool
    source: str | None
    active: bool


def streams(session: Session) -> tuple[Media, ...]:
    """The first RTP media of the session with its duplicates (RFC 7104), in the order of the file."""
    media = [media for media in session.media if media.is_rtp]
    if not media:
        found = ", ".join(f"m={media.kind} {media.protocol}" for media in session.media)
        raise SdpError(f"no RTP stream, only {found}" if found else "no m= line")
    group = group_of(session, media[0], "DUP")
    if group is None:
        return (media[0],)
    return tuple(stream for stream in media if stream.mid in group.mids)


def paths(session: Session) -> tuple[Path, ...]:
    """The legs, in the order of the file. IS-05 Behaviour - RTP Transport Type, Operation with SMPTE 2022-7."""
    media = streams(session)
    if len(media) > 1:
        return tuple(_path(session, stream, _sources(session, stream)[:1]) for stream in media)
    sources = _sources(session, media[0])
    if not any(group.semantics == "DUP" and len(group.ssrcs) > 1 for group in media[0].ssrc_groups):
        return (_path(session, media[0], sources[:1]),)
    # Two streams in one media description: from two sources, or the same again after a delay (RFC 7104 section 4).
    first, second = sources[:1], sources[1:2] or sources[:1]
    return (_path(session, media[0], first), _path(session, media[0], second))


def narrow(session: Session, media_types: Collection[str]) -> Session:
    """The session without the streams of other media types; :class:`SdpError` where none would be left."""
    accepted = {media_type.lower() for media_type in media_types}
    media = tuple(m for m in session.media if not m.is_rtp or media_type_of(m).lower() in accepted)
    if not any(m.is_rtp for m in media):
        found = ", ".join(dict.fromkeys(media_type_of(m) for m in session.media if m.is_rtp))
        raise SdpError(f"describes {found or 'no RTP stream'}, which is none of {', '.join(media_types)}")
    return replace(session, media=media)


def group_of(session: Session, media: Media, *semantics: str) -> Group | None:
    """The group of these semantics that the media is in."""
    for group in session.groups:
        if group.semantics in semantics and media.mid is not None and media.mid in group.mids:
            return group
    return None


def media_type_of(media: Media) -> str:
    """The media type as IS-04 writes it: RTP encoding names are case-insensitive (RFC 4855 section 3)."""
    rtpmap = media.rtpmap
    if rtpmap is None:
        raise SdpError(
            f"m={media.kind} {media.port}: no a=rtpmap says what payload type {''.join(media.formats[:1])} is"
        )
    return f"{media.kind}/{_ENCODINGS.get(rtpmap.encoding.lower(), rtpmap.encoding)}"


def literal(where: str, text: str) -> IPv4Address | IPv6Address:
    """The IP address that ``where`` names. Host names are allowed by the RFC, but no transport parameter takes one."""
    address = ip_of(text)
    if address is None or "%" in text:
        raise SdpError(f"{where}: {text!r} is no IP address")
    return address


_ENCODINGS = {
    name.lower(): name
    for name in (
        *("L8", "L16", "L20", "L24", "L32", "AM824", "opus", "PCMU", "PCMA"),
        *("raw", "jxsv", "vc2", "H264", "H265", "smpte291", "SMPTE2022-6", "MP2T", "JPEG"),
    )
}


def _path(session: Session, media: Media, source: tuple[str, ...]) -> Path:
    connection = session.connection_of(media)
    if connection is None:
        raise SdpError(f"m={media.kind} {media.port}: no c= line, neither its own nor the session's")
    address = literal("c=", connection.address)
    active = session.direction_of(media) != "inactive" and media.port != 0
    return Path(media, str(address), address.is_multicast, next(iter(source), None), active)


def _sources(session: Session, media: Media) -> tuple[str, ...]:
    """The sources that an inclusive filter names for this media; others cannot be said in transport parameters."""
    for source_filter in session.filters_of(media):
        if source_filter.mode == "incl":
            return tuple(_source(source) for source in source_filter.sources)
    return ()


def _source(text: str) -> str:
    address = literal("a=source-filter", text)
    if address.is_multicast:
        raise SdpError(f"a=source-filter: {text} is a multicast address, and cannot be a source")
    return str(address)
