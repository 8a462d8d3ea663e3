"""A job's legs as paths, and the size of its packets."""

import pytest

from appliance.config.model import OutputConfig
from appliance.media.engine import AudioFormat, Job, Leg
from appliance.media.paths import paths, payload_bytes
from appliance.network.model import Role
from appliance.network.traps import Path

LEGS = (
    Leg("eth0", "10.1.0.2", "239.1.2.3", 5004),
    Leg("eth1", "10.2.0.2", "239.1.2.4", 5004, source_ip="10.2.0.9"),
)


@pytest.mark.parametrize(
    ("audio", "size"),
    [
        (AudioFormat("L24", 48_000, 2), 288),
        (AudioFormat("L16", 48_000, 8, 0.125), 96),
        (AudioFormat("L24", 96_000, 8, 0.125), 288),
        (AudioFormat("L24", 48_000, 16), 2304),
        (AudioFormat("opus", 48_000, 2), None),
    ],
)
def test_the_payload(audio: AudioFormat, size: int | None) -> None:
    assert payload_bytes(audio) == size


def test_the_legs_of_a_receiver_and_who_sends_them() -> None:
    job = Job("id", "receiver", "null", "", LEGS, AudioFormat("L24", 48_000, 2), OutputConfig())
    assert paths(job, "10.1.0.9") == (
        Path(Role.RECEIVER, "eth0", "239.1.2.3", "10.1.0.9", 288),
        Path(Role.RECEIVER, "eth1", "239.1.2.4", "10.2.0.9", 288),
    )
    assert paths(job)[0].source is None


def test_a_sender_is_nobodys_receiver() -> None:
    job = Job("id", "sender", "null", "", LEGS[:1], None, OutputConfig())
    assert paths(job, "10.1.0.9") == (Path(Role.SENDER, "eth0", "239.1.2.3"),)
