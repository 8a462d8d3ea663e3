"""The GStreamer driver: L16 and L24 audio over RTP as ``gst-launch-1.0`` command lines. It plans; the edge runs them.

Senders: ``input ! convert ! payloader ! one udpsink a leg``, each bound to the leg's address and interface. File
inputs are played to their end and begun again: gst-launch cannot loop a WAV file, so there is a gap of about a tenth
of a second at each turn.

Receivers: ``one fdsrc a leg ! funnel ! jitter buffer ! depayloader ! convert ! output``; gst_parts.py says why fdsrc.

WAV outputs: one file of that name, begun anew whenever the stream starts. Its header is complete when the stream was
stopped in order (``-e``: end of stream upon SIGINT); of one that was killed, the samples are there.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.config.model import InputConfig, MediaConfig, OutputConfig
from appliance.errors import BadRequest
from appliance.media.engine import AudioFormat, Job, Plan
from appliance.media.gst_parts import MAX_PACKET, destinations, location, quoted, sinks, sources, then

READY = "New clock: "
"""Printed once every element plays. Not the line before it, "Setting pipeline to PLAYING": between the two the clock is
there already and the base time is not, so a packet would be stamped with the time since boot and wait as long."""
INSTALL = "apt install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-alsa"
ADVICE = (("no element", INSTALL),)

Which = Callable[[str], str | None]
"""Where a program is, ``None`` if it is not installed: ``shutil.which``."""


class GStreamerEngine:
    """Plans for ``gst-launch-1.0``, which ``which`` looks for whenever it is needed: it may be installed meanwhile."""

    name = "gstreamer"

    def __init__(self, config: MediaConfig, which: Which) -> None:
        self._config = config
        self._which = which

    def unavailable(self) -> str | None:
        if self._which(self._config.gst_launch) is not None:
            return None
        return f"{self._config.gst_launch} is not installed: {INSTALL}"

    def plan(self, job: Job) -> Plan:
        audio = _check(job)
        if isinstance(job.end, InputConfig):
            return self._sender(job, audio, job.end)
        return self._receiver(job, audio, job.end)

    def _sender(self, job: Job, audio: AudioFormat, end: InputConfig) -> Plan:
        return Plan(
            argv=(
                self._config.gst_launch,
                *_input(end, audio),
                *then("audioconvert"),
                *then("audioresample"),
                *then(_raw(audio, f"S{_bits(audio)}BE")),
                *then(*_payloader(audio)),
                *sinks(job.legs),
            ),
            ready=READY,
            advice=ADVICE,
            ends=end.kind == "file",
            claims=_input_claims(end) | destinations(job.legs),
        )

    def _receiver(self, job: Job, audio: AudioFormat, end: OutputConfig) -> Plan:
        return Plan(
            argv=(
                self._config.gst_launch,
                "-e",
                *sources(job.legs, _rtp(audio)),
                *then("rtpjitterbuffer", f"latency={round(self._config.latency_ms)}"),
                *then(f"rtp{audio.encoding}depay"),
                *then("audioconvert"),
                *then("audioresample"),
                *_output(end, audio),
            ),
            sockets=job.legs,
            ready=READY,
            advice=ADVICE,
            claims=_output_claims(end),
        )


def _check(job: Job) -> AudioFormat:
    audio = job.audio
    if audio is None:
        raise BadRequest('the gstreamer driver carries audio only; set driver = "null"')
    if audio.encoding not in ("L16", "L24"):
        raise BadRequest(f"the gstreamer driver carries L16 and L24, not {audio.encoding}")
    if not 1 <= audio.channels <= 64 or not 1 <= audio.sample_rate <= 384_000:
        raise BadRequest(f"{audio.channels} channels at {audio.sample_rate} Hz cannot be")
    if not 0.1 <= audio.packet_time_ms <= 20:
        raise BadRequest(f"a packet time of {audio.packet_time_ms:g} ms cannot be: 0.125 and 1 are usual")
    size = 12 + _samples(audio) * audio.channels * _bits(audio) // 8
    if job.role == "sender" and size > MAX_PACKET:
        raise BadRequest(
            f"{audio.channels} channels of {audio.encoding} in {audio.packet_time_ms:g} ms are packets of {size} "
            f"octets, and {MAX_PACKET} is the most: take a shorter packet time or fewer channels"
        )
    return audio


def _input(end: InputConfig, audio: AudioFormat) -> tuple[str, ...]:
    match end.kind:
        case "tone" | "silence":
            # Buffers of at least a millisecond: the payloader cuts them, and 8000 wake-ups a second would be dear.
            samples = max(_samples(audio), audio.sample_rate // 1000)
            wave = ("wave=silence",) if end.kind == "silence" else _sine(end)
            return ("audiotestsrc", "is-live=true", *wave, f"samplesperbuffer={samples}")
        case "file":
            return ("filesrc", location(end.path), *then("wavparse"))
        case "alsa":
            return ("alsasrc", quoted("device", end.device), "buffer-time=40000", "latency-time=5000")


def _sine(end: InputConfig) -> tuple[str, ...]:
    volume = min(1.0, 10 ** (end.level_db / 20))
    return ("wave=sine", f"freq={end.frequency_hz:.6f}", f"volume={volume:.8f}")


def _payloader(audio: AudioFormat) -> tuple[str, ...]:
    packet_time_ns = round(audio.packet_time_ms * 1e6)
    return (
        f"rtp{audio.encoding}pay",
        f"min-ptime={packet_time_ns}",
        f"max-ptime={packet_time_ns}",
        f"mtu={MAX_PACKET}",
        f"pt={audio.payload_type}",
    )


def _rtp(audio: AudioFormat) -> str:
    return (
        f"application/x-rtp,media=audio,clock-rate={audio.sample_rate},encoding-name={audio.encoding},"
        f"channels={audio.channels}"
    )


def _output(end: OutputConfig, audio: AudioFormat) -> tuple[str, ...]:
    match end.kind:
        case "alsa":
            return then("alsasink", quoted("device", end.device), "buffer-time=40000", "latency-time=5000")
        case "file":
            return (*then(_raw(audio, f"S{_bits(audio)}LE")), *then("wavenc"), *then("filesink", location(end.path)))
        case "none":
            return then("fakesink", "sync=true")


def _input_claims(end: InputConfig) -> frozenset[str]:
    return frozenset({f"capture {end.device}"} if end.kind == "alsa" else ())


def _output_claims(end: OutputConfig) -> frozenset[str]:
    match end.kind:
        case "alsa":
            return frozenset({f"playback {end.device}"})
        case "file":
            return frozenset({f"file {end.path}"})
        case "none":
            return frozenset()


def _raw(audio: AudioFormat, sample: str) -> str:
    return f"audio/x-raw,format={sample},rate={audio.sample_rate},channels={audio.channels}"


def _bits(audio: AudioFormat) -> int:
    return int(audio.encoding.removeprefix("L"))


def _samples(audio: AudioFormat) -> int:
    """In one packet, of each channel."""
    return round(audio.sample_rate * audio.packet_time_ms / 1000)
