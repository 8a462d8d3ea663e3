"""Where essence comes from and goes to on the box: the tables of inputs, outputs and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class InputConfig:
    """[senders.input]: where a sender's essence comes from, by ``kind``.

    Of audio: tone (``frequency_hz``, ``level_db``), silence, file (``path`` of a WAV file, which is played round and
    round without a gap), alsa (``device``). For audio/AM824 a file only, of subframes as ST 2110-31 has them. Of video
    and mux: pattern (``pattern``), file (``path`` of a film, or of a transport stream), and of video v4l2 (``device``).
    `nmos-appliance devices` lists the devices of this box; "default" is the first.
    """

    kind: Literal["tone", "silence", "pattern", "file", "alsa", "v4l2"] = "tone"
    frequency_hz: float = 1000.0
    level_db: float = -18.0
    pattern: Literal["smpte", "smpte75", "smpte100", "ball", "snow", "black", "white", "red", "green", "blue"] = "smpte"
    path: str | None = None
    device: str = "default"


@dataclass(frozen=True, slots=True)
class OutputConfig:
    """[receivers.output]: where a receiver's essence goes, by ``kind``.

    Of audio: alsa (``device``), file (``path`` of a WAV file), none. audio/AM824 goes into a file of subframes, or
    nowhere. Of video and mux: kms (the screen itself; ``device`` is the number of a connector), wayland, display
    (whatever there is), file (``path``; uncompressed frames, H.264 or the transport stream, as they came), none.
    `nmos-appliance devices` lists the devices of this box; "default" is the first.
    """

    kind: Literal["alsa", "kms", "wayland", "display", "file", "none"] = "alsa"
    path: str | None = None
    device: str = "default"


@dataclass(frozen=True, slots=True)
class CommandConfig:
    """[senders.command] / [receivers.command]: the program of the command driver: ``argv`` is it and its arguments.

    It runs once it is started, or where there is a ``ready``, once a line on its standard output begins with that.
    ``sockets``: it reads from sockets that the box has opened (receivers only). ``docs/integrators.md`` says what it
    is told, and when it is ended and started again.
    """

    argv: tuple[str, ...] = ()
    ready: str | None = None
    sockets: bool = False
