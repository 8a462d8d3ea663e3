"""What a transport file makes of an RTP receiver's transport parameters.

IS-05 Behaviour - RTP Transport Type: Interpretation of SDP Files, Operation with SMPTE 2022-5, 2022-7 and RTCP.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from appliance.core.types import JSON
from appliance.nmos.is05.sdp.facts import audio_format, capability_facts, flow_facts, media_type
from appliance.nmos.is05.sdp.model import Media, SdpError, Session
from appliance.nmos.is05.sdp.paths import Path, group_of, literal, narrow, paths

__all__ = [
    "MULTICAST_PARAMETERS",
    "UNICAST_PARAMETERS",
    "audio_format",
    "capability_facts",
    "flow_facts",
    "media_type",
    "narrow",
    "to_transport_params",
]

UNICAST_PARAMETERS = frozenset({"source_ip", "interface_ip", "destination_port", "rtp_enabled"})
"""The core parameter set, which every RTP receiver has."""
MULTICAST_PARAMETERS = UNICAST_PARAMETERS | {"multicast_ip"}


def to_transport_params(
    session: Session,
    *,
    legs: int,
    receiver_addresses: Sequence[Collection[str]] = (),
    parameters: Collection[str] = MULTICAST_PARAMETERS,
) -> list[JSON]:
    """The transport parameters that ``session`` stands for, one object for each of the receiver's ``legs``.

    ``receiver_addresses`` are the local addresses of each leg; ``parameters`` the names that the receiver's
    constraints have, so that FEC and RTCP appear only where it knows them. A leg for which the file has no stream gets
    nothing but ``rtp_enabled: false``: what else is staged there stays.
    """
    found = paths(session)
    if "multicast_ip" not in parameters and any(path.multicast for path in found[:legs]):
        raise SdpError(f"{found[0].destination} is multicast, and this receiver only takes unicast")
    result: list[JSON] = []
    for index in range(legs):
        if index < len(found):
            addresses = receiver_addresses[index] if index < len(receiver_addresses) else ()
            leg = _leg(session, found[index], addresses)
            result.append({name: value for name, value in leg.items() if name in parameters})
        else:
            result.append({"rtp_enabled": False})
    return result


def _leg(session: Session, path: Path, addresses: Collection[str]) -> JSON:
    ours = not path.multicast and path.destination in addresses
    return {
        "source_ip": path.source,
        "multicast_ip": path.destination if path.multicast else None,
        "interface_ip": path.destination if ours else "auto",
        "destination_port": path.media.port or "auto",
        "rtp_enabled": path.active,
        **_fec(session, path.media),
        **_rtcp(path),
    }


def _rtcp(path: Path) -> JSON:
    """RFC 3605: without an address of its own, RTCP goes where RTP goes, which is what ``auto`` means."""
    rtcp = path.media.rtcp
    return {
        "rtcp_enabled": rtcp is not None,
        "rtcp_destination_ip": str(literal("a=rtcp", rtcp.address)) if rtcp and rtcp.address else "auto",
        "rtcp_destination_port": rtcp.port if rtcp else "auto",
    }


def _fec(session: Session, media: Media) -> JSON:
    """RFC 6364: the repair flows are the UDP/FEC media in the stream's group, the column flow before the row flow."""
    repairs = _repairs(session, media)
    connection = session.connection_of(repairs[0]) if repairs else None
    ports: list[int | str] = [*(repair.port or "auto" for repair in repairs[:2]), "auto", "auto"]
    return {
        "fec_enabled": bool(repairs),
        "fec_destination_ip": str(literal("c=", connection.address)) if connection else "auto",
        "fec_mode": "auto",
        "fec1D_destination_port": ports[0],
        "fec2D_destination_port": ports[1],
    }


def _repairs(session: Session, media: Media) -> list[Media]:
    group = group_of(session, media, "FEC-FR", "FEC")
    if group is None:
        return []
    return [other for other in session.media if other.mid in group.mids and other.protocol.upper() == "UDP/FEC"]
