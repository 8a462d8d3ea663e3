"""How the cost of one activation, and of the start, grows with the size of the box."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.activation import patches
from tests.bench.figures import Row, row
from tests.bench.idle import resident_mb
from tests.bench.load import cpu_s, load
from tests.bench.stage import Connection, Stage


def measure(stage: Stage) -> Iterator[Row]:
    """Of receivers alone, for it is they who join. A configuration of 1 MiB, which is the most, has not many more."""
    for receivers in (10, 100, 1_000) if stage.quick else (10, 100, 1_000, 5_000):
        box = stage.box(stage.host(f"b{receivers}"), 1, receivers)
        start = cpu_s(box.pid) * 1000
        with Connection(box) as connection:
            ids = connection.ids("receivers")
        load(box, patches(ids, 0), 1, 1)
        runs = [load(box, patches(ids, run), 1, stage.some(3, 1)) for run in (1, 2)]
        what = f"{receivers:,} receivers"
        yield row(f"{what}: start until all is answered: CPU", "ms", [start])
        yield row(f"{what}: one activation: CPU", "µs", [run.cpu_us for run in runs])
        yield row(f"{what}: resident memory after it", "MB", [resident_mb(box)])
        box.kill()
