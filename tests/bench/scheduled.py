"""How late scheduled activations are: the version that the activation gives the receiver, less the time asked for.

Both are the box's own TAI clock. 200 fall due one by one, 10 ms apart, and as many ten at a time, 100 ms apart: of
those the last must wait for the nine before it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.figures import Row, at_most, row
from tests.bench.stage import BULK, NODE, Connection, Stage

_COUNT = 200
_NS = 1_000_000_000
_LEAD_NS = 2 * _NS
_APART_NS = 10_000_000
_TOGETHER = 10


def measure(stage: Stage) -> Iterator[Row]:
    box = stage.box(stage.host("box"), 11, _COUNT)
    with Connection(box) as connection:
        for how, together, aim in (("one by one", 1, at_most(2)), (f"{_TOGETHER} at a time", _TOGETHER, None)):
            late_ms = _lateness_ms(connection, together)
            early = sum(1 for each in late_ms if each < 0)
            what = f"lateness of {_COUNT} scheduled activations, {how}"
            yield row(what, "ms", late_ms, note=f"{early} early, {_COUNT - len(late_ms)} never")
            yield row(f"{what}: p99", "ms", [sorted(late_ms)[len(late_ms) * 99 // 100]], aim=aim)


def _lateness_ms(connection: Connection, together: int) -> list[float]:
    """Of those that happened at all."""
    ids = connection.ids("receivers")
    offset_ns = _tai_offset_ns(connection)
    first_ns = time.time_ns() + offset_ns + _LEAD_NS
    due = {id: first_ns + number // together * together * _APART_NS for number, id in enumerate(ids)}
    items = [{"id": id, "params": _params(due_ns)} for id, due_ns in due.items()]
    exchange = connection.send("POST", f"{BULK}/receivers", items)
    assert all(item["code"] == 202 for item in exchange.body), exchange.body[:3]
    time.sleep((max(due.values()) - time.time_ns() - offset_ns) / _NS + 1)
    versions = {each["id"]: _tai(each["version"]) for each in connection.send("GET", f"{NODE}/receivers").body}
    staged_ns = round(exchange.answered * _NS) + offset_ns
    return [(versions[id] - due_ns) / 1e6 for id, due_ns in due.items() if versions[id] > staged_ns]


def _params(due_ns: int) -> dict[str, object]:
    requested = f"{due_ns // _NS}:{due_ns % _NS}"
    return {"master_enable": True, "activation": {"mode": "activate_scheduled_absolute", "requested_time": requested}}


def _tai_offset_ns(connection: Connection) -> int:
    """How far the box's TAI is ahead of this machine's UTC: told by an activation, to the second."""
    exchange = connection.send("GET", "/panel/status")
    ahead = _tai(exchange.body["now"]) / _NS - exchange.answered
    return round(ahead) * _NS


def _tai(text: str) -> int:
    seconds, _, nanoseconds = text.partition(":")
    return int(seconds) * _NS + int(nanoseconds)
