"""What the kernel was told about interfaces, read where it keeps that."""

from __future__ import annotations

from pathlib import Path

_CONF = Path("/proc/sys/net/ipv4/conf")


def rp_filter(interface: str) -> int | None:
    """The reverse path filter in force on an interface: the greater of its own and that for all of them."""
    found = [value for name in ("all", interface) if (value := _read(_CONF / name / "rp_filter")) is not None]
    return max(found, default=None)


def _read(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no Linux, or the interface has just gone
        return None
