"""The pictures themselves, beside those that somebody looked at and kept (`python -m tests.unit.panel.oled.test_paint`
draws them anew)."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from appliance.core.tai import NS
from appliance.panel.drawing import Scene
from appliance.panel.navigation import Key
from appliance.panel.oled.care import ROOM
from appliance.panel.oled.paint import inner_size, measure, paint
from appliance.panel.oled.screen import Bar, Frame, Text, frame
from tests.unit.panel.oled.test_screen import playing
from tests.unit.panel.test_navigation import Panel
from tests.unit.panel.worlds import audio_entry

PICTURES = Path(__file__).parent / "pictures"
SIZES = [(128, 64), (256, 64)]
MOST_DIFFERENT = 0.03
"""Of all pixels: FreeType's versions draw the odd edge otherwise."""


def playing_many() -> Panel:
    panel = playing("Stage left vocal", "Guitar amp", "Drum overheads", "Commentary position two")
    panel.press(Key.DOWN)
    return panel


def lost() -> Panel:
    panel = playing("Mic 1", "Guitar amp")
    panel.scene.world.update("p", [audio_entry("Mic 1", lost_since=panel.scene.clock.tai_ns() - 7 * NS)])
    panel.hear()
    return panel


def draw(name: str, width: int, height: int) -> Image.Image:
    panel = lost() if name == "lost" else playing_many()
    scene = Scene(panel.navigation, panel.scene.clock.tai_ns())
    return paint(frame(scene, name == "list", *inner_size(width, height), measure), width, height)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["home", "list", "lost"])
def test_it_looks_as_it_did(name: str, size: tuple[int, int]) -> None:
    drawn = draw(name, *size)
    kept = Image.open(PICTURES / f"{name}-{size[0]}x{size[1]}.png").convert("1")
    assert drawn.size == kept.size
    different = sum(ImageChops.logical_xor(drawn, kept).convert("L").histogram()[128:])
    assert different <= MOST_DIFFERENT * size[0] * size[1]


def test_the_whole_picture_moves() -> None:
    items: Frame = [Bar(0, 0, 10, 10), Text(20, 0, 60, 12, "Mic", inverse=True)]
    for shift in ((0, 0), (1, 2), (ROOM, ROOM)):
        assert paint(items, 128, 64, shift).getbbox() == (shift[0], shift[1], 80 + shift[0], 12 + shift[1])


def test_letters_stay_in_their_line() -> None:
    drawn = paint([Text(0, 12, 128, 12, "Ågjpq|")], 128, 64)
    box = drawn.getbbox()
    assert box is not None
    assert box[1] >= 11
    assert box[3] <= 25


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name in ("home", "list", "lost"):
        for width, height in SIZES:
            draw(name, width, height).save(PICTURES / f"{name}-{width}x{height}.png")
