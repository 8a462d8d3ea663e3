"""Listens to WAV files: what pitch they have, how loud it is, and whether it was ever interrupted."""

import math
import struct
import wave
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples of each channel, from -1 to 1."""

    rate: int
    width_bits: int
    channels: tuple[tuple[float, ...], ...]

    @property
    def seconds(self) -> float:
        return len(self.channels[0]) / self.rate


def read(path: Path, channels: Collection[int] | None = None) -> Recording:
    """A PCM WAV file whose header is complete; of its channels those that are asked for, or all."""
    data = path.read_bytes()
    encoding, count, rate, _, frame, bits = struct.unpack("<HHIIHH", _chunk(data, b"fmt ")[:16])
    assert encoding in (0x0001, 0xFFFE), "linear PCM, plain or extensible"
    samples, width, scale = _chunk(data, b"data"), bits // 8, 1 << (bits - 1)
    return Recording(
        rate,
        bits,
        tuple(
            tuple(
                int.from_bytes(samples[place : place + width], "little", signed=True) / scale
                for place in range(channel * width, len(samples), frame)
            )
            for channel in (range(count) if channels is None else channels)
        ),
    )


def _chunk(data: bytes, wanted: bytes) -> bytes:
    place = 12
    while place < len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        if name == wanted:
            return data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2
    raise AssertionError(f"no {wanted!r} in it")


def write_tone(path: Path, frequency_hz: float, seconds: float, rate: int = 48_000) -> None:
    """A 16 bit stereo WAV file of a sine at half of full scale."""
    frames = bytearray()
    for index in range(round(seconds * rate)):
        sample = round(16_384 * math.sin(2 * math.pi * frequency_hz * index / rate))
        frames += sample.to_bytes(2, "little", signed=True) * 2
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(frames))


RAMP = 1 << 17
"""After so many samples a ramp begins again."""


def write_ramp(path: Path, seconds: float, rate: int = 48_000) -> None:
    """A 24 bit stereo WAV file in which each sample is one more than that before it, from 1 on, as a whole number of
    ramps: so it can be played round and round."""
    ramps = max(1, round(seconds * rate / RAMP))
    frames = b"".join((1 + index).to_bytes(3, "little", signed=True) * 2 for index in range(RAMP))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(rate)
        file.writeframes(frames * ramps)


def read_integers(path: Path) -> list[list[int]]:
    """The samples of each channel of a PCM WAV file, as they are."""
    with wave.open(str(path)) as file:
        width, count = file.getsampwidth(), file.getnchannels()
        data = file.readframes(file.getnframes())
    samples = [
        int.from_bytes(data[place : place + width], "little", signed=True) for place in range(0, len(data), width)
    ]
    return [samples[channel::count] for channel in range(count)]


def sounding(samples: Sequence[float]) -> Sequence[float]:
    """Without the silence before and after."""
    heard = [index for index, sample in enumerate(samples) if abs(sample) > 1e-3]
    return samples[heard[0] : heard[-1] + 1] if heard else ()


def pitch_hz(samples: Sequence[float], rate: int) -> float:
    """From the first to the last upward crossing of zero, each found between its two samples."""
    crossings = upward_crossings(samples)
    if len(crossings) < 2:
        return 0.0
    return (len(crossings) - 1) * rate / (crossings[-1] - crossings[0])


def interruptions(samples: Sequence[float], frequency_hz: float, rate: int) -> int:
    """How often the time between two upward crossings is more than a sample off: lost, doubled or false samples."""
    period = rate / frequency_hz
    crossings = upward_crossings(samples)
    return sum(abs(after - before - period) > 1 for before, after in pairwise(crossings))


def level_db(samples: Sequence[float]) -> float:
    """The peak level of a sine with the power of these samples, against full scale."""
    power = sum(sample * sample for sample in samples) / max(1, len(samples))
    return 10 * math.log10(2 * power) if power else -math.inf


def quietest(samples: Sequence[float], window: int = 48) -> int:
    """The middle of the stretch of so many samples that has the least power."""
    powers = [
        sum(sample * sample for sample in samples[at : at + window]) for at in range(0, len(samples) - window, window)
    ]
    return powers.index(min(powers)) * window + window // 2


def steepest(samples: Sequence[float]) -> float:
    """The greatest step from one sample to the next."""
    return max(abs(after - before) for before, after in pairwise(samples))


def upward_crossings(samples: Sequence[float]) -> list[float]:
    return [
        index - after / (after - before)
        for index, (before, after) in enumerate(pairwise(samples), start=1)
        if before < 0 <= after
    ]


def share_of(samples: Sequence[float], frequency_hz: float, rate: int) -> float:
    """The peak level, from 0 to 1, of what is at this frequency; exact where whole periods are given."""
    turn = 2 * math.pi * frequency_hz / rate
    real = sum(sample * math.cos(turn * index) for index, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * index) for index, sample in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / max(1, len(samples))


def sharpest_bend(samples: Sequence[float]) -> float:
    """The largest second difference: what a click of any kind shows in, and a tone hardly has."""
    return max(
        (
            abs(before - 2 * here + after)
            for before, here, after in zip(samples, samples[1:], samples[2:], strict=False)
        ),
        default=0.0,
    )
