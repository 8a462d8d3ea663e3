"""GPIO lines by the kernel's character device, with python3-libgpiod: 1.6 of Debian 12 or 2.x of Debian 13 and PyPI.

Each edge is told in its order, however quickly they come; the kernel keeps some while the loop is busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from appliance.config.model import EventInputConfig, LampConfig
from appliance.edge.io import Close, Problem, Read

CONSUMER = "nmos-appliance"
AT_ONCE = 16
"""Edges read in one go."""
MISSING = "GPIO needs python3-libgpiod, which is not installed"


class Line(Protocol):
    """One line that this box has. ``True`` is active, whatever level that is."""

    def fileno(self) -> int: ...
    def get(self) -> bool: ...
    def set(self, active: bool) -> None: ...
    def edges(self) -> Iterable[bool]:
        """The edges that have come, oldest first: to active or not. Only after ``fileno`` became readable."""
        ...

    def close(self) -> None: ...


Library = Callable[[str, int, bool, str | None], Line]
"""``library(chip, line, active_low, pull)``: an input with that pull, an output where ``pull`` is ``None``. OSError
where it cannot be had."""


def library() -> Library | None:
    """That of the installed version; ``None`` where there is none."""
    try:
        gpiod = importlib.import_module("gpiod")
    except ImportError:
        return None
    return library_of(gpiod)


def library_of(gpiod: Any) -> Library:
    """The module ``gpiod`` of either generation, used alike."""
    return functools.partial(_Line2 if hasattr(gpiod, "request_lines") else _Line1, gpiod)


def open_input(config: EventInputConfig, read: Read, problem: Problem, found: Library | None = None) -> Close:
    """Follow a line."""
    line = _open(config.chip, config.line, config.active_low, config.pull, problem, found or library())
    if line is None:
        return lambda: None
    loop = asyncio.get_running_loop()
    number = line.fileno()

    def on_edges() -> None:
        try:
            for active in line.edges():
                read(active)
        except OSError as error:  # the chip was unplugged
            loop.remove_reader(number)
            problem(_why(config.chip, config.line, error))

    def close() -> None:
        loop.remove_reader(number)
        line.close()

    loop.add_reader(number, on_edges)
    read(line.get())
    return close


class Lamp:
    """A line that is set; without effect where it cannot be had."""

    def __init__(self, config: LampConfig, problem: Problem, found: Library | None = None) -> None:
        self._config = config
        self._problem = problem
        self._line = _open(config.chip, config.line, config.active_low, None, problem, found or library())

    def light(self, lit: bool) -> None:
        if self._line is not None:
            try:
                self._line.set(lit)
            except OSError as error:
                self._problem(_why(self._config.chip, self._config.line, error))

    def close(self) -> None:
        if self._line is not None:
            self.light(False)
            self._line.close()
            self._line = None


def _open(
    chip: str, line: int, active_low: bool, pull: str | None, problem: Problem, found: Library | None
) -> Line | None:
    if found is None:
        problem(MISSING)
        return None
    try:
        return found(chip, line, active_low, pull)
    except (OSError, ValueError) as error:
        problem(_why(chip, line, error))
        return None


def _why(chip: str, line: int, error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) else str(error)
    return f"line {line} of {chip} cannot be had: {said or type(error).__name__}"


class _Line1:
    """libgpiod 1.6 (Debian 12)."""

    def __init__(self, gpiod: Any, chip: str, line: int, active_low: bool, pull: str | None) -> None:
        self._gpiod = gpiod
        self._chip = gpiod.Chip(chip, gpiod.Chip.OPEN_BY_PATH)
        with contextlib.ExitStack() as undo:
            undo.callback(self._chip.close)
            self._line = self._chip.get_line(line)
            flags = gpiod.LINE_REQ_FLAG_ACTIVE_LOW if active_low else 0
            if pull is None:
                out = gpiod.LINE_REQ_DIR_OUT
                self._line.request(consumer=CONSUMER, type=out, flags=flags, default_val=0)
            else:
                flags |= {
                    "up": gpiod.LINE_REQ_FLAG_BIAS_PULL_UP,
                    "down": gpiod.LINE_REQ_FLAG_BIAS_PULL_DOWN,
                    "none": gpiod.LINE_REQ_FLAG_BIAS_DISABLE,
                }.get(pull, 0)
                self._line.request(consumer=CONSUMER, type=gpiod.LINE_REQ_EV_BOTH_EDGES, flags=flags)
            undo.pop_all()

    def fileno(self) -> int:
        return int(self._line.event_get_fd())

    def get(self) -> bool:
        return bool(self._line.get_value())

    def set(self, active: bool) -> None:
        self._line.set_value(int(active))

    def edges(self) -> Iterable[bool]:
        events = self._line.event_read_multiple()
        return [event.type == self._gpiod.LineEvent.RISING_EDGE for event in events]

    def close(self) -> None:
        self._line.release()
        self._chip.close()


class _Line2:
    """libgpiod 2 (Debian 13, PyPI)."""

    def __init__(self, gpiod: Any, chip: str, line: int, active_low: bool, pull: str | None) -> None:
        of_line = gpiod.line
        self._gpiod, self._number, self._value = gpiod, line, of_line.Value
        settings: dict[str, Any] = {"active_low": active_low}
        if pull is None:
            settings |= {"direction": of_line.Direction.OUTPUT, "output_value": of_line.Value.INACTIVE}
        else:
            biases = {"up": of_line.Bias.PULL_UP, "down": of_line.Bias.PULL_DOWN, "none": of_line.Bias.DISABLED}
            settings |= {
                "direction": of_line.Direction.INPUT,
                "edge_detection": of_line.Edge.BOTH,
                "bias": biases.get(pull, of_line.Bias.AS_IS),
            }
        self._request = gpiod.request_lines(chip, consumer=CONSUMER, config={line: gpiod.LineSettings(**settings)})

    def fileno(self) -> int:
        return int(self._request.fd)

    def get(self) -> bool:
        return bool(self._request.get_value(self._number) == self._value.ACTIVE)

    def set(self, active: bool) -> None:
        self._request.set_value(self._number, self._value.ACTIVE if active else self._value.INACTIVE)

    def edges(self) -> Iterable[bool]:
        events = self._request.read_edge_events(AT_ONCE)
        return [event.event_type == self._gpiod.EdgeEvent.Type.RISING_EDGE for event in events]

    def close(self) -> None:
        self._request.release()
