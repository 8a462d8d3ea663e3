"""The terminal face of the panel: urwid puts the drawn frame on the screen and brings the keys.

Two things wait so that the screen never does: one thread reads the box's event stream, and each take runs in a thread
of its own. Both hand what they learn to the one that draws.
"""

from __future__ import annotations

import contextlib
import curses
import locale
import os
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import urwid

from appliance.commands.client import CommandError, Daemon, EventStream
from appliance.commands.lookup import all_receivers, resolve
from appliance.panel.drawing import PLAIN, Line, Scene, draw
from appliance.panel.mirror import Mirror
from appliance.panel.navigation import Key, Navigation, Quit, Refused, Take

RETRY_S = (0.3, 0.7, 1.5, 3.0)
TICK_S = 1.0
_KEYS = {
    "up": Key.UP,
    "down": Key.DOWN,
    "page up": Key.PAGE_UP,
    "page down": Key.PAGE_DOWN,
    "home": Key.FIRST,
    "end": Key.LAST,
    "enter": Key.ENTER,
    "right": Key.ENTER,
    "esc": Key.BACK,
    "left": Key.BACK,
    "tab": Key.NEXT_RECEIVER,
    "shift tab": Key.PREVIOUS_RECEIVER,
    "backspace": Key.ERASE,
    "delete": Key.ERASE,
}
_PLAIN_TERMINALS = ("linux", "vt100", "vt102", "vt220", "vt320", "ansi", "cons25")
"""Their fonts have no marks beyond ASCII that can be relied on."""

_PALETTE: list[tuple[str, str, str, str]] = [
    ("header", "white,bold", "dark blue", "standout"),
    ("header warning", "black", "yellow", "standout"),
    ("header fault", "white,bold", "dark red", "standout"),
    ("title", "default,bold", "default", "bold"),
    ("rule", "dark gray", "default", "default"),
    ("heading", "light cyan,bold", "default", "underline"),
    ("current", "light green,bold", "default", "bold"),
    ("pending", "yellow", "default", "bold"),
    ("lost", "light red", "default", "default"),
    ("fault", "light red,bold", "default", "bold"),
    ("dim", "dark gray", "default", "default"),
    ("empty", "default", "default", "default"),
    ("cursor", "black", "light gray", "standout"),
    ("cursor current", "black", "dark green", "standout,bold"),
    ("cursor pending", "black", "yellow", "standout"),
    ("cursor lost", "black", "dark red", "standout"),
    ("cursor fault", "black", "dark red", "standout"),
    ("cursor dim", "dark gray", "light gray", "standout"),
    ("message", "yellow,bold", "default", "bold"),
    ("message fault", "light red,bold", "default", "standout"),
    ("detail", "default", "default", "default"),
    ("keys", "black", "light gray", "standout"),
]


def run_terminal(daemon: Daemon, receiver: str | None) -> int:
    """Until q. ``receiver``: an id or a label, to begin with."""
    locale.setlocale(locale.LC_ALL, "")
    receiver_id = None if receiver is None else resolve(receiver, all_receivers(daemon), "receiver")["id"]
    Terminal(daemon, receiver_id).run()
    return 0


class Terminal:
    """The panel on one terminal."""

    def __init__(self, daemon: Daemon, receiver_id: str | None) -> None:
        self._daemon = daemon
        self._mirror = Mirror()
        self._navigation = Navigation(self._mirror, receiver_id)
        self._message = ""
        self._disconnected = f"Connecting to {daemon.url}"
        self._behind = 0  # the box's clock less ours, ns
        self._news: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._follower: _Follower | None = None
        self._frame = _Frame(self._lines, self._press)
        self._screen = _Screen()
        self._plain = _is_plain()

    def run(self) -> None:
        self._screen.set_terminal_properties(colors=_colours())
        loop = urwid.MainLoop(self._frame, _PALETTE, screen=self._screen, handle_mouse=False)
        self._pipe = loop.watch_pipe(lambda _: self._hear())
        loop.set_alarm_in(TICK_S, self._tick)
        self._follow()
        try:
            loop.run()
        finally:
            if self._follower is not None:
                self._follower.stop()

    # ---- what is drawn

    def _lines(self, columns: int, rows: int) -> list[Line]:
        now = time.time_ns() + self._behind
        lines = draw(Scene(self._navigation, now, self._message, self._disconnected), columns, rows)
        return [[(style, text.translate(PLAIN)) for style, text in line] for line in lines] if self._plain else lines

    def _tick(self, loop: Any, _data: object) -> None:
        """Ages are told anew."""
        self._frame.redraw()
        loop.set_alarm_in(TICK_S, self._tick)

    # ---- keys

    def _press(self, key: str) -> None:
        self._message = ""
        before = self._operated()
        effect = self._navigation.press(_KEYS.get(key, key))
        if isinstance(effect, Quit):
            raise urwid.ExitMainLoop
        if isinstance(effect, Refused):
            self._message = effect.reason
        elif isinstance(effect, Take):
            self._take(effect)
        if self._operated() != before:
            self._follow()
        self._frame.redraw()

    def _take(self, take: Take) -> None:
        if self._disconnected:
            self._message = "The box does not answer: nothing was changed"
            return

        def post() -> None:
            try:
                body = {"receiver_id": take.receiver_id, "sender_id": take.sender_id}
                self._daemon.post("/panel/take", body)
            except CommandError as error:
                self._tell(partial(self._say, f"{take.label}: {error.message}"))

        threading.Thread(target=post, name="take", daemon=True).start()

    def _say(self, message: str) -> None:
        self._message = message

    # ---- what the threads learn

    def _operated(self) -> str | None:
        receiver = self._navigation.receiver
        return None if receiver is None else receiver.id

    def _follow(self) -> None:
        """Hear from the box about the receiver that is operated now."""
        if self._follower is not None:
            self._follower.stop()
        self._mirror.forget_fits()
        self._follower = _Follower(self._daemon, self._operated(), self._tell, self._on_event, self._on_lost)

    def _on_event(self, follower: _Follower, name: str, data: Any) -> None:
        if follower is not self._follower:
            return
        if self._disconnected:
            self._disconnected = self._message = ""
        if not name:
            return
        self._mirror.apply(name, data)
        self._behind = self._mirror.now - time.time_ns()
        if follower.receiver_id is None and self._operated() is not None:
            self._follow()  # now that a receiver is known, what fits it

    def _on_lost(self, follower: _Follower, why: str) -> None:
        if follower is self._follower:
            self._disconnected = why

    def _tell(self, news: Callable[[], None]) -> None:
        """From any thread: have this done by the one that draws."""
        self._news.put(news)
        with contextlib.suppress(OSError):  # the panel was left meanwhile
            os.write(self._pipe, b".")

    def _hear(self) -> None:
        while not self._news.empty():
            self._news.get()()
        self._frame.redraw()


class _Follower:
    """Reads the box's events in a thread, and again and again after a loss, until stopped."""

    def __init__(
        self,
        daemon: Daemon,
        receiver_id: str | None,
        tell: Callable[[Callable[[], None]], None],
        on_event: Callable[[_Follower, str, Any], None],
        on_lost: Callable[[_Follower, str], None],
    ) -> None:
        self.receiver_id = receiver_id
        self._daemon, self._tell = daemon, tell
        self._on_event, self._on_lost = on_event, on_lost
        self._stopped = threading.Event()
        self._stream: EventStream | None = None
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        if self._stream is not None:
            self._stream.close()

    def _run(self) -> None:
        attempt = 0
        while not self._stopped.is_set():
            try:
                for name, data in self._open():
                    attempt = 0
                    self._tell(partial(self._on_event, self, name, data))
                why = f"The box at {self._daemon.url} went away; trying again"
            except CommandError as error:
                why = f"{error.message.partition('. Is ')[0]}; trying again"
                self._forget_receiver(error)
            if not self._stopped.is_set():
                self._tell(partial(self._on_lost, self, why))
                self._stopped.wait(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                attempt += 1

    def _open(self) -> EventStream:
        query = {} if self.receiver_id is None else {"receiver": self.receiver_id}
        self._stream = self._daemon.events("/panel/events", **query)
        if self._stopped.is_set():
            self._stream.close()
        return self._stream

    def _forget_receiver(self, error: CommandError) -> None:
        """The box came back with another configuration, without the receiver that was operated: ask for any."""
        if error.message.startswith("receiver:"):
            self.receiver_id = None


class _Frame(urwid.Widget):
    """The whole screen as one widget, drawn by ``lines``."""

    _sizing = frozenset([urwid.BOX])
    _selectable = True

    def __init__(self, lines: Callable[[int, int], list[Line]], press: Callable[[str], None]) -> None:
        super().__init__()
        self._lines, self._press = lines, press

    def redraw(self) -> None:
        self._invalidate()

    def render(self, size: Any, focus: bool = False) -> urwid.Canvas:
        columns, rows = size
        encoded = [_encoded(line, columns) for line in self._lines(columns, rows)]
        texts, attributes, characters = zip(*encoded, strict=True)
        return urwid.TextCanvas(list(texts), list(attributes), list(characters), maxcol=columns)

    def keypress(self, size: Any, key: str) -> str | None:
        self._press(key)
        return None


def _encoded(line: Line, columns: int) -> tuple[bytes, list[Any], list[Any]]:
    """A line as bytes of exactly ``columns``: urwid's reckoning may differ from ours for rare characters."""
    text = b""
    attributes: list[Any] = []
    characters: list[Any] = []
    room = columns
    for style, part in [*line, ("", " " * columns)]:
        end, used = urwid.calc_text_pos(part, 0, len(part), room)
        coded, runs = urwid.apply_target_encoding(part[:end])
        text += coded
        attributes.append((style or None, len(coded)))
        characters += runs
        room -= used
    return text, attributes, characters


class _Screen(urwid.raw_display.Screen):  # type: ignore[misc]
    """A serial line has no size of its own (0 by 0): it is taken for the customary 80 by 24."""

    def get_cols_rows(self) -> tuple[int, int]:
        columns, rows = super().get_cols_rows()
        self.maxrow = rows or 24
        return columns or 80, rows or 24


def _colours() -> int:
    """1 where the terminal has none or its user wants none (NO_COLOR), else 16."""
    if os.environ.get("NO_COLOR"):
        return 1
    try:
        curses.setupterm()
        return 16 if curses.tigetnum("colors") >= 8 else 1
    except curses.error:
        return 1


def _is_plain() -> bool:
    return not urwid.supports_unicode() or os.environ.get("TERM", "").partition("-")[0] in _PLAIN_TERMINALS
