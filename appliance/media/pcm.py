"""Linear PCM as it is in RTP (big-endian, interleaved): silence, and ramps, that no end and no beginning clicks."""

from __future__ import annotations

FADE_S = 0.005
_SAMPLES_AT_ONCE = 2048
"""So many are faded at most: with many channels the fade is shorter, as it must be done before the sound is due."""


class Pcm:
    """``width``: octets of a sample. Those of 4 octets are no numbers, but subframes (AM824): nothing can be faded.
    ``frame``: octets of one sample of all channels; ``fade``: how many frames a fade takes.

    No dataclass, as in playout.py: importing those would double the time that the relay takes to start.
    """

    __slots__ = ("channels", "fade", "frame", "rate", "width")

    def __init__(self, rate: int, channels: int, width: int) -> None:
        self.rate, self.channels, self.width = rate, channels, width
        self.frame = channels * width
        self.fade = 0 if width == 4 else max(1, min(round(rate * FADE_S), _SAMPLES_AT_ONCE // channels))

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
