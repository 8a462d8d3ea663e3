"""Keys of input devices (keyboards, buttons of a panel), with python3-evdev: true while a key is held down.

A device may be plugged in later, or again: it is looked for every few seconds while it is not there.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable
from typing import Any

from appliance.config.model import EventInputConfig
from appliance.edge.io import Close, Problem, Read

AGAIN_S = 3.0
MISSING = "keys need python3-evdev, which is not installed"


def open_input(config: EventInputConfig, read: Read, problem: Problem, evdev: Any = None) -> Close:
    """Follow a key of the device with that name or path, or of any that has it."""
    if evdev is None:
        try:
            evdev = importlib.import_module("evdev")
        except ImportError:
            problem(MISSING)
            return lambda: None
    code = evdev.ecodes.ecodes.get(config.key)
    if code is None:
        problem(f"there is no key {config.key}")
        return lambda: None
    return _Key(config, code, read, problem, evdev).close


class _Key:
    def __init__(self, config: EventInputConfig, code: int, read: Read, problem: Problem, evdev: Any) -> None:
        self._config, self._code, self._evdev = config, code, evdev
        self._read, self._problem = read, problem
        self._loop = asyncio.get_running_loop()
        self._device: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._missing = False
        self._look()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._drop()

    def _look(self) -> None:
        self._timer = None
        self._device = next(iter(self._fitting()), None)
        if self._device is not None:
            self._problem(None)
            self._missing = False
            self._loop.add_reader(self._device.fd, self._on_events)
            self._read(self._code in self._device.active_keys())
            return
        if not self._missing:
            self._problem(f"no input device {self._config.device or 'here'} has the key {self._config.key}")
        self._missing = True
        self._timer = self._loop.call_later(AGAIN_S, self._look)

    def _fitting(self) -> Iterable[Any]:
        for path in self._evdev.list_devices():
            try:
                device = self._evdev.InputDevice(path)
            except OSError:
                continue
            named = not self._config.device or self._config.device in (device.name, path)
            if named and self._code in device.capabilities().get(self._evdev.ecodes.EV_KEY, ()):
                yield device
                return
            device.close()

    def _on_events(self) -> None:
        try:
            for event in self._device.read():
                # 2 is the repetition of a key that is held.
                if event.type == self._evdev.ecodes.EV_KEY and event.code == self._code and event.value in (0, 1):
                    self._read(event.value == 1)
        except BlockingIOError:
            return
        except OSError:  # unplugged
            self._drop()
            self._read(False)
            self._look()

    def _drop(self) -> None:
        if self._device is not None:
            self._loop.remove_reader(self._device.fd)
            self._device.close()
            self._device = None
