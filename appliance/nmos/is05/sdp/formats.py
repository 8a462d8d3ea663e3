"""How each media type is written in SDP: what an IS-04 flow and its source become in a=rtpmap and a=fmtp.

One rule for each media type, in the table at the bottom; the sections cited are where its parameters come from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from appliance.core.types import JSON
from appliance.errors import NotFound
from appliance.nmos.caps.stream import sampling
from appliance.nmos.is05.sdp.model import Bandwidth

Parameters: TypeAlias = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Packing:
    """What SDP has to say about a stream and IS-04 has no attribute for.

    ``payload_type`` ``None``: the usual one of the format. ``ptp_domain`` is 127 by ST 2059-2; AES67's own profile has
    0. ``sender_type`` (ST 2110-21) holds where the sender has no ``st2110_21_sender_type``. ``signal_range`` is RANGE.
    ``parameters`` are put after the format's own in a=fmtp (sprop-parameter-sets, MAXUDP, PAR, TSMODE...).
    """

    ptime_ms: float = 1.0
    maxptime_ms: float | None = None
    payload_type: int | None = None
    ttl: int = 32
    ptp_domain: int = 127
    sender_type: str = "2110TPW"
    signal_range: str | None = None
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class Essence:
    """What of a stream is the same on every leg."""

    kind: str
    payload_type: int
    encoding: str
    clock_rate: int
    channels: int | None = None
    parameters: Parameters = ()
    ptime: float | None = None
    maxptime: float | None = None
    framerate: str | None = None
    bandwidths: tuple[Bandwidth, ...] = ()


def essence(sender: JSON, flow: JSON, source: JSON, packing: Packing) -> Essence:
    """The stream of ``flow``; :class:`NotFound` says what it lacks for having a transport file."""
    inputs = _Inputs(sender, flow, source, packing)
    media_type = str(inputs.need("flow", "media_type"))
    kind, _, encoding = media_type.partition("/")
    rule = _RULES.get(media_type) or _KINDS.get(kind)
    if rule is None or not encoding:
        raise NotFound(f"no transport file: {media_type} is not sent as RTP")
    return rule(encoding, inputs)


def channel_order(symbols: list[str | None]) -> str:
    """ST 2110-30 section 6.2.2: channels as groups, the longest that fits first, and U<nn> for what fits none."""
    groups: list[str] = []
    unknown = 0
    position = 0
    while position < len(symbols):
        name, size = _group_at(symbols, position)
        if name is None:
            unknown += 1
        else:
            groups += [*_undefined(unknown), name]
            unknown = 0
        position += size
    return f"SMPTE2110.({','.join([*groups, *_undefined(unknown)])})"


@dataclass(frozen=True, slots=True)
class _Inputs:
    sender: JSON
    flow: JSON
    source: JSON
    packing: Packing

    @property
    def grain_rate(self) -> Fraction | None:
        """The flow's own, else its source's (IS-04 flow_core.json)."""
        rate = self.flow.get("grain_rate") or self.source.get("grain_rate")
        return _fraction(rate) if rate else None

    @property
    def sender_type(self) -> str:
        return str(self.sender.get("st2110_21_sender_type") or self.packing.sender_type)

    def payload_type(self, usual: int) -> int:
        return usual if self.packing.payload_type is None else self.packing.payload_type

    def need(self, resource: str, key: str) -> Any:
        value = (self.source if resource == "source" else self.flow).get(key)
        if not value:
            raise NotFound(f"no transport file: the {resource} has no {key}")
        return value

    def need_grain_rate(self) -> Fraction:
        rate = self.grain_rate
        if rate is None:
            raise NotFound("no transport file: neither the flow nor its source has a grain_rate")
        return rate

    def bandwidths(self) -> tuple[Bandwidth, ...]:
        """b=AS is in kilobits a second, as is the sender's bit_rate (NMOS Sender Attributes register)."""
        rate = self.sender.get("bit_rate")
        return (Bandwidth("AS", int(rate)),) if rate else ()


def _linear_audio(encoding: str, inputs: _Inputs) -> Essence:
    """AES67 section 8.1, ST 2110-30 section 6.2."""
    symbols = [channel.get("symbol") for channel in inputs.need("source", "channels")]
    return _audio(encoding, inputs, len(symbols), (("channel-order", channel_order(symbols)),))


def _am824(encoding: str, inputs: _Inputs) -> Essence:
    """ST 2110-31 section 6: subframes come in AES3 pairs, so there is an even number of them."""
    subframes = len(inputs.need("source", "channels"))
    return _audio(encoding, inputs, subframes + subframes % 2, ())


def _coded_audio(encoding: str, inputs: _Inputs) -> Essence:
    return _audio(encoding, inputs, len(inputs.need("source", "channels")), ())


def _audio(encoding: str, inputs: _Inputs, channels: int, parameters: Parameters) -> Essence:
    return Essence(
        kind="audio",
        payload_type=inputs.payload_type(97),
        encoding=encoding,
        clock_rate=round(_fraction(inputs.need("flow", "sample_rate"))),
        channels=channels,
        parameters=parameters + inputs.packing.parameters,
        ptime=inputs.packing.ptime_ms,
        maxptime=inputs.packing.maxptime_ms,
    )


def _raw_video(encoding: str, inputs: _Inputs) -> Essence:
    """ST 2110-20 section 7.2 and 7.3, ST 2110-21 section 8."""
    new = inputs.flow.get("colorspace") == "ALPHA" or inputs.flow.get("transfer_characteristic") == "ST2115LOGS3"
    parameters = (
        *_picture(inputs),
        ("PM", "2110GPM"),
        # Section 7.2 of the 2022 edition: the year of the first edition that has what is signalled.
        ("SSN", "ST2110-20:2022" if new else "ST2110-20:2017"),
        ("TP", inputs.sender_type),
    )
    return _video(encoding, inputs, parameters)


def _jpeg_xs(encoding: str, inputs: _Inputs) -> Essence:
    """RFC 9134 section 7.1, ST 2110-22 section 7, BCP-006-01."""
    flow = inputs.flow
    parameters = (
        *_TRANSMISSION[inputs.sender.get("packet_transmission_mode", "codestream")],
        *((name, str(flow[name])) for name in ("profile", "level", "sublevel") if flow.get(name)),
        *_picture(inputs),
        ("SSN", "ST2110-22:2022"),
        ("TP", inputs.sender_type),
    )
    return _video(encoding, inputs, parameters, bandwidths=inputs.bandwidths())


def _h264(encoding: str, inputs: _Inputs) -> Essence:
    """RFC 6184 section 8.1, BCP-006-02; the parameter sets travel in the stream unless Packing has them."""
    return _coded_video(encoding, inputs, (("packetization-mode", "1"),))


def _coded_video(encoding: str, inputs: _Inputs, parameters: Parameters = ()) -> Essence:
    return _video(encoding, inputs, parameters, bandwidths=inputs.bandwidths(), framerate=_decimal(inputs.grain_rate))


def _ancillary(encoding: str, inputs: _Inputs) -> Essence:
    """RFC 8331 section 4, ST 2110-40 section 7."""
    words = (f"{{{entry['DID']},{entry['SDID']}}}" for entry in inputs.flow.get("DID_SDID", ()))
    rate = inputs.grain_rate
    parameters = (
        *(("DID_SDID", word) for word in words),
        *((("exactframerate", str(rate)),) if rate else ()),
        ("SSN", "ST2110-40:2018"),
    )
    return _video(encoding, inputs, parameters, usual=100)


def _sdi(encoding: str, inputs: _Inputs) -> Essence:
    """ST 2022-6 in ST 2022-8 section 6: the clock is SDI's own."""
    return _video(encoding, inputs, (("TP", inputs.sender_type),), usual=98, clock_rate=27_000_000)


def _transport_stream(encoding: str, inputs: _Inputs) -> Essence:
    """RFC 2250, ST 2022-2; a dynamic payload type, as ST 2110-10 section 6.2 wants of every stream."""
    return _video(encoding, inputs, (), usual=98, bandwidths=inputs.bandwidths())


def _video(
    encoding: str,
    inputs: _Inputs,
    parameters: Parameters,
    *,
    usual: int = 96,
    clock_rate: int = 90_000,
    bandwidths: tuple[Bandwidth, ...] = (),
    framerate: str | None = None,
) -> Essence:
    return Essence(
        kind="video",
        payload_type=inputs.payload_type(usual),
        encoding=encoding,
        clock_rate=clock_rate,
        parameters=parameters + inputs.packing.parameters,
        framerate=framerate,
        bandwidths=bandwidths,
    )


def _picture(inputs: _Inputs) -> Parameters:
    """What ST 2110-20 and RFC 9134 say alike of a picture."""
    flow = inputs.flow
    components = inputs.need("flow", "components")
    colorspace = str(inputs.need("flow", "colorspace"))
    # ST 2110-20 section 7.5: BT2100 should come with a RANGE.
    signal_range = inputs.packing.signal_range or ("NARROW" if colorspace == "BT2100" else None)
    return (
        ("sampling", _sampling(components)),
        ("width", str(inputs.need("flow", "frame_width"))),
        ("height", str(inputs.need("flow", "frame_height"))),
        ("exactframerate", str(inputs.need_grain_rate())),
        ("depth", str(components[0]["bit_depth"])),
        *_INTERLACE[flow.get("interlace_mode", "progressive")],
        ("TCS", str(flow.get("transfer_characteristic", "SDR"))),
        ("colorimetry", colorspace),
        *((("RANGE", signal_range),) if signal_range else ()),
    )


def _sampling(components: list[JSON]) -> str:
    found = sampling(components)
    if found is None:
        names = ", ".join(sorted(str(component["name"]) for component in components))
        raise NotFound(f"no transport file: ST 2110-20 has no sampling of {names} in these sizes")
    return found


def _group_at(symbols: list[str | None], position: int) -> tuple[str | None, int]:
    for name, of in _GROUPS:
        if tuple(symbols[position : position + len(of)]) == of:
            return name, len(of)
    return None, 1


def _undefined(count: int) -> list[str]:
    """U01 to U64 are groups of that many channels about which nothing is known."""
    return [f"U{min(64, count - start):02}" for start in range(0, count, 64)]


def _decimal(rate: Fraction | None) -> str | None:
    """a=framerate has no fractions and no needless zeros (RFC 8866 section 6.13)."""
    return f"{float(rate):.3f}".rstrip("0").rstrip(".") if rate else None


def _fraction(rational: JSON) -> Fraction:
    return Fraction(rational["numerator"], rational.get("denominator") or 1)


# ST 2110-30 table 1, by the channel symbols of IS-04, the longest first.
_GROUPS = (
    ("71", ("L", "R", "C", "LFE", "Lss", "Rss", "Lrs", "Rrs")),
    ("51", ("L", "R", "C", "LFE", "Ls", "Rs")),
    ("ST", ("L", "R")),
    ("LtRt", ("Lt", "Rt")),
    ("DM", ("M1", "M2")),
    ("M", ("M1",)),
)
_INTERLACE: dict[str, Parameters] = {
    "progressive": (),
    "interlaced_tff": (("interlace", None),),
    "interlaced_bff": (("interlace", None),),
    "interlaced_psf": (("interlace", None), ("segmented", None)),
}
# RFC 9134 section 7.1: packetmode is the K bit; transmode, the T bit, is 1 where it is not said.
_TRANSMISSION: dict[str, Parameters] = {
    "codestream": (("packetmode", "0"),),
    "slice_sequential": (("packetmode", "1"),),
    "slice_out_of_order": (("packetmode", "1"), ("transmode", "0")),
}
_Rule: TypeAlias = Callable[[str, _Inputs], Essence]
_RULES: dict[str, _Rule] = {
    **{f"audio/{encoding}": _linear_audio for encoding in ("L8", "L16", "L20", "L24")},
    "audio/AM824": _am824,
    "video/raw": _raw_video,
    "video/jxsv": _jpeg_xs,
    "video/H264": _h264,
    "video/smpte291": _ancillary,
    "video/SMPTE2022-6": _sdi,
    "video/MP2T": _transport_stream,
}
_KINDS: dict[str, _Rule] = {"audio": _coded_audio, "video": _coded_video}
