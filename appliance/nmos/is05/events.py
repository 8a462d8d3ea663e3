"""The transport parameters of WebSocket and MQTT as events and tally use them: what is offered, what ``auto`` becomes.

IS-05 Behaviour - WebSocket and MQTT Transport Type, IS-07 Transport - Websocket section 3 and Transport - MQTT section
3. A WebSocket sender is a server: its URIs are this box's own, one for each address, the same for all senders of a
device. For MQTT both ends are clients of a broker, which the configuration (or discovery) knows. What a sender cannot
have otherwise (its topic, its source, where its Events API is) is its only choice in /constraints, and follows the box.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from appliance.config.model import AUTO, BrokerConfig, Transport
from appliance.core.types import JSON
from appliance.errors import BadRequest, Unresolvable
from appliance.network.model import Role
from appliance.network.policy import Choice, Question, Refusal
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.schemas import ip_version

EVENTS_PATH = "/x-nmos/events/v1.0"
_SOCKETS = {"http": "ws", "https": "wss"}
BROKER_PORTS = {"mqtt": 1883, "secure-mqtt": 8883}

Broker = Callable[[], BrokerConfig | None]
"""The broker to use where a parameter is ``auto``; ``None`` while none is known."""


class Chooser(Protocol):
    def choose(self, question: Question) -> Choice | Refusal: ...


class Addresses(Protocol):
    """What is asked of :class:`appliance.nmos.is05.constraints.Addresses`."""

    @property
    def node(self) -> JSON: ...
    def owner(self, ip: str) -> str | None: ...
    def interfaces_of(self, endpoint: Endpoint, leg: int) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Resolved:
    """One leg without ``auto``, the interface for it (empty: not known), and why that one."""

    params: JSON
    interface: str
    reason: str


def constraints(endpoint: Endpoint, addresses: Addresses) -> JSON:
    """/constraints of the one leg: a sender's own values are its only ones, a receiver may be set to anything."""
    entry: JSON = {name: {} for name in endpoint.parameters}
    if not endpoint.is_sender:
        return entry
    entry |= {name: {"enum": [value]} for name, value in own(endpoint, addresses.node).items()}
    if endpoint.transport is Transport.WEBSOCKET:
        entry["connection_authorization"] = {"enum": [_wants_tokens(addresses)]}
        if uris := _uris(endpoint, addresses):
            entry["connection_uri"] = {"enum": uris}
    return entry


def own(endpoint: Endpoint, node: JSON) -> JSON:
    """The parameters of a sender that only have one value, from what it is and where the box is reached now."""
    if not endpoint.is_sender or endpoint.transport.is_rtp:
        return {}
    source = f"{EVENTS_PATH}/sources/{endpoint.source_id}"
    values: JSON = {"ext_is_07_rest_api_url": f"{node['href'].rstrip('/')}{source}/"}
    if endpoint.transport is Transport.WEBSOCKET:
        return values | {"ext_is_07_source_id": endpoint.source_id}
    # The box has one connection to a broker for all that it sends: so its status has the node's id.
    return values | {
        "broker_topic": source.removeprefix("/"),
        "connection_status_broker_topic": f"{EVENTS_PATH}/connections/{endpoint.node_id}".removeprefix("/"),
    }


def with_own(endpoint: Endpoint, legs: Collection[JSON], node: JSON) -> list[JSON]:
    """``legs`` with those values, wherever the box was reached when they were written."""
    values = own(endpoint, node)
    return [leg if leg.items() >= values.items() else {**leg, **values} for leg in legs]


def as_received(endpoint: Endpoint, leg: JSON) -> JSON:
    """What the active leg of a sender says, in the words of the receiver that is to hear it."""
    renamed = {"destination_host": "source_host", "destination_port": "source_port"}
    said = {renamed.get(name, name): value for name, value in leg.items()}
    return {name: said[name] for name in endpoint.parameters if name in said}


class EventResolver:
    """Resolves the one leg of a WebSocket or MQTT sender or receiver."""

    def __init__(self, network: Chooser, broker: Broker) -> None:
        self._network = network
        self._broker = broker

    def resolve(
        self, endpoint: Endpoint, leg: JSON, addresses: Addresses, *, enabled: bool, before: JSON | None
    ) -> Resolved:
        """``before`` is what was active until now. Where it is not ``enabled`` nothing fails."""
        resolved = self._websocket if endpoint.transport is Transport.WEBSOCKET else self._mqtt
        try:
            params = resolved(endpoint, leg, addresses, before or {})
        except (Unresolvable, BadRequest) as error:
            if enabled:
                raise
            why = error.why if isinstance(error, Unresolvable) else error.message
            shown = {name: _last(name, value, before or {}) for name, value in leg.items()}
            return Resolved(shown, self._any(endpoint, addresses), f"off: {why}")
        interface, reason = self._way(endpoint, params, addresses)
        return Resolved(params, interface, reason)

    def _websocket(self, endpoint: Endpoint, leg: JSON, addresses: Addresses, before: JSON) -> JSON:
        uri = leg["connection_uri"]
        if endpoint.is_sender:
            uris = _uris(endpoint, addresses)
            if uri == AUTO:
                uri = _kept(before.get("connection_uri"), uris)
                if uri is None:
                    raise Unresolvable("transport_params[0].connection_uri", "no interface of it has an address")
            elif uri not in uris:
                raise BadRequest(f"transport_params[0].connection_uri: {uri} is not at an address of this box now")
        authorization = leg["connection_authorization"]
        if authorization == AUTO:  # for a receiver: what this box wants itself others in its plant will want, too
            authorization = _wants_tokens(addresses) and (endpoint.is_sender or str(uri).startswith("wss:"))
        return {**leg, "connection_uri": uri, "connection_authorization": authorization}

    def _mqtt(self, endpoint: Endpoint, leg: JSON, addresses: Addresses, before: JSON) -> JSON:
        """A broker that a controller names is asked for nothing else of it: what is ``auto`` then is as usual."""
        name, port_name = broker_parameters(endpoint)
        broker = BrokerConfig(leg[name] or "")
        if leg[name] == AUTO:
            found = self._broker()
            if found is None:
                why = "no broker is known: none is announced, nor named by events.mqtt_broker"
                raise Unresolvable(f"transport_params[0].{name}", why)
            broker = found
        protocol = broker.protocol if leg["broker_protocol"] == AUTO else leg["broker_protocol"]
        usual = broker.port or BROKER_PORTS[protocol]
        authorization = leg["broker_authorization"]
        return {
            **leg,
            name: broker.host or None,
            port_name: usual if leg[port_name] == AUTO else leg[port_name],
            "broker_protocol": protocol,
            "broker_authorization": broker.authorization if authorization == AUTO else authorization,
        }

    def _way(self, endpoint: Endpoint, params: JSON, addresses: Addresses) -> tuple[str, str]:
        """TCP goes where the kernel sends it; the interface is named so that people and IS-04 know."""
        host = _host(endpoint, params)
        if host is None:
            return self._any(endpoint, addresses), "not told yet where to connect to"
        if endpoint.transport is Transport.WEBSOCKET and endpoint.is_sender:
            owner = addresses.owner(host)
            if owner is None:
                return self._any(endpoint, addresses), f"{host} is a name of this box, where others connect to"
            return owner, f"{owner}: its address {host} is where others connect to"
        if ip_version(host) is None:
            return self._any(endpoint, addresses), f"{host} is a name: the way there is known when it is looked up"
        allowed = addresses.interfaces_of(endpoint, 0)
        answer = self._network.choose(Question(role=Role.SENDER, destination=host, allowed=allowed))
        if isinstance(answer, Refusal):
            return self._any(endpoint, addresses), answer.reason
        return answer.interface, answer.reason

    def _any(self, endpoint: Endpoint, addresses: Addresses) -> str:
        return next(iter(addresses.interfaces_of(endpoint, 0)), "")


def broker_parameters(endpoint: Endpoint) -> tuple[str, str]:
    """The names of the broker's host and port."""
    return ("destination_host", "destination_port") if endpoint.is_sender else ("source_host", "source_port")


def _uris(endpoint: Endpoint, addresses: Addresses) -> list[str]:
    """Where this box serves the events of the sender's device: at every address that the leg may use."""
    wanted = endpoint.legs[0].interfaces
    path = f"{EVENTS_PATH}/devices/{endpoint.device_id}"
    return [
        f"{_SOCKETS[at['protocol']]}://{f'[{host}]' if ':' in host else host}:{at['port']}{path}"
        for at in addresses.node["api"]["endpoints"]
        if (host := at["host"]) and (not wanted or ip_version(host) is None or addresses.owner(host) in wanted)
    ]


def _wants_tokens(addresses: Addresses) -> bool:
    """Whether the APIs of this box want tokens (IS-10)."""
    return any(endpoint.get("authorization", False) for endpoint in addresses.node["api"]["endpoints"])


def _kept(before: str | None, uris: list[str]) -> str | None:
    return before if before in uris else next(iter(uris), None)


def _host(endpoint: Endpoint, params: JSON) -> str | None:
    if endpoint.transport is Transport.MQTT:
        host: str | None = params[broker_parameters(endpoint)[0]]
        return host
    uri = params["connection_uri"]
    return urlsplit(uri).hostname if uri else None


_UNKNOWN: JSON = {
    "destination_port": BROKER_PORTS["mqtt"],
    "source_port": BROKER_PORTS["mqtt"],
    "broker_protocol": "mqtt",
    "broker_authorization": False,
    "connection_authorization": False,
}
"""What /active shows of a parameter that was never resolved; addresses are null."""


def _last(name: str, value: Any, before: JSON) -> Any:
    return value if value != AUTO else before.get(name, _UNKNOWN.get(name))
