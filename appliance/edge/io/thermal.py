"""The kernel's thermal zones, in degrees Celsius. The kernel tells nobody of a change, so they are read every second:
a line of text each, out of memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.config.model import EventInputConfig
from appliance.edge.io import Close, Problem, Read

ZONES = Path("/sys/class/thermal")
EVERY_S = 1.0


def open_input(config: EventInputConfig, read: Read, problem: Problem, zones: Path = ZONES) -> Close:
    """Follow a zone by its type ("cpu-thermal"), or the first."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None
    troubled = False

    def look() -> None:
        nonlocal timer, troubled
        timer = loop.call_later(EVERY_S, look)
        try:
            value = int((_find(zones, config.zone) / "temp").read_text("ascii")) / 1000
        except (OSError, ValueError) as error:
            if not troubled:
                problem(f"no temperature of {config.zone or 'the first zone'}: {error}"[:200])
            troubled = True
            return
        if troubled:
            problem(None)
            troubled = False
        read(value)

    look()

    def close() -> None:
        if timer is not None:
            timer.cancel()

    return close


def _find(zones: Path, wanted: str) -> Path:
    for zone in sorted(zones.glob("thermal_zone*")):
        if not wanted or (zone / "type").read_text("ascii").strip() == wanted:
            return zone
    raise FileNotFoundError(f"there is no such zone below {zones}")
