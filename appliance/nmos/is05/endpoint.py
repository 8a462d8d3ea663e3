"""The senders and receivers that the Connection API offers, as the configuration has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.config.model import AUTO, Config, LegConfig, ReceiverConfig, SenderConfig, Transport
from appliance.core.ids import Identities
from appliance.core.types import JSON, Kind

API_VERSIONS = ("v1.0", "v1.1")

SENDER_PARAMETERS = ("source_ip", "destination_ip", "source_port", "destination_port", "rtp_enabled")
RECEIVER_PARAMETERS = ("source_ip", "interface_ip", "destination_port", "rtp_enabled")
MULTICAST_PARAMETERS = ("multicast_ip",)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One sender or receiver. ``parameters`` are the names of its transport parameters, the same on every leg.

    ``flow_id`` is what a sender sends (``None`` for receivers).
    """

    id: str
    kind: Kind
    name: str
    transport: Transport
    legs: tuple[LegConfig, ...]
    config: SenderConfig | ReceiverConfig
    parameters: tuple[str, ...]
    flow_id: str | None = None

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
        """The transport parameters that the configuration gives each leg to start with."""
        initial = _initial_sender_leg if self.is_sender else _initial_receiver_leg
        return [{name: value for name, value in initial(leg).items() if name in self.parameters} for leg in self.legs]


def endpoints(config: Config, identities: Identities) -> tuple[Endpoint, ...]:
    """Every sender, then every receiver, in the order of the configuration; those of a transport not built yet are not
    offered."""
    return (*_senders(config, identities), *_receivers(config, identities))


def _senders(config: Config, identities: Identities) -> Iterator[Endpoint]:
    for sender in config.senders:
        if sender.transport.is_rtp:
            yield Endpoint(
                id=identities.of(Kind.SENDER, sender.name),
                kind=Kind.SENDER,
                name=sender.name,
                transport=sender.transport,
                legs=sender.legs,
                config=sender,
                parameters=SENDER_PARAMETERS,
                flow_id=identities.of(Kind.FLOW, sender.name),
            )


def _receivers(config: Config, identities: Identities) -> Iterator[Endpoint]:
    for receiver in config.receivers:
        if receiver.transport.is_rtp:
            multicast = () if receiver.transport is Transport.RTP_UCAST else MULTICAST_PARAMETERS
            yield Endpoint(
                id=identities.of(Kind.RECEIVER, receiver.name),
                kind=Kind.RECEIVER,
                name=receiver.name,
                transport=receiver.transport,
                legs=receiver.legs,
                config=receiver,
                parameters=RECEIVER_PARAMETERS + multicast,
            )


def _initial_sender_leg(leg: LegConfig) -> JSON:
    return {
        "source_ip": leg.source_ip,
        "destination_ip": leg.destination_ip,
        "source_port": AUTO,
        "destination_port": leg.destination_port,
        "rtp_enabled": True,
    }


def _initial_receiver_leg(leg: LegConfig) -> JSON:
    return {
        "source_ip": None if leg.source_ip == AUTO else leg.source_ip,
        "multicast_ip": None if leg.destination_ip == AUTO else leg.destination_ip,
        "interface_ip": AUTO,
        "destination_port": leg.destination_port,
        "rtp_enabled": True,
    }
