"""The values of single SDP lines and attributes, each read by one function or refused with :class:`Malformed`."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from appliance.nmos.is05.sdp.model import (
    AddressType,
    Bandwidth,
    Connection,
    Fmtp,
    Group,
    MediaClock,
    Origin,
    ReferenceClock,
    Rtcp,
    RtpMap,
    SourceFilter,
    SsrcGroup,
    Timing,
    ip_of,
)

MAX_PARAMETERS = 200
"""In one a=fmtp."""


class Malformed(ValueError):
    """A line that cannot be read; parse adds its number."""


class MediaLine(NamedTuple):
    """m= (RFC 8866 section 5.14)."""

    kind: str
    port: int
    port_count: int
    protocol: str
    formats: tuple[str, ...]


def media_line(value: str) -> MediaLine:
    words = value.split()
    # RFC 6364's own examples have no format after UDP/FEC.
    if len(words) < (4 if len(words) > 2 and words[2].upper().startswith("RTP/") else 3):
        raise Malformed(f"m= takes media, port, protocol and formats, not {excerpt(value)}")
    port, slash, count = words[1].partition("/")
    return MediaLine(
        kind=words[0].lower(),
        port=integer("the port in m=", port, 0, 65535),
        port_count=integer("the number of ports in m=", count, 1, 65535) if slash else 1,
        protocol=words[2],
        formats=tuple(words[3:]),
    )


def origin(value: str) -> Origin:
    words = value.rsplit(maxsplit=5)
    if len(words) != 6 or words[3] != "IN":
        raise Malformed(f"o= takes user, session id, version, IN, IP4 or IP6, address, not {excerpt(value)}")
    return Origin(words[0], words[1], words[2], _address_type("o=", words[4]), words[5])


def connection(value: str) -> Connection:
    words = value.split()
    if len(words) != 3 or words[0] != "IN":
        raise Malformed(f"c= takes IN, IP4 or IP6, and an address, not {excerpt(value)}")
    address_type = _address_type("c=", words[1])
    address, *suffixes = words[2].split("/")
    ip = ip_of(address)
    if not address or (ip is not None and f"IP{ip.version}" != address_type):
        raise Malformed(f"c= says {address_type}, and {excerpt(address)} is no such address")
    # IPv4 has a TTL before the number of groups, IPv6 has scopes instead (RFC 8866 section 5.7).
    ttl = integer("the TTL in c=", suffixes.pop(0), 0, 255) if address_type == "IP4" and suffixes else None
    count = integer("the number of addresses in c=", suffixes.pop(0), 1, 65535) if suffixes else 1
    if suffixes:
        raise Malformed(f"c= has one '/' too many: {excerpt(value)}")
    return Connection(address_type, address, ttl, count)


def bandwidth(value: str) -> Bandwidth:
    kind, colon, rate = value.partition(":")
    if not colon or not kind.strip():
        raise Malformed(f"b= takes <type>:<kilobits a second>, not {excerpt(value)}")
    return Bandwidth(kind.strip(), integer("the bandwidth in b=", rate.strip(), 0, 10**12))


def timing(value: str) -> Timing:
    words = value.split()
    if len(words) != 2:
        raise Malformed(f"t= takes start and stop, not {excerpt(value)}")
    start, stop = (integer("a time in t=", word, 0, 2**64 - 1) for word in words)
    return Timing(start, stop)


def source_filter(value: str) -> SourceFilter:
    words = value.split()
    if len(words) < 5 or words[0].lower() not in ("incl", "excl") or words[1] != "IN":
        raise Malformed(
            f"a=source-filter takes incl or excl, IN, IP4, IP6 or *, destination and sources, not {excerpt(value)}"
        )
    if words[2] not in ("IP4", "IP6", "*"):
        raise Malformed(f"a=source-filter: address type {excerpt(words[2])} is none of IP4, IP6 and *")
    mode: Literal["incl", "excl"] = "incl" if words[0].lower() == "incl" else "excl"
    return SourceFilter(mode, words[2], words[3], tuple(words[4:]))


def group(value: str) -> Group:
    words = value.split()
    if not words:
        raise Malformed("a=group without semantics")
    return Group(words[0], tuple(words[1:]))


def ssrc_group(value: str) -> SsrcGroup:
    words = value.split()
    if not words:
        raise Malformed("a=ssrc-group without semantics")
    return SsrcGroup(words[0], tuple(integer("an SSRC", word, 0, 2**32 - 1) for word in words[1:]))


def rtpmap(value: str) -> RtpMap:
    words = value.split(maxsplit=1)
    parts = [part.strip() for part in words[1].split("/")] if len(words) == 2 else []
    if len(parts) not in (2, 3) or not parts[0] or " " in parts[0]:
        raise Malformed(f"a=rtpmap takes payload type, encoding/clock rate[/channels], not {excerpt(value)}")
    return RtpMap(
        payload_type=integer("the payload type in a=rtpmap", words[0], 0, 127),
        encoding=parts[0],
        clock_rate=integer("the clock rate in a=rtpmap", parts[1], 1, 2**32 - 1),
        parameters=integer("the channels in a=rtpmap", parts[2], 1, 65535) if len(parts) == 3 else None,
    )


def fmtp(value: str) -> Fmtp | None:
    """``None`` where the format is no payload type, so that it is none of ours."""
    words = value.split(maxsplit=1)
    if not words or not _DIGITS.fullmatch(words[0]) or int(words[0]) > 127:
        return None
    parameters = (words[1] if len(words) == 2 else "").split(";")
    if len(parameters) > MAX_PARAMETERS:
        raise Malformed(f"more than {MAX_PARAMETERS} parameters in a=fmtp")
    return Fmtp(int(words[0]), tuple(_parameter(text) for text in parameters if text.strip()))


def milliseconds(what: str, value: str) -> float:
    if not _DECIMAL.fullmatch(value) or not 0 < float(value) <= 10_000:
        raise Malformed(f"{what} takes milliseconds, not {excerpt(value)}")
    return float(value)


def framerate(value: str) -> str:
    """Frames a second: a decimal by RFC 8866, a fraction by habit."""
    if not all(_DECIMAL.fullmatch(part) and float(part) > 0 for part in value.split("/", 1)):
        raise Malformed(f"a=framerate takes frames a second, not {excerpt(value)}")
    return value


def reference_clock(value: str) -> ReferenceClock:
    source, equals, rest = value.partition("=")
    if not source.strip():
        raise Malformed("a=ts-refclk without a clock source")
    return ReferenceClock(source.strip(), rest.strip() if equals else None)


def media_clock(value: str) -> MediaClock:
    if not value:
        raise Malformed("a=mediaclk without a clock")
    return MediaClock(value)


def rtcp(value: str) -> Rtcp:
    words = value.split()
    if len(words) not in (1, 4) or (len(words) == 4 and words[1] != "IN"):
        raise Malformed(f"a=rtcp takes a port, and perhaps IN, IP4 or IP6 and an address, not {excerpt(value)}")
    port = integer("the port in a=rtcp", words[0], 1, 65535)
    return Rtcp(port, _address_type("a=rtcp", words[2]), words[3]) if len(words) == 4 else Rtcp(port)


def integer(what: str, text: str, low: int, high: int) -> int:
    if not _DIGITS.fullmatch(text) or not low <= int(text) <= high:
        raise Malformed(f"{what} is a number from {low} to {high}, not {excerpt(text)}")
    return int(text)


def excerpt(text: str) -> str:
    """``text`` fit for an error message: quoted, and short."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


_DIGITS = re.compile(r"[0-9]{1,20}")
_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?|\.[0-9]{1,12}")


def _address_type(what: str, text: str) -> AddressType:
    if text == "IP4":
        return "IP4"
    if text == "IP6":
        return "IP6"
    raise Malformed(f"{what} has address type {excerpt(text)}, which is neither IP4 nor IP6")


def _parameter(text: str) -> tuple[str, str | None]:
    # Base64 values (sprop-parameter-sets) have an "=" of their own.
    name, equals, value = text.strip().partition("=")
    return name.strip(), value.strip() if equals else None
