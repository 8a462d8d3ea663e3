"""``/panel/network``: the box's interfaces, what they are cabled to, and its PTP clock, for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from appliance.core.types import JSON
from appliance.network.lldp import Lldp
from appliance.network.model import Interface, NetworkState
from appliance.network.ptp import PtpClock
from appliance.panel.text import clean
from appliance.web.messages import Answer, Request
from appliance.web.site import Site


class Ptp(Protocol):
    """The clock as it is followed now."""

    @property
    def clock(self) -> PtpClock | None: ...
    @property
    def offset_ns(self) -> float | None: ...


class NetworkApi:
    """The handler; ``declare`` puts it on a site."""

    def __init__(self, state: Callable[[], NetworkState], lldp: Callable[[], Lldp], ptp: Ptp) -> None:
        self._state, self._lldp, self._ptp = state, lldp, ptp

    def declare(self, site: Site) -> None:
        site.route("/panel/network", get=self.network)

    def network(self, _request: Request) -> Answer:
        """Media interfaces first, in order of preference; loopback is left out."""
        state, lldp = self._state(), self._lldp()
        names = dict.fromkeys((*state.media, *state.interfaces))
        shown = [state.interfaces[name] for name in names if name in state.interfaces]
        body: JSON = {
            "interfaces": [_interface(each, state, lldp) for each in shown if not each.loopback],
            "ptp": self._clock(),
        }
        return Answer(body, headers={"Cache-Control": "no-store"})

    def _clock(self) -> JSON | None:
        clock = self._ptp.clock
        if clock is None:
            return None
        return {
            "grandmaster": clock.gmid,
            "domain": clock.domain,
            "locked": clock.locked,
            "traceable": clock.traceable,
            "offset_ns": self._ptp.offset_ns,
        }


def _interface(interface: Interface, state: NetworkState, lldp: Lldp) -> JSON:
    neighbour = lldp.neighbours.get(interface.name)
    return {
        "name": clean(interface.name),
        "state": "up" if interface.up and interface.carrier else "no cable" if interface.up else "down",
        "media": interface.name in state.media,
        "speed_mbps": interface.speed_mbps,
        "addresses": [f"{address.ip}/{address.prefix}" for address in interface.addresses],
        "neighbour": None
        if neighbour is None
        else {
            "name": clean(neighbour.name) or clean(neighbour.chassis_id),
            "port": clean(neighbour.port_name) or clean(neighbour.port_id),
        },
    }
