"""Where a small screen's picture goes: an OLED by luma.oled, or a PNG file for those who have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from appliance.commands.client import CommandError
from appliance.config.panel import ScreenConfig
from appliance.panel.oled.care import BRIGHT, OFF


class Display(Protocol):
    """A screen of the size that was configured."""

    def show(self, picture: Image.Image, brightness: int) -> None:
        """A picture of mode "1", at 0 (off) to 255. OSError where the screen does not answer."""


def open_display(config: ScreenConfig, serial: Any = None) -> Display:
    """``serial``: luma's connection to the screen; made from the configuration where none is given."""
    if config.display == "png":
        return PngDisplay(Path(config.file or ""))
    return LumaDisplay(config, serial or _serial(config))


class PngDisplay:
    """One file, replaced whole: who reads it never sees half a picture."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def show(self, picture: Image.Image, brightness: int) -> None:
        level = picture.convert("L").point([0] * 255 + [brightness])
        partial = self._path.with_name(f".{self._path.name}.new")
        level.save(partial, "PNG")
        partial.replace(self._path)


class LumaDisplay:
    """One of luma.oled's devices."""

    def __init__(self, config: ScreenConfig, serial: Any) -> None:
        from luma.oled import device

        make = getattr(device, config.display)
        self._device = make(serial, width=config.width, height=config.height, rotate=config.rotate)
        self._brightness = -1

    def show(self, picture: Image.Image, brightness: int) -> None:
        if brightness != self._brightness:
            (self._device.hide if brightness == OFF else self._device.show)()
            self._device.contrast(min(brightness, BRIGHT))
            self._brightness = brightness
        self._device.display(picture.convert(self._device.mode))


def _serial(config: ScreenConfig) -> Any:
    from luma.core.error import Error
    from luma.core.interface import serial

    try:
        if config.bus == "i2c":
            return serial.i2c(port=config.port, address=config.address)
        return serial.spi(port=config.port, device=config.device)
    except (Error, OSError, ImportError) as error:
        raise CommandError(f"the screen {config.name} on {config.bus} {config.port}: {error}") from None
