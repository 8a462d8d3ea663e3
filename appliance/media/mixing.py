"""Mixing as arithmetic: blocks of samples come in, and go out routed as the map says. No clock, no socket.

Samples are 32 bits, interleaved. All that IS-08 asks for is copying: a channel of a block is a stride of it. Arithmetic
is done only where something changes, and for one block: what was heard fades over into what will be (raised cosine), so
nothing ever jumps. That goes for a new map, for an input that begins or ends, and for the two corrections of an input
whose clock is not ours: a little is left out where too much is held, and a block is heard twice where too little is.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

BLOCK_MS = 5
Samples: TypeAlias = "array[int]"
Route: TypeAlias = tuple[str, int] | None
"""A channel of an input, or silence."""

SAMPLE_BYTES = 4
WATCHED_BLOCKS = 400
"""How long the least that an input held is looked at before it is corrected: 2 s."""
MOST_HELD_S = 0.5
_LOUDEST = 2**31 - 1
_GLIDE = 16
"""Frames in which what ran out comes to rest."""


def block_frames(sample_rate: int) -> int:
    """Frames of one block."""
    return sample_rate * BLOCK_MS // 1000


class Input:
    """What has come of one input and was not mixed yet. ``held``: how many frames to hold, against jitter."""

    def __init__(self, channels: int, frames: int, held: int, most: int, before: Input | None = None) -> None:
        self.channels = channels
        self._frames = frames
        self._held = held
        self._most = most
        self._rising, self._falling = _fades(frames)
        self._glide = [_GLIDE * (1 - math.exp(-(index + 1) / _GLIDE)) for index in range(frames)]
        self._samples: Samples = array("i")
        self._last: Samples = array("i")
        """The block given before, which is there while it flows."""
        self._least, self._watched = most, 0
        self._tail: tuple[int, Samples] | None = before.ending() if before else None

    @property
    def holding(self) -> int:
        """Frames that were not mixed yet."""
        return len(self._samples) // self.channels

    def write(self, data: bytes) -> None:
        """What has come: whole frames, else it is nobody's."""
        if len(data) % (self.channels * SAMPLE_BYTES):
            return
        self._samples.frombytes(data)
        excess = len(self._samples) - self._most * self.channels
        if excess > 0:
            del self._samples[:excess]

    def read(self) -> tuple[int, Samples] | None:
        """The next block and how many channels it has; ``None``: silence."""
        if self._tail is not None:
            tail, self._tail = self._tail, None
            return tail
        available = self.holding
        if not self._last:
            if available < self._held + self._frames:
                return None
            del self._samples[: (available - self._held - self._frames) * self.channels]
            self._watch()
            return self._give(_scaled(self._take(), self._rising, self.channels))
        if available < self._frames:
            return self.ending()
        self._least = min(self._least, available - self._frames)
        self._watched += 1
        if self._watched == WATCHED_BLOCKS:
            least = self._least
            self._watch()
            if least > 2 * self._held:
                return self._give(self._left_out(least - self._held))
            if least < self._held // 4:
                return self._give(self._again())
        return self._give(self._take())

    def ending(self) -> tuple[int, Samples] | None:
        """It runs out and fades away, smoothly; it begins anew when enough is held again."""
        if not self._last:
            return None
        before, last = (self._last[-n * self.channels :][: self.channels] for n in (2, 1))
        self._last = array("i")
        block: Samples = array("i", bytes(SAMPLE_BYTES * self.channels * self._frames))
        for channel, (earlier, value) in enumerate(zip(before, last, strict=True)):
            slope = value - earlier
            block[channel :: self.channels] = array(
                "i",
                [
                    max(-_LOUDEST, min(_LOUDEST, int((value + slope * glide) * weight)))
                    for glide, weight in zip(self._glide, self._falling, strict=True)
                ],
            )
        return self.channels, block

    def _take(self) -> Samples:
        count = self._frames * self.channels
        block = self._samples[:count]
        del self._samples[:count]
        return block

    def _give(self, block: Samples) -> tuple[int, Samples]:
        self._last = block
        return self.channels, block

    def _left_out(self, frames: int) -> Samples:
        before = self._samples[: self._frames * self.channels]
        del self._samples[: frames * self.channels]
        return self._faded(before, self._take())

    def _again(self) -> Samples:
        return self._faded(self._samples[: self._frames * self.channels], self._last)

    def _faded(self, before: Samples, after: Samples) -> Samples:
        return crossfaded(before, after, [weight for weight in self._rising for _ in range(self.channels)])

    def _watch(self) -> None:
        self._least, self._watched = self._most, 0


class Mixer:
    """All inputs, sums and outputs of a box. ``held_ms`` is what inputs hold."""

    def __init__(self, sample_rate: int, held_ms: float) -> None:
        self.frames = block_frames(sample_rate)
        self._held = round(sample_rate * held_ms / 1000)
        self._most = round(sample_rate * (MOST_HELD_S + held_ms / 1000))
        self._rising, _ = _fades(self.frames)
        self._inputs: dict[str, Input] = {}
        self._sums: dict[str, Sequence[tuple[str, int]]] = {}
        self._wanted: dict[str, tuple[Route, ...]] = {}
        self._outputs: dict[str, tuple[Route, ...]] = {}
        """What each output had in its last block."""

    def begin_input(self, id: str, channels: int) -> Input:
        """An input is there, or there anew."""
        self._inputs[id] = begun = Input(channels, self.frames, self._held, self._most, self._inputs.get(id))
        return begun

    def begin_output(self, id: str) -> None:
        """An output is there, or there anew: it begins in silence."""
        self._outputs.pop(id, None)

    def set_sums(self, sums: Mapping[str, Sequence[tuple[str, int]]]) -> None:
        """Inputs of one channel that are the mean of channels of others."""
        self._sums = dict(sums)

    def route(self, output: str, routes: Sequence[Route]) -> None:
        """From the next block on, which fades over."""
        self._wanted[output] = tuple(routes)

    def mix(self, outputs: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
        """The next block of each of these outputs, by id with their numbers of channels; the inputs go on by one."""
        heard = _Heard({id: read for id, one in self._inputs.items() if (read := one.read())}, self._sums)
        for id, channels in outputs.items():
            wanted = self._wanted.get(id, ())
            before = self._outputs.get(id, ())
            self._outputs[id] = wanted
            block: Samples = array("i", bytes(SAMPLE_BYTES * channels * self.frames))
            for index in range(channels):
                now, then = _at(wanted, index), _at(before, index)
                samples = heard.at(now)
                if now != then:
                    samples = self._over(heard.at(then), samples)
                if samples is not None:
                    block[index::channels] = samples
            yield id, block.tobytes()

    def _over(self, before: Samples | None, after: Samples | None) -> Samples | None:
        if before is None and after is None:
            return None
        silence: Samples = array("i", bytes(SAMPLE_BYTES * self.frames))
        return crossfaded(before or silence, after or silence, self._rising)


class _Heard:
    """The channels of one turn, each made when it is first asked for; ``None`` is silence."""

    def __init__(
        self, blocks: Mapping[str, tuple[int, Samples]], sums: Mapping[str, Sequence[tuple[str, int]]]
    ) -> None:
        self._blocks = blocks
        self._sums = sums
        self._made: dict[tuple[str, int], Samples | None] = {}

    def at(self, route: Route) -> Samples | None:
        if route is None:
            return None
        if route not in self._made:
            parts = self._sums.get(route[0])
            self._made[route] = self._channel(*route) if parts is None else _mean([self.at(part) for part in parts])
        return self._made[route]

    def _channel(self, id: str, index: int) -> Samples | None:
        channels, block = self._blocks.get(id, (0, array("i")))
        return block[index::channels] if index < channels else None


def crossfaded(before: Samples, after: Samples, rising: Sequence[float]) -> Samples:
    return array("i", [int(old + (new - old) * weight) for old, new, weight in zip(before, after, rising, strict=True)])


def _scaled(block: Samples, weights: Sequence[float], channels: int) -> Samples:
    return array("i", [int(sample * weights[index // channels]) for index, sample in enumerate(block)])


def _mean(parts: Sequence[Samples | None]) -> Samples | None:
    heard = [part for part in parts if part is not None]
    if not heard:
        return None
    count = len(parts)
    return array("i", [sum(samples) // count for samples in zip(*heard, strict=True)])


def _at(routes: Sequence[Route], index: int) -> Route:
    return routes[index] if index < len(routes) else None


def _fades(frames: int) -> tuple[list[float], list[float]]:
    rising = [0.5 - 0.5 * math.cos(math.pi * (index + 0.5) / frames) for index in range(frames)]
    return rising, rising[::-1]
