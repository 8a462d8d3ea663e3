"""A sender's transport file: its IS-04 resources and active transport parameters as a Session.

AES67 section 8, ST 2110-10 section 8, and for two legs ST 2022-7 with the groups of RFC 7104.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from appliance.core.types import JSON
from appliance.errors import NotFound
from appliance.nmos.is05.sdp.fec import Repair, protect
from appliance.nmos.is05.sdp.formats import Essence, Packing, essence
from appliance.nmos.is05.sdp.model import (
    AddressType,
    Connection,
    Fmtp,
    Group,
    Media,
    MediaClock,
    Origin,
    ReferenceClock,
    Rtcp,
    RtpMap,
    Session,
    SourceFilter,
    ip_of,
)

MIDS = ("PRIMARY", "SECONDARY")
"""What the two legs of an ST 2022-7 pair are called."""


def describe(  # noqa: PLR0913 - everything that a transport file tells, by name
    sender: JSON,
    flow: JSON,
    source: JSON,
    transport_params: Sequence[JSON],
    *,
    clock: JSON | None,
    interfaces: Mapping[int, str | None],
    session_id: int,
    session_version: int,
    packing: Packing | None = None,
) -> Session:
    """The session that a sender sends; :class:`NotFound` says why there is none to describe.

    ``transport_params`` are the active ones, nothing of them ``auto``; a leg that is not ``rtp_enabled`` is left out.
    ``clock`` is the node's clock that the source names, ``interfaces`` the MAC address of each leg's interface
    (``aa-bb-..``; ``None`` where it has none), ``session_version`` a number that grows with every change (RFC 8866
    section 5.2).
    """
    packing = packing or Packing()
    stream = essence(sender, flow, source, packing)
    legs = [(index, leg) for index, leg in enumerate(transport_params) if leg.get("rtp_enabled", True)]
    if not legs:
        raise NotFound("no transport file: none of the sender's legs is enabled")
    mids = MIDS[: len(legs)] if len(legs) > 1 else ()
    media = [
        _media(stream, index, leg, packing.ttl, _reference_clock(clock, interfaces.get(index), packing.ptp_domain))
        for index, leg in legs
    ]
    origin = _address(legs[0][0], legs[0][1], "source_ip")
    described = [_named(stream, mids, position) for position, stream in enumerate(media)]
    repairs = [_repairs(index, leg, packing.ttl) for index, leg in legs]
    protected = [protect(stream, flows) for stream, flows in zip(described, repairs, strict=True)]
    return Session(
        origin=Origin("-", str(session_id), str(session_version), _address_type(origin), origin),
        name=_CONTROLS.sub(" ", str(sender.get("label", ""))).strip()[:250],
        groups=((Group("DUP", mids),) if mids else ()) + tuple(group for group, _ in protected if group),
        media=tuple(stream for _, streams in protected for stream in streams),
    )


# Free text in a line of its own must not end that line.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def _media(stream: Essence, index: int, leg: JSON, ttl: int, clock: ReferenceClock) -> Media:
    address = _address(index, leg, "destination_ip")
    address_type = _address_type(address)
    ip = ip_of(address)
    multicast = ip is not None and ip.is_multicast
    fmtp = Fmtp(stream.payload_type, stream.parameters)
    return Media(
        kind=stream.kind,
        port=_port(index, leg, "destination_port"),
        protocol="RTP/AVP",
        formats=(str(stream.payload_type),),
        # RFC 8866 section 5.7: a TTL with IPv4 multicast, and with nothing else.
        connections=(Connection(address_type, address, ttl if multicast and address_type == "IP4" else None),),
        bandwidths=stream.bandwidths,
        source_filters=_source_filters(address, address_type, leg.get("source_ip")) if multicast else (),
        rtpmaps=(RtpMap(stream.payload_type, stream.encoding, stream.clock_rate, stream.channels),),
        fmtps=(fmtp,) if fmtp.parameters else (),
        ptime=stream.ptime,
        maxptime=stream.maxptime,
        framerate=stream.framerate,
        reference_clocks=(clock,),
        # ST 2110-10 section 8.3: the offset is zero, whatever the reference clock.
        media_clock=MediaClock("direct=0"),
        rtcp=_rtcp(index, leg),
    )


def _repairs(index: int, leg: JSON, ttl: int) -> tuple[Repair, ...]:
    """The column flow, and for two dimensions the row flow (ST 2022-5), where the sender has them and uses them."""
    if not leg.get("fec_enabled"):
        return ()
    address = _address(index, leg, "fec_destination_ip")
    names = ("fec1D_destination_port", "fec2D_destination_port")[: 2 if leg["fec_mode"] == "2D" else 1]
    address_type = _address_type(address)
    ip = ip_of(address)
    multicast = ip is not None and ip.is_multicast
    connection = Connection(address_type, address, ttl if multicast and address_type == "IP4" else None)
    filters = _source_filters(address, address_type, leg.get("source_ip")) if multicast else ()
    return tuple(Repair(connection, filters, _port(index, leg, name)) for name in names)


def _named(media: Media, mids: Sequence[str], position: int) -> Media:
    return replace(media, mid=mids[position]) if mids else media


def _source_filters(address: str, address_type: str, source: str | None) -> tuple[SourceFilter, ...]:
    """ST 2110-10 section 8.4 and IS-05: what a source-specific receiver has to know."""
    return (SourceFilter("incl", address_type, address, (source,)),) if source else ()


def _rtcp(index: int, leg: JSON) -> Rtcp | None:
    """RFC 3605, where the sender has the RTCP parameter set and uses it."""
    if not leg.get("rtcp_enabled"):
        return None
    address = _address(index, leg, "rtcp_destination_ip")
    return Rtcp(_port(index, leg, "rtcp_destination_port"), _address_type(address), address)


def _reference_clock(clock: JSON | None, mac: str | None, ptp_domain: int) -> ReferenceClock:
    """ST 2110-10 section 8.2: PTP while it is locked, else the MAC address of the sending interface."""
    if clock and clock.get("ref_type") == "ptp" and clock.get("locked", True):
        server = "traceable" if clock.get("traceable") else f"{str(clock['gmid']).upper()}:{ptp_domain}"
        return ReferenceClock("ptp", f"{clock['version']}:{server}")
    return ReferenceClock("localmac", (mac or "00-00-00-00-00-00").upper().replace(":", "-"))


def _address(index: int, leg: JSON, name: str) -> str:
    """A resolved address; a sender that has none yet has no transport file either."""
    address = leg.get(name)
    if not isinstance(address, str) or ip_of(address) is None:
        raise NotFound(f"no transport file: leg {index + 1} of the sender has no {name} yet")
    return address


def _port(index: int, leg: JSON, name: str) -> int:
    port = leg.get(name)
    if not isinstance(port, int):
        raise NotFound(f"no transport file: leg {index + 1} of the sender has no {name} yet")
    return port


def _address_type(address: str) -> AddressType:
    return "IP6" if ":" in address else "IP4"
