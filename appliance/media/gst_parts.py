"""What GStreamer's command lines are made of, whatever they carry: the ends at the network, and quoting.

A receiver's sockets are the daemon's (edge/rtp_socket.py), not udpsrc's: the udpsrc of GStreamer 1.22 binds to every
address and can only join a group for any source, which in the range of source-specific multicast (232/8, RFC 4607) a
router need not honour, and which undoes the source filter that the daemon joined with (RFC 3376 section 3.2: any-source
wins). Two legs in a funnel before one jitter buffer make an ST 2022-7 pair: what comes second is dropped by its
sequence number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from appliance.errors import BadRequest
from appliance.media.engine import Leg, descriptor

MAX_PACKET = 1452
"""Octets of an RTP packet: ST 2110-10's standard UDP datagram of 1460 with its header; fits IPv6 on Ethernet too."""


def then(*element: str) -> tuple[str, ...]:
    """``! element property=value ...``"""
    return ("!", *element)


def quoted(name: str, value: str) -> str:
    """One ``name=value`` whose value gst-launch takes as it stands, whatever is in it.

    gst-launch joins its arguments and parses the line itself: within double quotes only the quote and the backslash
    mean something, and a control character cannot be written at all.
    """
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
        raise BadRequest(f"{name} {value!r} has a control character in it")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'


def named(path: str | None) -> str:
    """The path of a file, which must have one."""
    if not path:
        raise BadRequest("path is missing: a file needs one")
    return path


def location(path: str | None) -> str:
    """``location="path"``, which everything that reads or writes a file has."""
    return quoted("location", named(path))


def sinks(legs: Sequence[Leg]) -> Iterator[str]:
    """RTP packets to each leg."""
    if len(legs) == 1:
        yield from then(*_sink(legs[0]))
        return
    yield from then("tee", "name=legs")
    for leg in legs:
        yield from ("legs.", *then("queue"), *then(*_sink(leg)))


def sources(legs: Sequence[Leg], caps: str) -> Iterator[str]:
    """The RTP packets of all legs, which ``caps`` describe (application/x-rtp,...)."""
    # The packets' arrival times drive the jitter buffer. 9216: a jumbo frame, else a datagram would be cut short.
    read = [("fdsrc", f"fd={descriptor(leg)}", "do-timestamp=true", "blocksize=9216") for leg in range(len(legs))]
    if len(legs) == 1:
        yield from (*read[0], *then(caps))
        return
    for source in read:
        yield from (*source, *then(caps), *then("legs."))
    yield from ("funnel", "name=legs")


def destinations(legs: Sequence[Leg]) -> frozenset[str]:
    """What no two senders can have at a time."""
    return frozenset(f"to {leg.destination_ip}:{leg.port}" for leg in legs)


def _sink(leg: Leg) -> Iterator[str]:
    yield from ("udpsink", f"host={leg.destination_ip}", f"port={leg.port}", f"bind-address={leg.interface_ip}")
    if leg.source_port:
        yield f"bind-port={leg.source_port}"
    if leg.multicast:
        # Bound to the interface; the sender itself is no member of the group it sends to.
        yield from (quoted("multicast-iface", leg.interface), f"ttl-mc={leg.ttl}", "auto-multicast=false")
    # Due when it was made: the default would be 20 ms later, for the sake of slow sinks.
    yield "processing-deadline=0"
