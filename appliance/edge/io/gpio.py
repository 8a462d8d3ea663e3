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
from appliance.edge.io.appearing import watch

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
    """Follow a line, from when its chip is there."""

    def opened(line: Line) -> None:
        asyncio.get_running_loop().add_reader(line.fileno(), on_edges, line)
        read(line.get())

    def on_edges(line: Line) -> None:
        try:
            for active in line.edges():
                read(active)
        except OSError as error:  # the chip was unplugged
            held.lost(error)

    def closing(line: Line) -> None:
        asyncio.get_running_loop().remove_reader(line.fileno())

    held = _Held(config.chip, config.line, problem, opened, closing)
    held.open(found or library(), config.active_low, config.pull)
    return held.close


class Lamp:
    """A line that is set, from when its chip is there."""

    def __init__(self, config: LampConfig, problem: Problem, found: Library | None = None) -> None:
        self._lit = False
        self._held = _Held(config.chip, config.line, problem, lambda line: line.set(self._lit), lambda line: None)
        self._held.open(found or library(), config.active_low, None)

    def light(self, lit: bool) -> None:
        self._lit = lit
        if self._held.line is not None:
            try:
                self._held.line.set(lit)
            except OSError as error:
                self._held.lost(error)

    def close(self) -> None:
        self.light(False)
        self._held.close()


def _nothing() -> None:
    """There is no watch to end."""


_NOTHING: Close = _nothing


class _Held:
    """One line, held while its chip is there. ``opened`` and ``closing`` are called with it; what keeps it from being
    held is a ``problem``, until it is."""

    line: Line | None = None

    def __init__(
        self,
        chip: str,
        number: int,
        problem: Problem,
        opened: Callable[[Line], None],
        closing: Callable[[Line], None],
    ) -> None:
        self._chip, self._number, self._problem = chip, number, problem
        self._opened, self._closing = opened, closing
        self._request: Callable[[], Line] | None = None
        self._said: str | None = None
        self._end_watch: Close = _NOTHING

    def open(self, found: Library | None, active_low: bool, pull: str | None) -> None:
        if found is None:
            self._problem(MISSING)
            return
        self._request = functools.partial(found, self._chip, self._number, active_low, pull)
        self._try()

    def lost(self, error: Exception) -> None:
        """It does not answer any more: it is let go of, until its chip comes again."""
        self._let_go()
        self._fail(error)

    def close(self) -> None:
        self._end_watch()
        self._let_go()

    def _try(self) -> None:
        assert self._request is not None
        try:
            self.line = line = self._request()
            self._opened(line)
        except (OSError, ValueError) as error:
            self._let_go()
            self._fail(error)
        else:
            self._end_watch()
            self._end_watch = _NOTHING
            self._say(None)

    def _let_go(self) -> None:
        if self.line is not None:
            line, self.line = self.line, None
            self._closing(line)
            with contextlib.suppress(OSError):
                line.close()

    def _fail(self, error: Exception) -> None:
        said = error.strerror if isinstance(error, OSError) else str(error)
        self._say(f"line {self._number} of {self._chip} cannot be had: {said or type(error).__name__}")
        if self._end_watch is _NOTHING:
            self._end_watch = watch(self._chip, self._try)

    def _say(self, why: str | None) -> None:
        if why != self._said:
            self._said = why
            self._problem(why)


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
