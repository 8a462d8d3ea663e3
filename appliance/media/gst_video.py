"""Pictures by GStreamer: video/raw (RFC 4175, ST 2110-20), video/H264 (RFC 6184) and video/MP2T (RFC 2250).

What is only in some of GStreamer's packages is looked for before it is used, so that one reads what to install and not
what gst-launch makes of it. video/jxsv (RFC 9134) is made according to the documentation of elements that Debian 12
does not have, and was never run. What has no source or no element here (ancillary data, ST 2022-6) is refused.

The packets of a frame leave as fast as they can: gst-launch does not pace them as ST 2110-21 wants of a sender. A frame
has to fit into the receiver's socket buffer, so uncompressed video is for small pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.config.model import InputConfig, OutputConfig
from appliance.config.video import VideoConfig
from appliance.errors import ApplianceError, BadRequest
from appliance.media.abilities import VIDEO
from appliance.media.engine import Job, NotYet, Tools
from appliance.media.gst_parts import MAX_PACKET, location, quoted, then

CLOCK_RATE = 90_000
BIT_RATE = 4000
"""Kilobits a second of H.264 where the configuration says nothing."""

Line = tuple[str, ...]


def carries(media_type: str) -> bool:
    return media_type in _CARRIED


def sending(job: Job, tools: Tools) -> Line:
    """From the input to the payloader."""
    assert isinstance(job.end, InputConfig)
    return _CARRIED[job.media_type].sending(job, job.end, tools)


def receiving(job: Job, tools: Tools) -> Line:
    """From the depayloader to the output."""
    assert isinstance(job.end, OutputConfig)
    return _CARRIED[job.media_type].receiving(job, job.end, tools)


def rtp(job: Job) -> str:
    """What the depayloader has to know of the packets."""
    carried = _CARRIED[job.media_type]
    return f"application/x-rtp,media=video,clock-rate={CLOCK_RATE},encoding-name={carried.name}{carried.described(job)}"


def claims(end: InputConfig | OutputConfig) -> frozenset[str]:
    """What no two processes can have at a time."""
    match end.kind:
        case "v4l2":
            return frozenset({f"capture {_v4l2(end.device)}"})
        case "kms":
            return frozenset({f"screen {end.device}"})
        case "file" if isinstance(end, OutputConfig):
            return frozenset({f"file {end.path}"})
        case _:
            return frozenset()


# ---- video/raw

_RAW_FORMATS = {
    ("YCbCr-4:2:2", 10): "UYVP",
    ("YCbCr-4:2:2", 8): "UYVY",
    ("YCbCr-4:2:0", 8): "I420",
    ("YCbCr-4:4:4", 8): "AYUV",
    ("RGB", 8): "RGB",
}
"""What rtpvrawpay takes, by the sampling and the depth of ST 2110-20."""


def _send_raw(job: Job, end: InputConfig, tools: Tools) -> Line:
    video = _picture(job)
    # A chunk is what is handed on at once: a line or so, so that not a whole frame waits.
    payloader = then("rtpvrawpay", f"mtu={MAX_PACKET}", f"pt={job.payload_type}", "chunks-per-frame=20")
    return (*_input(end, video), *_raw(video, _raw_format(video)), *payloader)


def _receive_raw(job: Job, end: OutputConfig, tools: Tools) -> Line:
    _raw_format(_picture(job))
    return (*then("rtpvrawdepay"), *_shown(end, tools))


def _describe_raw(job: Job) -> str:
    return f"{_described(_picture(job))},colorimetry=(string)BT709-2"


def _raw_format(video: VideoConfig) -> str:
    return _format(video, _RAW_FORMATS)


# ---- video/jxsv

_JPEG_XS_FORMATS = {
    ("YCbCr-4:2:0", 8): "I420",
    ("YCbCr-4:2:2", 8): "Y42B",
    ("YCbCr-4:4:4", 8): "Y444",
    ("YCbCr-4:2:0", 10): "I420_10LE",
    ("YCbCr-4:2:2", 10): "I422_10LE",
    ("YCbCr-4:4:4", 10): "Y444_10LE",
    ("YCbCr-4:2:0", 12): "I420_12LE",
    ("YCbCr-4:2:2", 12): "I422_12LE",
    ("YCbCr-4:4:4", 12): "Y444_12LE",
}
"""What svtjpegxsenc takes."""
_JPEG_XS = "gst-plugins-rs 0.16 and gst-plugins-bad 1.26 have them, Debian 12 has not"


def _send_jpeg_xs(job: Job, end: InputConfig, tools: Tools) -> Line:
    video = _codestream(job)
    wanted = _need(tools, "a sender of JPEG XS", ("svtjpegxsenc",), _JPEG_XS)
    payloader = _need(tools, "a sender of JPEG XS", ("rtpjxsvpay",), _JPEG_XS)
    pixels = video.frame_width * video.frame_height * _frames_a_second(video)
    rate = () if job.bit_rate is None else (f"bits-per-pixel={1000 * job.bit_rate / pixels:.4f}",)
    return (
        *_input(end, video),
        *_raw(video, _format(video, _JPEG_XS_FORMATS)),
        *then(wanted, *rate),
        *then(payloader, f"mtu={MAX_PACKET}", f"pt={job.payload_type}"),
    )


def _receive_jpeg_xs(job: Job, end: OutputConfig, tools: Tools) -> Line:
    _format(_codestream(job), _JPEG_XS_FORMATS)
    depayloader = _need(tools, "a receiver of JPEG XS", ("rtpjxsvdepay",), _JPEG_XS)
    return (*then(depayloader), *_shown(end, tools, _jpeg_xs_decoder))


def _jpeg_xs_decoder(tools: Tools) -> Line:
    return then(_need(tools, "to show JPEG XS", ("svtjpegxsdec",), _JPEG_XS))


def _describe_jpeg_xs(job: Job) -> str:
    video = _picture(job)
    return f",packetmode=(string)0{_described(video)},exactframerate=(string){video.grain_rate}"


def _codestream(job: Job) -> VideoConfig:
    video = _picture(job)
    if video.packet_transmission_mode not in VIDEO["gstreamer"].packet_transmission_modes:
        raise BadRequest(f"the gstreamer driver carries JPEG XS as codestream, not as {video.packet_transmission_mode}")
    return video


# ---- video/H264


def _send_h264(job: Job, end: InputConfig, tools: Tools) -> Line:
    video = _picture(job)
    return (
        *_input(end, video),
        *_raw(video, "I420"),
        *_encoder(job, video, tools),
        *then("rtph264pay", "config-interval=-1", f"mtu={MAX_PACKET}", f"pt={job.payload_type}"),
    )


def _receive_h264(job: Job, end: OutputConfig, tools: Tools) -> Line:
    # As a file has it, with start codes: what the depayloader would choose by itself has none.
    plain = then("video/x-h264,stream-format=byte-stream,alignment=au") if end.kind == "file" else ()
    return (*then("rtph264depay"), *plain, *_shown(end, tools, _h264_decoder))


def _encoder(job: Job, video: VideoConfig, tools: Tools) -> Line:
    """The best that is there. A picture that can be begun with comes each second, and the parameter sets with it."""
    rate = job.bit_rate or BIT_RATE
    frames = max(1, round(_frames_a_second(video)))
    found = _need(tools, "a sender of H.264", ("v4l2h264enc", "x264enc", "openh264enc"), _ENCODERS)
    match found:
        case "v4l2h264enc":
            controls = f"controls,video_bitrate={1000 * rate},h264_i_frame_period={frames}"
            return (*then(found, quoted("extra-controls", controls)), *then("video/x-h264,level=(string)4"))
        case "x264enc":
            return then(found, "tune=zerolatency", "speed-preset=veryfast", f"bitrate={rate}", f"key-int-max={frames}")
        case _:
            return then(found, "rate-control=bitrate", f"bitrate={1000 * rate}", f"gop-size={frames}", "complexity=low")


# ---- video/MP2T


def _send_ts(job: Job, end: InputConfig, tools: Tools) -> Line:
    payloader = then("rtpmp2tpay", f"mtu={MAX_PACKET}", f"pt={job.payload_type}")
    if end.kind == "file":
        parser = _need(tools, "a transport stream from a file", ("tsparse",), _BAD)
        return ("filesrc", location(end.path), *then(parser, "set-timestamps=true", "alignment=7"), *payloader)
    video = _picture(job)
    muxer = _need(tools, "a transport stream", ("mpegtsmux",), _BAD)
    return (
        *_input(end, video),
        *_raw(video, "I420"),
        *_encoder(job, video, tools),
        *then("h264parse"),
        *then(muxer, "alignment=7"),
        *payloader,
    )


def _receive_ts(job: Job, end: OutputConfig, tools: Tools) -> Line:
    if end.kind not in ("file", "none"):
        _need(tools, "to show a transport stream", ("tsdemux",), _BAD)
    return (*then("rtpmp2tdepay"), *_shown(end, tools, _h264_decoder))


# ---- what they share

_BAD = "apt install gstreamer1.0-plugins-bad"
_ENCODERS = "apt install gstreamer1.0-plugins-ugly or gstreamer1.0-plugins-bad"
_DECODERS = "apt install gstreamer1.0-libav or gstreamer1.0-plugins-bad"


def _input(end: InputConfig, video: VideoConfig) -> Line:
    match end.kind:
        case "pattern":
            return ("videotestsrc", "is-live=true", f"pattern={end.pattern}")
        case "v4l2":
            return ("v4l2src", quoted("device", _v4l2(end.device)), *_FIT)
        case "file":
            return ("filesrc", location(end.path), *then("decodebin"), *_FIT)
        case _:
            raise BadRequest(f'"{end.kind}" is no input of video')


_FIT = (*then("videoconvert"), *then("videoscale"), *then("videorate"))


def _raw(video: VideoConfig, format: str) -> Line:
    rate = video.grain_rate if "/" in video.grain_rate else f"{video.grain_rate}/1"
    size = f"width={video.frame_width},height={video.frame_height},framerate={rate}"
    return (*then(f"video/x-raw,{size}"), *then("videoconvert"), *then(f"video/x-raw,format={format}"))


def _shown(end: OutputConfig, tools: Tools, decoder: Callable[[Tools], Line] = lambda tools: ()) -> Line:
    """``decoder`` is what makes a picture of it, for those who look at it."""
    match end.kind:
        case "file":
            return then("filesink", location(end.path))
        case "none":
            return then("fakesink", "sync=true")
        case _:
            return (*decoder(tools), *then("videoconvert"), *then(*_screen(end, tools)))


def _h264_decoder(tools: Tools) -> Line:
    _need(tools, "to show H.264", ("v4l2h264dec", "avdec_h264", "openh264dec"), _DECODERS)
    _need(tools, "to show H.264", ("h264parse",), _BAD)
    return (*then("queue"), *then("decodebin"))


def _screen(end: OutputConfig, tools: Tools) -> Line:
    match end.kind:
        case "kms":
            sink = _need(tools, "the screen without a desktop", ("kmssink",), _BAD)
            if end.device == "default":
                return (sink,)
            if not (end.device.isascii() and end.device.isdecimal()):
                raise BadRequest(f'device "{end.device[:60]}" is no number of a connector: see nmos-appliance devices')
            return (sink, f"connector-id={end.device}")
        case "wayland":
            sink = _need(tools, "a Wayland desktop", ("waylandsink",), _BAD)
            return (sink,) if end.device == "default" else (sink, quoted("display", end.device))
        case "display":
            return ("autovideosink",)
        case _:
            raise BadRequest(f'"{end.kind}" is no output of video')


def _picture(job: Job) -> VideoConfig:
    video = job.video
    if video is None:
        raise BadRequest(f"{job.media_type} needs a transport file: nothing else says how large the picture is")
    if video.interlace_mode not in VIDEO["gstreamer"].interlace_modes:
        raise BadRequest(f"the gstreamer driver carries progressive pictures, not {video.interlace_mode}")
    return video


def _described(video: VideoConfig) -> str:
    """As a=fmtp has it: all of it strings."""
    return (
        f",sampling=(string){video.color_sampling},depth=(string){video.component_depth}"
        f",width=(string){video.frame_width},height=(string){video.frame_height}"
    )


def _format(video: VideoConfig, formats: Mapping[tuple[str, int], str]) -> str:
    found = formats.get((video.color_sampling, video.component_depth))
    if found is None:
        can = ", ".join(f"{sampling} {depth} bit" for sampling, depth in formats)
        raise BadRequest(
            f"the gstreamer driver carries {can}, not {video.color_sampling} with {video.component_depth} bit"
        )
    return found


def _frames_a_second(video: VideoConfig) -> float:
    numerator, _, denominator = video.grain_rate.partition("/")
    return int(numerator) / int(denominator or 1)


def _v4l2(device: str) -> str:
    return "/dev/video0" if device == "default" else device


def _need(tools: Tools, what: str, names: tuple[str, ...], advice: str) -> str:
    """The first of these elements that is there."""
    there = tools.elements()
    if there is None:
        raise NotYet("GStreamer is being asked what it has")
    found = next((name for name in names if name in there), None)
    if found is None:
        raise ApplianceError(f"{what} needs {' or '.join(names)} of GStreamer: {advice}")
    return found


@dataclass(frozen=True, slots=True)
class _Carriage:
    name: str
    sending: Callable[[Job, InputConfig, Tools], Line]
    receiving: Callable[[Job, OutputConfig, Tools], Line]
    described: Callable[[Job], str] = lambda job: ""


_CARRIED = {
    "video/raw": _Carriage("RAW", _send_raw, _receive_raw, _describe_raw),
    "video/jxsv": _Carriage("JXSV", _send_jpeg_xs, _receive_jpeg_xs, _describe_jpeg_xs),
    "video/H264": _Carriage("H264", _send_h264, _receive_h264),
    "video/MP2T": _Carriage("MP2T", _send_ts, _receive_ts),
}
