"""What this host has for media, and what is said where it lacks something."""

import asyncio
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from appliance.config.model import Config, Format, InputConfig, MediaConfig, OutputConfig, ReceiverConfig, SenderConfig
from appliance.edge.drivers import Drivers
from appliance.edge.process import environment
from appliance.media.gst_elements import elements_of
from tests.support.leaks import run

LISTED = """x264:  x264enc: x264 H.264 Encoder
openh264:  openh264enc: OpenH264 video encoder
typefindfunctions: video/x-h264: h264,x264,264

Total count: 2 plugins, 3 features"""
CAMERA = SenderConfig("camera", "d", format=Format.VIDEO, media_type="video/H264", input=InputConfig("pattern"))
SCREEN = ReceiverConfig(
    "screen", "d", format=Format.VIDEO, media_types=("video/raw", "video/H264"), output=OutputConfig("display")
)


def gstreamer(folder: Path, listed: str) -> MediaConfig:
    """Programs that say that this is there."""
    for name, script in (
        ("gst-launch-x", "exit 1"),
        ("gst-inspect-x", f"echo asked >> {folder}/asked; cat <<.\n{listed}\n."),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return MediaConfig(gst_launch=str(folder / "gst-launch-x"))


def test_elements_are_read_from_what_gst_inspect_prints() -> None:
    assert {"x264enc", "openh264enc"} <= elements_of(LISTED.splitlines())
    assert not elements_of(["", "no plugins", "Total count: 0 plugins"])


def test_what_is_lacking_is_said_and_not_offered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = Config(media=gstreamer(tmp_path, LISTED), senders=(CAMERA,), receivers=(SCREEN,))
    known = asyncio.Event()

    async def box() -> None:
        drivers = Drivers(config, environment(os.environ), known.set)
        drivers.start(config)
        assert drivers.offered(config) == config, "it is not known yet"
        await known.wait()
        assert drivers.offered(config).receivers[0].media_types == ("video/raw",)
        await drivers.stop()

    with caplog.at_level(logging.WARNING):
        run(box())
    assert [message.partition(" needs")[0] for message in caplog.messages] == ["screen: no video/H264: to show H.264"]
    assert (tmp_path / "asked").read_text() == "asked\n", "once"


def test_nobody_is_asked_for_audio(tmp_path: Path) -> None:
    config = Config(media=gstreamer(tmp_path, ""), senders=(SenderConfig("tone", "d"),))

    async def box() -> None:
        drivers = Drivers(config, environment(os.environ), lambda: None)
        drivers.start(config)
        await drivers.stop()

    run(box())
    assert not (tmp_path / "asked").exists()


def test_no_gstreamer_at_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = Config(media=MediaConfig(gst_launch=str(tmp_path / "gst-launch-x")), senders=(CAMERA,))

    async def box() -> None:
        drivers = Drivers(config, environment(os.environ), lambda: None)
        drivers.start(config)
        await drivers.stop()

    with caplog.at_level(logging.WARNING):
        run(box())
    assert len(caplog.messages) == 1
    assert "is not installed" in caplog.messages[0]


@pytest.mark.parametrize(
    ("driver", "new", "looked"), [("gstreamer", True, True), ("gstreamer", False, False), ("null", True, False)]
)
def test_a_new_box_looks_through_the_plugins_before_the_first_take(
    tmp_path: Path, driver: Literal["gstreamer", "null"], new: bool, looked: bool
) -> None:
    media = replace(gstreamer(tmp_path, ""), driver=driver)
    config = Config(media=media, receivers=(ReceiverConfig("speaker", "d"),))
    registry = tmp_path / "registry.bin"
    if not new:
        registry.touch()

    async def box() -> None:
        drivers = Drivers(config, environment(os.environ, GST_REGISTRY=str(registry)), lambda: None)
        drivers.start(config)
        async with asyncio.timeout(30):
            while looked and not (tmp_path / "asked").exists():  # noqa: ASYNC110 - another process makes it so
                await asyncio.sleep(0.01)
        await drivers.stop()

    run(box())
    assert (tmp_path / "asked").exists() is looked
