"""Linear PCM as it is in RTP (big-endian, interleaved): silence, and ramps, that no end and no beginning clicks."""

from __future__ import annotations

from dataclasses import dataclass

FADE_S = 0.005
_SAMPLES_AT_ONCE = 2048
"""So many are faded at most: with many channels the fade is shorter, as it must be done before the sound is due."""


@dataclass(frozen=True, slots=True)
class Pcm:
    """``width``: octets of a sample. Those of 4 octets are no numbers, but subframes (AM824): nothing can be faded."""

    rate: int
    channels: int
    width: int

    @property
    def frame(self) -> int:
        """Octets of one sample of all channels."""
        return self.channels * self.width

    @property
    def fade(self) -> int:
        """How many frames a fade takes."""
        if self.width == 4:
            return 0
        return max(1, min(round(self.rate * FADE_S), _SAMPLES_AT_ONCE // self.channels))

    def silence(self, frames: int) -> bytes:
        return bytes(frames * self.frame)

    def fade_in(self, sound: bytes, done: int) -> bytes:
        """``sound`` as the part of a beginning that follows on ``done`` frames."""
        return self._scaled(sound, [(done + index + 1) / self.fade for index in range(len(sound) // self.frame)])

    def fade_out(self, before: bytes, frames: int) -> bytes:
        """What may follow ``before`` where nothing does: its end backwards, ever softer, in so many frames or fewer.

        Backwards it begins with the value that was the last, so there is no step.
        """
        frame = self.frame
        count = min(frames, self.fade, len(before) // frame)
        end = len(before)
        mirrored = b"".join(before[end - (index + 1) * frame : end - index * frame] for index in range(count))
        return self._scaled(mirrored, [1 - (index + 1) / (count + 1) for index in range(count)])

    def _scaled(self, sound: bytes, gains: list[float]) -> bytes:
        width, channels = self.width, self.channels
        scaled = bytearray(sound)
        for index, gain in enumerate(gains):
            if gain >= 1:
                break
            for place in range(index * self.frame, index * self.frame + channels * width, width):
                sample = int.from_bytes(sound[place : place + width], "big", signed=True)
                scaled[place : place + width] = round(sample * gain).to_bytes(width, "big", signed=True)
        return bytes(scaled)
