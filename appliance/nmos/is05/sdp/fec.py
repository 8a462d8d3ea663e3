"""Forward error correction in a transport file: the repair flows beside a stream (ST 2022-5 by RFC 6364)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from appliance.nmos.is05.sdp.model import Attribute, Connection, Group, Media, SourceFilter

_ENCODING_ID = "encoding-id=0"
"""RFC 6364 section 4.5 wants one, and none is registered for ST 2022-5, whose packets say themselves what they are."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair flow: columns first, then rows."""

    connection: Connection
    source_filters: tuple[SourceFilter, ...]
    port: int


def protect(stream: Media, repairs: Sequence[Repair]) -> tuple[Group | None, tuple[Media, ...]]:
    """The stream with its repair flows behind it, and the group that says so (RFC 6364 section 4.4)."""
    if not repairs:
        return None, (stream,)
    mid = stream.mid or "S1"
    source = replace(stream, mid=mid, attributes=(*stream.attributes, Attribute("fec-source-flow", " id=0")))
    flows = [_flow(f"{mid}-R{number}", repair) for number, repair in enumerate(repairs, start=1)]
    return Group("FEC-FR", (mid, *(str(flow.mid) for flow in flows))), (source, *flows)


def _flow(mid: str, repair: Repair) -> Media:
    return Media(
        kind="application",
        port=repair.port,
        protocol="UDP/FEC",
        formats=(),
        connections=(repair.connection,),
        source_filters=repair.source_filters,
        mid=mid,
        attributes=(Attribute("fec-repair-flow", " " + _ENCODING_ID),),
    )
