"""``auto``: what each transport parameter that is left to the box becomes (IS-05 Behaviour - RTP Transport Type).

The rules of WebSocket and MQTT are in events.py.

A leg that is to run needs an answer for every parameter, else :class:`Unresolvable` names the one that has none. A leg
that is switched off shows what it would use, as far as that is known: switching off never fails.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from appliance.config.model import AUTO
from appliance.core.types import JSON
from appliance.errors import ApplianceError, BadRequest, Unresolvable
from appliance.network.model import NetworkState, Role
from appliance.network.policy import Choice, Question, Refusal
from appliance.network.room import NO_LOAD, Load
from appliance.nmos.is05.constraints import Addresses
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.events import Broker, EventResolver
from appliance.nmos.is05.schemas import ip_version
from appliance.nmos.is05.state import UNSPECIFIED

RTP_PORT = 5004
"""RFC 3551 section 8, and what AMWA's schemas name as the default of ``auto``."""
MAX_PORT = 65_535


class Network(Protocol):
    """The host's network as it is now, and the policy that chooses from it."""

    @property
    def state(self) -> NetworkState: ...

    def choose(self, question: Question) -> Choice | Refusal: ...


class Pool(Protocol):
    """Where ``auto`` destinations come from: the same address again for the same sender and leg."""

    def address(self, sender_id: str, leg: int) -> str:
        """A multicast address; :class:`~appliance.errors.ApplianceError` says why where there is none left."""
        ...


@dataclass(slots=True)
class Resolution:
    """The parameters without ``auto``, and for each leg the interface (empty: not known) and why that one."""

    params: list[JSON] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class Resolver:
    """Resolves transport parameters against one network, one pool and one broker."""

    def __init__(self, network: Network, pool: Pool, broker: Broker) -> None:
        self._network = network
        self._pool = pool
        self._events = EventResolver(network, broker)

    def resolve(
        self,
        endpoint: Endpoint,
        params: Sequence[JSON],
        addresses: Addresses,
        *,
        enabled: bool,
        before: Sequence[JSON] = (),
        origin: str | None = None,
        load: Load = NO_LOAD,
    ) -> Resolution:
        """``before`` are the active parameters until now, which a leg that is off goes on showing; ``origin`` is who
        made a receiver's transport file, which is most likely who sends where no ``source_ip`` says it; ``load`` is
        what each leg takes, and what other streams take already."""
        if not endpoint.transport.is_rtp:
            return self._event(endpoint, params[0], addresses, enabled, before)
        result = Resolution()
        needed = [self._needed(endpoint, index, leg, addresses) for index, leg in enumerate(params)]
        for index, leg in enumerate(params):
            avoid = tuple(name for name in (*result.interfaces, *needed[index + 1 :]) if name)
            question = self._leg(endpoint, index, addresses, avoid, origin, load)
            try:
                resolved, choice = question.resolved(leg)
                if leg["rtp_enabled"]:
                    load = replace(load, committed=_with(load.committed, choice.address, load.bit_rate))
            except (Unresolvable, BadRequest) as error:
                if enabled and leg["rtp_enabled"]:
                    raise
                resolved, choice = _idle(endpoint, leg, before[index] if before else {}, addresses, error)
            result.params.append(resolved)
            result.interfaces.append(choice.interface)
            result.reasons.append(choice.reason)
        return result

    def leads_elsewhere(
        self,
        endpoint: Endpoint,
        index: int,
        leg: JSON,
        active: Sequence[JSON],
        addresses: Addresses,
        origin: str | None,
        load: Load = NO_LOAD,
    ) -> Choice | None:
        """What the network as it is now calls for, where that is another interface for this leg than that of its active
        address. How full the ports are is no reason to leave one, but one not to go to another. That the other leg has
        the same port is a better reason than any order."""
        owners = [addresses.owner(other[endpoint.address_parameter]) or "" for other in active]
        avoid = tuple(name for other, name in enumerate(owners) if other != index and name)
        choice = None
        for considered in (load, NO_LOAD):
            try:
                _, choice = self._leg(endpoint, index, addresses, avoid, origin, considered).resolved(leg)
            except (Unresolvable, BadRequest):
                return None
            if choice.interface == owners[index]:
                return None
        if choice is None:
            return None
        state = self._network.state
        shared = {state.port(name) for name in avoid}
        parts = state.port(owners[index]) in shared and state.port(choice.interface) not in shared
        return replace(choice, by_order=choice.by_order and not parts)

    def has_better_address(self, ip: str) -> bool:
        """Whether an address was taken for want of another: a link-local one, and now there is a better one."""
        if not ipaddress.ip_address(ip).is_link_local:
            return False
        owner = self._network.state.owner_of(ip)
        return owner is not None and any(not a.link_local for a in owner.of_version(6 if ":" in ip else 4))

    def _leg(
        self,
        endpoint: Endpoint,
        index: int,
        addresses: Addresses,
        avoid: tuple[str, ...],
        origin: str | None,
        load: Load,
    ) -> _Leg:
        """A receiver's transport file was made by who sends the first leg; nothing is known of the other one."""
        return _Leg(self._network, self._pool, endpoint, index, addresses, avoid, None if index else origin, load)

    def _needed(self, endpoint: Endpoint, index: int, leg: JSON, addresses: Addresses) -> str:
        """The interface without which a leg cannot be: that of the address asked for, or the only one there is."""
        value = leg[endpoint.address_parameter]
        if value != AUTO:
            return addresses.owner(value) or ""
        state = self._network.state
        names = addresses.interfaces_of(endpoint, index)
        usable = [name for name in names if name in state.interfaces and state.interfaces[name].usable]
        return usable[0] if len({state.port(name) for name in usable}) == 1 else ""

    def _event(
        self, endpoint: Endpoint, leg: JSON, addresses: Addresses, enabled: bool, before: Sequence[JSON]
    ) -> Resolution:
        last = before[0] if before else None
        resolved = self._events.resolve(endpoint, leg, addresses, enabled=enabled, before=last)
        return Resolution([resolved.params], [resolved.interface], [resolved.reason])


@dataclass(frozen=True, slots=True)
class _Leg:
    """One leg of one endpoint while it is resolved."""

    network: Network
    pool: Pool
    endpoint: Endpoint
    index: int
    addresses: Addresses
    avoid: tuple[str, ...]
    origin: str | None
    load: Load

    def resolved(self, leg: JSON) -> tuple[JSON, Choice]:
        resolved, choice = self._sender(leg) if self.endpoint.is_sender else self._receiver(leg)
        for name, value in companions(resolved).items():
            if isinstance(value, int) and value > MAX_PORT:
                base = _base_of(name)
                raise Unresolvable(f"transport_params[{self.index}].{name}", f"{base} {resolved[base]} is too high")
            resolved[name] = value
        return resolved, choice

    def _sender(self, leg: JSON) -> tuple[JSON, Choice]:
        destination = leg["destination_ip"]
        if destination == AUTO:
            destination = self._group()
        choice = self._interface("source_ip", leg["source_ip"], destination, None)
        return {
            **leg,
            "source_ip": choice.address,
            "destination_ip": destination,
            "source_port": _port(leg["source_port"]),
            "destination_port": _port(leg["destination_port"]),
        }, choice

    def _receiver(self, leg: JSON) -> tuple[JSON, Choice]:
        group, source = leg.get("multicast_ip"), leg["source_ip"]
        if source is None and group and self.origin and ip_version(self.origin) == ip_version(group):
            source = self.origin
        choice = self._interface("interface_ip", leg["interface_ip"], group, source)
        port = _port(leg["destination_port"])
        return {**leg, "interface_ip": choice.address, "destination_port": port}, choice

    def _group(self) -> str:
        try:
            return self.pool.address(self.endpoint.id, self.index)
        except ApplianceError as error:
            raise Unresolvable(f"transport_params[{self.index}].destination_ip", error.message) from None

    def _interface(self, name: str, value: str, destination: str | None, source: str | None) -> Choice:
        """The interface for this leg: the one that has the given address, or what the policy chooses."""
        parameter = f"transport_params[{self.index}].{name}"
        if value != AUTO:
            return self._given(parameter, value, destination or source)
        answer = self.network.choose(
            Question(
                role=Role.SENDER if self.endpoint.is_sender else Role.RECEIVER,
                destination=destination,
                source=source,
                allowed=self.endpoint.legs[self.index].interfaces,
                avoid=self.avoid,
                load=self.load,
            )
        )
        if isinstance(answer, Refusal):
            raise Unresolvable(parameter, answer.reason)
        return answer

    def _given(self, parameter: str, ip: str, other: str | None) -> Choice:
        owner = self.addresses.owner(ip)
        if owner is None or owner not in self.addresses.interfaces_of(self.endpoint, self.index):
            raise BadRequest(f"{parameter}: no interface of this leg has the address {ip} now")
        if other is not None and ip_version(ip) != ip_version(other):
            raise BadRequest(f"{parameter}: {ip} and {other} are of different IP versions")
        return Choice(owner, ip, f"{owner}: its address {ip} was asked for")


def _with(committed: Mapping[str, int], ip: str, bit_rate: int) -> Mapping[str, int]:
    return {**committed, ip: committed.get(ip, 0) + bit_rate}


def _idle(
    endpoint: Endpoint, leg: JSON, before: JSON, addresses: Addresses, error: Unresolvable | BadRequest
) -> tuple[JSON, Choice]:
    """What a leg shows that is off and cannot be resolved: what it last used, else that there is no address."""
    shown = {name: value if name in _COMPANIONS else _last(name, value, before) for name, value in leg.items()}
    for name, value in companions(shown).items():
        shown[name] = min(value, MAX_PORT) if isinstance(value, int) else value
    ip = shown[endpoint.address_parameter]
    why = error.why if isinstance(error, Unresolvable) else error.message
    return shown, Choice(addresses.owner(ip) or "", ip, f"off: {why}")


def _last(name: str, value: Any, before: JSON) -> Any:
    if value != AUTO:
        return value
    return before.get(name, RTP_PORT if name.endswith("_port") else UNSPECIFIED)


_COMPANIONS = {
    "fec1D_destination_port": 2, "fec2D_destination_port": 4, "fec1D_source_port": 2, "fec2D_source_port": 4,
    "rtcp_destination_port": 1, "rtcp_source_port": 1,
    "fec_destination_ip": 0, "rtcp_destination_ip": 0, "fec_mode": 0,
}  # fmt: skip
"""What goes beside RTP, and for ports how far above RTP's: IS-05's transport parameter schemas."""


def companions(leg: JSON) -> JSON:
    """What each parameter of FEC and RTCP that is ``auto`` becomes beside these RTP parameters."""
    return {name: _companion(name, leg) for name in _COMPANIONS if leg.get(name) == AUTO}


def _companion(name: str, leg: JSON) -> int | str:
    if name == "fec_mode":
        return "2D"  # a receiver's: the highest number of dimensions
    if name.endswith("_ip"):
        destination: str = leg.get("destination_ip") or leg.get("multicast_ip") or leg["interface_ip"]
        return destination
    port: int = leg[_base_of(name)]
    return port + _COMPANIONS[name] if port else port  # source port 0: any, and any for its companions too


def _base_of(name: str) -> str:
    return "source_port" if name.endswith("source_port") else "destination_port"


def _port(value: int | str) -> int:
    return RTP_PORT if isinstance(value, str) else value


def is_unset(leg: JSON) -> bool:
    """Whether a leg of /active still lacks an address (an uninitialised sender or receiver)."""
    return UNSPECIFIED in leg.values()
