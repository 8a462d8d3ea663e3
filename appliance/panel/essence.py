"""What a sender sends, read from its flow and source whatever its API version: values for the fit, words for people.

All of it is a stranger's JSON: a value of the wrong type is as good as none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeGuard

from appliance.core.types import JSON
from appliance.discovery.world import SenderEntry
from appliance.panel.text import clean

Value = str | bool | int | float | Fraction
FORMAT_PREFIX = "urn:x-nmos:format:"
TRANSPORT_PREFIX = "urn:x-nmos:transport:"


def format_of(entry: SenderEntry) -> str | None:
    """``video``, ``audio``, ``data``, ``mux``, or another URN as it stands; ``None`` while nothing says it."""
    for resource in (entry.flow, entry.source):
        urn = _text(resource, "format")
        if urn:
            return clean(urn.removeprefix(FORMAT_PREFIX), 40)
    return None


def media_type_of(entry: SenderEntry) -> str | None:
    """``None`` for v1.0, whose flows do not say."""
    text = _text(entry.flow, "media_type")
    return clean(text, 60) if text else None


def event_type_of(entry: SenderEntry) -> str | None:
    """The IS-07 event type of a data flow, which v1.2 and older only have on the source, if at all."""
    return _text(entry.flow, "event_type") or _text(entry.source, "event_type")


def transport_of(entry: SenderEntry) -> str:
    """``rtp.mcast``, ``websocket``... or another URN as it stands."""
    return clean((_text(entry.sender, "transport") or "").removeprefix(TRANSPORT_PREFIX), 40)


def value_of(urn: str, entry: SenderEntry) -> Value | None:
    """What the sender has for a parameter constraint (NMOS Capabilities register); ``None`` if it does not say."""
    read = _PARAMETERS.get(urn)
    return None if read is None else read(entry)


def detail_of(entry: SenderEntry) -> str:
    """The essence in a few words: "L24 48 kHz 2 ch", "raw 1920x1080p25"."""
    media_type = media_type_of(entry) or ""
    words = [
        media_type.partition("/")[2],
        _raster(entry),
        _sampling(entry),
        clean(event_type_of(entry) or "", 40),
    ]
    return clean(" ".join(word for word in words if word), 60)


def number(value: Value) -> str:
    """A number as people write it: 25, 29.97."""
    if isinstance(value, bool | str):
        return str(value)
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def rational(value: Any) -> Fraction | None:
    """``{"numerator": 25, "denominator": 1}``; the denominator may be left out."""
    if not isinstance(value, dict):
        return None
    numerator, denominator = value.get("numerator"), value.get("denominator", 1)
    if not _is_int(numerator) or not _is_int(denominator) or denominator == 0:
        return None
    return Fraction(numerator, denominator)


def _raster(entry: SenderEntry) -> str:
    width, height = _of_flow("frame_width")(entry), _of_flow("frame_height")(entry)
    if width is None or height is None:
        return ""
    rate = _grain_rate(entry)
    interlaced = str(_of_flow("interlace_mode")(entry) or "progressive").startswith("interlaced")
    scan = "i" if interlaced else "p"
    fields = "" if rate is None else scan + number(rate * 2 if interlaced else rate)
    return f"{number(width)}x{number(height)}{fields}"


def _sampling(entry: SenderEntry) -> str:
    rate, channels = _sample_rate(entry), _channel_count(entry)
    words = [f"{number(rate / 1000)} kHz" if rate else "", f"{channels} ch" if channels else ""]
    return " ".join(word for word in words if word)


def _grain_rate(entry: SenderEntry) -> Fraction | None:
    """Of the flow, else of its source, as IS-04 has it."""
    return rational((entry.flow or {}).get("grain_rate")) or rational((entry.source or {}).get("grain_rate"))


def _sample_rate(entry: SenderEntry) -> Fraction | None:
    return rational((entry.flow or {}).get("sample_rate"))


def _channel_count(entry: SenderEntry) -> int | None:
    channels = (entry.source or {}).get("channels")
    return len(channels) if isinstance(channels, list) and channels else None


def _component_depth(entry: SenderEntry) -> int | None:
    components = (entry.flow or {}).get("components")
    if not isinstance(components, list):
        return None
    depths = [part.get("bit_depth") for part in components if isinstance(part, dict)]
    return max((depth for depth in depths if _is_int(depth)), default=None)


def _of_flow(key: str) -> Callable[[SenderEntry], Value | None]:
    return lambda entry: _scalar((entry.flow or {}).get(key))


def _of_sender(key: str) -> Callable[[SenderEntry], Value | None]:
    return lambda entry: _scalar(entry.sender.get(key))


_FORMAT_CAP = "urn:x-nmos:cap:format:"
_TRANSPORT_CAP = "urn:x-nmos:cap:transport:"
_PARAMETERS: Mapping[str, Callable[[SenderEntry], Value | None]] = {
    _FORMAT_CAP + "media_type": media_type_of,
    _FORMAT_CAP + "event_type": event_type_of,
    _FORMAT_CAP + "grain_rate": _grain_rate,
    _FORMAT_CAP + "sample_rate": _sample_rate,
    _FORMAT_CAP + "sample_depth": _of_flow("bit_depth"),
    _FORMAT_CAP + "channel_count": _channel_count,
    _FORMAT_CAP + "component_depth": _component_depth,
    **{
        _FORMAT_CAP + key: _of_flow(key)
        for key in (
            "frame_width",
            "frame_height",
            "interlace_mode",
            "colorspace",
            "transfer_characteristic",
            "bit_rate",
            "profile",
            "level",
            "sublevel",
        )
    },
    **{
        _TRANSPORT_CAP + key: _of_sender(key)
        for key in ("bit_rate", "packet_transmission_mode", "st2110_21_sender_type")
    },
}


def _text(resource: JSON | None, key: str) -> str | None:
    value = (resource or {}).get(key)
    return value if isinstance(value, str) else None


def _scalar(value: Any) -> Value | None:
    return value if isinstance(value, str | bool | int | float) else None


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
