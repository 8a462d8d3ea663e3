"""``panel``: the terminal face of a box's panel, or the one for small screens, where there is what they need."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from appliance.commands.client import CommandError, Daemon
from appliance.config import loader


def panel(daemon: Daemon, *, receiver: str | None) -> int:
    """Full screen until q is pressed."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError("the panel needs a terminal; 'watch' prints the menu as it changes")
    if os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        raise CommandError("this terminal (TERM=dumb) cannot show the panel; set TERM, or use 'watch'")
    try:
        from appliance.commands.terminal import run_terminal
    except ModuleNotFoundError as error:
        if error.name != "urwid":
            raise
        raise CommandError("the panel needs urwid: apt install python3-urwid (or pip install urwid)") from None
    return run_terminal(daemon, receiver)


def screen(daemon: Daemon, name: str, file: Path) -> int:
    """The small screen ``name`` of the configuration in ``file``, until it is stopped."""
    try:
        config = loader.load(file)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    found = next((screen for screen in config.panel.screens if screen.name == name), None)
    if found is None:
        known = ", ".join(screen.name for screen in config.panel.screens) or "none"
        raise CommandError(f"{file}: no screen has the name {name!r} (panel.screens: {known})")
    receiver = next((each.label or each.name for each in config.receivers if each.name == found.receiver), None)
    try:
        from appliance.commands.oled import run_screen
    except ModuleNotFoundError as error:
        if error.name not in ("PIL", "luma"):
            raise
        raise CommandError("small screens need luma.oled: apt install python3-luma.oled fonts-dejavu-core") from None
    return run_screen(daemon, found, receiver)
