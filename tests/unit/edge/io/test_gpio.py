"""GPIO lines through both generations of libgpiod's Python module."""

import asyncio
from collections.abc import Callable
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


def test_without_the_library_it_says_what_to_install() -> None:
    said: list[str | None] = []
    gpio.open_input(EventInputConfig(kind="gpio"), print, said.append, lambda *line: refuse())()
    lamp = gpio.Lamp(LampConfig("red", kind="gpio"), said.append, lambda *line: refuse())
    lamp.light(True)
    lamp.close()
    assert said == ["line 0 of /dev/gpiochip0 cannot be had: Permission denied"] * 2


def refuse() -> gpio.Line:
    raise PermissionError(13, "Permission denied")
