"""A frame as a picture, by Pillow: white on black, DejaVu Sans, without grey edges (one bit has none)."""

from __future__ import annotations

from functools import cache

from PIL import Image, ImageDraw, ImageFont

from appliance.errors import ApplianceError
from appliance.panel.oled.care import ROOM
from appliance.panel.oled.screen import SMALL, Frame, Text

_FONT, _BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"


class NoFont(ApplianceError):
    """The letters are not installed."""


def measure(text: str, letters: int) -> int:
    """How many pixels wide the text is."""
    return round(_font(letters).getlength(text))


def inner_size(width: int, height: int) -> tuple[int, int]:
    """What of a screen a frame may use: the rest is room to move in (see care.py)."""
    return width - ROOM, height - ROOM


def paint(frame: Frame, width: int, height: int, shift: tuple[int, int] = (0, 0)) -> Image.Image:
    """A picture of mode "1"."""
    image = Image.new("1", (width, height))
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1"
    for item in frame:
        x, y = item.x + shift[0], item.y + shift[1]
        if not isinstance(item, Text):
            draw.rectangle((x, y, x + item.width - 1, y + item.height - 1), fill=1)
            continue
        if item.inverse:
            draw.rectangle((x, y, x + item.width - 1, y + item.height - 1), fill=1)
        left = x + max(0, item.width - measure(item.text, item.letters)) // 2 if item.centred else x
        middle = y + item.height // 2
        draw.text((left, middle), item.text, font=_font(item.letters), fill=0 if item.inverse else 1, anchor="lm")
    return image


@cache
def _font(letters: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(_FONT if letters <= SMALL else _BOLD, letters)
    except OSError:
        raise NoFont("the small screen needs the font DejaVu Sans: apt install fonts-dejavu-core") from None
