"""What a session says about its essence, in the terms of IS-04 and of the Capabilities register (BCP-004-01)."""

from __future__ import annotations

import re
from fractions import Fraction

from appliance.core.types import JSON
from appliance.media.engine import AudioFormat
from appliance.nmos.is05.sdp.model import Media, SdpError, Session
from appliance.nmos.is05.sdp.paths import media_type_of, streams

CAPABILITIES = {
    name: f"urn:x-nmos:cap:{kind}:{name.removeprefix('transport_')}"
    for kind, names in {
        "format": (
            *("media_type", "grain_rate", "frame_width", "frame_height", "interlace_mode", "colorspace"),
            *("transfer_characteristic", "color_sampling", "component_depth", "profile", "level", "sublevel"),
            *("channel_count", "sample_rate", "sample_depth"),
        ),
        "transport": (
            *("transport_bit_rate", "packet_time", "max_packet_time"),
            *("packet_transmission_mode", "st2110_21_sender_type"),
        ),
    }.items()
    for name in names
}
"""The parameter constraint that each of :func:`flow_facts` is matched with."""


def media_type(session: Session) -> str:
    """The media type of the session's first stream: ``audio/L24``, ``video/raw``, ``video/smpte291``..."""
    return media_type_of(streams(session)[0])


def audio_format(session: Session) -> AudioFormat:
    """The audio that the first stream carries; :class:`SdpError` where it is none."""
    media = streams(session)[0]
    kind, encoding = media_type_of(media).split("/", 1)
    rtpmap = media.rtpmap
    if kind != "audio" or rtpmap is None:
        raise SdpError(f"describes {kind}/{encoding}, which is not audio")
    return AudioFormat(
        encoding=encoding,
        sample_rate=rtpmap.clock_rate,
        channels=rtpmap.parameters or 1,
        # AES67 section 7.2: 1 ms is what every device can do, so what a file most likely means that does not say.
        packet_time_ms=_packet_time(media) or 1.0,
        payload_type=rtpmap.payload_type,
    )


def flow_facts(session: Session) -> JSON:
    """What the file tells, by the names of IS-04 attributes; what it does not tell is missing.

    A rational is ``{"numerator": .., "denominator": ..}``. A tuple means one of these: the file cannot say which
    (``interlace_mode`` of interlaced video). ``transport_bit_rate`` is in kilobits a second, ``packet_time`` in ms.
    """
    media = streams(session)[0]
    name = media_type_of(media)
    facts: JSON = {"media_type": name, "format": _format(name)}
    if media.kind == "audio":
        facts |= _audio_facts(media)
    elif name in ("video/raw", "video/jxsv"):
        facts |= _video_facts(media, coded=name != "video/raw")
    facts |= _stream_facts(media, name)
    return {key: value for key, value in facts.items() if value is not None}


def capability_facts(session: Session) -> JSON:
    """:func:`flow_facts` by the URNs of the Capabilities register, ready to be matched with a constraint set."""
    return {CAPABILITIES[name]: fact for name, fact in flow_facts(session).items() if name in CAPABILITIES}


# Decimal frame rates that are short for a fraction (RFC 8866 a=framerate has no fractions).
_FRACTIONAL_RATES = {
    Fraction(written): Fraction(nominal * 1000, 1001)
    for nominal, spellings in {
        24: ("23.976", "23.98"),
        30: ("29.97",),
        48: ("47.95", "47.952"),
        60: ("59.94",),
        120: ("119.88",),
    }.items()
    for written in spellings
}
_LINEAR = re.compile(r"[Ll]([0-9]{1,2})")
_RATE = re.compile(r"(?=.*[1-9])[0-9]{1,9}(\.[0-9]{1,9}|/0*[1-9][0-9]{0,8})?", re.ASCII)
_TRANSMISSION_MODES = {("0", "1"): "codestream", ("1", "1"): "slice_sequential", ("1", "0"): "slice_out_of_order"}


def _format(name: str) -> str:
    if name == "video/smpte291" or name.startswith("application/"):
        return "urn:x-nmos:format:data"
    if name in ("video/SMPTE2022-6", "video/MP2T"):
        return "urn:x-nmos:format:mux"
    return f"urn:x-nmos:format:{name.partition('/')[0]}"


def _audio_facts(media: Media) -> JSON:
    rtpmap = media.rtpmap
    if rtpmap is None:
        return {}
    linear = _LINEAR.fullmatch(rtpmap.encoding)
    return {
        "sample_rate": _rational(Fraction(rtpmap.clock_rate)),
        "channel_count": rtpmap.parameters or 1,
        "sample_depth": int(linear[1]) if linear else None,
        "packet_time": _packet_time(media),
        "max_packet_time": media.maxptime,
    }


def _video_facts(media: Media, *, coded: bool) -> JSON:
    """ST 2110-20 section 7 and RFC 9134 section 7: the two name the picture alike."""
    fmtp = media.fmtp
    depth = fmtp.get("depth")
    return {
        "frame_width": _integer(media, "width"),
        "frame_height": _integer(media, "height"),
        "interlace_mode": _interlace_mode(media),
        "colorspace": fmtp.get("colorimetry"),
        # ST 2110-20 section 7.3 has a default, RFC 9134 none.
        "transfer_characteristic": fmtp.get("TCS") or (None if coded else "SDR"),
        "color_sampling": fmtp.get("sampling"),
        # ST 2110-20 section 7.4.2: 16f is sixteen bits too.
        "component_depth": 16 if depth == "16f" else _integer(media, "depth"),
        "profile": fmtp.get("profile"),
        "level": fmtp.get("level"),
        "sublevel": fmtp.get("sublevel"),
    }


def _stream_facts(media: Media, name: str) -> JSON:
    fmtp = media.fmtp
    modes = (fmtp.get("packetmode") or "0", fmtp.get("transmode") or "1")
    return {
        "grain_rate": _grain_rate(media),
        "st2110_21_sender_type": fmtp.get("TP"),
        "packet_transmission_mode": _TRANSMISSION_MODES.get(modes) if name == "video/jxsv" else None,
        "transport_bit_rate": next((b.value for b in media.bandwidths if b.kind == "AS"), None),
    }


def _interlace_mode(media: Media) -> str | tuple[str, ...]:
    if "interlace" not in media.fmtp:
        return "progressive"
    return "interlaced_psf" if "segmented" in media.fmtp else ("interlaced_tff", "interlaced_bff")


def _grain_rate(media: Media) -> dict[str, int] | None:
    if media.kind == "audio":
        return None
    exact = media.fmtp.get("exactframerate")
    written = exact or media.framerate
    if written is None:
        return None
    # Fraction() itself would take "1e999999999" and work on it for ever.
    if not _RATE.fullmatch(written):
        raise SdpError(f"{'exactframerate' if exact else 'a=framerate'} {written!r} is no frame rate")
    rate = Fraction(written)
    return _rational(_FRACTIONAL_RATES.get(rate, rate))


def _packet_time(media: Media) -> float | None:
    """Milliseconds. RAVENNA's a=framecount says it where a=ptime does not.

    AES67 section 8.1 rounds: 0.12 and 0.13 both mean six samples at 48 kHz, 0.125 ms. Where the exact time has no short
    decimal (44.1 kHz) it stays as written.
    """
    rtpmap = media.rtpmap
    if rtpmap is None:
        return media.ptime
    frames = media.attribute("framecount") or ""
    if media.ptime is None:
        if not re.fullmatch(r"[1-9][0-9]{0,4}", frames):
            return None
        return round(int(frames) * 1000 / rtpmap.clock_rate, 6)
    exact = Fraction(round(media.ptime * rtpmap.clock_rate / 1000) * 1000, rtpmap.clock_rate)
    return float(exact) if exact and (exact * 1000).denominator == 1 else media.ptime


def _integer(media: Media, name: str) -> int | None:
    text = media.fmtp.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise SdpError(f"{name}={text} in a=fmtp is no number")
    return int(text)


def _rational(value: Fraction) -> dict[str, int]:
    return {"numerator": value.numerator, "denominator": value.denominator}
