"""Values, constraints and streams in words for people. Nothing of a stranger's gets through but one short line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from appliance.nmos.caps.stream import FORMAT_CAP, Stream, Value, is_number, plain

_LONGEST = 60
_MOST = 12
_NAMES = {
    "media_type": "media type",
    "event_type": "event type",
    "grain_rate": "frame rate",
    "sample_rate": "sample rate",
    "sample_depth": "bit depth",
    "component_depth": "bit depth",
    "channel_count": "number of channels",
    "interlace_mode": "scan mode",
    "bit_rate": "bit rate",
    "st2110_21_sender_type": "ST 2110-21 type",
    "hkep": "HDCP encryption",
    "privacy": "privacy encryption",
}


def name(urn: str) -> str:
    """What a parameter constraint is about: "sample rate", "frame width"."""
    last = urn.rpartition(":")[2]
    return _NAMES.get(last, last.replace("_", " "))


def shown(value: Value) -> str:
    """A value as people write it: 25, 29.97, rtp.mcast."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return "".join(c if c.isprintable() else " " for c in value[:_LONGEST]).strip()
    # Two digits for rates such as 29.97, three for what is below one, such as a packet time of 0.125 ms.
    return f"{float(value):.{3 if -1 < value < 1 else 2}f}".rstrip("0").rstrip(".")


def either(values: Iterable[Value]) -> str:
    """ "a", "a or b", "a, b or c"; a long list is cut."""
    words = list(dict.fromkeys(shown(value) for value in values))
    if len(words) > _MOST:
        words = [*words[: _MOST - 1], f"{len(words) - _MOST + 1} more"]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "nothing"


def allowed(constraint: Mapping[str, Any]) -> str:
    """What a parameter constraint takes: "48000 or 96000", "1 to 8", "4 and more"."""
    values = constraint.get("enum")
    if isinstance(values, list):
        return either([value for each in values if (value := plain(each)) is not None])
    low, high = plain(constraint.get("minimum")), plain(constraint.get("maximum"))
    if low is not None and high is not None:
        return f"{shown(low)} to {shown(high)}"
    return f"{shown(low)} and more" if low is not None else f"up to {shown(high)}" if high is not None else "any"


def summary(stream: Stream) -> str:
    """The essence in a few words: "L24 48 kHz 2 ch", "raw 1920x1080p25"."""
    words = (
        (stream.media_type or "").partition("/")[2],
        _raster(stream),
        _audio(stream),
        stream.event_type or "",
    )
    return " ".join(shown(word) for word in words if word)


def _raster(stream: Stream) -> str:
    width, height = stream.value(FORMAT_CAP + "frame_width"), stream.value(FORMAT_CAP + "frame_height")
    if width is None or height is None:
        return ""
    rate = stream.value(FORMAT_CAP + "grain_rate")
    interlaced = str(stream.value(FORMAT_CAP + "interlace_mode")).startswith("interlaced")
    fields = f"{'i' if interlaced else 'p'}{shown(rate * 2 if interlaced else rate)}" if is_number(rate) else ""
    return f"{shown(width)}x{shown(height)}{fields}"


def _audio(stream: Stream) -> str:
    rate, channels = stream.value(FORMAT_CAP + "sample_rate"), stream.value(FORMAT_CAP + "channel_count")
    words = [f"{shown(rate / 1000)} kHz" if is_number(rate) else "", f"{channels} ch" if channels else ""]
    return " ".join(word for word in words if word)
