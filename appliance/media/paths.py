"""The legs of a job as paths through the network: who sends what, where, in packets of what size."""

from __future__ import annotations

from appliance.media.engine import AudioFormat, Job
from appliance.network.model import Role
from appliance.network.traps import Path

_SAMPLE_BYTES = {"L8": 1, "L16": 2, "L20": 3, "L24": 3, "AM824": 4}


def paths(job: Job, origin: str | None = None) -> tuple[Path, ...]:
    """One for each leg that runs. ``origin`` made a receiver's transport file: most likely it sends the first leg."""
    role = Role(job.role)
    return tuple(
        Path(
            role=role,
            interface=leg.interface,
            destination=leg.destination_ip,
            source=leg.source_ip or (origin if index == 0 and role is Role.RECEIVER else None),
            payload_bytes=None if job.audio is None else payload_bytes(job.audio),
        )
        for index, leg in enumerate(job.legs)
    )


def payload_bytes(audio: AudioFormat) -> int | None:
    """What is in each packet (RFC 3190 section 4.2); `None` for what is not linear PCM."""
    sample = _SAMPLE_BYTES.get(audio.encoding)
    return None if sample is None else round(audio.sample_rate * audio.packet_time_ms / 1000) * audio.channels * sample
