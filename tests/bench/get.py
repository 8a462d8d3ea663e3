"""How fast what is known already is told: GET /self and GET /senders, small and large, over 16 connections."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import Row, at_least
from tests.bench.load import Aims, Asked, load, rows
from tests.bench.stage import NODE, Stage
from tests.lan.box import Box

_CONNECTIONS = 16


def measure(stage: Stage) -> Iterator[Row]:
    small, large = 11, 1100
    box = stage.box(stage.host("small"), small, small)
    now = at_least(10_000)
    yield from _rows(stage, box, "self", "GET /self", (now, at_least(15_000)))
    yield from _rows(stage, box, "senders", f"GET /senders, {small}", (now, at_least(12_000)))
    box.kill()
    box = stage.box(stage.host("large"), large, large)
    yield from _rows(stage, box, "senders", f"GET /senders, {large:,}", (None, at_least(3000)))


def _rows(stage: Stage, box: Box, path: str, what: str, aims: Aims) -> Iterator[Row]:
    asked = [Asked("GET", f"{NODE}/{path}")]
    load(box, asked, _CONNECTIONS, 1)
    seconds = stage.some(3, 1)
    loads = [load(box, asked, _CONNECTIONS, seconds) for _ in range(stage.some(3, 1))]
    yield from rows(f"{what}, {_CONNECTIONS} connections", loads, rate_aims=aims)
