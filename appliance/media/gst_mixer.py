"""The ends of GStreamer's pipelines at the box's mixer (edge/mixer.py): packets of 32 bit samples through a socket.

What goes to the mixer is given out when it is due (``sync``), so a file comes at its own pace and a jitter buffer has
done its work. What comes from it counts samples for time and knows no other, so a packet that was late does not make
all after it late. A sound card plays by the system's clock here, since the mixer does, and stretches a little for it.
"""

from __future__ import annotations

from appliance.media.engine import MIXER, Patch
from appliance.media.gst_parts import then
from appliance.media.mixing import SAMPLE_BYTES

FORMAT = "S32LE"
BY_OUR_CLOCK = ("provide-clock=false", "slave-method=resample")
"""For an ``alsasink``."""


def to_mixer() -> tuple[str, ...]:
    """The end of a pipeline, behind its samples in :data:`FORMAT`."""
    return then("fdsink", MIXER, "sync=true", "processing-deadline=0")


def from_mixer(patch: Patch) -> tuple[str, ...]:
    """The beginning of one."""
    packet = patch.frames * patch.channels * SAMPLE_BYTES
    return (
        *("fdsrc", MIXER, f"blocksize={packet}"),
        *then("rawaudioparse", "use-sink-caps=false", "format=pcm", f"pcm-format={FORMAT.lower()}"),
        *(f"sample-rate={patch.sample_rate}", f"num-channels={patch.channels}"),
    )
