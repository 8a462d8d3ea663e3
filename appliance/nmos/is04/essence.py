"""What sources and flows have beyond what all have, by their format."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from appliance.config.model import Format, SenderConfig
from appliance.core.types import JSON
from appliance.nmos.is04 import pictures

_CHANNEL_SYMBOLS: Mapping[int, tuple[tuple[str, str], ...]] = {
    1: (("Mono", "M1"),),
    2: (("Left", "L"), ("Right", "R")),
    6: (
        ("Left", "L"), ("Right", "R"), ("Centre", "C"),
        ("Low Frequency Effects", "LFE"), ("Left Surround", "Ls"), ("Right Surround", "Rs"),
    ),
}  # fmt: skip


def of_source(sender: SenderConfig) -> JSON:
    return _OF_SOURCE[sender.format](sender)


def of_flow(sender: SenderConfig) -> JSON:
    return _OF_FLOW[sender.format](sender)


def _channels(count: int) -> list[JSON]:
    """Channel labels, with the symbols of ST 2110-30 where the count has a customary order, else undefined ones."""
    named = _CHANNEL_SYMBOLS.get(count) or [(f"Channel {n}", f"U{n:02}") for n in range(1, count + 1)]
    return [{"label": label, "symbol": symbol} for label, symbol in named]


def _audio_source(sender: SenderConfig) -> JSON:
    return {"channels": _channels(sender.channels)}


def _audio_flow(sender: SenderConfig) -> JSON:
    """flow_audio_raw.json, or for AM824, which is no linear PCM, flow_audio_coded.json."""
    flow: JSON = {"sample_rate": {"numerator": sender.sample_rate, "denominator": 1}}
    depth = sender.media_type.removeprefix("audio/L")
    return {**flow, "bit_depth": int(depth)} if depth.isdecimal() else flow


def _event_source(sender: SenderConfig) -> JSON:
    """IS-07 Core models section 2.1: events come when they come, by no clock."""
    return {"clock_name": None, **_event_flow(sender)}


def _event_flow(sender: SenderConfig) -> JSON:
    return {"event_type": sender.event_type}


def _data_source(sender: SenderConfig) -> JSON:
    return pictures.source(sender) if sender.transport.is_rtp else _event_source(sender)


def _data_flow(sender: SenderConfig) -> JSON:
    return pictures.flow(sender) if sender.transport.is_rtp else _event_flow(sender)


_OF_SOURCE: Mapping[Format, Callable[[SenderConfig], JSON]] = {
    Format.AUDIO: _audio_source,
    Format.DATA: _data_source,
    Format.VIDEO: pictures.source,
    Format.MUX: pictures.source,
}
_OF_FLOW: Mapping[Format, Callable[[SenderConfig], JSON]] = {
    Format.AUDIO: _audio_flow,
    Format.DATA: _data_flow,
    Format.VIDEO: pictures.flow,
    Format.MUX: pictures.flow,
}
