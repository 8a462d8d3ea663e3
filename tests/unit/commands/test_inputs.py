"""Input devices that come and go; pipes stand for the kernel's."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from appliance.commands.inputs import Inputs
from appliance.panel.oled.hands import EV_KEY, EV_REL


@dataclass
class Event:
    type: int
    code: int
    value: int


class Device:
    """Events written to ``end`` as three bytes come out of it."""

    def __init__(self, path: str, capabilities: dict[int, list[int]]) -> None:
        self.path, self._capabilities = path, capabilities
        self._out, self.end = os.pipe()
        self.closed = False

    def fileno(self) -> int:
        return self._out

    def capabilities(self) -> dict[int, list[int]]:
        return self._capabilities

    def read(self) -> Iterator[Event]:
        data = os.read(self._out, 3)
        if not data:
            raise OSError(19, "No such device")
        yield Event(*data)

    def close(self) -> None:
        os.close(self._out)
        self.closed = True


class Evdev:
    """In the place of the module."""

    def __init__(self, **there: dict[int, list[int]]) -> None:
        self.there = there
        self.opened: dict[str, Device] = {}

    def list_devices(self) -> list[str]:
        return list(self.there)

    def InputDevice(self, path: str) -> Device:  # noqa: N802 - python-evdev's name
        if path not in self.there:
            raise OSError(2, "No such file or directory")
        self.opened[path] = Device(path, self.there[path])
        return self.opened[path]


class Panel:
    """What would be done by the thread that draws."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int, int]] = []
        self.has_back: list[bool] = []

    def tell(self, news: Callable[[Any], None]) -> None:
        news(self)

    def input(self, *event: int) -> None:
        self.events.append(event)  # type: ignore[arg-type]

    def back_key(self, there_is: bool) -> None:
        self.has_back.append(there_is)


def test_events_of_keys_and_wheels_are_handed_on_and_others_are_not() -> None:
    evdev, panel = Evdev(knob={EV_REL: [0], EV_KEY: [28]}, lid={5: [0]}), Panel()
    inputs = Inputs([], panel.tell, evdev)
    inputs.look()
    assert panel.has_back == [False]
    os.write(evdev.opened["knob"].end, bytes([EV_REL, 0, 1, EV_KEY, 28, 1, 0, 0, 0]))
    inputs.read(0)
    assert panel.events == [(EV_REL, 0, 1), (EV_KEY, 28, 1)]


def test_one_that_goes_away_is_let_go_and_found_again() -> None:
    evdev, panel = Evdev(knob={EV_KEY: [28]}), Panel()
    inputs = Inputs(["knob", "later"], panel.tell, evdev)
    inputs.look()
    first = evdev.opened["knob"]
    os.close(first.end)
    inputs.read(0)
    assert first.closed
    evdev.there["later"] = {EV_KEY: [1]}
    inputs.look()
    assert evdev.opened["knob"] is not first
    assert panel.has_back[-1], "the new one has Esc"
    os.write(evdev.opened["later"].end, bytes([EV_KEY, 1, 1]))
    inputs.read(0)
    assert panel.events == [(EV_KEY, 1, 1)]
