"""What a host has for inputs and outputs, read from trees like those of the kernel."""

import json
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.commands.devices import (
    Camera,
    Screen,
    SoundCard,
    found_cameras,
    found_screens,
    gstreamer,
    notes,
    sound_cards,
)
from appliance.config.model import Config, MediaConfig, SenderConfig

CARDS = """\
 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xf7d10000 irq 31
 2 [UMC404HD192k   ]: USB-Audio - UMC404HD 192k
                      BEHRINGER UMC404HD 192k at usb-0000:00:14.0-2, high speed
"""
PCM = """\
00-00: ALC892 Analog : ALC892 Analog : playback 1 : capture 1
00-03: HDMI 0 : HDMI 0 : playback 1
02-00: USB Audio : USB Audio : playback 1 : capture 1
03-00: of a card that has gone : x : capture 1
nonsense
"""


def tree(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")


def test_sound_cards_are_named_as_alsa_takes_them(tmp_path: Path) -> None:
    tree(tmp_path / "asound", cards=CARDS, pcm=PCM)
    assert sound_cards(tmp_path / "asound") == [
        SoundCard("hw:CARD=PCH,DEV=0", "ALC892 Analog", playback=True, capture=True),
        SoundCard("hw:CARD=PCH,DEV=3", "HDMI 0", playback=True, capture=False),
        SoundCard("hw:CARD=UMC404HD192k,DEV=0", "USB Audio", playback=True, capture=True),
        SoundCard("hw:CARD=3,DEV=0", "of a card that has gone", playback=False, capture=True),
    ]


def test_cameras_are_listed_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("video10", "video2", "vbi0"):
        tree(tmp_path / "sys" / name, name=f"of {name}\n")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "video2").write_text("no device at all", encoding="utf-8")
    assert list(found_cameras(tmp_path / "sys", tmp_path / "dev")) == [
        Camera(f"{tmp_path}/dev/video2", "of video2", None),
        Camera(f"{tmp_path}/dev/video10", "of video10", None),
    ]


def test_screens_are_the_connectors(tmp_path: Path) -> None:
    tree(tmp_path / "card1", dev="226:1\n")
    tree(tmp_path / "card1-HDMI-A-1", status="connected\n", modes="1920x1080\n1280x720\n", connector_id="33\n")
    tree(tmp_path / "card1-HDMI-A-2", status="disconnected\n", modes="")
    assert list(found_screens(tmp_path)) == [
        Screen("33", "card1-HDMI-A-1", connected=True, mode="1920x1080"),
        Screen("", "card1-HDMI-A-2", connected=False, mode=""),
    ]


def test_a_host_without_anything_has_nothing(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert not sound_cards(nowhere)
    assert not list(found_cameras(nowhere))
    assert not list(found_screens(nowhere))
    missing = MediaConfig(gst_launch=str(nowhere / "gst-launch-1.0"))
    assert all("is not installed" in ability.lacking for ability in gstreamer(missing))
    (note,) = notes(Config(media=missing, senders=(SenderConfig("tone", "d", label="Tone"),)))
    assert note.startswith("Tone: no audio/L24 on this host: ")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    assert 'Sound cards: kind = "alsa"' in capsys.readouterr().out
    assert main(["devices", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"alsa", "v4l2", "kms", "gstreamer"}


def test_check_says_what_this_host_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.toml"
    media = '[media]\ngst_launch = "/nowhere/gst-launch"\n'
    file.write_text(media + '[[devices]]\nname = "d"\n[[senders]]\nname = "tone"\ndevice = "d"\n', encoding="utf-8")
    assert main(["check", str(file)]) == 0
    good, note = capsys.readouterr().out.splitlines()
    assert good.endswith("good: 1 device, 1 sender, 0 receivers")
    assert note.startswith("note: tone: no audio/L24 on this host: /nowhere/gst-launch is not installed")
