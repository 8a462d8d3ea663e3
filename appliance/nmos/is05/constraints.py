"""What each leg may be set to now: /constraints, which follows the host's interfaces live.

An interface parameter is an ``enum`` of every IPv4 and IPv6 address of the leg's interfaces; ``auto`` is always allowed
and never listed (IS-05 APIs - Server Side Implementation Notes). Everything else of RTP is as wide as the schemas are;
for WebSocket and MQTT see events.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from appliance.config.model import AUTO
from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.network.model import NetworkState
from appliance.nmos.is05 import events
from appliance.nmos.is05.endpoint import Endpoint

MAX_LISTED = 8


class Addresses:
    """One state of the network, by address, and what of it each endpoint may use. Made anew for a new state.

    ``node`` is the node as IS-04 shows it, which says where this box is reached.
    """

    def __init__(self, state: NetworkState, node: JSON) -> None:
        self.state = state
        self.node = node
        self._legs: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._constraints: dict[str, list[JSON]] = {}

    def interfaces_of(self, endpoint: Endpoint, leg: int) -> tuple[str, ...]:
        """The names that the configuration allows this leg, in order of preference."""
        return endpoint.legs[leg].interfaces or self.state.media

    def of_leg(self, endpoint: Endpoint, leg: int) -> tuple[str, ...]:
        """Every address of the leg's interfaces, once."""
        names = self.interfaces_of(endpoint, leg)
        found = self._legs.get(names)
        if found is None:
            interfaces = (self.state.interfaces[name] for name in names if name in self.state.interfaces)
            found = tuple(dict.fromkeys(address.ip for interface in interfaces for address in interface.addresses))
            self._legs[names] = found
        return found

    def owner(self, ip: str) -> str | None:
        """The name of the interface that has the address."""
        return self._owners.get(ip)

    def usable(self, endpoint: Endpoint, leg: int, ip: str) -> bool:
        """Whether a leg can use this address now: it is there, and its interface is up with a link."""
        name = self.owner(ip)
        return name is not None and name in self.interfaces_of(endpoint, leg) and self.state.interfaces[name].usable

    def constraints(self, endpoint: Endpoint) -> list[JSON]:
        """/constraints: for each leg, for each of its parameters, an object."""
        found = self._constraints.get(endpoint.id)
        if found is None:
            found = self._constraints[endpoint.id] = [self._leg(endpoint, leg) for leg in range(len(endpoint.legs))]
        return found

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        # The first interface wins, so that it is the same as NetworkState.owner_of.
        owners: dict[str, str] = {}
        for name, interface in self.state.interfaces.items():
            for address in interface.addresses:
                owners.setdefault(address.ip, name)
        return owners

    def _leg(self, endpoint: Endpoint, leg: int) -> JSON:
        if not endpoint.transport.is_rtp:
            return events.constraints(endpoint, self)
        entry: JSON = {name: {} for name in endpoint.parameters}
        addresses = self.of_leg(endpoint, leg)
        if addresses:  # an empty enum is not allowed: without any address there is nothing to choose from yet
            entry[endpoint.address_parameter] = {"enum": list(addresses)}
        return entry


def check(constraints: Sequence[JSON], transport_params: Sequence[JSON]) -> None:
    """:class:`BadRequest` naming the first parameter that its constraint does not allow."""
    for leg, (constraint, params) in enumerate(zip(constraints, transport_params, strict=True)):
        for name, value in params.items():
            problem = _problem(constraint[name], value) if constraint[name] and value != AUTO else None
            if problem is not None:
                raise BadRequest(f"transport_params[{leg}].{name}: {problem} (nor auto)")


def _problem(constraint: JSON, value: object) -> str | None:
    """What a constraint (constraint-schema.json) has against a value; a range or a pattern judges its own kind only."""
    allowed = constraint.get("enum")
    if allowed is not None and value not in allowed:
        listed = ", ".join(map(_said, allowed[:MAX_LISTED])) + (", ..." if len(allowed) > MAX_LISTED else "")
        return f"{_said(value)} is not one of {listed}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _out_of_range(value, constraint.get("minimum"), constraint.get("maximum"))
    if isinstance(value, str) and "pattern" in constraint and not re.search(constraint["pattern"], value):
        return f"{_said(value)} is not like {constraint['pattern']}"
    return None


def _out_of_range(value: float, low: float | None, high: float | None) -> str | None:
    if low is not None and high is not None:
        return None if low <= value <= high else f"{value} is not from {low} to {high}"
    if low is not None and value < low:
        return f"{value} is less than {low}"
    return f"{value} is more than {high}" if high is not None and value > high else None


def _said(value: object) -> str:
    return value[:80] if isinstance(value, str) else json.dumps(value)
