"""The ``caps`` of this box's own receivers (BCP-004-01) and senders (BCP-004-02), without their ``version``.

A receiver's follow from what its driver can do and from what the configuration lets it; a sender's are the one stream
that it is configured to send.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from appliance.config.model import Format, ReceiverConfig, SenderConfig
from appliance.config.video import AcceptConfig
from appliance.config.video_rules import grain_rate
from appliance.core.types import JSON
from appliance.media.abilities import AUDIO, VIDEO, AudioAbility, VideoAbility
from appliance.nmos.caps import words
from appliance.nmos.caps.match import ENABLED, LABEL, PREFERENCE
from appliance.nmos.caps.stream import FORMAT_CAP, PARAMETERS, TRANSPORT_CAP, UNRESTRICTED, Stream, to_json

_OF_TRANSPORT = ("packet_transmission_mode", "st2110_21_sender_type")


def receiver_caps(receiver: ReceiverConfig, driver: str) -> JSON:
    """What a receiver with this configuration takes; ``driver`` is the name of the one that plays it."""
    caps: JSON = {"media_types": list(receiver.media_types)}
    if receiver.event_types:
        caps["event_types"] = list(receiver.event_types)
        sets = [_event_set(receiver)]
    elif receiver.format is Format.AUDIO:
        sets = list(_audio_sets(receiver, AUDIO.get(driver)))
    else:
        sets = [_accepted_set(accepted, receiver) for accepted in receiver.accepts]
        sets = sets or list(_able_sets(receiver, VIDEO.get(driver))) or [_any_set(receiver)]
    return caps | {"constraint_sets": sets}


def sender_caps(config: SenderConfig, sender: JSON, flow: JSON, source: JSON) -> JSON:
    """The only operating point of a sender: what its resources say, and the packet time, which they do not."""
    told = {TRANSPORT_CAP + "packet_time": config.packet_time_ms} if config.format is Format.AUDIO else {}
    stream = Stream(sender, flow, source, told=told)
    values = {urn: stream.value(urn) for urn in PARAMETERS}
    constraints = {
        urn: {"enum": [to_json(urn, value)]} for urn, value in values.items() if value not in (None, UNRESTRICTED)
    }
    return {"constraint_sets": [{**_meta(words.summary(stream), 0), **constraints}]}


def _audio_sets(receiver: ReceiverConfig, able: AudioAbility | None) -> Iterator[JSON]:
    """One for each media type, liked in the order of the configuration; and for each one, not enabled, for what the
    driver could do beyond the configuration."""
    wider = []
    for place, media_type in enumerate(receiver.media_types):
        encoding = media_type.removeprefix("audio/")
        most = able.max_channels[media_type] if able else receiver.max_channels
        channels = min(receiver.max_channels, most)
        label = f"{encoding}, {_rates(receiver.sample_rates)}, up to {channels} channels"
        yield {
            **_meta(label, len(receiver.media_types) - 1 - place),
            **_audio_set(media_type, receiver.sample_rates, channels, able),
        }
        if receiver.sample_rates or channels < most:
            meta = _meta(f"{encoding} where configured: any sample rate, up to {most} channels", -1, enabled=False)
            wider.append({**meta, **_audio_set(media_type, (), most, able)})
    if able:
        yield from wider


def _audio_set(media_type: str, rates: Sequence[int], channels: int, able: AudioAbility | None) -> JSON:
    depth = media_type.removeprefix("audio/L")
    found: JSON = {FORMAT_CAP + "media_type": {"enum": [media_type]}}
    if rates:
        found[FORMAT_CAP + "sample_rate"] = {"enum": [_rational(rate) for rate in rates]}
    elif able:
        lowest, highest = map(_rational, able.sample_rates)
        found[FORMAT_CAP + "sample_rate"] = {"minimum": lowest, "maximum": highest}
    if depth.isdecimal():
        found[FORMAT_CAP + "sample_depth"] = {"enum": [int(depth)]}
    found[FORMAT_CAP + "channel_count"] = {"minimum": 1, "maximum": channels}
    if able:
        shortest, longest = able.packet_times_ms
        found[TRANSPORT_CAP + "packet_time"] = {"minimum": shortest, "maximum": longest}
    return found


def _rates(rates: Sequence[int]) -> str:
    return f"{words.either([rate / 1000 for rate in rates])} kHz" if rates else "any sample rate"


def _event_set(receiver: ReceiverConfig) -> JSON:
    return {
        **_meta(f"Events: {words.either(receiver.event_types)}", 0),
        FORMAT_CAP + "event_type": {"enum": list(receiver.event_types)},
    }


def _able_sets(receiver: ReceiverConfig, able: VideoAbility | None) -> Iterator[JSON]:
    """Where a driver limits pictures: one for each depth of uncompressed ones, and one for each other media type."""
    if able is None or receiver.format is not Format.VIDEO:
        return
    for media_type in receiver.media_types:
        kind = media_type.partition("/")[2]
        same = {FORMAT_CAP + "media_type": {"enum": [media_type]}}
        interlace = {FORMAT_CAP + "interlace_mode": {"enum": list(able.interlace_modes)}}
        if media_type == "video/jxsv":
            modes = {TRANSPORT_CAP + "packet_transmission_mode": {"enum": list(able.packet_transmission_modes)}}
            yield {**_meta(f"JPEG XS, {words.either(able.interlace_modes)}", 0), **same, **interlace, **modes}
            continue
        if media_type != "video/raw":
            yield {**_meta(f"Any {kind}", 0), **same}
            continue
        for depth, samplings in able.samplings.items():
            yield {
                **_meta(f"Uncompressed, {depth} bit, {words.either(samplings)}", 0),
                **same,
                FORMAT_CAP + "component_depth": {"enum": [depth]},
                FORMAT_CAP + "color_sampling": {"enum": list(samplings)},
                **interlace,
            }


def _any_set(receiver: ReceiverConfig) -> JSON:
    kinds = [media_type.partition("/")[2] for media_type in receiver.media_types]
    return {
        **_meta(f"Any {words.either(kinds)}", 0),
        FORMAT_CAP + "media_type": {"enum": list(receiver.media_types)},
    }


def _accepted_set(accepted: AcceptConfig, receiver: ReceiverConfig) -> JSON:
    """The keys of the table are the register's own words."""
    found: JSON = _meta(accepted.label, accepted.preference, enabled=accepted.enabled)
    # A set has one constraint at least (BCP-004-01 Constraint Sets).
    found[FORMAT_CAP + "media_type"] = {"enum": list(receiver.media_types)}
    for key in fields(accepted):
        values = getattr(accepted, key.name)
        if isinstance(values, tuple) and values:
            urn = (TRANSPORT_CAP if key.name in _OF_TRANSPORT else FORMAT_CAP) + key.name
            found[urn] = {"enum": [_value(urn, value) for value in values]}
    if accepted.max_bit_rate is not None:
        found[TRANSPORT_CAP + "bit_rate"] = {"maximum": accepted.max_bit_rate}
    return found


def _value(urn: str, value: Any) -> Any:
    return to_json(urn, grain_rate(value) if urn == FORMAT_CAP + "grain_rate" else value)


def _meta(label: str, preference: int, *, enabled: bool = True) -> JSON:
    return {LABEL: label, PREFERENCE: preference, ENABLED: enabled}


def _rational(value: int) -> JSON:
    return {"numerator": value, "denominator": 1}
