"""What reaches a small screen: a file, and the bytes that luma.oled puts on the wire."""

from pathlib import Path

import luma.oled.device  # noqa: F401 - it starts threads when it is first imported, and not in a test
import pytest
from PIL import Image

from appliance.commands.displays import open_display
from appliance.config.panel import ScreenConfig
from appliance.panel.oled.care import BRIGHT, DIM, OFF


class Wire:
    """In the place of luma's serial interface."""

    def __init__(self) -> None:
        self.commands: list[int] = []
        self.data_bytes = 0

    def command(self, *commands: int) -> None:
        self.commands += commands

    def data(self, data: list[int]) -> None:
        self.data_bytes += len(data)

    def cleanup(self) -> None: ...


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "front.png"
    display = open_display(ScreenConfig("front", "png", file=str(file)))
    white = Image.new("1", (128, 64), 1)
    for brightness in (BRIGHT, DIM, OFF):
        display.show(white, brightness)
        with Image.open(file) as picture:
            assert picture.size == (128, 64)
            assert picture.getextrema() == (brightness, brightness)
    assert [path.name for path in tmp_path.iterdir()] == ["front.png"]


@pytest.mark.parametrize(
    ("controller", "width", "height", "length"),
    [
        ("ssd1306", 128, 64, 128 * 64 // 8),
        ("ssd1309", 128, 64, 128 * 64 // 8),
        ("sh1106", 128, 64, 128 * 64 // 8),
        ("ssd1322", 256, 64, 256 * 64 // 2),
    ],
)
def test_lumas_devices_get_the_whole_picture(controller: str, width: int, height: int, length: int) -> None:
    wire = Wire()
    config = ScreenConfig("front", controller, width, height)  # type: ignore[arg-type]
    display = open_display(config, wire)
    before = wire.data_bytes
    display.show(Image.new("1", (width, height), 1), BRIGHT)
    assert wire.data_bytes - before >= length


def test_brightness_is_said_only_when_it_changes() -> None:
    wire = Wire()
    display = open_display(ScreenConfig("front"), wire)
    picture = Image.new("1", (128, 64))
    contrast = 0x81

    def said(brightness: int) -> int:
        wire.commands.clear()
        display.show(picture, brightness)
        return wire.commands.count(contrast)

    assert [said(level) for level in (BRIGHT, BRIGHT, DIM, DIM)] == [1, 0, 1, 0]
