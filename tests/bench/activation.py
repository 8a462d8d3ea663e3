"""Immediate activations of receivers, which do all that an activation does: look-up, join, commit, announcement."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tests.bench.figures import Row, at_least, at_most, row
from tests.bench.load import Asked, load, rows
from tests.bench.stage import BULK, IMMEDIATE, SINGLE, Connection, Stage

_PATCHED = 11  # receivers that take turns, however many there are
_BULK_GROUPS = ("239.2.0.1", "239.2.0.2")
_IN_BULK = 200


def single(stage: Stage) -> Iterator[Row]:
    for receivers, goal in ((11, at_most(0.8)), (1100, at_most(0.9))):
        box = stage.box(stage.host(f"box{receivers}"), receivers, receivers)
        with Connection(box) as connection:
            ids = connection.ids("receivers")
        load(box, patches(ids, 0), 1, 1)
        loads = [load(box, patches(ids, run), 1, stage.some(3, 1)) for run in range(1, stage.some(3, 1) + 1)]
        what = f"PATCH immediate activation, {receivers:,} receivers"
        yield from rows(what, loads, rate_aims=(at_least(1000), None), time_aims=(None, goal))
        box.kill()


def bulk(stage: Stage) -> Iterator[Row]:
    box = stage.box(stage.host("box"), 11, _IN_BULK)
    samples = []
    with Connection(box) as connection:
        ids = connection.ids("receivers")
        for turn in range(stage.some(20, 4)):
            exchange = connection.send("POST", f"{BULK}/receivers", bulk_body(ids, turn))
            assert all(item["code"] == 200 for item in exchange.body), exchange.body[:3]
            samples.append(exchange.took_ms)
            time.sleep(0.05)
    what = f"bulk of {_IN_BULK} immediate activations"
    yield row(f"{what}: answer", "ms", samples, aim=at_most(150))
    yield row(f"{what}: rate", "/s", [_IN_BULK * 1000 / took for took in samples], aim=at_least(1000))


def patches(ids: Sequence[str], run: int) -> list[Asked]:
    """Every receiver in turn changes from one group to the other, so each activation is a new join.

    Each run has groups of its own: to activate again what is active is to leave and to join, with a pause between.
    """
    return [
        Asked("PATCH", f"{SINGLE}/receivers/{id}/staged", json.dumps(_params(group)))
        for group in (f"239.1.{run}.1", f"239.1.{run}.2")
        for id in ids[:_PATCHED]
    ]


def bulk_body(ids: Sequence[str], turn: int) -> list[dict[str, Any]]:
    return [{"id": id, "params": _params(_BULK_GROUPS[turn % 2])} for id in ids]


def _params(group: str) -> dict[str, Any]:
    leg = {"multicast_ip": group, "destination_port": 5004}
    return {"master_enable": True, "activation": IMMEDIATE, "transport_params": [leg]}
