"""The senders and receivers that the Connection API offers, as the configuration has them."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.config.model import AUTO, Config, LegConfig, ReceiverConfig, SenderConfig, Transport
from appliance.core.ids import Identities
from appliance.core.types import JSON, Kind
from appliance.nmos.is05.parameters import INITIAL, names

API_VERSIONS = ("v1.0", "v1.1")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One sender or receiver. ``parameters`` are the names of its transport parameters, the same on every leg.

    ``flow_id`` is what a sender sends and ``source_id`` where that comes from (``None`` for receivers).
    """

    id: str
    kind: Kind
    name: str
    transport: Transport
    legs: tuple[LegConfig, ...]
    config: SenderConfig | ReceiverConfig
    parameters: tuple[str, ...]
    flow_id: str | None = None
    source_id: str | None = None
    device_id: str = ""
    node_id: str = ""

    @property
    def is_sender(self) -> bool:
        return self.kind is Kind.SENDER

    @property
    def peer_key(self) -> str:
        """The name of the other end's id in /staged, /active and IS-04's ``subscription``."""
        return "receiver_id" if self.kind is Kind.SENDER else "sender_id"

    @property
    def address_parameter(self) -> str:
        """Which parameter says what interface of this box a leg uses."""
        return "source_ip" if self.kind is Kind.SENDER else "interface_ip"

    @property
    def transport_type(self) -> str:
        """The URN base, without a subclassification (IS-05 /transporttype)."""
        return Transport.RTP.urn if self.transport.is_rtp else self.transport.urn

    @property
    def starts_active(self) -> bool:
        return isinstance(self.config, SenderConfig) and self.config.active

    def known_to(self, version: str) -> bool:
        """v1.0 of the API only knows RTP (IS-05 Upgrade Path)."""
        return version != "v1.0" or self.transport.is_rtp

    def initial_params(self) -> list[JSON]:
        """The transport parameters that each leg starts with: the configuration's, else ``auto``, off or not set."""
        return [{name: self._initial(leg, name) for name in self.parameters} for leg in self.legs]

    def _initial(self, leg: LegConfig, name: str) -> object:
        if not self.transport.is_rtp:
            unknown = name == "connection_uri" and not self.is_sender
            return None if unknown else INITIAL.get(name, AUTO)
        given: JSON = {"destination_port": leg.destination_port, "rtp_enabled": True}
        if self.is_sender:
            given |= {"source_ip": leg.source_ip, "destination_ip": leg.destination_ip, "fec_mode": "1D"}
        else:
            given |= {"source_ip": _or_none(leg.source_ip), "multicast_ip": _or_none(leg.destination_ip)}
        return given[name] if name in given else INITIAL.get(name, AUTO)


def endpoints(config: Config, identities: Identities) -> tuple[Endpoint, ...]:
    """Every sender, then every receiver, in the order of the configuration."""
    configured: tuple[SenderConfig | ReceiverConfig, ...] = (*config.senders, *config.receivers)
    return tuple(_endpoint(endpoint, identities) for endpoint in configured)


def _endpoint(config: SenderConfig | ReceiverConfig, identities: Identities) -> Endpoint:
    sender = isinstance(config, SenderConfig)
    kind = Kind.SENDER if sender else Kind.RECEIVER
    return Endpoint(
        id=identities.of(kind, config.name),
        kind=kind,
        name=config.name,
        transport=config.transport,
        legs=config.legs,
        config=config,
        parameters=names(config),
        flow_id=identities.of(Kind.FLOW, config.name) if sender else None,
        source_id=identities.of(Kind.SOURCE, config.name) if sender else None,
        device_id=identities.of(Kind.DEVICE, config.device),
        node_id=identities.of(Kind.NODE),
    )


def _or_none(value: str) -> str | None:
    return None if value == AUTO else value
