"""A program: plays a file round and round into another program's ear, without a gap where it begins again.

    file_loop.py wav|raw FILE PROGRAM ARGUMENT...

PROGRAM takes the place of this process, so that the daemon's signals and the kernel's (PR_SET_PDEATHSIG) reach it; a
child of it copies the file into a pipe until nobody reads that any more. An argument ``fd=@file@`` gets the pipe's
number; ``@pcm@`` becomes what GStreamer's rawaudioparse has to be told of a WAV file's samples. ``raw`` is a file that
has no header. Nothing but the standard library is used: it starts in 20 ms, and where the package lies does not matter.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

_CHUNK = 1 << 20
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_NAMES = {
    (_PCM, 8): "u8",
    (_PCM, 16): "s16le",
    (_PCM, 24): "s24le",
    (_PCM, 32): "s32le",
    (_FLOAT, 32): "f32le",
    (_FLOAT, 64): "f64le",
}


@dataclass(frozen=True, slots=True)
class Samples:
    """Where the samples of a file are, and for rawaudioparse what they are."""

    offset: int
    length: int
    told: tuple[str, ...] = ()


def main(argv: Sequence[str]) -> int:
    kind, path, *program = argv
    try:
        with Path(path).open("rb") as file:
            samples = _wav(file) if kind == "wav" else Samples(0, os.fstat(file.fileno()).st_size)
            if not samples.length:
                raise ValueError("has nothing in it")
            _become(program, samples.told, _pipe_of(file, samples))
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
    except ValueError as error:
        print(f"{path} {error}", file=sys.stderr)
    return 1


def _wav(file: BinaryIO) -> Samples:
    """RIFF WAVE: chunks of a name, a length and, after an odd length, a byte to make it even."""
    riff, _, wave = struct.unpack("<4sI4s", _exactly(file, 12))
    if (riff, wave) != (b"RIFF", b"WAVE"):
        raise ValueError("is no WAV file")
    header = b""
    while True:
        name, length = struct.unpack("<4sI", _exactly(file, 8))
        if name == b"data":
            break
        if name == b"fmt ":
            header = _exactly(file, min(length, 40))
            length -= len(header)
        file.seek(length + length % 2, os.SEEK_CUR)
    if len(header) < 16:
        raise ValueError("has no format before its samples")
    encoding, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", header[:16])
    if encoding == _EXTENSIBLE and len(header) >= 26:
        (encoding,) = struct.unpack("<H", header[24:26])
    name_of = _NAMES.get((encoding, bits))
    if name_of is None or frame != channels * bits // 8 or not frame or not rate:
        raise ValueError(f"has samples of {bits} bits, encoding {encoding}: linear PCM of 8 to 32 bits is played")
    offset = file.tell()
    there = min(length, os.fstat(file.fileno()).st_size - offset)
    told = (f"pcm-format={name_of}", f"sample-rate={rate}", f"num-channels={channels}")
    return Samples(offset, there - there % frame, told)


def _exactly(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) < count:
        raise ValueError("is no WAV file with samples")
    return found


def _pipe_of(file: BinaryIO, samples: Samples) -> int:
    """The end of a pipe at which the samples come out, for ever."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        return reading
    os.close(reading)
    for number in (signal.SIGPIPE, signal.SIGINT):  # Python's own ways would end in a traceback
        signal.signal(number, signal.SIG_DFL)
    place = 0
    while True:
        sent = os.sendfile(writing, file.fileno(), samples.offset + place, min(_CHUNK, samples.length - place))
        if not sent:  # it has become shorter than it was
            os._exit(1)
        place = (place + sent) % samples.length


def _become(program: Sequence[str], told: Sequence[str], pipe: int) -> NoReturn:
    os.set_inheritable(pipe, True)
    said: list[str] = []
    for argument in program:
        if argument == "@pcm@":
            said += told
        else:
            said.append(f"fd={pipe}" if argument == "fd=@file@" else argument)
    os.execvp(said[0], said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
