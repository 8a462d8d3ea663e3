"""Libraries on paper, as the real ones are used: gpiod 1.6 and 2.x, evdev. Their descriptors are real pipes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any


async def until(there: Callable[[], bool]) -> None:
    """Let the loop turn until it is so."""
    async with asyncio.timeout(10):
        while not there():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0)


class Pipe:
    """Readable while something is in it."""

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()
        os.set_blocking(self.reading, False)

    def put(self, value: int) -> None:
        os.write(self._writing, bytes([value]))

    def take(self) -> list[int]:
        return list(os.read(self.reading, 16))

    def close(self) -> None:
        for number in (self.reading, self._writing):
            os.close(number)


class Chip:
    """One chip with one line: ``level`` is its value, ``edge`` makes an edge, ``asked`` what the library was asked."""

    def __init__(self) -> None:
        self.level = 0
        self.asked: dict[str, Any] = {}
        self.pipe = Pipe()
        self.open = False
        self.broken = False

    def edge(self, level: int) -> None:
        self.level = level
        self.pipe.put(level)

    def events(self) -> list[int]:
        if self.broken:
            raise OSError(19, "No such device")
        return self.pipe.take()


@contextmanager
def chip() -> Iterator[Chip]:
    made = Chip()
    try:
        yield made
    finally:
        made.pipe.close()


def gpiod1(of: Chip) -> Any:
    """gpiod of libgpiod 1.6."""
    event = SimpleNamespace(RISING_EDGE=1, FALLING_EDGE=2)

    class Line:
        def request(self, **asked: Any) -> None:
            of.asked |= asked
            of.open = True

        def event_get_fd(self) -> int:
            return of.pipe.reading

        def event_read_multiple(self) -> list[Any]:
            return [SimpleNamespace(type=1 if level else 2) for level in of.events()]

        def get_value(self) -> int:
            return of.level

        def set_value(self, level: int) -> None:
            of.level = level

        def release(self) -> None:
            of.open = False

    class ChipClass:
        OPEN_BY_PATH = 3

        def __init__(self, path: str, how: int) -> None:
            assert how == self.OPEN_BY_PATH
            of.asked["chip"] = path

        def get_line(self, number: int) -> Line:
            of.asked["line"] = number
            return Line()

        def close(self) -> None:
            of.asked["closed"] = True

    flags = {
        f"LINE_REQ_FLAG_{name}": 1 << at for at, name in enumerate(("ACTIVE_LOW", "BIAS_PULL_UP", "BIAS_PULL_DOWN"))
    }
    return SimpleNamespace(
        Chip=ChipClass,
        LineEvent=event,
        LINE_REQ_DIR_OUT=3,
        LINE_REQ_EV_BOTH_EDGES=6,
        LINE_REQ_FLAG_BIAS_DISABLE=8,
        **flags,
    )


def gpiod2(of: Chip) -> Any:
    """gpiod of libgpiod 2, but for its enumerations, which are the real names."""
    types = SimpleNamespace(RISING_EDGE="rising", FALLING_EDGE="falling")

    class Request:
        fd = of.pipe.reading

        def read_edge_events(self, most: int) -> list[Any]:
            levels = of.events()
            return [SimpleNamespace(event_type=types.RISING_EDGE if level else types.FALLING_EDGE) for level in levels]

        def get_value(self, line: int) -> str:
            return "ACTIVE" if of.level else "INACTIVE"

        def set_value(self, line: int, value: str) -> None:
            of.level = int(value == "ACTIVE")

        def release(self) -> None:
            of.open = False

    def request_lines(path: str, *, consumer: str, config: dict[int, dict[str, Any]]) -> Request:
        ((line, settings),) = config.items()
        of.asked |= {"chip": path, "line": line, "consumer": consumer, **settings}
        of.open = True
        return Request()

    return SimpleNamespace(
        request_lines=request_lines, LineSettings=dict, EdgeEvent=SimpleNamespace(Type=types), line=_Line2
    )


class _Line2:
    Value = SimpleNamespace(ACTIVE="ACTIVE", INACTIVE="INACTIVE")
    Direction = SimpleNamespace(INPUT="INPUT", OUTPUT="OUTPUT")
    Edge = SimpleNamespace(BOTH="BOTH")
    Bias = SimpleNamespace(PULL_UP="PULL_UP", PULL_DOWN="PULL_DOWN", DISABLED="DISABLED", AS_IS="AS_IS")


class Evdev:
    """evdev with the devices that are plugged in, by path."""

    ecodes = SimpleNamespace(ecodes={"KEY_F1": 59, "KEY_F2": 60}, EV_KEY=1)

    def __init__(self) -> None:
        self.devices: dict[str, Keyboard] = {}

    def list_devices(self) -> list[str]:
        return list(self.devices)

    def InputDevice(self, path: str) -> Keyboard:  # noqa: N802 - its name there
        return self.devices[path]


class Keyboard:
    """A device with F1."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pipe = Pipe()
        self.fd = self.pipe.reading
        self.held: list[int] = []
        self.unplugged = False

    def capabilities(self) -> dict[int, list[int]]:
        return {1: [59]}

    def active_keys(self) -> list[int]:
        return self.held

    def read(self) -> list[Any]:
        if self.unplugged:
            raise OSError(19, "No such device")
        return [SimpleNamespace(type=1, code=59, value=value) for value in self.pipe.take()]

    def close(self) -> None:
        pass
