"""What the Node resource says of the host itself: its clocks, its interfaces and what these are cabled to."""

from __future__ import annotations

from appliance.core.types import JSON
from appliance.network.lldp import Lldp
from appliance.network.model import Interface, NetworkState
from appliance.network.ptp import PtpClock

INTERNAL_CLOCK = "clk0"
PTP_CLOCK = "clk1"


def clocks(ptp: PtpClock | None) -> list[JSON]:
    """The internal clock is always there; the other one comes and goes with PTP: no name changes its meaning."""
    internal: JSON = {"name": INTERNAL_CLOCK, "ref_type": "internal"}
    return [internal] if ptp is None else [internal, _ptp(ptp)]


def media_clock(ptp: PtpClock | None) -> str:
    """The clock that sources refer to: PTP as soon as there is one, also while it is not locked (it says so itself)."""
    return INTERNAL_CLOCK if ptp is None else PTP_CLOCK


def interfaces(network: NetworkState, lldp: Lldp) -> list[JSON]:
    """The interfaces that a sender or receiver may be bound to; ``port_id`` must be a MAC address (IS-04 v1.2)."""
    shown = [i for i in network.interfaces.values() if i.port_id and (not i.loopback or i.name in network.media)]
    first = next((i.port_id for i in shown if not i.loopback), None)
    return [_interface(interface, lldp.chassis_id or first, lldp) for interface in shown]


def _ptp(ptp: PtpClock) -> JSON:
    return {
        "name": PTP_CLOCK,
        "ref_type": "ptp",
        "traceable": ptp.traceable,
        "version": "IEEE1588-2008",
        "gmid": ptp.gmid,
        "locked": ptp.locked,
    }


def _interface(interface: Interface, chassis: str | None, lldp: Lldp) -> JSON:
    body: JSON = {"name": interface.name, "chassis_id": chassis, "port_id": interface.port_id}
    if neighbour := lldp.neighbours.get(interface.name):
        body["attached_network_device"] = {"chassis_id": neighbour.chassis_id, "port_id": neighbour.port_id}
    return body
