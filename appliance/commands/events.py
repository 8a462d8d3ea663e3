"""``events``: what the sources of events say and what was received; or set one that is operated by hand."""

from __future__ import annotations

from typing import Any

from appliance.commands.client import CommandError, Daemon, NotThere
from appliance.commands.lookup import resolve
from appliance.commands.output import print_json, table
from appliance.core.types import JSON

BOOLEANS = {"on": True, "true": True, "off": False, "false": False}


def events(daemon: Daemon, source: str | None, value: str | None, *, as_json: bool) -> int:
    """Without a ``source`` everything is shown; with one it says ``value`` from now on."""
    try:
        board = daemon.get("/panel/tally")
    except NotThere:
        raise CommandError("this box has no events: docs/events.md says how it gets some") from None
    if source is None:
        if as_json:
            print_json(board)
        else:
            _show(board)
        return 0
    if value is None:
        raise CommandError("which value? for example: nmos-appliance events Button on")
    found = resolve(source, [{**each, "device": {"label": each["event_type"]}} for each in board["sources"]], "source")
    board = daemon.post("/panel/tally", {"source_id": found["id"], "value": read(found["type"], value)})
    if as_json:
        print_json(board)
    else:
        print(next(f"{each['label']}: {each['text']}" for each in board["sources"] if each["id"] == found["id"]))
    return 0


def read(definition: JSON, text: str) -> Any:
    """What a person writes, as the type has it: ``on``, a number, the label of a value."""
    for item in definition.get("values", ()):
        if text.casefold() in (item["label"].casefold(), str(item["value"]).casefold()):
            return item["value"]
    if definition["type"] == "boolean" and text.casefold() in BOOLEANS:
        return BOOLEANS[text.casefold()]
    if definition["type"] != "number":
        return text
    try:
        return float(text)
    except ValueError:
        raise CommandError(f"{text!r} is no number") from None


def _show(board: JSON) -> None:
    sources = [[each["label"], each["text"], each["event_type"], _how(each)] for each in board["sources"]]
    receivers = [[each["label"], each["text"] or "-", each["event_type"] or ""] for each in board["receivers"]]
    lamps = [[each["label"], "on" if each["lit"] else "off"] for each in board["lamps"]]
    for heads, rows in (
        (("SOURCE", "SAYS", "TYPE", ""), sources),
        (("RECEIVER", "HEARD", "TYPE"), receivers),
        (("LAMP", "IS"), lamps),
        (("SHOWN",), [[text] for text in board["shown"]]),
    ):
        if rows:
            print(table(heads, rows), end="\n\n")


def _how(source: JSON) -> str:
    return "by hand" if source["by_hand"] else ""
