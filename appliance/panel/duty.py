"""Whether the box can do its job at all: what a monitor should wake somebody for, unlike a mere problem."""

from __future__ import annotations

from collections.abc import Collection

from appliance.media.engine import StreamStatus
from appliance.network.model import NetworkState

NO_INTERFACE = (
    "no media interface has a link and an address: nothing can be sent, received or found; check cable and address"
)


def off_duty(network: NetworkState, streams: Collection[StreamStatus]) -> str:
    """Why it cannot, in a sentence; empty where it can.

    Two things keep it from its job: no media interface that could carry anything, or a fault in every stream that
    should run. One stream of several, a state that cannot be saved, peers that do not answer or a registry that is
    away are problems of a box that works.
    """
    if not any(interface.usable for interface in network.media_interfaces()):
        return NO_INTERFACE
    wanted = [stream for stream in streams if stream.phase != "idle"]
    if wanted and all(stream.phase == "fault" for stream in wanted):
        which = "the only stream" if len(wanted) == 1 else f"each of the {len(wanted)} streams"
        return f"{which} that should run has a fault: {wanted[0].detail}"
    return ""
