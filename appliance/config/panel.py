"""What the configuration says of the faces of the panel."""

from __future__ import annotations

from dataclasses import dataclass, field
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
class RuleConfig:
    """[[receivers.auto_route.rules]]: which sources are meant; all that is said must be so.

    ``label``, ``device`` (its label, or its node's), ``group`` (of its group hint) and ``tag`` ("name=value", or a
    value alone) are patterns, in which * stands for anything; capitals do not matter.
    """

    label: str | None = None
    device: str | None = None
    group: str | None = None
    tag: str | None = None
    format: Literal["audio", "video", "data", "mux"] | None = None


@dataclass(frozen=True, slots=True)
class RouteConfig:
    """[receivers.auto_route]: what the box does by itself when a source is lost, comes, or comes back.

    ``mode``: keep (stay with the last source, and connect to it anew where it comes back with another stream), follow
    (show what the first of the ``rules`` names that is there), first (show the first source that fits) or never (do
    nothing). A source is replaced when it was lost for ``hold_s`` seconds; ``back``: return to it when it is back.
    Whatever somebody chooses at a panel or with a controller stays until it is released at the panel.
    """

    mode: Literal["keep", "follow", "first", "never"] = "keep"
    hold_s: float = 10.0
    back: bool = True
    rules: tuple[RuleConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class PanelConfig:
    """[panel]: the front panel. ``receiver`` is the name of the receiver shown first.

    ``confirm``: a take wants a second press, until that is set otherwise at the panel. ``forget_pin``: at the start,
    unlock the panel and forget its PIN; for a PIN that nobody knows any more. ``password``: the page and the panel's
    API want it, but on the box itself; as it is, or as ``nmos-appliance password`` prints it. ``names`` are what the
    box is called in the browsers' address line, beside its addresses and its host name.
    """

    receiver: str | None = None
    confirm: bool = False
    forget_pin: bool = False
    password: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    screens: tuple[ScreenConfig, ...] = ()
