"""What the configuration says of the faces of the panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ScreenConfig:
    """[[panel.screens]]: a small screen with its knob, run by nmos-appliance-panel@NAME.service.

    ``display`` is the controller as luma.oled calls it, or png: a picture in ``file``. ``address`` is the I²C address,
    ``device`` the SPI chip select; ``rotate`` quarter turns. ``inputs`` are input devices such as
    /dev/input/by-path/platform-rotary-event; none: all there are. ``receiver`` is the name of the one that it begins
    with. It is dimmed ``dim_after_s`` after the last key or news and switched off after ``off_after_s``; 0: never.
    """

    name: str
    display: Literal["ssd1306", "ssd1309", "sh1106", "ssd1322", "png"] = "ssd1306"
    width: int = 128
    height: int = 64
    bus: Literal["i2c", "spi"] = "i2c"
    port: int = 1
    address: int = 0x3C
    device: int = 0
    rotate: int = 0
    inputs: tuple[str, ...] = ()
    receiver: str | None = None
    dim_after_s: float = 60.0
    off_after_s: float = 3600.0
    file: str | None = None


@dataclass(frozen=True, slots=True)
class PanelConfig:
    """[panel]: the front panel. ``receiver`` is the name of the receiver shown first."""

    receiver: str | None = None
    screens: tuple[ScreenConfig, ...] = ()
