"""Who the board is: the serial number that its maker gave it, where the firmware tells it."""

from __future__ import annotations

from pathlib import Path

_FILES = (
    "sys/firmware/devicetree/base/serial-number",
    # Only root may read these; a service that is not will go without.
    "sys/class/dmi/id/product_serial",
    "sys/class/dmi/id/board_serial",
)
_MEANINGLESS = (
    "none",
    "not specified",
    "not applicable",
    "unknown",
    "default string",
    "system serial number",
    "0123456789",
)
_LONGEST = 100


def serial_number(root: Path = Path("/")) -> str | None:
    """What the device tree says, else the BIOS; ``None`` where they say nothing, or what means nothing."""
    for file in _FILES:
        try:
            text = (root / file).read_bytes()[:_LONGEST].decode("ascii").strip("\0 \n")
        except (OSError, UnicodeDecodeError):
            continue
        if text and text.isprintable() and not _is_meaningless(text):
            return text
    return None


def _is_meaningless(text: str) -> bool:
    """What makers leave there who have no number to give."""
    return text.lower() in _MEANINGLESS or "o.e.m" in text.lower() or not text.strip("0 .-")
