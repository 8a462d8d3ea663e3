"""The program that plays a file round and round."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.edge.process import FILE_LOOP

ECHO = ("sh", "-c", 'echo "$@"', "echo")


def wav(samples: bytes, *, encoding: int = 1, bits: int = 16, channels: int = 1, before: bytes = b"") -> bytes:
    frame = channels * bits // 8
    header = struct.pack("<HHIIHH", encoding, channels, 48_000, 48_000 * frame, frame, bits)
    if encoding == 0xFFFE:
        header += struct.pack("<HHIH14s", 22, bits, 0, 1, bytes(14))
    chunks = before + b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(chunks) + len(samples)) + b"WAVE" + chunks + samples


def looped(kind: str, path: Path, *program: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*FILE_LOOP, kind, str(path), *program], capture_output=True, check=False, timeout=20)


def test_what_it_says_of_a_wav_file(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    for content, told in (
        (wav(b"12"), "pcm-format=s16le sample-rate=48000 num-channels=1"),
        (wav(b"123456", bits=24, channels=2), "pcm-format=s24le sample-rate=48000 num-channels=2"),
        (wav(b"12345678", bits=32, channels=2, encoding=0xFFFE), "pcm-format=s32le sample-rate=48000 num-channels=2"),
        (wav(b"1234", bits=32, encoding=3), "pcm-format=f32le sample-rate=48000 num-channels=1"),
        (wav(b"12", before=b"LIST\x03\x00\x00\x00abc\x00"), "pcm-format=s16le sample-rate=48000 num-channels=1"),
    ):
        path.write_bytes(content)
        assert looped("wav", path, *ECHO, "a", "@pcm@", "z").stdout.decode() == f"a {told} z\n"


def test_the_samples_come_round_and_round_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wav(b"abcdef!", before=b"junk\x01\x00\x00\x00xx"))  # the last byte is no whole sample
    head = (sys.executable, "-c", "import os, sys; print(os.read(int(sys.argv[1][3:]), 20).decode())", "fd=@file@")
    assert looped("wav", path, *head).stdout == b"abcdefabcdefabcdefab\n"
    assert looped("raw", path, *head).stdout.startswith(b"RIFF")


def test_it_leaves_no_process_behind(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(b"x")
    reading, writing = os.pipe()
    with subprocess.Popen([*FILE_LOOP, "raw", str(path), "true"], pass_fds=(writing,)) as process:
        os.close(writing)
        assert process.wait(20) == 0
    assert os.read(reading, 1) == b"", "whoever else had the other end is gone"
    os.close(reading)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no WAV file"),
        (b"not RIFF at all", "is no WAV file"),
        (wav(b"1234")[:30], "is no WAV file with samples"),
        (b"RIFF    WAVEdata\x04\x00\x00\x001234", "has no format before its samples"),
        (wav(b""), "has nothing in it"),
        (wav(b"12", bits=12), "has samples of 12 bits, encoding 1"),
        (wav(b"12", encoding=85), "has samples of 16 bits, encoding 85"),
        (wav(b"12", channels=0), "linear PCM of 8 to 32 bits is played"),
    ],
)
def test_what_it_cannot_play_it_says(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    done = looped("wav", path, "true")
    assert done.returncode == 1
    assert why in done.stderr.decode()
    assert str(path) in done.stderr.decode()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert looped("raw", tmp_path / "nowhere", "true").stderr.decode().endswith("nowhere: No such file or directory\n")
