"""What each leg may be set to now: /constraints, which follows the host's interfaces live.

An interface parameter is an ``enum`` of every IPv4 and IPv6 address of the leg's interfaces; ``auto`` is always allowed
and never listed (IS-05 APIs - Server Side Implementation Notes). Everything else is as wide as the schemas are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from appliance.config.model import AUTO
from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.network.model import NetworkState
from appliance.nmos.is05.endpoint import Endpoint

MAX_LISTED = 8


class Addresses:
    """One state of the network, by address, and what of it each endpoint may use. Made anew for a new state."""

    def __init__(self, state: NetworkState) -> None:
        self.state = state
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
        entry: JSON = {name: {} for name in endpoint.parameters}
        addresses = self.of_leg(endpoint, leg)
        if addresses:  # an empty enum is not allowed: without any address there is nothing to choose from yet
            entry[endpoint.address_parameter] = {"enum": list(addresses)}
        return entry


def check(constraints: Sequence[JSON], transport_params: Sequence[JSON]) -> None:
    """:class:`BadRequest` naming the first parameter that its constraint does not allow."""
    for leg, (constraint, params) in enumerate(zip(constraints, transport_params, strict=True)):
        for name, value in params.items():
            allowed = constraint[name].get("enum")
            if allowed is not None and value != AUTO and value not in allowed:
                listed = ", ".join(allowed[:MAX_LISTED]) + (", ..." if len(allowed) > MAX_LISTED else "")
                raise BadRequest(f"transport_params[{leg}].{name}: {value} is not one of {listed} (nor auto)")
