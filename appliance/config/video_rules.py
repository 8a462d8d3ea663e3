"""What senders and receivers of video, ancillary data and mux must keep to beyond the shape of the file.

The values are those of IS-04's schemas and of the NMOS Flow and Sender Attributes registers, which AMWA's schemas of
2026 enumerate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from appliance.config.model import EndpointConfig, Format, ReceiverConfig, SenderConfig
from appliance.config.video import AcceptConfig, VideoConfig

MEDIA_TYPES: Mapping[Format, tuple[str, ...]] = {
    Format.VIDEO: ("video/raw", "video/jxsv", "video/H264"),
    Format.DATA: ("video/smpte291",),
    Format.MUX: ("video/SMPTE2022-6", "video/MP2T"),
}
JPEG_XS = "video/jxsv"
CODED = (JPEG_XS, "video/H264")

INTERLACE_MODES = ("progressive", "interlaced_tff", "interlaced_bff", "interlaced_psf")
DEPTHS = (8, 10, 12, 16)
JPEG_XS_WORDS: Mapping[str, tuple[str, ...]] = {
    "profile": (
        *("HighBayer", "MainBayer", "LightBayer", "High4444.12", "Main4444.12", "High444.12", "Main444.12"),
        *("Light444.12", "Main422.10", "Light422.10", "Light-Subline422.10", "MLS.12", "High420.12", "Main420.12"),
    ),
    "level": (
        *("1k-1", "Bayer2k-1", "2k-1", "Bayer4k-1", "4k-1", "Bayer8k-1", "4k-2", "Bayer8k-2", "4k-3", "Bayer8k-3"),
        *("8k-1", "Bayer16k-1", "8k-2", "Bayer16k-2", "8k-3", "Bayer16k-3", "10k-1", "Bayer20k-1"),
    ),
    "sublevel": ("Full", "Sublev12bpp", "Sublev9bpp", "Sublev6bpp", "Sublev4bpp", "Sublev3bpp", "Sublev2bpp"),
}
_SAMPLINGS = (
    *("RGBA", "RGB", "YCbCr-4:4:4", "YCbCr-4:2:2", "YCbCr-4:2:0", "YCbCr-4:1:1", "CLYCbCr-4:4:4", "CLYCbCr-4:2:2"),
    *("CLYCbCr-4:2:0", "ICtCp-4:4:4", "ICtCp-4:2:2", "ICtCp-4:2:0", "XYZ", "KEY", "UNSPECIFIED"),
)
_ACCEPTED: Mapping[str, Sequence[object]] = {
    "interlace_mode": INTERLACE_MODES,
    "color_sampling": _SAMPLINGS,
    "component_depth": DEPTHS,
    "colorspace": ("BT601", "BT709", "BT2020", "BT2100", "ST2065-1", "ST2065-3", "UNSPECIFIED", "XYZ", "ALPHA"),
    "transfer_characteristic": (
        *("SDR", "HLG", "PQ", "LINEAR", "BT2100LINPQ", "BT2100LINHLG", "ST2065-1", "ST428-1", "DENSITY"),
        *("ST2115LOGS3", "UNSPECIFIED"),
    ),
    "packet_transmission_mode": ("codestream", "slice_sequential", "slice_out_of_order"),
    "st2110_21_sender_type": ("2110TPN", "2110TPNL", "2110TPW"),
}
_RATE = re.compile(r"[1-9][0-9]{0,5}(/[1-9][0-9]{0,5})?")
_DID_SDID = re.compile(r"[0-9A-Fa-f]{2}/[0-9A-Fa-f]{2}")
_ONLY_AUDIO = ("sample_rate", "channels", "packet_time_ms", "sample_rates", "max_channels")
_ONLY_EVENTS = ("event_type", "event", "event_types", "actions")
_MAX_SIDE = 32_767  # ST 2110-20 section 7.2
_MAX_BIT_RATE = 400_000_000  # kilobits a second: the fastest Ethernet there is, which also bounds the arithmetic
_MAX_LABEL = 200

Problem = tuple[str, str]


def sender(key: str, sender: SenderConfig) -> Iterator[Problem]:
    """The problems of a sender over RTP that is not audio."""
    yield from _of_others(key, sender)
    allowed = MEDIA_TYPES[sender.format]
    if sender.media_type not in allowed:
        reason = f'must be {" or ".join(allowed)} for {sender.format}, not "{sender.media_type}"'
        events = '; events go by transport "websocket" or "mqtt"' if sender.format is Format.DATA else ""
        yield f"{key}.media_type", reason + events
        return
    if sender.did_sdid and sender.format is not Format.DATA:
        yield f"{key}.did_sdid", f"is for ancillary data, and this is {sender.format}"
    for index, word in enumerate(sender.did_sdid):
        if not _DID_SDID.fullmatch(word):
            yield f"{key}.did_sdid[{index}]", f'must be two hexadecimal numbers such as "61/02", not "{word[:20]}"'
    yield from _picture(f"{key}.video", sender.video, sender.media_type)


def receiver(key: str, receiver: ReceiverConfig) -> Iterator[Problem]:
    """The problems of a receiver over RTP that is not audio."""
    yield from _of_others(key, receiver)
    allowed = MEDIA_TYPES[receiver.format]
    if not receiver.media_types:
        yield f"{key}.media_types", "must name one media type at least"
    for index, media_type in enumerate(receiver.media_types):
        if media_type not in allowed:
            yield f"{key}.media_types[{index}]", f'must be {" or ".join(allowed)}, not "{media_type}"'
    for index, accepted in enumerate(receiver.accepts):
        yield from _accepted(f"{key}.accepts[{index}]", accepted, receiver)


def grain_rate(text: str) -> Fraction:
    """ "25" or "30000/1001" as a number; ValueError where it is neither."""
    if not _RATE.fullmatch(text):
        raise ValueError(f'must be frames a second such as "25" or "30000/1001", not "{text[:20]}"')
    return Fraction(text)


def _of_others(key: str, endpoint: EndpointConfig) -> Iterator[Problem]:
    plain = type(endpoint)(endpoint.name, endpoint.device)
    for names, what in ((_ONLY_AUDIO, "audio"), (_ONLY_EVENTS, "events, which go by websocket or mqtt")):
        for name in names:
            if getattr(endpoint, name, None) != getattr(plain, name, None):
                yield f"{key}.{name}", f"is for {what}, and this is {endpoint.format} over RTP"


def _picture(key: str, video: VideoConfig, media_type: str) -> Iterator[Problem]:
    yield from _rate(f"{key}.grain_rate", video.grain_rate)
    for name, subsamplings in (("frame_width", ("4:2:2", "4:2:0")), ("frame_height", ("4:2:0",))):
        side = getattr(video, name)
        yield from _side(f"{key}.{name}", side)
        if side % 2 and video.color_sampling.endswith(subsamplings):
            yield f"{key}.{name}", f"must be even for {video.color_sampling}, not {side}"
    if video.component_depth not in DEPTHS:
        yield f"{key}.component_depth", f"must be {_listed(DEPTHS)}, not {video.component_depth}"
    yield from _coding(key, video, media_type)


def _coding(key: str, video: VideoConfig, media_type: str) -> Iterator[Problem]:
    if video.bit_rate is None and media_type == JPEG_XS:
        yield f"{key}.bit_rate", "is missing: JPEG XS must say it (BCP-006-01), in kilobits a second"
    if video.bit_rate is not None and not 1 <= video.bit_rate <= _MAX_BIT_RATE:
        yield f"{key}.bit_rate", f"must be 1 to {_MAX_BIT_RATE} (kilobits a second), not {video.bit_rate}"
    for name in ("bit_rate", *JPEG_XS_WORDS):
        value = getattr(video, name)
        if value is not None and media_type not in CODED:
            yield f"{key}.{name}", f"is for coded video, and this is {media_type}"
        elif value is not None and media_type == JPEG_XS and name in JPEG_XS_WORDS:
            yield from _one_of(f"{key}.{name}", value, JPEG_XS_WORDS[name])


def _accepted(key: str, accepted: AcceptConfig, receiver: ReceiverConfig) -> Iterator[Problem]:
    if not 1 <= len(accepted.label) <= _MAX_LABEL or not accepted.label.isprintable():
        yield f"{key}.label", f"must be 1 to {_MAX_LABEL} printable characters"
    if not -100 <= accepted.preference <= 100:
        yield f"{key}.preference", f"must be -100 to 100 (BCP-004-01), not {accepted.preference}"
    if accepted.max_bit_rate is not None and accepted.max_bit_rate < 1:
        yield f"{key}.max_bit_rate", f"must be 1 or more, not {accepted.max_bit_rate}"
    words = {**_ACCEPTED, "media_type": receiver.media_types}
    if receiver.media_types == (JPEG_XS,):
        words |= JPEG_XS_WORDS
    rules: dict[str, Callable[[str, Any], Iterator[Problem]]] = {
        "grain_rate": _rate,
        "frame_width": _side,
        "frame_height": _side,
        **{name: partial(_one_of, allowed=allowed) for name, allowed in words.items()},
    }
    for name, rule in rules.items():
        for index, value in enumerate(getattr(accepted, name)):
            yield from rule(f"{key}.{name}[{index}]", value)


def _side(key: str, side: int) -> Iterator[Problem]:
    if not 1 <= side <= _MAX_SIDE:
        yield key, f"must be 1 to {_MAX_SIDE}, not {side}"


def _one_of(key: str, value: object, allowed: Sequence[object]) -> Iterator[Problem]:
    if value not in allowed:
        yield key, f"must be {_listed(allowed)}, not {str(value)[:40]}"


def _rate(key: str, text: str) -> Iterator[Problem]:
    try:
        grain_rate(text)
    except ValueError as error:
        yield key, str(error)


def _listed(values: Sequence[object]) -> str:
    return "one of " + ", ".join(map(str, values))
