"""Keys of input devices, on paper."""

import asyncio
from typing import Any

import pytest

from appliance.config.model import EventInputConfig
from appliance.edge.io import keys
from tests.unit.edge.io.fakes import Evdev, Keyboard, until

F1 = EventInputConfig(kind="key", key="KEY_F1", device="Buttons")


def test_down_and_up_and_no_repetition() -> None:
    async def run() -> None:
        evdev, read = Evdev(), list[Any]()
        other, buttons = Keyboard("Other"), Keyboard("Buttons")
        evdev.devices = {"/dev/input/event0": other, "/dev/input/event1": buttons}
        close = keys.open_input(F1, read.append, read.append, evdev)
        assert read == [None, False]
        for value in (1, 2, 2, 0, 1):
            buttons.pipe.put(value)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert read[2:] == [True, False, True]
        close()
        for device in (other, buttons):
            device.pipe.close()

    asyncio.run(run())


def test_a_device_that_is_unplugged_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "AGAIN_S", 0.0)

    async def run() -> None:
        evdev, read = Evdev(), list[Any]()
        buttons = Keyboard("Buttons")
        buttons.held = [59]
        evdev.devices = {"/dev/input/event1": buttons}
        close = keys.open_input(F1, read.append, read.append, evdev)
        assert read == [None, True]
        buttons.unplugged = True
        evdev.devices = {}
        buttons.pipe.put(0)
        await until(lambda: len(read) == 4)
        assert read[2:] == [False, "no input device Buttons has the key KEY_F1"]
        again = Keyboard("Buttons")
        evdev.devices = {"/dev/input/event2": again}
        await until(lambda: len(read) == 6)
        assert read[4:] == [None, False]
        close()
        for device in (buttons, again):
            device.pipe.close()

    asyncio.run(run())


def test_a_key_that_nobody_knows() -> None:
    said: list[str | None] = []
    keys.open_input(EventInputConfig(kind="key", key="KEY_NONE"), print, said.append, Evdev())()
    assert said == ["there is no key KEY_NONE"]
