"""The face for a small screen and a knob, in a process of its own: one thread draws, others wait for the box and hands.

Nothing happens without a reason: the drawing thread sleeps until there is an event, or until what is shown changes by
itself (an age, the dimming, the list that gives way).
"""

from __future__ import annotations

import contextlib
import queue
import signal
import time
from collections.abc import Callable

from appliance.commands.client import CommandError, Daemon
from appliance.commands.displays import Display, open_display
from appliance.commands.face import Face
from appliance.commands.inputs import read_inputs
from appliance.commands.lookup import all_receivers, resolve
from appliance.config.panel import ScreenConfig
from appliance.panel.navigation import Key
from appliance.panel.oled.care import BRIGHT, OFF, Care
from appliance.panel.oled.hands import Hands
from appliance.panel.oled.paint import inner_size, measure, paint
from appliance.panel.oled.screen import Frame, Screen, frame

MESSAGE_S = 4.0
AGE_S = 1.0
RETRY_S = 5.0
"""A screen that does not answer is tried again."""


def run_screen(daemon: Daemon, config: ScreenConfig, receiver: str | None) -> int:
    """Until SIGTERM. ``receiver``: an id or a label, to begin with."""
    receiver_id = None
    if receiver is not None:
        with contextlib.suppress(CommandError):  # the box is not up yet: it begins with its own first
            receiver_id = resolve(receiver, all_receivers(daemon), "receiver")["id"]
    panel = SmallPanel(daemon, config, open_display(config), receiver_id)
    signal.signal(signal.SIGTERM, lambda *_: panel.stop())
    signal.signal(signal.SIGINT, lambda *_: panel.stop())
    read_inputs(config.inputs, panel.tell)
    panel.run()
    return 0


class SmallPanel:
    """One screen. ``tell`` may be called by any thread, all else by the one that runs."""

    def __init__(
        self,
        daemon: Daemon,
        config: ScreenConfig,
        display: Display,
        receiver_id: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size = config.width, config.height
        self._display, self._clock = display, clock
        self._inbox: queue.SimpleQueue[Callable[[SmallPanel], None]] = queue.SimpleQueue()
        self._face = Face(daemon, receiver_id, lambda: self.tell(SmallPanel.hear))
        self._screen = Screen()
        self._hands = Hands()
        self._care = Care(config.dim_after_s, config.off_after_s, clock())
        self._news: object = None
        self._message_since = 0.0
        self._shown: object = None
        self._running = True
        self.problem: str | None = None
        """Why the screen shows nothing."""

    def tell(self, news: Callable[[SmallPanel], None]) -> None:
        """Have this done by the thread that draws."""
        self._inbox.put(news)

    def stop(self) -> None:
        self.tell(SmallPanel._stop)

    def run(self) -> None:
        """Until stopped; then the screen is dark."""
        self._face.start()
        try:
            while self._running:
                self.draw()
                self._wait()
        finally:
            self._face.stop()
            self._show([], OFF, (0, 0))

    def hear(self) -> None:
        """The box said something."""
        self._face.hear()

    def input(self, type: int, code: int, value: int) -> None:
        """An event of an input device."""
        self.keys(self._hands.event(type, code, value, self._clock()))

    def back_key(self, there_is: bool) -> None:
        """Whether the input devices have a button for Back."""
        self._hands.back_key = there_is

    def keys(self, keys: list[str]) -> None:
        """Keys, in order. The one that wakes a dark screen, or opens the list, does only that."""
        for key in keys:
            now = self._clock()
            awake = self._care.touched(now)
            if not awake or not self._screen.key(key, now):
                continue
            took = key == Key.ENTER and self._face.navigation.view == "sources"
            self._face.press(key)
            if took and not self._face.scene.message:
                self._screen.done()

    # ---- drawing

    def draw(self) -> None:
        """Whatever is different from what is shown."""
        now = self._clock()
        self.keys(self._hands.held(now))
        if self._screen.tick(now):
            self._face.navigation.home()
        self._watch(now)
        scene = self._face.scene
        picture = frame(scene, self._screen.browsing, *inner_size(*self._size), measure)
        self._show(picture, self._care.brightness(now), self._care.shift(now))

    def _show(self, picture: Frame, brightness: int, shift: tuple[int, int]) -> None:
        wanted = ([], OFF, (0, 0)) if brightness == OFF else (picture, brightness, shift)
        if wanted == self._shown:
            return
        try:
            self._display.show(paint(wanted[0], *self._size, wanted[2]), wanted[1])
        except OSError as error:
            self.problem, self._shown = str(error), None
        else:
            self.problem, self._shown = None, wanted

    def _watch(self, now: float) -> None:
        """News make the screen bright; a message does not stay."""
        scene = self._face.scene
        receiver = scene.navigation.receiver
        news = scene.message, scene.disconnected, receiver and (receiver.fault, receiver.shows, receiver.lost_since)
        if news == self._news:
            if scene.message and now - self._message_since >= MESSAGE_S:
                self._face.forget_message()
            return
        first, self._news, self._message_since = self._news is None, news, now
        alarm = bool(scene.disconnected or (receiver is not None and receiver.fault))
        if not first and (alarm or self._care.brightness(now) != OFF):
            self._care.touched(now)

    # ---- waiting

    def _wait(self) -> None:
        with contextlib.suppress(queue.Empty):
            self._inbox.get(timeout=self._patience())(self)
        while not self._inbox.empty():
            self._inbox.get()(self)

    def _patience(self) -> float | None:
        """Seconds until something changes by itself; ``None``: only news will."""
        now = self._clock()
        ends = [self._care.next_change(now), self._screen.next_change(now)]
        if self._hands.due is not None:
            ends.append(self._hands.due - now)
        scene = self._face.scene
        lost = any(item.lost_since is not None for item in scene.navigation.mirror.receivers.values())
        if (lost or scene.message or self._screen.browsing) and self._care.brightness(now) == BRIGHT:
            ends.append(AGE_S)
        if self.problem is not None:
            ends.append(RETRY_S)
        soonest = min(ends)
        return None if soonest == float("inf") else max(0.0, soonest)

    def _stop(self) -> None:
        self._running = False
