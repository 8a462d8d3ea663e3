"""What the command line says of the commands that operate the panel; the work is imported when it is asked for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.commands.client import Daemon

Add = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]
"""Declare a command: its name, what runs it, its purpose."""

PRESET_ACTIONS = ("save", "recall", "list", "rename", "delete", "export", "import")
MODES = ("keep", "follow", "first", "never")


def add(command: Add, add_url: Callable[[argparse.ArgumentParser], None]) -> None:
    """Declare them."""
    preset = command("preset", _preset, "save what all receivers show under a name, and give it back")
    preset.add_argument("action", choices=PRESET_ACTIONS, metavar="ACTION", help=", ".join(PRESET_ACTIONS))
    preset.add_argument(
        "name", metavar="NAME", nargs="?", help="of the preset; to import: a file, - for standard input"
    )
    preset.add_argument("to", metavar="TO", nargs="?", help="the new name, to rename")
    route = command("auto-route", _auto_route, "what receivers do by themselves when a source is lost or comes back")
    route.add_argument("receiver", metavar="RECEIVER", nargs="?", help="by id, or by a label that only it has")
    route.add_argument("mode", metavar="MODE", nargs="?", choices=MODES, help=", ".join(MODES))
    route.add_argument("--hold", type=float, metavar="S", help="seconds before a lost source is replaced")
    route.add_argument("--back", choices=("yes", "no"), help="return to a source that is back")
    route.add_argument(
        "--rule",
        action="append",
        metavar="KEY=PATTERN",
        help="for follow: label, device, group, tag or format; may be repeated",
    )
    route.add_argument("--release", action="store_true", help="what was chosen by hand no longer wins")
    route.add_argument("--as-configured", action="store_true", help="forget what was set at the panel")
    lock = command("lock", _lock, "lock the panel, so that it can be looked at but not operated")
    lock.add_argument("--set-pin", action="store_true", help="ask for a new PIN first, and for the present one")
    unlock = command("unlock", _unlock, "unlock the panel; its PIN is asked for, or read from standard input")
    command("password", _password, "make of a password what panel.password in the configuration may hold")
    for parser in (preset, route, lock, unlock):
        add_url(parser)
    for parser in (preset, route):
        parser.add_argument("--json", action="store_true", help="print JSON")


def _preset(arguments: argparse.Namespace) -> int:
    from appliance.commands import settings

    return settings.preset(daemon(arguments), arguments.action, arguments.name, arguments.to, as_json=arguments.json)


def _auto_route(arguments: argparse.Namespace) -> int:
    from appliance.commands import settings

    return settings.auto_route(daemon(arguments), arguments)


def _lock(arguments: argparse.Namespace) -> int:
    from appliance.commands import settings

    return settings.lock(daemon(arguments), set_pin=arguments.set_pin)


def _unlock(arguments: argparse.Namespace) -> int:
    from appliance.commands import settings

    return settings.unlock(daemon(arguments))


def _password(_arguments: argparse.Namespace) -> int:
    from appliance.commands import settings

    return settings.password()


def daemon(arguments: argparse.Namespace) -> Daemon:
    """The box that is meant."""
    from appliance.commands.client import PASSWORD_VARIABLE, Daemon, find_url

    return Daemon(find_url(arguments.url, os.environ), password=os.environ.get(PASSWORD_VARIABLE))
