"""The media drivers on this host. What GStreamer has is asked of it once, by a child, when somebody wants to know.

What a configuration wants and this host lacks is said in the log at the start, and not offered in the capabilities of
receivers; a stream that wants it all the same says so as its fault.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.edge.process import FILE_LOOP, Process
from appliance.media.drivers import engines
from appliance.media.engine import Tools
from appliance.media.gst_elements import elements_of
from appliance.media.trial import Lacking, missing, without

log = logging.getLogger(__name__)

MAX_LINES = 10_000


class Drivers:
    """``changed`` is called when it has become known what this host lacks."""

    def __init__(self, config: Config, environment: Mapping[str, str], changed: Callable[[], None]) -> None:
        self._inspect = config.media.gst_launch.replace("gst-launch", "gst-inspect")
        self._environment = environment
        self._changed = changed
        self._elements: frozenset[str] | None = None
        self._asking: Process | None = None
        self._looking: Process | None = None
        self._config: Config | None = None
        self.engines = engines(config.media, Tools(shutil.which, FILE_LOOP, self._there))

    def start(self, config: Config) -> None:
        """Say what is lacking here, at once or as soon as it is known."""
        self._config = config
        lacking = list(missing(config, self.engines))
        if self._asking is None:
            _tell(lacking)
            self._look_round(config)

    def offered(self, config: Config) -> Config:
        """Without what receivers cannot be given here, as far as that is known."""
        return config if self._elements is None else without(config, missing(config, self.engines))

    async def stop(self) -> None:
        for process in (self._asking, self._looking):
            if process is not None:
                process.kill()
                await process.ended()

    def _there(self) -> frozenset[str] | None:
        """Asks, the first time."""
        if self._elements is None and self._asking is None:
            lines: list[str] = []
            try:
                self._asking = Process(
                    (self._inspect,),
                    on_line=lambda line: lines.append(line) if len(lines) < MAX_LINES else None,
                    on_exit=lambda code, last_lines: self._answered(lines),
                    environment=self._environment,
                )
            except OSError:
                self._elements = frozenset()
        return self._elements

    def _look_round(self, config: Config) -> None:
        """On a new box GStreamer looks through its plugins for a second or two: now, rather than at the first take."""
        registry = self._environment.get("GST_REGISTRY")
        endpoints: tuple[SenderConfig | ReceiverConfig, ...] = (*config.senders, *config.receivers)
        wanted = any((each.driver or config.media.driver) == "gstreamer" for each in endpoints if each.transport.is_rtp)
        if not wanted or registry is None or Path(registry).exists():
            return
        with contextlib.suppress(OSError):  # it is as well without, and said already
            self._looking = Process(
                (self._inspect, "fakesink"), on_exit=lambda code, last_lines: None, environment=self._environment
            )

    def _answered(self, lines: list[str]) -> None:
        self._asking = None
        self._elements = elements_of(lines)
        if self._config is not None:
            _tell(missing(self._config, self.engines))
            self._changed()


def _tell(lacking: Iterable[Lacking]) -> None:
    for endpoint, media_type, reason in lacking:
        log.warning("%s: no %s: %s", endpoint.label or endpoint.name, media_type, reason)
