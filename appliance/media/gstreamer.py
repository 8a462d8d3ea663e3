"""The GStreamer driver: audio over RTP as ``gst-launch-1.0`` command lines. It plans; the edge runs them.

Senders: ``input ! convert ! payloader ! one udpsink a leg``, each bound to the leg's address and interface. A file
comes through a pipe, round and round without a gap (edge/file_loop.py): gst-launch cannot do that.

Receivers: ``one fdsrc a leg ! funnel ! jitter buffer ! depayloader ! convert ! output``; gst_parts.py says why fdsrc.

WAV outputs: one file of that name, begun anew whenever the stream starts. Its header is complete when the stream was
stopped in order (``-e``: end of stream upon SIGINT); of one that was killed, the samples are there.

AM824 (ST 2110-31) is passed through as it is, from a file of subframes or into one: on the wire it is nothing but L16
of twice the channels, so that is what GStreamer is told. It has no element that looks inside.

Where channels are mapped each of these is cut in two at the mixer (media/patching.py): captures and sinks are the other
halves.
"""

from __future__ import annotations

from dataclasses import replace

from appliance.config.model import InputConfig, MediaConfig, OutputConfig
from appliance.errors import BadRequest
from appliance.media import gst_video
from appliance.media.abilities import AUDIO
from appliance.media.engine import AudioFormat, Job, Patch, Plan, Relay, Tools
from appliance.media.gst_mixer import BY_OUR_CLOCK, FORMAT, from_mixer, to_mixer
from appliance.media.gst_parts import MAX_PACKET, destinations, location, named, quoted, sinks, sources, then

ABLE = AUDIO["gstreamer"]
MAX_CHANNELS = max(ABLE.max_channels.values())
READY = "New clock: "
"""Printed once every element plays. Not the line before it, "Setting pipeline to PLAYING": between the two the clock is
there already and the base time is not, so a packet would be stamped with the time since boot and wait as long."""
LEAST_PATIENCE_MS = 8.0
"""Two turns of the relay."""
INSTALL = "apt install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-alsa"
_DEVICES = "is it free, and the right one? nmos-appliance devices lists what there is"
ADVICE = (("no element", INSTALL), ("Could not open audio device", _DEVICES))
_ANY_SAMPLES = (*then("audioconvert"), *then("audioresample"))


class GStreamerEngine:
    """Plans for ``gst-launch-1.0``."""

    name = "gstreamer"

    def __init__(self, config: MediaConfig, tools: Tools) -> None:
        self._config = config
        self._tools = tools

    def unavailable(self) -> str | None:
        if self._tools.which(self._config.gst_launch) is not None:
            return None
        return f"{self._config.gst_launch} is not installed: {INSTALL}"

    def plan(self, job: Job) -> Plan:
        if job.audio is None:
            return self._video(job)
        audio = _check(job, job.audio)
        if isinstance(job.end, InputConfig):
            return self._sender(job, audio, job.end) if job.legs else self._capture(job, audio, job.end)
        return self._receiver(job, audio, job.end) if job.legs else self._sink(job, audio, job.end)

    def _sender(self, job: Job, audio: AudioFormat, end: InputConfig) -> Plan:
        return Plan(
            argv=(
                *(() if job.patch else self._looped(end, audio)),
                self._config.gst_launch,
                "-m",
                *(from_mixer(job.patch) if job.patch else _input(end, audio)),
                *_metered(audio),
                *(() if _is_am824(audio) else _converted(audio, f"S{_bits(audio)}BE")),
                *then(*_payloader(audio)),
                *sinks(job.legs),
            ),
            ready=READY,
            advice=ADVICE,
            claims=(frozenset() if job.patch else _input_claims(end)) | destinations(job.legs),
            patch=job.patch,
            sends_to=len(job.legs),
            packet_s=0.0 if _is_am824(audio) else audio.packet_time_ms / 1000,
        )

    def _receiver(self, job: Job, audio: AudioFormat, end: OutputConfig) -> Plan:
        # The relay fades sound in and out and makes silence, which would be neither in subframes of AES3.
        relay = None if _is_am824(audio) else self._relay(audio)
        return Plan(
            argv=(
                self._config.gst_launch,
                "-em",
                *sources(job.legs if relay is None else job.legs[:1], _rtp(audio)),
                *then("rtpjitterbuffer", f"latency={round(self._config.latency_ms)}"),
                *then(f"rtp{_carried(audio).encoding}depay"),
                *_metered(audio),
                *(_mixed(audio, job.patch) if job.patch else _output(end, audio)),
            ),
            sockets=job.legs,
            relay=relay,
            ready=READY,
            advice=ADVICE,
            claims=frozenset() if job.patch else _output_claims(end),
            patch=job.patch,
        )

    def _capture(self, job: Job, audio: AudioFormat, end: InputConfig) -> Plan:
        """From an input to the mixer."""
        assert job.patch is not None
        return Plan(
            argv=(
                *self._looped(end, audio),
                *(self._config.gst_launch, *_input(end, audio), *_mixed(audio, job.patch)),
            ),
            ready=READY,
            advice=ADVICE,
            claims=_input_claims(end),
            patch=job.patch,
        )

    def _sink(self, job: Job, audio: AudioFormat, end: OutputConfig) -> Plan:
        """From the mixer to an output."""
        assert job.patch is not None
        clock = BY_OUR_CLOCK if end.kind == "alsa" else ()
        return Plan(
            argv=(self._config.gst_launch, "-e", *from_mixer(job.patch), *_output(end, audio), *clock),
            ready=READY,
            advice=ADVICE,
            claims=_output_claims(end),
            patch=job.patch,
        )

    def _looped(self, end: InputConfig, audio: AudioFormat) -> tuple[str, ...]:
        if end.kind != "file":
            return ()
        return (*self._tools.file_loop, "raw" if _is_am824(audio) else "wav", named(end.path))

    def _relay(self, audio: AudioFormat) -> Relay:
        """Packets wait for each other half of the time that they may: the other half is for their way from there on."""
        return Relay(
            audio.sample_rate,
            audio.channels,
            _bits(audio) // 8,
            max(self._config.latency_ms / 2, LEAST_PATIENCE_MS, 3 * audio.packet_time_ms) / 1000,
        )

    def _video(self, job: Job) -> Plan:
        if not gst_video.carries(job.media_type):
            can = 'driver = "command" runs a program that can, "null" leaves it to others'
            raise BadRequest(f"GStreamer has nothing that carries {job.media_type}: {can}")
        launch, claims = self._config.gst_launch, gst_video.claims(job.end)
        if job.role == "sender":
            line = (*gst_video.sending(job, self._tools), *sinks(job.legs))
            ends = job.end.kind == "file"
            claims |= destinations(job.legs)
            return Plan((launch, *line), ready=READY, advice=ADVICE, ends=ends, claims=claims)
        wait = then("rtpjitterbuffer", f"latency={round(self._config.latency_ms)}")
        line = (*sources(job.legs, gst_video.rtp(job)), *wait, *gst_video.receiving(job, self._tools))
        return Plan((launch, "-e", *line), sockets=job.legs, ready=READY, advice=ADVICE, claims=claims)


def _check(job: Job, audio: AudioFormat) -> AudioFormat:
    if f"audio/{audio.encoding}" not in ABLE.max_channels:
        raise BadRequest(f"the gstreamer driver carries L16, L24 and AM824, not {audio.encoding}")
    if _is_am824(audio) and (job.end.kind not in ("file", "none") or audio.channels > MAX_CHANNELS // 2):
        raise BadRequest(
            f"the gstreamer driver passes up to {MAX_CHANNELS // 2} channels of AM824 through, from or to a file of "
            f'subframes: "{job.end.kind}" with {audio.channels} channels it cannot do'
        )
    lowest, highest = ABLE.sample_rates
    if not 1 <= audio.channels <= MAX_CHANNELS or not lowest <= audio.sample_rate <= highest:
        raise BadRequest(f"{audio.channels} channels at {audio.sample_rate} Hz cannot be")
    shortest, longest = ABLE.packet_times_ms
    if not shortest <= audio.packet_time_ms <= longest:
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
            pcm: tuple[str, ...] = ("@pcm@",)
            if _is_am824(audio):
                pcm = ("pcm-format=s16be", f"sample-rate={audio.sample_rate}", f"num-channels={2 * audio.channels}")
            return ("fdsrc", "fd=@file@", *then("rawaudioparse", "use-sink-caps=false", "format=pcm", *pcm))
        case "alsa":
            return ("alsasrc", quoted("device", end.device), "buffer-time=40000", "latency-time=5000")
        case _:
            raise BadRequest(f'"{end.kind}" is no input of audio')


def _sine(end: InputConfig) -> tuple[str, ...]:
    volume = min(1.0, 10 ** (end.level_db / 20))
    return ("wave=sine", f"freq={end.frequency_hz:.6f}", f"volume={volume:.8f}")


def _payloader(audio: AudioFormat) -> tuple[str, ...]:
    packet_time_ns = round(audio.packet_time_ms * 1e6)
    return (
        f"rtp{_carried(audio).encoding}pay",
        f"min-ptime={packet_time_ns}",
        f"max-ptime={packet_time_ns}",
        f"mtu={MAX_PACKET}",
        f"pt={audio.payload_type}",
    )


def _converted(audio: AudioFormat, sample: str) -> tuple[str, ...]:
    """To this kind of samples, at the stream's rate and with its channels.

    The audioconvert of GStreamer 1.22 does fewer than 64 channels; but a sample is converted as well whether it is said
    to be of another channel or of another time.
    """
    if audio.channels < MAX_CHANNELS:
        return (*then("audioconvert"), *then("audioresample"), *then(_raw(audio, sample)))
    rate, channels = audio.sample_rate, audio.channels
    return (
        *then(f"audio/x-raw,rate={rate},channels={channels}"),
        *then("capssetter", f"caps=audio/x-raw,rate={rate * channels},channels=1"),
        *then("audioconvert"),
        *then(f"audio/x-raw,format={sample}"),
        *then("capssetter", f"caps=audio/x-raw,rate={rate},channels={channels},channel-mask=(bitmask)0x0"),
    )


def _mixed(audio: AudioFormat, patch: Patch) -> tuple[str, ...]:
    """All that there is to the mixer."""
    if audio.channels == MAX_CHANNELS and audio.sample_rate != patch.sample_rate:
        raise BadRequest(f"{MAX_CHANNELS} channels can be mixed at their own rate only, not at {patch.sample_rate} Hz")
    return (*_converted(replace(audio, sample_rate=patch.sample_rate), FORMAT), *to_mixer())


def _rtp(audio: AudioFormat) -> str:
    carried = _carried(audio)
    return (
        f"application/x-rtp,media=audio,clock-rate={carried.sample_rate},encoding-name={carried.encoding},"
        f"channels={carried.channels}"
    )


def _output(end: OutputConfig, audio: AudioFormat) -> tuple[str, ...]:
    match end.kind:
        case "alsa":
            convert = _converted(audio, "S32LE") if audio.channels == MAX_CHANNELS else _ANY_SAMPLES
            return (
                *convert,
                *then("alsasink", quoted("device", end.device), "buffer-time=40000", "latency-time=5000"),
            )
        case "file" if _is_am824(audio):
            return then("filesink", location(end.path))
        case "file":
            written = _converted(audio, f"S{_bits(audio)}LE")
            return (*written, *then("wavenc"), *then("filesink", location(end.path)))
        case "none":
            return then("fakesink", "sync=true")
        case _:
            raise BadRequest(f'"{end.kind}" is no output of audio')


def _input_claims(end: InputConfig) -> frozenset[str]:
    return frozenset({f"capture {end.device}"} if end.kind == "alsa" else ())


def _output_claims(end: OutputConfig) -> frozenset[str]:
    match end.kind:
        case "alsa":
            return frozenset({f"playback {end.device}"})
        case "file":
            return frozenset({f"file {end.path}"})
        case _:
            return frozenset()


def _metered(audio: AudioFormat) -> tuple[str, ...]:
    """Says how loud it is (media/figures.py). ``level`` takes no samples of 24 bits, and no big-endian ones."""
    if _is_am824(audio):
        return ()
    return (*_converted(audio, f"S{16 if _bits(audio) == 16 else 32}LE"), *then("level", "interval=100000000"))


def _raw(audio: AudioFormat, sample: str) -> str:
    return f"audio/x-raw,format={sample},rate={audio.sample_rate},channels={audio.channels}"


def _is_am824(audio: AudioFormat) -> bool:
    return audio.encoding == "AM824"


def _carried(audio: AudioFormat) -> AudioFormat:
    """As what GStreamer carries it: a subframe of AM824 are the four octets of two samples of L16."""
    return replace(audio, encoding="L16", channels=2 * audio.channels) if _is_am824(audio) else audio


def _bits(audio: AudioFormat) -> int:
    return 32 if _is_am824(audio) else int(audio.encoding.removeprefix("L"))


def _samples(audio: AudioFormat) -> int:
    """In one packet, of each channel."""
    return round(audio.sample_rate * audio.packet_time_ms / 1000)
