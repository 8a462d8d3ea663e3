"""``nmos-appliance devices``: what this host has for inputs and outputs, and what GStreamer can do on it.

Read from /proc and /sys, so that no program or library is needed and no daemon has to run. Only what a camera can do
is asked of its driver (VIDIOC_QUERYCAP): encoders are video devices, too, and nothing in /sys tells them apart.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from appliance.commands.output import print_json, table
from appliance.config.authorization import MISSING
from appliance.config.model import (
    Config,
    Format,
    InputConfig,
    MediaConfig,
    OutputConfig,
    ReceiverConfig,
    SenderConfig,
)
from appliance.media.drivers import engines
from appliance.media.engine import Engine, Tools
from appliance.media.gst_elements import elements_of
from appliance.media.trial import missing

ASK_LIMIT_S = 60.0
"""The first time GStreamer looks through all its plugins, which takes a small board some seconds."""
MAX_READ = 65_536


@dataclass(frozen=True, slots=True)
class SoundCard:
    """``device`` is what ``kind = "alsa"`` takes."""

    device: str
    name: str
    playback: bool
    capture: bool


@dataclass(frozen=True, slots=True)
class Camera:
    """``device`` is what ``kind = "v4l2"`` takes; ``capture`` is ``None`` where the driver could not be asked."""

    device: str
    name: str
    capture: bool | None


@dataclass(frozen=True, slots=True)
class Screen:
    """``device`` is what ``kind = "kms"`` takes, "" where the kernel does not tell it; ``mode`` its preferred one."""

    device: str
    connector: str
    connected: bool
    mode: str


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that the gstreamer driver may be asked to do; ``lacking`` is what to do about it where it cannot."""

    what: str
    lacking: str


def devices(*, as_json: bool) -> int:
    sound, cameras, screens = sound_cards(), list(found_cameras()), list(found_screens())
    abilities = list(gstreamer())
    if as_json:
        lists: Mapping[str, Sequence[SoundCard | Camera | Screen | Ability]] = {
            "alsa": sound,
            "v4l2": cameras,
            "kms": screens,
            "gstreamer": abilities,
        }
        print_json({kind: [asdict(one) for one in found] for kind, found in lists.items()})
        return 0
    _print(
        'Sound cards: kind = "alsa"',
        ("DEVICE", "DOES", "NAME"),
        [(card.device, _both(card), card.name) for card in sound],
    )
    _print(
        'Cameras: kind = "v4l2"',
        ("DEVICE", "DOES", "NAME"),
        [(camera.device, _does(camera), camera.name) for camera in cameras],
    )
    _print(
        'Screens: kind = "kms"',
        ("DEVICE", "CONNECTOR", "STATE"),
        [(screen.device or "?", screen.connector, _state(screen)) for screen in screens],
    )
    _print("GStreamer", ("WHAT", "HERE"), [(ability.what, ability.lacking or "yes") for ability in abilities])
    return 0


def sound_cards(proc: Path = Path("/proc/asound")) -> list[SoundCard]:
    """Each PCM device of each card, as the kernel's own lists name them."""
    cards = {
        int(number): id for number, id in re.findall(r"^\s*(\d+) \[(\S+)\s*\]", _read(proc / "cards"), re.MULTILINE)
    }
    found = []
    for line in _read(proc / "pcm").splitlines():
        place, *rest = (part.strip() for part in line.split(":"))
        numbers = re.fullmatch(r"(\d+)-(\d+)", place)
        if numbers is None or not rest:
            continue
        card, device = int(numbers[1]), int(numbers[2])
        directions = " ".join(rest[1:])
        name = f"hw:CARD={cards.get(card, card)},DEV={device}"
        found.append(SoundCard(name, rest[0], "playback" in directions, "capture" in directions))
    return found


def found_cameras(sys: Path = Path("/sys/class/video4linux"), dev: Path = Path("/dev")) -> Iterator[Camera]:
    for folder in _sorted(sys):
        if folder.name.startswith("video"):
            device = dev / folder.name
            yield Camera(str(device), _read(folder / "name").strip(), _captures(device))


def found_screens(sys: Path = Path("/sys/class/drm")) -> Iterator[Screen]:
    """The connectors of all graphics cards. Linux tells their numbers since 6.5."""
    for folder in _sorted(sys):
        status = _read(folder / "status").strip()
        if status:
            mode, *_ = [*_read(folder / "modes").split(), ""]
            yield Screen(_read(folder / "connector_id").strip(), folder.name, status == "connected", mode)


def gstreamer(media: MediaConfig | None = None) -> Iterator[Ability]:
    """What could be configured for the gstreamer driver, and whether this host has what it takes."""
    config = Config(media=media or MediaConfig(), senders=_SENDERS, receivers=_RECEIVERS)
    lacking = {endpoint.name: reason for endpoint, _, reason in missing(config, here(config.media))}
    for endpoint in (*_SENDERS, *_RECEIVERS):
        yield Ability(endpoint.name, lacking.get(endpoint.name, ""))


def notes(config: Config) -> Iterator[str]:
    """What a configuration wants and this host does not have, a sentence each."""
    for endpoint, media_type, reason in missing(config, here(config.media)):
        yield f"{endpoint.label or endpoint.name}: no {media_type} on this host: {reason}"
    if config.authorization.enabled and find_spec("authlib") is None:
        yield MISSING


def here(media: MediaConfig) -> dict[str, Engine]:
    """The drivers as they are on this host; GStreamer is asked only when it matters."""
    asked: list[frozenset[str]] = []

    def there() -> frozenset[str]:
        if not asked:
            asked.append(_elements(media.gst_launch.replace("gst-launch", "gst-inspect")))
        return asked[0]

    return engines(media, Tools(shutil.which, elements=there))


_VIDEO = SenderConfig("", "", format=Format.VIDEO, input=InputConfig("pattern"))
_SENDERS = (
    SenderConfig("send audio", ""),
    replace(_VIDEO, name="send video/raw", media_type="video/raw"),
    replace(_VIDEO, name="send video/H264", media_type="video/H264"),
    replace(_VIDEO, name="send video/jxsv", media_type="video/jxsv"),
    replace(_VIDEO, name="send video/MP2T", media_type="video/MP2T", format=Format.MUX),
)
_SCREEN = ReceiverConfig("", "", format=Format.VIDEO, media_types=("video/raw",), output=OutputConfig("display"))
_RECEIVERS = (
    ReceiverConfig("play audio", "", output=OutputConfig("none"), media_types=("audio/L24",)),
    replace(_SCREEN, name="show video/raw"),
    replace(_SCREEN, name="show video/H264", media_types=("video/H264",)),
    replace(_SCREEN, name="show video/jxsv", media_types=("video/jxsv",)),
    replace(_SCREEN, name="show video/MP2T", media_types=("video/MP2T",), format=Format.MUX),
    replace(_SCREEN, name='show with kind = "kms"', output=OutputConfig("kms")),
    replace(_SCREEN, name='show with kind = "wayland"', output=OutputConfig("wayland")),
)


def _elements(program: str) -> frozenset[str]:
    try:
        done = subprocess.run([program], check=False, capture_output=True, text=True, timeout=ASK_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return elements_of(done.stdout.splitlines())


_QUERYCAP = 0x80685600  # VIDIOC_QUERYCAP of linux/videodev2.h
_CAPABILITIES = struct.Struct("84xII12x")  # capabilities, device_caps
_CAPTURE, _CAPTURE_MPLANE = 0x00000001, 0x00001000


def _captures(device: Path) -> bool | None:
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        answer = fcntl.ioctl(descriptor, _QUERYCAP, bytes(_CAPABILITIES.size))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    _, of_this_device = _CAPABILITIES.unpack(answer)
    return bool(of_this_device & (_CAPTURE | _CAPTURE_MPLANE))


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MAX_READ)
    except OSError:
        return ""


def _sorted(folder: Path) -> list[Path]:
    """By name, numbers as numbers: video2 before video10."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(
        entries, key=lambda path: [int(word) if word.isdecimal() else word for word in _WORDS.split(path.name)]
    )


_WORDS = re.compile(r"(\d+)")


def _both(card: SoundCard) -> str:
    return ", ".join(word for word, does in (("playback", card.playback), ("capture", card.capture)) if does)


def _does(camera: Camera) -> str:
    return {True: "capture", False: "no capture", None: "cannot be asked"}[camera.capture]


def _state(screen: Screen) -> str:
    return f"connected {screen.mode}".rstrip() if screen.connected else "not connected"


def _print(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(title)
    text = table(heads, rows) if rows else "none"
    print("\n".join(f"  {line}" for line in text.splitlines()) + "\n")
