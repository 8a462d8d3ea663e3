"""GPIO lines through both generations of libgpiod's Python module."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.config.model import EventInputConfig, LampConfig
from appliance.edge.io import gpio
from tests.unit.edge.io.fakes import Chip, chip, gpiod1, gpiod2

LIBRARIES = [pytest.param(gpiod1, id="libgpiod 1"), pytest.param(gpiod2, id="libgpiod 2")]
Make = Callable[[Chip], Any]


def open_input(of: Chip, make: Make, config: EventInputConfig, read: list[Any]) -> Callable[[], None]:
    return gpio.open_input(config, read.append, read.append, gpio.library_of(make(of)))


@pytest.mark.parametrize("make", LIBRARIES)
def test_a_line_is_read_once_and_then_by_its_edges(make: Make) -> None:
    async def run() -> None:
        with chip() as line:
            line.level = 1
            read: list[Any] = []
            close = open_input(
                line, make, EventInputConfig(kind="gpio", chip="/dev/gpiochip1", line=17, pull="up"), read
            )
            assert read == [True]
            assert (line.asked["chip"], line.asked["line"]) == ("/dev/gpiochip1", 17)
            for level in (0, 1, 0):
                line.edge(level)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert read == [True, False, True, False]
            close()
            assert not line.open

    asyncio.run(run())


@pytest.mark.parametrize("make", LIBRARIES)
def test_a_chip_that_goes_away_is_a_problem_once(make: Make) -> None:
    async def run() -> None:
        with chip() as line:
            read: list[Any] = []
            close = open_input(line, make, EventInputConfig(kind="gpio", line=5), read)
            line.broken = True
            line.edge(1)
            for _ in range(4):
                await asyncio.sleep(0)
            assert read == [False, "line 5 of /dev/gpiochip0 cannot be had: No such device"]
            close()

    asyncio.run(run())


@pytest.mark.parametrize("make", LIBRARIES)
def test_a_lamp(make: Make) -> None:
    with chip() as line:
        lamp = gpio.Lamp(LampConfig("red", kind="gpio", line=3, active_low=True), print, gpio.library_of(make(line)))
        assert line.asked.get("active_low", True), "libgpiod 2 says so in words, 1 by a flag"
        lamp.light(True)
        assert line.level == 1
        lamp.close()
        assert (line.level, line.open) == (0, False)
        lamp.light(True)
        assert line.level == 0


def test_a_line_that_is_refused_is_a_problem() -> None:
    async def main() -> list[str | None]:
        said: list[str | None] = []
        gpio.open_input(EventInputConfig(kind="gpio"), print, said.append, lambda *line: refuse())()
        lamp = gpio.Lamp(LampConfig("red", kind="gpio"), said.append, lambda *line: refuse())
        lamp.light(True)
        lamp.close()
        return said

    assert asyncio.run(main()) == ["line 0 of /dev/gpiochip0 cannot be had: Permission denied"] * 2


class LaterChip:
    """Its lines can be had when it is there, and only by its group once udev has said so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: list[PaperLine] = []

    def __call__(self, path: str, number: int, active_low: bool, pull: str | None) -> gpio.Line:
        if not self._path.exists():
            raise FileNotFoundError(2, "No such file or directory")
        if self._path.stat().st_mode & 0o777 != 0o660:
            raise PermissionError(13, "Permission denied")
        self.lines.append(PaperLine())
        return self.lines[-1]


class PaperLine:
    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.level = True
        self.open = True

    def fileno(self) -> int:
        return self.ours.fileno()

    def get(self) -> bool:
        return self.level

    def set(self, active: bool) -> None:
        self.level = active

    def edges(self) -> list[bool]:
        raise OSError(19, "No such device")

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()
        self.open = False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the kernel makes it so
            await asyncio.sleep(0.005)


def test_a_chip_that_comes_later_and_again_is_had_without_asking_for_it(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "gpiochip7"
        later, lamps, read, said = LaterChip(path), LaterChip(path), list[Any](), list[str | None]()
        config = EventInputConfig(kind="gpio", chip=str(path), line=3)
        close = gpio.open_input(config, read.append, said.append, later)
        lamp = gpio.Lamp(LampConfig("red", kind="gpio", chip=str(path), line=4), lambda why: None, lamps)
        lamp.light(True)
        path.touch(0o600)
        path.chmod(0o600)
        await until(lambda: bool(said[-1] and "Permission denied" in said[-1]))
        path.chmod(0o660)
        await until(lambda: said[-1] is None and bool(lamps.lines))
        assert read == [True]
        assert lamps.lines[0].level

        path.unlink()
        later.lines[0].theirs.send(b"an edge")
        await until(lambda: bool(said[-1] and "No such" in said[-1]))
        assert not later.lines[0].open
        path.touch(0o600)
        path.chmod(0o660)
        await until(lambda: read == [True, True])
        assert said[-1] is None
        lamp.close()
        close()
        assert not [line for line in (*later.lines, *lamps.lines) if line.open]

    asyncio.run(main())


def test_a_folder_that_is_not_there_is_waited_for_in_vain() -> None:
    async def main() -> list[str | None]:
        said: list[str | None] = []
        config = EventInputConfig(kind="gpio", chip="/nowhere/gpiochip0")
        gpio.open_input(config, print, said.append, LaterChip(Path(config.chip)))()
        return said

    assert asyncio.run(main()) == ["line 0 of /nowhere/gpiochip0 cannot be had: No such file or directory"]


def refuse() -> gpio.Line:
    raise PermissionError(13, "Permission denied")
