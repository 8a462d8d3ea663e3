"""A stream as the Capabilities register sees it: one value for each parameter that a constraint can be about.

Read from a sender, its flow and its source, whatever their API version, and from what its transport file tells. All of
it is a stranger's JSON: a value of the wrong type, or beyond all measure, is as good as none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias, TypeGuard

from appliance.core.types import JSON

Value: TypeAlias = str | bool | int | float | Fraction
Values: TypeAlias = tuple[Value, ...]
"""One of these: more than one where what is known leaves it open. Empty: nothing is known."""

FORMAT_PREFIX = "urn:x-nmos:format:"
TRANSPORT_PREFIX = "urn:x-nmos:transport:"
FORMAT_CAP = "urn:x-nmos:cap:format:"
TRANSPORT_CAP = "urn:x-nmos:cap:transport:"

UNRESTRICTED = "unrestricted"
"""What a JPEG XS flow says of its profile, level or sublevel by not having one (BCP-006-01 Flows)."""
_LARGEST = 2**63
_JSON_NUMBERS = (int, float)
_NUMBERS = (int, float, Fraction)
_RATIONALS = (FORMAT_CAP + "grain_rate", FORMAT_CAP + "sample_rate")


@dataclass(frozen=True, slots=True)
class Stream:
    """What is known of a stream. ``told`` are the facts of its transport file by URN, used where the resources do not
    say: a rational as IS-04 has it, a tuple where the file leaves open which."""

    sender: JSON | None = None
    flow: JSON | None = None
    source: JSON | None = None
    api_version: str = "v1.3"
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def transport(self) -> str:
        """``rtp.mcast``, ``websocket``... or another URN as it stands; empty where nothing says it."""
        return (_text(self.sender, "transport") or "").removeprefix(TRANSPORT_PREFIX)

    @property
    def format(self) -> str | None:
        """``video``, ``audio``, ``data``, ``mux``, or another URN as it stands; ``None`` while nothing says it."""
        urn = _text(self.flow, "format") or _text(self.source, "format")
        return urn.removeprefix(FORMAT_PREFIX) if urn else None

    @property
    def media_type(self) -> str | None:
        """``None`` for v1.0, whose flows do not say."""
        found = self.values(FORMAT_CAP + "media_type")
        return str(found[0]) if found else None

    @property
    def event_type(self) -> str | None:
        """The IS-07 event type, which v1.2 and older only have on the source, if at all."""
        return _text(self.flow, "event_type") or _text(self.source, "event_type")

    def values(self, urn: str) -> Values:
        """What the stream has for a parameter constraint of the register; nothing for one that is not in it."""
        read = _PARAMETERS.get(urn)
        if read is None:
            return ()
        value = read(self)
        if value is not None:
            return (value,)
        told = self.told.get(urn)
        found = (plain(each) for each in (told if isinstance(told, tuple) else (told,)))
        return tuple(each for each in found if each is not None)

    def value(self, urn: str) -> Value | None:
        """The same where there is exactly one."""
        found = self.values(urn)
        return found[0] if len(found) == 1 else None

    @property
    def is_jpeg_xs(self) -> bool:
        """A JPEG XS stream described as BCP-006-01 wants: in v1.3, and with the bit rate that it makes mandatory."""
        flow = self.flow or {}
        return flow.get("media_type") == "video/jxsv" and "bit_rate" in flow and self.api_version >= "v1.3"


def plain(value: Any) -> Value | None:
    """A JSON value as it is compared: a rational as the number that it is."""
    if isinstance(value, dict):
        return _rational(value)
    if isinstance(value, _JSON_NUMBERS):
        return value if -_LARGEST < value < _LARGEST else None
    return value if isinstance(value, str) else None


def is_number(value: object) -> TypeGuard[int | float | Fraction]:
    """JSON's true is none."""
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def to_json(urn: str, value: Value) -> Any:
    """The other way round, as the parameter of that URN has it."""
    if urn in _RATIONALS:
        rational = Fraction(value)
        return {"numerator": rational.numerator, "denominator": rational.denominator}
    return value


def sampling(components: Any) -> str | None:
    """The ``color_sampling`` of IS-04 ``components``, as ST 2110-20 section 7.4.1 writes it."""
    if not isinstance(components, list) or not components or not all(map(_is_component, components)):
        return None
    width = max(component["width"] for component in components)
    height = max(component["height"] for component in components)
    steps = {(width / component["width"], height / component["height"]) for component in components}
    names = frozenset(component["name"] for component in components)
    for sampled, prefix, ratios in _SAMPLINGS:
        if names == sampled:
            return next((prefix + ratio for ratio, allowed in ratios.items() if steps == allowed), None)
    return None


def _rational(value: JSON) -> int | Fraction | None:
    """BCP-004-01 Parameter Constraint Types: the denominator may be left out, and be negative. What is whole is made an
    integer, which is ten times as quick to make and to compare."""
    numerator, denominator = value.get("numerator"), value.get("denominator", 1)
    if not _is_int(numerator) or not _is_int(denominator) or denominator == 0:
        return None
    return Fraction(numerator, denominator) if numerator % denominator else numerator // denominator


def _grain_rate(stream: Stream) -> Value | None:
    """Of the flow, else of its source, as IS-04 has it."""
    return plain((stream.flow or {}).get("grain_rate")) or plain((stream.source or {}).get("grain_rate"))


def _channel_count(stream: Stream) -> int | None:
    channels = (stream.source or {}).get("channels")
    return len(channels) if isinstance(channels, list) and channels else None


def _component_depth(stream: Stream) -> int | None:
    components = (stream.flow or {}).get("components")
    if not isinstance(components, list):
        return None
    depths = [part.get("bit_depth") for part in components if isinstance(part, dict)]
    return max((depth for depth in depths if _is_int(depth)), default=None)


def _color_sampling(stream: Stream) -> str | None:
    return sampling((stream.flow or {}).get("components"))


def _of_flow(key: str) -> Callable[[Stream], Value | None]:
    return lambda stream: plain((stream.flow or {}).get(key))


def _of_picture(key: str, default: str) -> Callable[[Stream], Value | None]:
    """With IS-04's default (flow_video.json), for a flow that says anything of its picture at all."""

    def read(stream: Stream) -> Value | None:
        flow = stream.flow or {}
        return plain(flow.get(key, default if "frame_width" in flow else None))

    return read


def _of_sender(key: str) -> Callable[[Stream], Value | None]:
    return lambda stream: plain((stream.sender or {}).get(key))


def _coding(key: str) -> Callable[[Stream], Value | None]:
    return lambda stream: plain((stream.flow or {}).get(key, UNRESTRICTED if stream.is_jpeg_xs else None))


def _packet_transmission_mode(stream: Stream) -> Value | None:
    """NMOS Sender Attributes register: a JPEG XS sender that does not say sends codestream packets."""
    return plain((stream.sender or {}).get("packet_transmission_mode", "codestream" if stream.is_jpeg_xs else None))


def _only_told(_stream: Stream) -> None:
    """What no resource has and every transport file may."""
    return


_PARAMETERS: Mapping[str, Callable[[Stream], Value | None]] = {
    FORMAT_CAP + "media_type": _of_flow("media_type"),
    FORMAT_CAP + "grain_rate": _grain_rate,
    FORMAT_CAP + "frame_width": _of_flow("frame_width"),
    FORMAT_CAP + "frame_height": _of_flow("frame_height"),
    FORMAT_CAP + "interlace_mode": _of_picture("interlace_mode", "progressive"),
    FORMAT_CAP + "colorspace": _of_flow("colorspace"),
    FORMAT_CAP + "transfer_characteristic": _of_picture("transfer_characteristic", "SDR"),
    FORMAT_CAP + "color_sampling": _color_sampling,
    FORMAT_CAP + "component_depth": _component_depth,
    FORMAT_CAP + "bit_rate": _of_flow("bit_rate"),
    FORMAT_CAP + "profile": _coding("profile"),
    FORMAT_CAP + "level": _coding("level"),
    FORMAT_CAP + "sublevel": _coding("sublevel"),
    FORMAT_CAP + "channel_count": _channel_count,
    FORMAT_CAP + "sample_rate": _of_flow("sample_rate"),
    FORMAT_CAP + "sample_depth": _of_flow("bit_depth"),
    FORMAT_CAP + "event_type": lambda stream: stream.event_type,
    TRANSPORT_CAP + "bit_rate": _of_sender("bit_rate"),
    TRANSPORT_CAP + "packet_time": _only_told,
    TRANSPORT_CAP + "max_packet_time": _only_told,
    TRANSPORT_CAP + "packet_transmission_mode": _packet_transmission_mode,
    TRANSPORT_CAP + "st2110_21_sender_type": _of_sender("st2110_21_sender_type"),
    TRANSPORT_CAP + "hkep": _of_sender("hkep"),
    TRANSPORT_CAP + "privacy": _of_sender("privacy"),
}
"""The NMOS Capabilities register, but for ``usb_class``: no sender says that as a value."""
PARAMETERS = tuple(_PARAMETERS)

_WHOLE = {"": {(1, 1)}}
_RATIOS = {"4:4:4": {(1, 1)}, "4:2:2": {(1, 1), (2, 1)}, "4:2:0": {(1, 1), (2, 2)}, "4:1:1": {(1, 1), (4, 1)}}
_SAMPLINGS: tuple[tuple[frozenset[str], str, dict[str, set[tuple[int, int]]]], ...] = (
    (frozenset({"Y", "Cb", "Cr"}), "YCbCr-", _RATIOS),
    (frozenset({"Yc", "Cbc", "Crc"}), "CLYCbCr-", _RATIOS),
    (frozenset({"I", "Ct", "Cp"}), "ICtCp-", _RATIOS),
    (frozenset({"R", "G", "B"}), "RGB", _WHOLE),
    (frozenset({"R", "G", "B", "A"}), "RGBA", _WHOLE),
    (frozenset({"X", "Y", "Z"}), "XYZ", _WHOLE),
    (frozenset({"Key"}), "KEY", _WHOLE),
)


def _text(resource: JSON | None, key: str) -> str | None:
    value = (resource or {}).get(key)
    return value if isinstance(value, str) else None


def _is_component(value: object) -> bool:
    sides = (value.get("width"), value.get("height")) if isinstance(value, dict) else (None,)
    named = isinstance(value, dict) and isinstance(value.get("name"), str)
    return named and all(_is_int(side) and side > 0 for side in sides)


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST
