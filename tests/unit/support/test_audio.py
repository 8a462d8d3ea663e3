"""The tests' ears."""

from pathlib import Path

import pytest

from tests.support import audio


def test_a_tone_is_heard_as_what_it_is(tmp_path: Path) -> None:
    audio.write_tone(tmp_path / "a.wav", 997.0, 0.5)
    recording = audio.read(tmp_path / "a.wav")
    assert (recording.rate, recording.width_bits, recording.seconds) == (48_000, 16, 0.5)
    left, right = recording.channels
    assert left == right
    assert audio.pitch_hz(left, 48_000) == pytest.approx(997, abs=0.01)
    assert audio.level_db(left) == pytest.approx(-6.02, abs=0.05)
    assert audio.interruptions(left, 997, 48_000) == 0


def test_a_lost_packet_is_heard(tmp_path: Path) -> None:
    audio.write_tone(tmp_path / "a.wav", 440.0, 0.2)
    (left, _) = audio.read(tmp_path / "a.wav").channels
    assert audio.interruptions([*left[:4000], *left[4048:]], 440, 48_000) > 0


def test_silence_has_no_pitch() -> None:
    assert audio.pitch_hz([0.0] * 100, 48_000) == 0
    assert audio.sounding([0.0, 0.5, 0.0, -0.5, 0.0]) == [0.5, 0.0, -0.5]
    assert audio.sounding([0.0] * 10) == ()
