"""What a stream's processes say of it on their standard output, line by line, and the figures that come of it.

The relay (edge/relay.py) counts the packets of a receiver and says so in JSON; GStreamer's ``level`` says ten
times a second how loud it is (``gst-launch-1.0 -m``). A line is kept as it is, and read when somebody asks: meters that
nobody watches cost next to nothing.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field

FLOOR_DB = -120.0
"""Softer is silence, and shown as this."""
LEVEL_S = 1.0
"""Of a level that is older than this nothing is to be seen any more, and what should be sent is not there."""
_RELAY = '{"relay": '
_LEVEL = re.compile(r'^Got message #\d+ from element "level\w*" \(element\): level, endtime=\(guint64\)(\d+),')
_VALUES = re.compile(r"\b(rms|peak)=\(GValueArray\)< ([^>]*) >")


@dataclass(frozen=True, slots=True)
class LegFigures:
    """``lost``: packets that should have come on this leg; of a sender always 0."""

    packets: int = 0
    lost: int = 0
    signal: bool = False
    interface: str = ""


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """Since the activation. ``lost``: packets that came on no leg in time to be played; ``refused``: that were not what
    the transport file says; ``peak_db`` and ``rms_db``: of each channel in the last tenth of a second, in dBFS."""

    legs: tuple[LegFigures, ...] = ()
    lost: int = 0
    refused: int = 0
    peak_db: tuple[float, ...] = ()
    rms_db: tuple[float, ...] = ()


@dataclass(slots=True)
class Heard:
    """All that was heard of one run. ``legs`` and ``packet_s`` as in its plan, of a sender."""

    legs: int = 0
    packet_s: float = 0.0
    _report: StreamFigures = field(default_factory=StreamFigures)
    _reported: bool | None = None
    _level: str = ""
    _level_at: float = -math.inf

    def line(self, line: str, now: float) -> bool:
        """A line of standard output, whatever it is; true where it may be another :meth:`signal` now."""
        if line.startswith(_RELAY):
            self._read_report(line)
            return True
        if not _LEVEL.match(line):
            return False
        was_fresh = now - self._level_at <= LEVEL_S
        self._level, self._level_at = line, now
        return not was_fresh

    def signal(self, now: float) -> bool | None:
        """Whether there is anything to play or to send; ``None`` where that was not heard."""
        if self._reported is not None:
            return self._reported
        return now - self._level_at <= LEVEL_S if self._level and self.packet_s else None

    @property
    def legs_heard(self) -> tuple[bool, ...]:
        """Of a receiver: on which legs something came, when that was last said."""
        return tuple(leg.signal for leg in self._report.legs)

    def figures(self, now: float) -> StreamFigures:
        """How it is now."""
        fresh = now - self._level_at <= LEVEL_S
        values = dict(_VALUES.findall(self._level)) if fresh else {}
        report = self._report if self._reported is not None else self._as_sender(fresh)
        return StreamFigures(
            report.legs, report.lost, report.refused, _decibels(values.get("peak")), _decibels(values.get("rms"))
        )

    def _read_report(self, line: str) -> None:
        try:
            said = json.loads(line)["relay"]
            legs = tuple(LegFigures(int(leg["packets"]), int(leg["lost"]), bool(leg["signal"])) for leg in said["legs"])
            self._report = StreamFigures(legs, int(said["lost"]), int(said["refused"]))
            self._reported = bool(said["signal"])
        except (ValueError, KeyError, TypeError):
            return  # a line that was cut: the next one comes

    def _as_sender(self, fresh: bool) -> StreamFigures:
        """What it has said how far it is, it has sent, on every leg."""
        matched = _LEVEL.match(self._level)
        if not matched or not self.packet_s:
            return StreamFigures()
        sent = round(int(matched[1]) / 1e9 / self.packet_s)
        return StreamFigures((LegFigures(sent, 0, fresh),) * self.legs)


def _decibels(listed: str | None) -> tuple[float, ...]:
    return tuple(_decibel(value) for value in listed.split(", ")) if listed else ()


def _decibel(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return FLOOR_DB
    return round(min(60.0, max(FLOOR_DB, value)), 1) if not math.isnan(value) else FLOOR_DB
