"""Knobs and buttons of the kernel's input devices, read by python-evdev in a thread of their own."""

from __future__ import annotations

import contextlib
import logging
import selectors
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from appliance.panel.oled.hands import EV_KEY, EV_REL, has_back

if TYPE_CHECKING:
    from appliance.commands.oled import SmallPanel

log = logging.getLogger(__name__)
Tell = Callable[[Callable[["SmallPanel"], None]], None]
RETRY_S = 5.0
"""A device that is not there, or went away, is looked for again."""


def read_inputs(paths: Sequence[str], tell: Tell) -> None:
    """Read these devices (none: all that have keys or a wheel) for as long as the process lives."""
    try:
        import evdev
    except ModuleNotFoundError:
        log.warning("knobs and buttons need python-evdev: apt install python3-evdev")
        return
    threading.Thread(target=Inputs(paths, tell, evdev).run, name="inputs", daemon=True).start()


class Inputs:
    """``evdev``: the module, or what stands for it."""

    def __init__(self, paths: Sequence[str], tell: Tell, evdev: Any) -> None:
        self._paths, self._tell, self._evdev = paths, tell, evdev
        self._open: dict[str, Any] = {}
        self._selector = selectors.DefaultSelector()
        self._missing: set[str] = set()

    def run(self) -> None:
        while True:
            self.look()
            self.read(RETRY_S if (self._paths and len(self._open) < len(self._paths)) or not self._open else None)

    def look(self) -> None:
        """Open what is there and not open yet."""
        for path in self._paths or self._evdev.list_devices():
            if path not in self._open:
                self._take(path)
        codes = {code for device in self._open.values() for code in device.capabilities().get(EV_KEY, ())}
        self._tell(lambda panel: panel.back_key(has_back(codes)))

    def read(self, timeout: float | None) -> None:
        """Wait for events and hand them on; return when a device went away, or after ``timeout`` seconds of quiet."""
        while ready := self._selector.select(timeout):
            for key, _ in ready:
                try:
                    for event in key.fileobj.read():  # type: ignore[union-attr]
                        self._hand_on(event.type, event.code, event.value)
                except OSError as error:
                    self._lost(key.data, error)
                    return

    def _hand_on(self, type: int, code: int, value: int) -> None:
        if type in (EV_KEY, EV_REL):
            self._tell(lambda panel: panel.input(type, code, value))

    def _take(self, path: str) -> None:
        try:
            device = self._evdev.InputDevice(path)
        except OSError as error:
            if path not in self._missing:
                log.warning("%s: %s; looking for it every %g s", path, error.strerror or error, RETRY_S)
            self._missing.add(path)
            return
        self._missing.discard(path)
        if {EV_KEY, EV_REL} & set(device.capabilities()):
            self._open[path] = device
            self._selector.register(device, selectors.EVENT_READ, path)

    def _lost(self, path: str, error: OSError) -> None:
        log.warning("%s: %s", path, error.strerror or error)
        device = self._open.pop(path)
        self._selector.unregister(device)
        with contextlib.suppress(OSError):
            device.close()
