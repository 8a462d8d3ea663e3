"""From configuration and host to IS-04 resources, in v1.3 form.

What belongs to the configuration (labels, formats, capabilities) and what belongs to the host (hrefs, interfaces,
clocks) is made here, again after each change of either; what belongs to an activation (``subscription``,
``interface_bindings``) is kept as the store has it. The store then sees to it that only what really differs changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from appliance.config.model import Config, DeviceConfig, EndpointConfig, Format, ReceiverConfig, SenderConfig
from appliance.core.ids import Identities
from appliance.core.store import Store, Transaction
from appliance.core.tai import format_tai
from appliance.core.types import JSON, Kind
from appliance.network.lldp import Lldp
from appliance.network.model import NetworkState
from appliance.network.ptp import PtpClock
from appliance.nmos.caps.describe import receiver_caps, sender_caps
from appliance.nmos.is04 import pictures
from appliance.nmos.is04.edits import edited
from appliance.nmos.is04.essence import of_flow, of_source
from appliance.nmos.is04.host import clocks, interfaces, media_clock
from appliance.nmos.is04.tags import Tags, listed

_CONNECTION_VERSIONS = ("v1.0", "v1.1")
_CONTROLS = tuple((f"sr-ctrl/{version}", f"/x-nmos/connection/{version}/") for version in _CONNECTION_VERSIONS)
_EVENTS_CONTROL = ("events/v1.0", "/x-nmos/events/v1.0/")
"""Of devices with sources of events (IS-07 Events API section 2)."""
_MAPPING_CONTROL = ("cm-ctrl/v1.0", "/x-nmos/channelmapping/v1.0/")
"""Of devices with audio, where it is mapped (IS-08 Interoperability - IS-04, Discovery)."""
Unit = DeviceConfig | SenderConfig | ReceiverConfig | None
"""What has resources of its own; ``None`` is the node."""
_KINDS: Mapping[type, tuple[Kind, ...]] = {
    DeviceConfig: (Kind.DEVICE,),
    SenderConfig: (Kind.SENDER, Kind.FLOW, Kind.SOURCE),
    ReceiverConfig: (Kind.RECEIVER,),
}
"""Of the resources of a unit, its own first."""
_A_STEP, _SOME_DEVICES = 40, 4
"""Resources in one transaction; a device names all that it has, and every address twice."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Host:
    """What the box is reached by: its host name, its addresses (the control address first; over TLS, names too), its
    port and ``scheme``; and what it is connected to: networks, neighbours, a PTP clock."""

    hostname: str
    addresses: tuple[str, ...]
    http_port: int
    network: NetworkState
    clock: PtpClock | None = None
    lldp: Lldp = field(default_factory=Lldp)
    scheme: str = "http"

    def url(self, address: str, path: str = "/") -> str:
        return f"{self.scheme}://{self.host_of_url(address)}:{self.http_port}{path}"

    def host_of_url(self, address: str) -> str:
        return f"[{address}]" if ":" in address else address

    @property
    def reference(self) -> tuple[str, int] | None:
        """What transport files name as the clock."""
        return self.clock.reference if self.clock else None

    @property
    def control(self) -> str:
        return self.addresses[0] if self.addresses else "127.0.0.1"


class Builder:
    """Makes the resources of one configuration; ``populate`` writes them into the store. ``serial_number`` is the
    board's, if it has one."""

    def __init__(self, config: Config, identities: Identities, serial_number: str | None = None) -> None:
        self._ids = identities
        self._serial_number = serial_number or identities.of(Kind.NODE)
        self._references: dict[str, tuple[str, int] | None] = {}
        self.configure(config)

    def configured(self, config: Config) -> Builder:
        """One of another configuration, for the same box."""
        builder = copy(self)
        builder.configure(config)
        return builder

    def configure(self, config: Config) -> None:
        self._config = config
        self._devices = {self._ids.of(Kind.DEVICE, device.name): device for device in config.devices}
        self._tags = Tags(config, self._serial_number)
        self._senders = _by_device(self._ids, Kind.SENDER, config.senders)
        self._receivers = _by_device(self._ids, Kind.RECEIVER, config.receivers)
        self._of_events = {sender.device for sender in config.senders if not sender.transport.is_rtp}
        self._mapped = _mapped_devices(config)
        self._caps: dict[tuple[object, ...], JSON] = {}

    def populate(self, store: Store, host: Host, cause: str) -> None:
        """One transaction: everything as configuration and host say now, and nothing that they no longer say."""
        with store.transaction(cause) as tx:
            self.write(tx, host)

    def write(self, tx: Transaction, host: Host) -> None:
        """The same, as a part of a transaction of the caller."""
        wanted: set[tuple[Kind, str]] = set()
        before = tx.get(Kind.NODE, self._ids.of(Kind.NODE)) or {}
        reclocked = before.get("clocks") not in (None, clocks(host.clock))
        for unit in self.units():
            for kind, body in self.put(tx, unit, host):
                wanted.add((kind, body["id"]))
                if reclocked and kind is Kind.SENDER and body["manifest_href"] is not None:
                    tx.touch(kind, body["id"])
        for kind in Kind:
            for id in tx.store.all(kind):
                if (kind, id) not in wanted:
                    tx.delete(kind, id)

    def rehome(self, store: Store, host: Host, cause: str) -> Iterator[None]:
        """The same after a change of the host only, in steps: the node and its devices, then sources and senders, some
        at a time. Nothing comes or goes, and what names neither an address nor a clock is not looked at.

        At every step each source refers to a clock that the node has.
        """
        if host.clock is None:
            yield from self._reclock(store, host, cause)
        with store.transaction(cause) as tx:
            tx.put(Kind.NODE, self._edited(self._node(host), tx))
        yield
        for some in _pieces(self._config.devices, _SOME_DEVICES):
            with store.transaction(cause) as tx:
                for device in some:
                    tx.put(Kind.DEVICE, self._edited(self._device(device, host), tx))
            yield
        if host.clock is not None:
            yield from self._reclock(store, host, cause)
        yield from self._move_senders(store, host, cause)

    def _reclock(self, store: Store, host: Host, cause: str) -> Iterator[None]:
        wanted = media_clock(host.clock)
        wrong = [id for id, body in store.all(Kind.SOURCE).items() if body["clock_name"] not in (None, wanted)]
        for some in _pieces(wrong):
            with store.transaction(cause) as tx:
                for id in some:
                    tx.update(Kind.SOURCE, id, clock_name=wanted)
            yield

    def _move_senders(self, store: Store, host: Host, cause: str) -> Iterator[None]:
        """Those whose transport file is somewhere else now, or says something else of the clock: both need a new
        version (IS-04 sender.json, manifest_href)."""
        moved = [
            id for id, body in store.all(Kind.SENDER).items()
            if body["manifest_href"] is not None
            and (body["manifest_href"] != _manifest_href(id, host) or self._references.get(id) != host.reference)
        ]  # fmt: skip
        for some in _pieces(moved):
            with store.transaction(cause) as tx:
                for id in some:
                    tx.update(Kind.SENDER, id, manifest_href=_manifest_href(id, host))
                    if self._references.get(id) != host.reference:
                        tx.touch(Kind.SENDER, id)
                    self._references[id] = host.reference
            yield

    # ---- piece by piece: what renewal.py is made of

    def units(self) -> Iterator[Unit]:
        """Each thing that the configuration has, in an order in which what refers to another comes after it."""
        return chain((None,), self._config.devices, self._config.senders, self._config.receivers)

    def id(self, unit: Unit) -> str:
        if unit is None:
            return self._ids.of(Kind.NODE)
        return self._ids.of(_KINDS[type(unit)][0], unit.name)

    def ids(self) -> set[tuple[Kind, str]]:
        """All resources that there are to be."""
        named = ((kind, unit.name) for unit in self.units() if unit is not None for kind in _KINDS[type(unit)])
        return {(Kind.NODE, self._ids.of(Kind.NODE)), *((kind, self._ids.of(kind, name)) for kind, name in named)}

    def device(self, id: str) -> DeviceConfig | None:
        return self._devices.get(id)

    def bodies(self, unit: Unit, host: Host, tx: Transaction) -> Iterator[tuple[Kind, JSON]]:
        """Its resources as configuration and host say now; the rest as ``tx`` has it."""
        match unit:
            case None:
                yield Kind.NODE, self._edited(self._node(host), tx)
            case DeviceConfig():
                yield Kind.DEVICE, self._edited(self._device(unit, host), tx)
            case SenderConfig():
                source, flow = self._source(unit, host), self._flow(unit)
                yield Kind.SOURCE, self._edited(source, tx)
                yield Kind.FLOW, self._edited(flow, tx)
                yield Kind.SENDER, self._edited(self._sender(unit, flow, source, host, tx), tx)
            case ReceiverConfig():
                yield Kind.RECEIVER, self._edited(self._receiver(unit, tx), tx)

    def put(self, tx: Transaction, unit: Unit, host: Host) -> list[tuple[Kind, JSON]]:
        """Write them; what was written."""
        bodies = list(self.bodies(unit, host, tx))
        for kind, body in bodies:
            tx.put(kind, body)
            if kind is Kind.SENDER and body["manifest_href"] is not None:
                self._references[body["id"]] = host.reference
        return bodies

    def _edited(self, body: JSON, tx: Transaction) -> JSON:
        return edited(body, tx.aspect)

    # ---- one function a resource type

    def _node(self, host: Host) -> JSON:
        config = self._config
        wants_tokens = config.authorization.enabled
        return {
            "id": self._ids.of(Kind.NODE),
            "label": config.node.label or host.hostname,
            "description": config.node.description,
            "tags": self._tags.of_node(),
            "href": host.url(host.control),
            "hostname": host.hostname,
            "api": {
                "versions": list(config.discovery.api_versions),
                "endpoints": [
                    {"host": address, "port": host.http_port, "protocol": host.scheme, "authorization": wants_tokens}
                    for address in host.addresses
                ],
            },
            "caps": {},
            "services": [
                {
                    "href": service.href.replace("{host}", host.host_of_url(host.control)),
                    "type": service.type,
                    "authorization": service.authorization,
                }
                for service in config.node.services
            ],
            "clocks": clocks(host.clock),
            "interfaces": interfaces(host.network, host.lldp),
        }

    def _device(self, device: DeviceConfig, host: Host) -> JSON:
        return {
            "id": self._ids.of(Kind.DEVICE, device.name),
            "label": device.label or device.name,
            "description": device.description,
            "tags": self._tags.of_device(device),
            "type": "urn:x-nmos:device:generic",
            "node_id": self._ids.of(Kind.NODE),
            "senders": self._senders.get(device.name, []),
            "receivers": self._receivers.get(device.name, []),
            "controls": [
                {
                    "type": f"urn:x-nmos:control:{control}",
                    "href": host.url(address, path),
                    "authorization": self._config.authorization.enabled,
                }
                for control, path in self._controls(device)
                for address in host.addresses
            ],
        }  # fmt: skip

    def _controls(self, device: DeviceConfig) -> Iterator[tuple[str, str]]:
        """Type and path of each API that controls this device."""
        yield from _CONTROLS
        if device.name in self._of_events:
            yield _EVENTS_CONTROL
        if device.name in self._mapped:
            yield _MAPPING_CONTROL

    def _source(self, sender: SenderConfig, host: Host) -> JSON:
        return {
            **self._core(Kind.SOURCE, sender),
            "format": sender.format.urn,
            "caps": {},
            "parents": [],
            "clock_name": media_clock(host.clock),
            **of_source(sender),
        }

    def _flow(self, sender: SenderConfig) -> JSON:
        return {
            **self._core(Kind.FLOW, sender),
            "source_id": self._ids.of(Kind.SOURCE, sender.name),
            "format": sender.format.urn,
            "parents": [],
            "media_type": sender.media_type,
            **of_flow(sender),
        }

    def _sender(self, sender: SenderConfig, flow: JSON, source: JSON, host: Host, tx: Transaction) -> JSON:
        core = self._core(Kind.SENDER, sender)
        before = tx.get(Kind.SENDER, core["id"]) or {}
        attributes = pictures.sender(sender)
        kind = (sender.media_type, sender.sample_rate, sender.channels, sender.packet_time_ms, sender.event_type)
        caps = self._once((*kind, sender.video), lambda: sender_caps(sender, attributes, flow, source))
        return {
            **core,
            "tags": self._tags.of_endpoint(sender),
            "flow_id": self._ids.of(Kind.FLOW, sender.name),
            "transport": sender.transport.urn,
            "manifest_href": _manifest_href(core["id"], host) if sender.transport.is_rtp else None,
            "caps": _versioned(caps, before, tx),
            **attributes,
            "interface_bindings": before.get("interface_bindings", self._default_bindings(sender, host)),
            "subscription": before.get("subscription", {"receiver_id": None, "active": False}),
        }

    def _receiver(self, receiver: ReceiverConfig, tx: Transaction) -> JSON:
        core = self._core(Kind.RECEIVER, receiver)
        before = tx.get(Kind.RECEIVER, core["id"]) or {}
        driver = receiver.driver or self._config.media.driver
        kind = (receiver.media_types, receiver.sample_rates, receiver.max_channels, receiver.event_types)
        caps = self._once((*kind, receiver.accepts, driver), lambda: receiver_caps(receiver, driver))
        return {
            **core,
            "tags": self._tags.of_endpoint(receiver),
            "format": receiver.format.urn,
            "transport": receiver.transport.urn,
            "caps": _versioned(caps, before, tx),
            "interface_bindings": before.get("interface_bindings", []),
            "subscription": before.get("subscription", {"sender_id": None, "active": False}),
        }

    def _once(self, key: tuple[object, ...], make: Callable[[], JSON]) -> JSON:
        """Equal capabilities are made once, and are one object in memory."""
        if key not in self._caps:
            self._caps[key] = make()
        return self._caps[key]

    def _core(self, kind: Kind, endpoint: EndpointConfig) -> JSON:
        return {
            "id": self._ids.of(kind, endpoint.name),
            "label": endpoint.label or endpoint.name,
            "description": endpoint.description,
            "tags": listed(endpoint.tags),
            "device_id": self._ids.of(Kind.DEVICE, endpoint.device),
        }

    def _default_bindings(self, endpoint: EndpointConfig, host: Host) -> list[str]:
        """Before the first activation: for each leg the first interface that it may use."""
        media = [interface.name for interface in host.network.media_interfaces()]
        names = [next((n for n in leg.interfaces or media if n in media), None) for leg in endpoint.legs]
        return [name for name in names if name is not None]


def _by_device(identities: Identities, kind: Kind, endpoints: Iterable[EndpointConfig]) -> Mapping[str, list[str]]:
    """The ids of the endpoints of each device, in the configuration's order."""
    ids: dict[str, list[str]] = {}
    for endpoint in endpoints:
        ids.setdefault(endpoint.device, []).append(identities.of(kind, endpoint.name))
    return ids


def _mapped_devices(config: Config) -> frozenset[str]:
    """The names of the devices that have audio to map."""
    if config.mapping is None:
        return frozenset()
    return frozenset(
        endpoint.device for endpoint in (*config.senders, *config.receivers) if endpoint.format is Format.AUDIO
    )


def _versioned(caps: JSON, before: JSON, tx: Transaction) -> JSON:
    """With the time at which these capabilities last changed (BCP-004-01 Capabilities Version)."""
    known = before.get("caps", {})
    same = {**caps, "version": known.get("version")}
    return same if same == known else {**caps, "version": format_tai(tx.next_version())}


def _manifest_href(sender_id: str, host: Host) -> str:
    return host.url(
        host.control, f"/x-nmos/connection/{_CONNECTION_VERSIONS[-1]}/single/senders/{sender_id}/transportfile"
    )


def _pieces(all: Sequence[T], size: int = _A_STEP) -> Iterator[Sequence[T]]:
    return (all[start : start + size] for start in range(0, len(all), size))
