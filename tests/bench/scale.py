"""A large network: hundreds of peers with twenty senders each announce themselves at once, and then all is quiet."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.figures import Row, at_most, row
from tests.bench.idle import resident_mb
from tests.bench.load import cpu_s
from tests.bench.menu import Following
from tests.bench.stage import Stage
from tests.lan.box import Box
from tests.lan.waiting import eventually
from tests.scale.crowd import Crowd

_SENDERS = 20
_PATIENCE_S = 120.0
_SETTLE_S = 12  # the cache goes to flash some seconds after the last change


def measure(stage: Stage) -> Iterator[Row]:
    peers = stage.some(500, 50)
    what = f"{peers} peers × {_SENDERS} senders"
    box = stage.box(stage.host("box"), measured=True)
    crowd = stage.enter(Crowd(stage.host("crowd"), peers=peers, senders=_SENDERS))
    own = _sources(box)
    before = resident_mb(box)
    stage.loop_stats(box)
    spent = cpu_s(box.pid)
    began = crowd.announce()
    eventually(lambda: _sources(box) >= own + peers * _SENDERS, "all senders on the menu", _PATIENCE_S)
    yield row(f"{what}: announced to all on the menu", "s", [time.monotonic() - began], aim=at_most(15))
    yield row(f"{what}: CPU for that", "s", [cpu_s(box.pid) - spent])
    asked = crowd.requests()
    yield row(f"{what}: HTTP requests for that, a peer", "", [sum(asked.values()) / peers], note=_by_path(asked))
    yield from _quiet(stage, what, box, crowd, before)
    stats = stage.loop_stats(box)
    longest = stats["longest"][0]["callback"]
    yield row(f"{what}: longest callback of all this", "ms CPU", [stats["max_ms"]], aim=at_most(5), note=longest)


def _quiet(stage: Stage, what: str, box: Box, crowd: Crowd, before_mb: float) -> Iterator[Row]:
    time.sleep(_SETTLE_S)
    seconds = stage.some(60, 5)
    crowd.requests()
    spent = cpu_s(box.pid)
    time.sleep(seconds)
    spent = cpu_s(box.pid) - spent
    asked = crowd.requests()
    held = resident_mb(box)
    each = f"{(held - before_mb) * 1000 / (crowd.peers * _SENDERS):.1f} KB a sender"
    yield row(f"{what}: resident memory", "MB", [held], aim=at_most(150), note=each)
    yield row(f"{what}: idle CPU", "% of a core", [100 * spent / seconds], aim=at_most(0.5), note=f"over {seconds} s")
    yield row(f"{what}: HTTP requests while idle", "", [sum(asked.values())], aim=at_most(0), note=_by_path(asked))
    events = stage.enter(Following(box))
    events.wait_for("peer-0 1")
    began = time.time()
    shown = events.wait_for(crowd.relabel())
    asked = crowd.requests()
    yield row(f"{what}: one label changed, to the menu", "ms", [(shown - began) * 1000], note=_by_path(asked))


def _sources(box: Box) -> int:
    return int(box.json("/panel/sources?limit=1")["total"])


def _by_path(asked: dict[str, int]) -> str:
    return ", ".join(f"{count} × {path or '/'}" for path, count in sorted(asked.items()))
