"""What a configuration must keep to beyond its shape: references, ranges, addresses, combinations.

Each rule notes (key, reason) pairs; none stops at the first problem.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from appliance.config import (
    access_rules,
    authorization_rules,
    event_rules,
    identity_rules,
    media_rules,
    route_rules,
    tls_rules,
    video_rules,
)
from appliance.config.model import (
    ALL_API_VERSIONS,
    AUTO,
    Config,
    DiscoveryMode,
    EndpointConfig,
    Format,
    LegConfig,
    ReceiverConfig,
    SenderConfig,
    Transport,
)
from appliance.media.trial import never

Problems = list[tuple[str, str]]

MAX_LEGS = 2
MAX_CHANNELS = 64
SAMPLE_RATES = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
PACKET_TIMES_MS = (0.08, 0.09, 0.12, 0.125, 0.25, 0.33, 0.333, 0.36, 0.363, 1.0, 1.09, 4.0)
AUDIO_BITS = {"audio/L16": 16, "audio/L24": 24, "audio/AM824": 32}
"""Of a sample on the wire; AM824 is ST 2110-31's subframes of AES3."""
MAX_RTP_PAYLOAD = 1440
EVENTS = "application/json"
_DOMAIN = re.compile(r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?", re.IGNORECASE)
_MAX_DOMAIN = 200
_MAX_SOCKET_PATH = 107  # sockaddr_un's
_MAX_RETURN_S = 3600


def check(config: Config) -> Problems:
    """Everything that is wrong with a configuration of the right shape."""
    rules = (
        *(identity_rules.check, _network, _discovery, media_rules.media, _events, _mapping, _panel, _endpoints),
        *(event_rules.boxes, access_rules.check, tls_rules.check_tls, authorization_rules.check),
    )
    problems = [problem for rule in rules for problem in rule(config)]
    return problems or list(never(config))


def _network(config: Config) -> Iterator[tuple[str, str]]:
    network = config.network
    if not 0 <= network.http_port <= 65_535:
        yield "network.http_port", f"must be a port (0 to 65535), not {network.http_port}"
    if not 1 <= network.multicast_ttl <= 255:
        yield "network.multicast_ttl", f"must be 1 to 255, not {network.multicast_ttl}"
    if not 0 <= network.return_after_s <= _MAX_RETURN_S:
        yield "network.return_after_s", f"must be 0 to {_MAX_RETURN_S} (seconds), not {network.return_after_s:g}"
    for index, path in enumerate(network.ptp_sockets):
        if not path.startswith("/") or len(path.encode()) > _MAX_SOCKET_PATH:
            yield f"network.ptp_sockets[{index}]", f"must be the absolute path of a socket, not {path!r}"
    yield from _pool("network.multicast_pool", network.multicast_pool)
    yield from _unique("network.interfaces", network.interfaces)


def _pool(key: str, text: str) -> Iterator[tuple[str, str]]:
    try:
        pool = ipaddress.ip_network(text)
    except ValueError as error:
        yield key, f"must be a network such as 239.64.0.0/12: {error}"
        return
    if not pool.is_multicast:
        yield key, f"{pool} is not a multicast network"
    elif pool.num_addresses < 16:
        yield key, f"{pool} has fewer than 16 addresses"


def _discovery(config: Config) -> Iterator[tuple[str, str]]:
    discovery = config.discovery
    if not discovery.api_versions:
        yield "discovery.api_versions", "must name one version at least"
    for index, version in enumerate(discovery.api_versions):
        if version not in ALL_API_VERSIONS:
            yield f"discovery.api_versions[{index}]", f'"{version}" is none of {", ".join(ALL_API_VERSIONS)}'
    yield from _unique("discovery.api_versions", discovery.api_versions)
    for key in ("max_peers", "max_resources_per_peer"):
        if getattr(discovery, key) < 1:
            yield f"discovery.{key}", f"must be 1 or more, not {getattr(discovery, key)}"
    if discovery.registry is not None:
        if not _is_registry(discovery.registry):
            yield "discovery.registry", f'must be like "http://10.0.0.5:8010", not "{discovery.registry[:60]}"'
        if discovery.mode in (DiscoveryMode.PEER_TO_PEER, DiscoveryMode.OFF):
            yield "discovery.registry", f'is never used where discovery.mode is "{discovery.mode}"'
    domain = discovery.domain
    if domain is not None and (len(domain) > _MAX_DOMAIN or not _DOMAIN.fullmatch(domain)):
        yield "discovery.domain", f'must be a domain such as "studio.example.com", not "{domain[:60]}"'


def _is_registry(url: str) -> bool:
    """``http://host:port`` and nothing behind it: the path follows from the API and its version."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    bare = not (parts.query or parts.fragment or parts.username) and parts.path in ("", "/")
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and bare and url.isprintable()


def _events(config: Config) -> Iterator[tuple[str, str]]:
    broker = config.events.mqtt_broker
    if broker is None:
        return
    if not _is_host(broker.host):
        yield "events.mqtt_broker.host", f'must be a host name or an IP address, not "{broker.host[:60]}"'
    if broker.port is not None and not 1 <= broker.port <= 65_535:
        yield "events.mqtt_broker.port", f"must be a port (1 to 65535), not {broker.port}"
    if broker.authorization and broker.username is None:
        yield "events.mqtt_broker.username", "is missing: there is authorization"


def _mapping(config: Config) -> Iterable[tuple[str, str]]:
    if config.mapping is None:
        return ()
    from appliance.config.mapping_rules import check_mapping  # most boxes map nothing

    return check_mapping(config, config.mapping)


def _is_host(text: str) -> bool:
    if len(text) <= _MAX_DOMAIN and _DOMAIN.fullmatch(text):
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


_SCREEN_LIMITS = {
    "width": (64, 512),
    "height": (32, 256),
    "port": (0, 99),
    "address": (0x03, 0x77),
    "device": (0, 9),
    "rotate": (0, 3),
    "dim_after_s": (0, 604_800),
    "off_after_s": (0, 604_800),
}


def _panel(config: Config) -> Iterator[tuple[str, str]]:
    yield from _known_receiver("panel.receiver", config.panel.receiver, config)
    yield from identity_rules.names("panel.screens", [screen.name for screen in config.panel.screens])
    for index, screen in enumerate(config.panel.screens):
        key = f"panel.screens[{index}]"
        yield from _known_receiver(f"{key}.receiver", screen.receiver, config)
        for name, (least, most) in _SCREEN_LIMITS.items():
            if not least <= getattr(screen, name) <= most:
                yield f"{key}.{name}", f"must be from {least} to {most}, not {getattr(screen, name)}"
        if (screen.display == "png") != bool(screen.file):
            yield f"{key}.file", "is for the display png" if screen.file else "is missing: where the picture is to go"


def _known_receiver(key: str, receiver: str | None, config: Config) -> Iterator[tuple[str, str]]:
    if receiver is not None and receiver not in [endpoint.name for endpoint in config.receivers]:
        yield key, f'no receiver has the name "{receiver}"'


def _endpoints(config: Config) -> Iterator[tuple[str, str]]:
    devices = [device.name for device in config.devices]
    tables: tuple[tuple[str, tuple[SenderConfig | ReceiverConfig, ...]], ...] = (
        ("senders", config.senders),
        ("receivers", config.receivers),
    )
    for table, endpoints in tables:
        yield from identity_rules.names(table, [endpoint.name for endpoint in endpoints])
        for index, endpoint in enumerate(endpoints):
            yield from _endpoint(f"{table}[{index}]", endpoint, devices)
            if endpoint.transport.is_rtp:
                yield from media_rules.rtp(f"{table}[{index}]", endpoint, config)
    for index, sender in enumerate(config.senders):
        yield from _sender_rule(sender)(f"senders[{index}]", sender)
    for index, receiver in enumerate(config.receivers):
        yield from _receiver_rule(receiver)(f"receivers[{index}]", receiver)
        yield from route_rules.check(f"receivers[{index}].auto_route", receiver.auto_route)


def _sender_rule(sender: SenderConfig) -> Callable[[str, SenderConfig], Iterator[tuple[str, str]]]:
    if sender.format is Format.AUDIO:
        return _sender
    return video_rules.sender if sender.transport.is_rtp else _event_sender


def _receiver_rule(receiver: ReceiverConfig) -> Callable[[str, ReceiverConfig], Iterator[tuple[str, str]]]:
    if receiver.format is Format.AUDIO:
        return _receiver
    return video_rules.receiver if receiver.transport.is_rtp else _event_receiver


def _endpoint(key: str, endpoint: EndpointConfig, devices: Sequence[str]) -> Iterator[tuple[str, str]]:
    if endpoint.device not in devices:
        yield f"{key}.device", f'no device has the name "{endpoint.device}"'
    if endpoint.format is not Format.DATA and not endpoint.transport.is_rtp:
        yield f"{key}.transport", f'"{endpoint.transport}" carries no {endpoint.format}; RTP does'
    if not 1 <= len(endpoint.legs) <= MAX_LEGS:
        yield f"{key}.legs", f"must be one or two (ST 2022-7), not {len(endpoint.legs)}"
    if not endpoint.transport.is_rtp and len(endpoint.legs) > 1:
        yield f"{key}.legs", f"must be one for {endpoint.transport}: only RTP has pairs"
    for index, leg in enumerate(endpoint.legs):
        yield from _leg(f"{key}.legs[{index}]", leg, endpoint)


_ONLY_AUDIO = ("sample_rate", "channels", "packet_time_ms", "input", "sample_rates", "max_channels", "output")
_ONLY_VIDEO = ("video", "did_sdid", "accepts")
_ONLY_RTP = ("fec", "rtcp", "driver", "command")
_ONLY_RTP_LEGS = ("source_ip", "destination_ip", "destination_port")


def _event_sender(key: str, sender: SenderConfig) -> Iterator[tuple[str, str]]:
    if sender.media_type != EVENTS:
        yield f"{key}.media_type", f'must be {EVENTS} for events, not "{sender.media_type}"'
    if sender.event_type is None:
        yield f"{key}.event_type", 'is missing: "boolean", "string", "number" or one below them (IS-07 Event types)'
    else:
        problems = list(event_rules.event_type(f"{key}.event_type", sender.event_type, wildcard=False))
        yield from problems or event_rules.sender(key, sender)
    yield from _event_endpoint(key, sender)


def _event_receiver(key: str, receiver: ReceiverConfig) -> Iterator[tuple[str, str]]:
    if receiver.media_types != (EVENTS,):
        yield f"{key}.media_types", f'must be ["{EVENTS}"] for events'
    if not receiver.event_types:
        yield f"{key}.event_types", "must name one event type at least (IS-07 Event types)"
    for index, event_type in enumerate(receiver.event_types):
        yield from event_rules.event_type(f"{key}.event_types[{index}]", event_type, wildcard=True)
    yield from _event_endpoint(key, receiver)


def _event_endpoint(key: str, endpoint: SenderConfig | ReceiverConfig) -> Iterator[tuple[str, str]]:
    """A sender or receiver of events: what is for audio or RTP alone means nothing to it."""
    yield from _no_picture(key, endpoint)
    plain = type(endpoint)(endpoint.name, endpoint.device)
    for name in (*_ONLY_AUDIO, *_ONLY_RTP):
        if getattr(endpoint, name, None) != getattr(plain, name, None):
            yield f"{key}.{name}", f"is for {'RTP' if name in _ONLY_RTP else 'audio'}, and this is for events"
    for index, leg in enumerate(endpoint.legs):
        for name in _ONLY_RTP_LEGS:
            if getattr(leg, name) != AUTO:
                yield f"{key}.legs[{index}].{name}", f"is for RTP, and this is {endpoint.transport}"


def _leg(key: str, leg: LegConfig, endpoint: EndpointConfig) -> Iterator[tuple[str, str]]:
    yield from _unique(f"{key}.interfaces", leg.interfaces)
    for name in ("source_ip", "destination_ip"):
        yield from _address(f"{key}.{name}", getattr(leg, name))
    if leg.destination_port != AUTO and not 1 <= int(leg.destination_port) <= 65_535:
        yield f"{key}.destination_port", f'must be "auto" or a port (1 to 65535), not {leg.destination_port}'
    if leg.destination_ip == AUTO or not isinstance(endpoint, SenderConfig):
        return
    try:
        group = ipaddress.ip_address(leg.destination_ip).is_multicast
    except ValueError:
        return  # said above
    if endpoint.transport is Transport.RTP_MCAST and not group:
        yield f"{key}.destination_ip", f"must be a multicast address for rtp.mcast, not {leg.destination_ip}"
    if endpoint.transport is Transport.RTP_UCAST and group:
        yield f"{key}.destination_ip", f"must be a unicast address for rtp.ucast, not {leg.destination_ip}"


def _sender(key: str, sender: SenderConfig) -> Iterator[tuple[str, str]]:
    for name in ("event_type", "event"):
        if getattr(sender, name) != getattr(SenderConfig("", ""), name):
            yield f"{key}.{name}", 'is for format "data"'
    yield from _no_picture(key, sender)
    if sender.media_type not in AUDIO_BITS:
        yield f"{key}.media_type", f'must be {" or ".join(AUDIO_BITS)}, not "{sender.media_type}"'
        return
    yield from _sample_rate(f"{key}.sample_rate", sender.sample_rate)
    if not 1 <= sender.channels <= MAX_CHANNELS:
        yield f"{key}.channels", f"must be 1 to {MAX_CHANNELS}, not {sender.channels}"
    if sender.packet_time_ms not in PACKET_TIMES_MS:
        allowed = ", ".join(f"{time:g}" for time in PACKET_TIMES_MS)
        yield f"{key}.packet_time_ms", f"must be one of {allowed}, not {sender.packet_time_ms:g}"
    bits = round(sender.sample_rate * sender.packet_time_ms / 1000) * sender.channels * AUDIO_BITS[sender.media_type]
    size = bits // 8
    if size > MAX_RTP_PAYLOAD:
        yield f"{key}.channels", f"a packet would carry {size} bytes, over {MAX_RTP_PAYLOAD}; shorten packet_time_ms"
    if sender.transport is Transport.RTP_UCAST and sender.active:
        for index, leg in enumerate(sender.legs):
            if leg.destination_ip == AUTO:
                reason = "an active unicast sender must say where to send; or set active = false"
                yield f"{key}.legs[{index}].destination_ip", reason


def _no_picture(key: str, endpoint: EndpointConfig) -> Iterator[tuple[str, str]]:
    plain = type(endpoint)(endpoint.name, endpoint.device)
    for name in _ONLY_VIDEO:
        if getattr(endpoint, name, None) != getattr(plain, name, None):
            yield f"{key}.{name}", f"is for video, ancillary data and mux, and this is {endpoint.format}"


def _receiver(key: str, receiver: ReceiverConfig) -> Iterator[tuple[str, str]]:
    if receiver.event_types:
        yield f"{key}.event_types", 'is for format "data"'
    yield from _no_picture(key, receiver)
    if not receiver.media_types:
        yield f"{key}.media_types", "must name one media type at least"
    for index, media_type in enumerate(receiver.media_types):
        if media_type not in AUDIO_BITS:
            yield f"{key}.media_types[{index}]", f'must be {" or ".join(AUDIO_BITS)}, not "{media_type}"'
    for index, rate in enumerate(receiver.sample_rates):
        yield from _sample_rate(f"{key}.sample_rates[{index}]", rate)
    if not 1 <= receiver.max_channels <= MAX_CHANNELS:
        yield f"{key}.max_channels", f"must be 1 to {MAX_CHANNELS}, not {receiver.max_channels}"


def _sample_rate(key: str, rate: int) -> Iterator[tuple[str, str]]:
    if rate not in SAMPLE_RATES:
        yield key, f"must be one of {', '.join(map(str, SAMPLE_RATES))}, not {rate}"


def _address(key: str, value: str) -> Iterator[tuple[str, str]]:
    if value == AUTO:
        return
    try:
        ipaddress.ip_address(value)
    except ValueError:
        yield key, f'must be "auto" or an IP address, not "{value[:60]}"'


def _unique(key: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield f"{key}[{index}]", f'"{value}" is there already'
        seen.add(value)
