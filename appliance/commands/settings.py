"""``preset``, ``auto-route``, ``lock`` and their like: what is set at the panel, from the command line."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from pathlib import Path
from typing import Any

from appliance.commands.client import CommandError, Daemon
from appliance.commands.lookup import all_receivers, resolve
from appliance.commands.output import print_json

MAX_FILE = 1024 * 1024


def preset(daemon: Daemon, action: str, name: str | None, to: str | None, *, as_json: bool) -> int:
    """One of ``PRESET_ACTIONS``."""
    if action == "list":
        return _listed(daemon.get("/panel/settings")["panel"]["presets"], as_json)
    if action == "export":
        found = [each for each in daemon.get("/panel/presets")["presets"] if name in (None, each["name"])]
        if not found and name is not None:
            raise CommandError(f"no preset is called {name!r}")
        print_json({"presets": found})
        return 0
    if name is None or (action == "rename") != (to is not None):
        raise CommandError(f"preset {action}: {'NAME and TO are' if action == 'rename' else 'NAME is'} wanted")
    body: Any = {"name": name, "to": to} if action == "rename" else {"name": name}
    if action == "import":
        body = {"presets": _read(name).get("presets")}
    answer = daemon.post(f"/panel/presets/{action}", body)
    if as_json:
        print_json(answer)
    if action == "recall":
        return _recalled(name, answer, quiet=as_json)
    return 0


def auto_route(daemon: Daemon, arguments: argparse.Namespace) -> int:
    """Without a receiver: of all. ``arguments`` as operate.py declares them."""
    receivers = all_receivers(daemon)
    if arguments.receiver is not None:
        receivers = [resolve(arguments.receiver, receivers, "receiver")]
    change = _change(arguments)
    if change and arguments.receiver is None:
        raise CommandError("auto-route: which RECEIVER?")
    if change:
        receivers[0]["route"] = daemon.post("/panel/route", {"receiver_id": receivers[0]["id"], **change})["route"]
    if arguments.json:
        print_json([{"id": each["id"], "label": each["label"], "route": each["route"]} for each in receivers])
        return 0
    for each in receivers:
        print(f"{each['label']}: {_in_words(each['route'])}")
    return 0


def lock(daemon: Daemon, *, set_pin: bool) -> int:
    if set_pin:
        has_pin = daemon.get("/panel/settings")["panel"]["has_pin"]
        old = {"old": _secret("Present PIN: ")} if has_pin else {}
        daemon.post("/panel/pin", {"pin": _secret("New PIN (4 to 12 digits, empty: none): "), **old})
    daemon.post("/panel/lock", {})
    return 0


def unlock(daemon: Daemon) -> int:
    has_pin = daemon.get("/panel/settings")["panel"]["has_pin"]
    daemon.post("/panel/unlock", {"pin": _secret("PIN: ")} if has_pin else {})
    return 0


def password() -> int:
    """Nothing of it is kept here: the line is for the configuration."""
    from appliance.edge.secrets import Scrypt

    if not (wanted := _secret("Password: ")):
        raise CommandError("an empty password is none")
    print(f'password = "{asyncio.run(Scrypt().hashed(wanted))}"')
    return 0


def _listed(presets: Any, as_json: bool) -> int:
    if as_json:
        print_json(presets)
        return 0
    for each in presets:
        without = f", without {', '.join(each['missing'])}: not there" if each["missing"] else ""
        print(f"{each['name']}  ({each['receivers']} receiver{'' if each['receivers'] == 1 else 's'}{without})")
    return 0


def _recalled(name: str, answer: Any, *, quiet: bool) -> int:
    """1 where a receiver did not get what it had."""
    if not quiet:
        print(f"{name}: {answer['taken']} changed")
    for failed in answer["failed"]:
        print(f"nmos-appliance: {failed['label']}: {failed['error']}", file=sys.stderr)
    return 1 if answer["failed"] else 0


def _change(arguments: argparse.Namespace) -> dict[str, Any]:
    change: dict[str, Any] = {
        "mode": arguments.mode,
        "hold_s": arguments.hold,
        "back": None if arguments.back is None else arguments.back == "yes",
        "rules": None if arguments.rule is None else [_rule(rule) for rule in arguments.rule],
        "release": arguments.release or None,
        "as_configured": arguments.as_configured or None,
    }
    return {key: value for key, value in change.items() if value is not None}


def _rule(text: str) -> dict[str, str]:
    """``label=Mic*``; several keys are separated by commas."""
    parts = [part.partition("=") for part in text.split(",")]
    if not all(equals and key.strip() and value.strip() for key, equals, value in parts):
        raise CommandError(f"--rule: {text!r} is not like label=Mic* or label=Mic*,device=Stage")
    return {key.strip(): value.strip() for key, _, value in parts}


def _in_words(route: Any) -> str:
    rules = "; ".join(", ".join(f"{key}={value}" for key, value in rule.items()) for rule in route["rules"])
    said = route["mode"] + (f" ({rules})" if route["mode"] == "follow" else "")
    if route["mode"] in ("follow", "first"):
        said += f", replaces after {route['hold_s']:g} s{', returns' if route['back'] else ''}"
    if route["manual"]:
        return f"{said}; chosen by hand: waits until released"
    return f"{said}; {route['note']}" if route["note"] else said


def _secret(prompt: str) -> str:
    """Typed unseen, or a line of standard input; never an argument, which every user of the box could see."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _read(file: str) -> dict[str, Any]:
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            data = stream.read(MAX_FILE + 1)
        body = json.loads(data)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise CommandError(f"{file}: is not JSON") from None
    if not isinstance(body, dict) or len(data) > MAX_FILE:
        raise CommandError(f"{file}: is no file of presets")
    return body
