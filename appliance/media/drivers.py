"""Which drivers there are, by the names that a configuration calls them. A new one is a module, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from appliance.config.model import MediaConfig
from appliance.media.command import CommandEngine
from appliance.media.engine import Engine, Tools
from appliance.media.gstreamer import GStreamerEngine
from appliance.media.null import NullEngine

DRIVERS: Mapping[str, Callable[[MediaConfig, Tools], Engine]] = {
    "gstreamer": GStreamerEngine,
    "command": CommandEngine,
    "null": lambda config, tools: NullEngine(),
}


def engines(config: MediaConfig, tools: Tools) -> dict[str, Engine]:
    """One of each."""
    return {name: driver(config, tools) for name, driver in DRIVERS.items()}
