"""What a configuration says, as frozen dataclasses: the shape of the TOML file, with its defaults.

Each dataclass is one table, each field one key; an identity derives from ``name``, ``label`` is what people read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from appliance.config.access import AccessConfig
from appliance.config.authorization import AuthorizationConfig
from appliance.config.ends import CommandConfig as CommandConfig  # noqa: PLC0414 - and this
from appliance.config.ends import InputConfig as InputConfig  # noqa: PLC0414 - so that all have it from here
from appliance.config.ends import OutputConfig as OutputConfig  # noqa: PLC0414 - and this
from appliance.config.mapping import MappingConfig
from appliance.config.panel import PanelConfig, RouteConfig
from appliance.config.tls import TlsConfig as TlsConfig  # noqa: PLC0414 - and this
from appliance.config.video import AcceptConfig, VideoConfig

ALL_API_VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3")
AUTO = "auto"
"""The value that leaves a transport parameter to the box (IS-05 Behaviour - Auto)."""


class DiscoveryMode(StrEnum):
    AUTO = "auto"
    REGISTERED = "registered"
    PEER_TO_PEER = "peer-to-peer"
    OFF = "off"


class Format(StrEnum):
    """The four IS-04 formats, as a configuration names them."""

    VIDEO = "video"
    AUDIO = "audio"
    DATA = "data"
    MUX = "mux"

    @property
    def urn(self) -> str:
        return f"urn:x-nmos:format:{self.value}"


class Transport(StrEnum):
    RTP = "rtp"
    RTP_UCAST = "rtp.ucast"
    RTP_MCAST = "rtp.mcast"
    WEBSOCKET = "websocket"
    MQTT = "mqtt"

    @property
    def urn(self) -> str:
        return f"urn:x-nmos:transport:{self.value}"

    @property
    def is_rtp(self) -> bool:
        return self in (Transport.RTP, Transport.RTP_UCAST, Transport.RTP_MCAST)


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """[[node.services]]: another API of this box that controllers are to know of (IS-04 ``services``). ``type`` is a
    URN; in ``href`` the text "{host}" becomes the address at which the box is reached."""

    href: str
    type: str
    authorization: bool = False


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """[node]: how the box is called, and who made it (BCP-002-02). Without a ``label``: by its host name. Without a
    ``serial_number``: the board's own, else the id of its node."""

    label: str | None = None
    description: str = ""
    manufacturer: str = "nmos-appliance"
    product: str = "nmos-appliance"
    serial_number: str | None = None
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    services: tuple[ServiceConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """[network]: which ports carry what.

    ``interfaces``: the media interfaces in order of preference, empty for every Ethernet-like one; ``control``: the one
    whose address is in ``href`` (``None``: the first media one with an address); ``multicast_pool``: where ``auto``
    destinations of senders come from, one a leg; ``return_after_s``: how long a port has its cable again before streams
    return to it; ``ptp_sockets``: where linuxptp's ptp4l answers, the preferred first; "...ro" is for questions only.
    """

    interfaces: tuple[str, ...] = ()
    control: str | None = None
    http_port: int = 8080
    multicast_pool: str = "239.64.0.0/12"
    multicast_ttl: int = 32
    return_after_s: float = 35.0
    ptp_sockets: tuple[str, ...] = ("/var/run/ptp4l", "/var/run/ptp4lro")


@dataclass(frozen=True, slots=True)
class DiscoveryConfig:
    """[discovery]: how the box finds and is found.

    ``allow_local``: peers and registries on loopback and on this very host count. ``registry``: the URL of the registry
    to use, so that none is looked for. ``domain``: where to look by unicast DNS, in place of the host's search domains.
    ``development``: registries that say they are for development (``pri`` 100 and up) may be used.
    """

    mode: DiscoveryMode = DiscoveryMode.AUTO
    api_versions: tuple[str, ...] = ALL_API_VERSIONS
    allow_local: bool = False
    registry: str | None = None
    domain: str | None = None
    development: bool = False
    max_peers: int = 1000
    max_resources_per_peer: int = 10_000


@dataclass(frozen=True, slots=True)
class MediaConfig:
    """[media]: what every stream has in common.

    ``driver`` is used where a sender or receiver names none: gstreamer, command (a program of yours, see
    docs/integrators.md) or null, which leaves the media to others. ``latency_ms`` is how long a receiver waits for
    packets that are late.
    """

    driver: str = "gstreamer"
    gst_launch: str = "gst-launch-1.0"
    latency_ms: float = 20.0


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """[events.mqtt_broker]: an MQTT broker. Without a ``port``, the usual one of its ``protocol`` (secure: over TLS).

    ``authorization`` is what IS-05 calls ``broker_authorization``: ``username`` and ``password`` are for it, and go to
    this ``host`` only. ``ca_file`` has the certificates to trust, for every broker; without it, those of [tls], or of
    the system.
    """

    host: str
    port: int | None = None
    protocol: Literal["mqtt", "secure-mqtt"] = "mqtt"
    authorization: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class LampConfig:
    """[[events.lamps]]: a lamp that actions of receivers light: one of the panel, or a GPIO line (``chip``, ``line``).

    ``active_low``: it is lit while the line is low.
    """

    name: str
    label: str = ""
    kind: Literal["panel", "gpio"] = "panel"
    chip: str = "/dev/gpiochip0"
    line: int = 0
    active_low: bool = False


@dataclass(frozen=True, slots=True)
class EventsConfig:
    """[events]: events and tally (IS-07). ``mqtt_broker``: where MQTT goes that is left to the box (``auto``);
    ``lamps``: what actions of receivers light."""

    mqtt_broker: BrokerConfig | None = None
    lamps: tuple[LampConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """[[devices]]: a logical block of senders and receivers. ``function`` is what it is for (BCP-002-02)."""

    name: str
    label: str = ""
    description: str = ""
    function: tuple[str, ...] = ()
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)


EventValue = bool | int | float | str
"""What an event says: its ``value`` (IS-07 Event types section 2)."""


@dataclass(frozen=True, slots=True)
class EnumValueConfig:
    """[[senders.event.values]]: one value of an enumeration, and what people call it."""

    value: EventValue
    label: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class EventInputConfig:
    """[senders.event.input]: what makes the events of a sender.

    ``kind`` panel (people at the panel, or its API), gpio (a ``line`` of a ``chip``, with ``active_low`` and ``pull``),
    thermal (a ``zone`` of the kernel by its type, ``""``: the first), key (a ``key`` such as "KEY_F1" of an input
    ``device``, ``""``: any), signal (whether the receiver or sender named ``of`` runs), fault (whether it has a fault).
    """

    kind: Literal["panel", "gpio", "thermal", "key", "signal", "fault"] = "panel"
    chip: str = "/dev/gpiochip0"
    line: int = 0
    active_low: bool = False
    pull: Literal["as-is", "none", "up", "down"] = "as-is"
    zone: str = ""
    device: str = ""
    key: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class EventConfig:
    """[senders.event]: what values there are, how often they are told, and where they come from.

    Numbers have ``min``, ``max`` and perhaps a ``step``; with a ``scale`` they are sent as whole numbers of 1/scale.
    Strings have ``min_length``, ``max_length`` and a ``pattern``; enumerations have ``values``. ``initial`` is the
    value before the first is known. A value counts once it has lasted ``debounce_ms``; two are told ``min_interval_ms``
    apart at least, and an unchanged one is told again after ``max_interval_ms`` (0: never).
    """

    min: float = -1_000_000
    max: float = 1_000_000
    step: float | None = None
    scale: int = 1
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    values: tuple[EnumValueConfig, ...] = ()
    initial: EventValue | None = None
    debounce_ms: float = 0
    min_interval_ms: float = 0
    max_interval_ms: float = 0
    input: EventInputConfig = EventInputConfig()


@dataclass(frozen=True, slots=True)
class ActionConfig:
    """[[receivers.actions]]: what a received event does while it ``equals`` a value, or is ``above`` or ``below`` a
    number (nothing of that: while it is true, or for ``show`` always).

    ``lamp`` is lit; ``show`` is shown on the panel, with the value for ``{value}``; when it begins the receiver
    ``take`` takes the ``source`` (a sender by id, or by label where only one has it; not set: off).
    """

    equals: EventValue | None = None
    above: float | None = None
    below: float | None = None
    lamp: str | None = None
    show: str | None = None
    take: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class LegConfig:
    """[[senders.legs]] / [[receivers.legs]]: the interfaces one leg may use (empty: every media interface) and the
    transport parameters it starts with. Two of them make an ST 2022-7 pair."""

    interfaces: tuple[str, ...] = ()
    source_ip: str = AUTO
    destination_ip: str = AUTO
    destination_port: int | Literal["auto"] = "auto"


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """What senders and receivers have in common.

    ``fec`` (ST 2022-5) and ``rtcp`` add these transport parameters to every leg, switched off until a controller
    switches them on. ``driver``: as in [media]; ``command`` is for the driver of that name.
    """

    name: str
    device: str
    label: str = ""
    description: str = ""
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    group_hint: str | None = None
    format: Format = Format.AUDIO
    transport: Transport = Transport.RTP_MCAST
    legs: tuple[LegConfig, ...] = (LegConfig(),)
    driver: str | None = None
    command: CommandConfig = CommandConfig()
    fec: bool = False
    rtcp: bool = False


@dataclass(frozen=True, slots=True)
class SenderConfig(EndpointConfig):
    """[[senders]]: a sender with the source and flow behind it. ``active``: master_enable when first started.

    One of events (``format`` data over websocket or mqtt) has ``media_type`` application/json and an ``event_type``;
    one of ancillary data (video/smpte291) may say which by ``did_sdid`` ("61/02" are closed captions).
    """

    media_type: str = "audio/L24"
    sample_rate: int = 48_000
    channels: int = 2
    packet_time_ms: float = 1.0
    active: bool = True
    event_type: str | None = None
    event: EventConfig = EventConfig()
    did_sdid: tuple[str, ...] = ()
    video: VideoConfig = VideoConfig()
    input: InputConfig = InputConfig()


@dataclass(frozen=True, slots=True)
class ReceiverConfig(EndpointConfig):
    """[[receivers]]: a receiver and what it can take. Empty ``sample_rates``: any; ``event_types`` for events only."""

    transport: Transport = Transport.RTP
    media_types: tuple[str, ...] = ("audio/L24", "audio/L16")
    sample_rates: tuple[int, ...] = (48_000,)
    max_channels: int = 8
    event_types: tuple[str, ...] = ()
    actions: tuple[ActionConfig, ...] = ()
    accepts: tuple[AcceptConfig, ...] = ()
    output: OutputConfig = OutputConfig()
    auto_route: RouteConfig = RouteConfig()


@dataclass(frozen=True, slots=True)
class Config:
    """A whole, valid configuration."""

    node: NodeConfig = NodeConfig()
    network: NetworkConfig = NetworkConfig()
    access: AccessConfig = AccessConfig()
    tls: TlsConfig | None = None
    authorization: AuthorizationConfig = AuthorizationConfig()
    discovery: DiscoveryConfig = DiscoveryConfig()
    media: MediaConfig = MediaConfig()
    events: EventsConfig = EventsConfig()
    mapping: MappingConfig | None = None
    panel: PanelConfig = PanelConfig()
    devices: tuple[DeviceConfig, ...] = ()
    senders: tuple[SenderConfig, ...] = ()
    receivers: tuple[ReceiverConfig, ...] = ()
