"""Fades of linear PCM."""

import struct
from itertools import pairwise

import pytest

from appliance.media.pcm import Pcm


def test_a_fade_in_goes_on_from_piece_to_piece() -> None:
    pcm = Pcm(8000, 2, 2)
    assert pcm.fade == 40
    loud = struct.pack("!120h", *[10_000, -10_000] * 60)
    whole = pcm.fade_in(loud, 0)
    assert pcm.fade_in(loud[:40], 0) + pcm.fade_in(loud[40:], 10) == whole
    left = struct.unpack("!120h", whole)[0::2]
    assert left[0] == 250
    assert left[39:] == (10_000,) * 21
    assert all(before < after for before, after in pairwise(left[:40]))
    assert struct.unpack("!120h", whole)[1::2] == tuple(-sample for sample in left)


def test_a_fade_out_begins_where_the_sound_was() -> None:
    pcm = Pcm(8000, 1, 3)
    before = b"".join(sample.to_bytes(3, "big", signed=True) for sample in range(0, -100_000, -1000))
    tail = pcm.fade_out(before, 1000)
    samples = [int.from_bytes(tail[at : at + 3], "big", signed=True) for at in range(0, len(tail), 3)]
    assert len(samples) == pcm.fade
    assert samples[0] == pytest.approx(-99_000, rel=0.03)
    assert abs(samples[-1]) < 2000
    assert all(abs(before) > abs(after) for before, after in pairwise(samples))


@pytest.mark.parametrize(("before", "frames", "made"), [(b"", 50, 0), (b"\1\2" * 7, 50, 7), (b"\1\2" * 70, 5, 5)])
def test_a_fade_out_is_as_long_as_it_can_be(before: bytes, frames: int, made: int) -> None:
    assert len(Pcm(8000, 1, 2).fade_out(before, frames)) == 2 * made


def test_many_channels_have_a_shorter_fade_and_subframes_none() -> None:
    assert Pcm(48_000, 2, 3).fade == 240
    assert Pcm(48_000, 64, 3).fade == 32
    am824 = Pcm(48_000, 2, 4)
    assert am824.fade == 0
    assert am824.fade_out(b"\xff" * 80, 10) == b""
    assert am824.silence(2) == bytes(16)
