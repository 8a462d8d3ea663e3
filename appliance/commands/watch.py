"""``watch``: a line for everything that changes on the panel of a box, until interrupted."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from appliance.commands.client import Daemon
from appliance.commands.output import mode_line, receiver_state, source_state
from appliance.core.tai import parse_tai
from appliance.core.types import JSON
from appliance.panel.items import BoxStatus, ReceiverItem, SourceItem


def watch(daemon: Daemon, *, as_json: bool) -> int:
    """Print until the stream ends (the box went away: exit 1) or the reader has seen enough."""
    lines = _as_json(daemon) if as_json else _in_words(daemon)
    for line in lines:
        print(line, flush=True)
    print(f"the box at {daemon.url} went away", file=sys.stderr)
    return 1


def _as_json(daemon: Daemon) -> Iterator[str]:
    for name, data in daemon.events("/panel/events"):
        if name:
            yield json.dumps({"event": name, **data}, ensure_ascii=False)


def _in_words(daemon: Daemon) -> Iterator[str]:
    words = _Words()
    for name, data in daemon.events("/panel/events"):
        if name:
            yield from words.of(name, data)


class _Words:
    """Says each thing once: an event that changes nothing that is said here prints nothing."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._now = 0

    def of(self, name: str, data: JSON) -> Iterator[str]:
        if "now" in data:
            self._now = parse_tai(data["now"])
        for body in data.get("status", ()) and [data["status"]]:
            yield from self._status(BoxStatus.from_json(body))
        for body in data.get("receivers", ()):
            item = ReceiverItem.from_json(body)
            shows = f": {item.shows}" if item.shows else ""
            yield from self._once(item.id, f"receiver {item.label}{shows} ({receiver_state(item, self._now)})")
        for body in data.get("sources", ()):
            source = SourceItem.from_json(body)
            self._labels[source.id] = source.label
            state = source_state(source, self._now)
            yield from self._once(source.id, f"source {_place(source)}" + (f" ({state})" if state else ""))
        if "tally" in data:
            yield from self._tally(data["tally"])
        for id in data.get("gone", ()):
            self._said.pop(id, None)
            yield f"source {self._labels.pop(id, id)} is gone"

    def _tally(self, board: JSON) -> Iterator[str]:
        for source in board["sources"]:
            yield from self._once(f"event {source['id']}", f"event {source['label']}: {source['text']}")
        for receiver in filter(lambda each: each["text"], board["receivers"]):
            yield from self._once(f"heard {receiver['id']}", f"heard by {receiver['label']}: {receiver['text']}")
        for lamp in board["lamps"]:
            yield from self._once(f"lamp {lamp['name']}", f"lamp {lamp['label']}: {'on' if lamp['lit'] else 'off'}")

    def _status(self, box: BoxStatus) -> Iterator[str]:
        problems = "".join(f"; {problem}" for problem in box.problems)
        empty = f"; {box.empty}" if box.empty else ""
        yield from self._once("", f"{box.node.label}: {mode_line(box)}, {box.health}{problems}{empty}")

    def _once(self, key: str, line: Any) -> Iterator[str]:
        if self._said.get(key) != line:
            self._said[key] = line
            yield line


def _place(source: SourceItem) -> str:
    return " / ".join(dict.fromkeys(filter(None, (source.node.label, source.device.label, source.label))))
