"""What the drivers can take in, as far as it is limited: what a receiver's capabilities are derived from.

A driver that is not named here, as the null driver, leaves the stream to somebody else and limits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AudioAbility:
    """Audio over RTP, uncompressed: inclusive ranges, and the most channels of each media type."""

    sample_rates: tuple[int, int]
    max_channels: Mapping[str, int]
    packet_times_ms: tuple[float, float]


AUDIO: Mapping[str, AudioAbility] = {
    # What comes is converted and resampled to what the output takes. A channel of AM824 is two of L16 to GStreamer.
    "gstreamer": AudioAbility(
        sample_rates=(1, 384_000),
        max_channels={"audio/L16": 64, "audio/L24": 64, "audio/AM824": 32},
        packet_times_ms=(0.08, 20),
    ),
}


@dataclass(frozen=True, slots=True)
class VideoAbility:
    """Pictures over RTP: of uncompressed ones the color samplings of each component depth, of JPEG XS the packet
    transmission modes, of both the interlace modes."""

    samplings: Mapping[int, tuple[str, ...]]
    interlace_modes: tuple[str, ...]
    packet_transmission_modes: tuple[str, ...]


VIDEO: Mapping[str, VideoAbility] = {
    "gstreamer": VideoAbility(
        samplings={8: ("YCbCr-4:2:2", "YCbCr-4:2:0", "YCbCr-4:4:4", "RGB"), 10: ("YCbCr-4:2:2",)},
        interlace_modes=("progressive",),
        packet_transmission_modes=("codestream",),
    ),
}
