"""The terminal face of the panel: urwid puts the drawn frame on the screen and brings the keys."""

from __future__ import annotations

import contextlib
import curses
import locale
import os
from collections.abc import Callable
from typing import Any

import urwid

from appliance.commands.client import Daemon
from appliance.commands.face import Face
from appliance.commands.lookup import all_receivers, resolve
from appliance.panel.drawing import PLAIN, Line, draw, row_at
from appliance.panel.navigation import Key

TICK_S = 1.0
_KEYS = {
    "up": Key.UP,
    "down": Key.DOWN,
    "page up": Key.PAGE_UP,
    "page down": Key.PAGE_DOWN,
    "home": Key.FIRST,
    "end": Key.LAST,
    "enter": Key.ENTER,
    "right": Key.RIGHT,
    "f2": Key.LONG,
    "esc": Key.BACK,
    "left": Key.LEFT,
    "tab": Key.NEXT_RECEIVER,
    "shift tab": Key.PREVIOUS_RECEIVER,
    "backspace": Key.ERASE,
    "delete": Key.ERASE,
}
_PLAIN_TERMINALS = ("linux", "vt100", "vt102", "vt220", "vt320", "ansi", "cons25")
"""Their fonts have no marks beyond ASCII that can be relied on."""
_WITH_MOUSE = ("xterm", "screen", "tmux", "rxvt", "alacritty", "kitty", "foot", "wezterm", "gnome", "konsole", "putty")
"""Others would show what asks for the mouse as letters."""
_BUTTONS = {3: Key.LONG, 4: Key.UP, 5: Key.DOWN}
"""Of the mouse; the first one points."""

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
        self._face = Face(daemon, receiver_id, self._wake)
        self._frame = _Frame(self._lines, self._press, self._point)
        self._screen = _Screen()
        self._plain = _is_plain()

    def run(self) -> None:
        self._screen.set_terminal_properties(colors=_colours())
        loop = urwid.MainLoop(self._frame, _PALETTE, screen=self._screen, handle_mouse=_has_mouse())
        self._pipe = loop.watch_pipe(lambda _: self._hear())
        loop.set_alarm_in(TICK_S, self._tick)
        self._face.start()
        try:
            loop.run()
        finally:
            self._face.stop()

    def _lines(self, columns: int, rows: int) -> list[Line]:
        lines = draw(self._face.scene, columns, rows)
        return [[(style, text.translate(PLAIN)) for style, text in line] for line in lines] if self._plain else lines

    def _tick(self, loop: Any, _data: object) -> None:
        """Ages are told anew."""
        self._frame.redraw()
        loop.set_alarm_in(TICK_S, self._tick)

    def _press(self, key: str) -> None:
        if not self._face.press(_KEYS.get(key, key)):
            raise urwid.ExitMainLoop
        self._frame.redraw()

    def _point(self, button: int, line: int, rows: int) -> None:
        if button in _BUTTONS:
            self._press(_BUTTONS[button])
        elif not self._face.point(row_at(self._face.navigation, line, rows)):
            raise urwid.ExitMainLoop
        self._frame.redraw()

    def _wake(self) -> None:
        """From any thread: there are news."""
        with contextlib.suppress(OSError):  # the panel was left meanwhile
            os.write(self._pipe, b".")

    def _hear(self) -> None:
        self._face.hear()
        self._frame.redraw()


class _Frame(urwid.Widget):
    """The whole screen as one widget, drawn by ``lines``."""

    _sizing = frozenset([urwid.BOX])
    _selectable = True

    def __init__(
        self,
        lines: Callable[[int, int], list[Line]],
        press: Callable[[str], None],
        point: Callable[[int, int, int], None],
    ) -> None:
        super().__init__()
        self._lines, self._press, self._point = lines, press, point

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

    def mouse_event(self, size: Any, event: str, button: int, col: int, row: int, focus: bool) -> bool:
        if event == "mouse press":
            self._point(button, row, size[1])
        return True


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


def _has_mouse() -> bool:
    return os.environ.get("TERM", "").partition("-")[0] in _WITH_MOUSE


def _is_plain() -> bool:
    return not urwid.supports_unicode() or os.environ.get("TERM", "").partition("-")[0] in _PLAIN_TERMINALS
