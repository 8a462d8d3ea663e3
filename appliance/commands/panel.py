"""``panel``: the terminal face of a box's panel, where there is a terminal that can show it."""

from __future__ import annotations

import os
import sys

from appliance.commands.client import CommandError, Daemon


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
