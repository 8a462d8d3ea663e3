"""From what is active in the Connection API to what a driver has to do: the job of one sender or receiver.

Pure: the endpoint's configuration, its IS-05 /active (v1.1 form, where ``auto`` never appears) and the host's network
make a :class:`Job`, nothing where it should be idle, or a :class:`Refusal` that says why it cannot be done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from appliance.config.model import Config, Format, ReceiverConfig, SenderConfig
from appliance.config.video import VideoConfig
from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.media.engine import AudioFormat, Job, Leg
from appliance.network.model import NetworkState
from appliance.nmos.caps.describe import receiver_caps
from appliance.nmos.caps.match import out_of_caps
from appliance.nmos.caps.stream import Stream
from appliance.nmos.is05.receiverfile import read_session
from appliance.nmos.is05.sdp.facts import audio_format, capability_facts, flow_facts, media_type
from appliance.nmos.is05.sdp.paths import narrow, streams


@dataclass(frozen=True, slots=True)
class Refusal:
    """The endpoint is active and still cannot do it. ``reason`` is a sentence for people."""

    reason: str


PAYLOAD_TYPES = {Format.AUDIO: 97, Format.VIDEO: 96, Format.DATA: 100, Format.MUX: 98}
"""What senders use, and say in their transport files (nmos/is05/sdp/formats.py)."""
_OF_THE_PICTURE = (
    *("frame_width", "frame_height", "color_sampling", "component_depth", "colorspace", "transfer_characteristic"),
    *("profile", "level", "sublevel", "packet_transmission_mode"),
)

Desired: TypeAlias = Job | Refusal | None
"""What an endpoint should be doing; ``None``: nothing."""


def desired(
    id: str, endpoint: SenderConfig | ReceiverConfig, active: JSON, network: NetworkState, config: Config
) -> Desired:
    """What ``endpoint`` should be doing now."""
    if not active.get("master_enable"):
        return None
    enabled = [leg for leg in active.get("transport_params") or () if leg.get("rtp_enabled")]
    if not enabled:  # nor have those of events any leg of RTP: others carry them (nmos/is07/exchange.py)
        return None
    try:
        if isinstance(endpoint, SenderConfig):
            return _sender(id, endpoint, enabled, active, network, config)
        return _receiver(id, endpoint, enabled, active, network, config)
    except BadRequest as refused:
        return Refusal(refused.message)


def sent_job(
    id: str, sender: SenderConfig, legs: tuple[Leg, ...], config: Config, activation: str | None = None
) -> Job:
    """What a sender does on these legs."""
    audio = None
    if sender.format is Format.AUDIO:
        encoding = sender.media_type.removeprefix("audio/")
        audio = AudioFormat(encoding, sender.sample_rate, sender.channels, sender.packet_time_ms)
    return Job(
        id=id,
        role="sender",
        driver=_driver(sender, config),
        label=sender.label or sender.name,
        legs=legs,
        audio=audio,
        end=sender.input,
        activation=activation,
        media_type=sender.media_type,
        payload_type=PAYLOAD_TYPES[sender.format],
        video=None if sender.format is Format.AUDIO else sender.video,
        bit_rate=sender.video.bit_rate,
        command=sender.command,
    )


def received_job(id: str, receiver: ReceiverConfig, legs: tuple[Leg, ...], media_type: str, config: Config) -> Job:
    """What a receiver does on these legs with a stream of which nothing is known but its media type: the most that its
    output takes."""
    essence = _usual(receiver, media_type, receiver.max_channels)
    if receiver.format is Format.VIDEO:
        essence = essence._replace(video=VideoConfig())
    return _received_job(id, receiver, legs, essence, config)


class _Essence(NamedTuple):
    """What comes to a receiver, as far as it is known."""

    media_type: str
    payload_type: int
    audio: AudioFormat | None = None
    video: VideoConfig | None = None
    sdp: str | None = None


def _received_job(
    id: str,
    receiver: ReceiverConfig,
    legs: tuple[Leg, ...],
    essence: _Essence,
    config: Config,
    activation: str | None = None,
) -> Job:
    return Job(
        id=id,
        role="receiver",
        driver=_driver(receiver, config),
        label=receiver.label or receiver.name,
        legs=legs,
        audio=essence.audio,
        end=receiver.output,
        activation=activation,
        media_type=essence.media_type,
        payload_type=essence.payload_type,
        video=essence.video,
        command=receiver.command,
        sdp=essence.sdp,
    )


def _driver(endpoint: SenderConfig | ReceiverConfig, config: Config) -> str:
    return endpoint.driver or config.media.driver


def _activated(active: JSON) -> str | None:
    return (active.get("activation") or {}).get("activation_time")


def _sender(
    id: str, sender: SenderConfig, legs: Sequence[JSON], active: JSON, network: NetworkState, config: Config
) -> Job:
    found = tuple(_sender_leg(leg, network, config.network.multicast_ttl) for leg in legs)
    return sent_job(id, sender, found, config, _activated(active))


def _sender_leg(leg: JSON, network: NetworkState, ttl: int) -> Leg:
    source = _address(leg, "source_ip")
    return Leg(
        interface=_interface(source, "source_ip", network),
        interface_ip=source,
        destination_ip=_address(leg, "destination_ip"),
        port=_port(leg),
        source_ip=source,
        source_port=leg.get("source_port"),
        ttl=ttl,
    )


def _receiver(
    id: str, receiver: ReceiverConfig, legs: Sequence[JSON], active: JSON, network: NetworkState, config: Config
) -> Job:
    found = tuple(_receiver_leg(leg, network) for leg in legs)
    sdp = (active.get("transport_file") or {}).get("data")
    if sdp:
        essence = _described(receiver, sdp, _driver(receiver, config))
    else:
        # Without a transport file a stream is taken for stereo; nothing can be known of a picture.
        essence = _usual(receiver, receiver.media_types[0], min(2, receiver.max_channels))
    return _received_job(id, receiver, found, essence, config, _activated(active))


def _receiver_leg(leg: JSON, network: NetworkState) -> Leg:
    """Without ``multicast_ip`` the stream comes to ``interface_ip`` itself (IS-05, RTP receiver parameters)."""
    interface_ip = _address(leg, "interface_ip")
    return Leg(
        interface=_interface(interface_ip, "interface_ip", network),
        interface_ip=interface_ip,
        destination_ip=leg.get("multicast_ip") or interface_ip,
        port=_port(leg),
        source_ip=leg.get("source_ip"),
    )


def _usual(receiver: ReceiverConfig, media_type: str, channels: int) -> _Essence:
    """What is taken for granted where nothing says otherwise."""
    audio = None
    if receiver.format is Format.AUDIO:
        rate = receiver.sample_rates[0] if receiver.sample_rates else 48_000
        audio = AudioFormat(media_type.removeprefix("audio/"), rate, channels)
    return _Essence(media_type, PAYLOAD_TYPES[receiver.format], audio)


def _described(receiver: ReceiverConfig, sdp: str, driver: str) -> _Essence:
    """What the transport file says."""
    # The same streams of the file as the Connection API took the addresses from.
    session = narrow(read_session(sdp), receiver.media_types)
    # Refused where it is staged (nmos/is05/receiverfile.py); but a file is kept, and capabilities change.
    if found := out_of_caps(Stream(told=capability_facts(session)), receiver_caps(receiver, driver)):
        raise BadRequest(f"the transport file does not fit: {found.reason}")
    rtpmap = streams(session)[0].rtpmap
    return _Essence(
        media_type(session),
        rtpmap.payload_type if rtpmap else PAYLOAD_TYPES[receiver.format],
        audio_format(session) if receiver.format is Format.AUDIO else None,
        _received_video(flow_facts(session)) if receiver.format is Format.VIDEO else None,
        sdp,
    )


def _received_video(facts: JSON) -> VideoConfig | None:
    """The picture, where the file describes one: that of H.264 is in the stream alone (RFC 6184)."""
    if "frame_width" not in facts or "frame_height" not in facts:
        return None
    rate, interlace = facts.get("grain_rate"), facts["interlace_mode"]
    told = {name: facts[name] for name in _OF_THE_PICTURE if name in facts}
    if rate:
        told["grain_rate"] = str(Fraction(rate["numerator"], rate["denominator"]))
    # Which field is the first one the file does not say.
    told["interlace_mode"] = interlace if isinstance(interlace, str) else interlace[0]
    return VideoConfig(**told)


def _address(leg: JSON, name: str) -> str:
    value = leg.get(name)
    if not value or value == "auto":
        raise BadRequest(f"{name} is not known: nothing was ever activated with one")
    return str(value)


def _port(leg: JSON) -> int:
    port = leg.get("destination_port")
    if not isinstance(port, int) or not port:
        raise BadRequest("destination_port is not known: nothing was ever activated with one")
    return port


def _interface(ip: str, name: str, network: NetworkState) -> str:
    owner = network.owner_of(ip)
    if owner is None:
        raise BadRequest(f"{name} {ip} is no address of this box now")
    return owner.name
