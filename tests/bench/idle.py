"""What a box costs that nobody asks for anything: resident memory, and CPU over a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Row, at_most, row
from tests.bench.load import cpu_s
from tests.bench.stage import Stage
from tests.lan.box import Box

_SETTLE_S = 5


def measure(stage: Stage) -> Iterator[Row]:
    """Both boxes idle at once, which spares a wait, but on switches of their own: they do not know each other.

    Each was restarted once, as any box was that is in use: reading back its state leaves its mark on the memory.
    """
    switches = {11: "red", 1100: "blue"}
    boxes = {size: stage.box(stage.host(f"box{size}", switch), size, size) for size, switch in switches.items()}
    time.sleep(1)
    for box in boxes.values():
        box.restart()
    time.sleep(stage.some(_SETTLE_S, 2))
    seconds = stage.some(30, 3)
    spent = {size: -cpu_s(box.pid) for size, box in boxes.items()}
    time.sleep(seconds)
    for size, box in boxes.items():
        spent[size] += cpu_s(box.pid)
    goals = {11: (at_most(65), at_most(60), None), 1100: (None, at_most(80), at_most(0.1))}
    for size, box in boxes.items():
        aim, goal, cpu_goal = goals[size]
        yield row(f"resident memory, {size:,} + {size:,}", "MB", [resident_mb(box)], aim=aim, goal=goal)
        share = 100 * spent[size] / seconds
        yield row(f"idle CPU, {size:,} + {size:,}", "% of a core", [share], goal=cpu_goal, note=f"over {seconds} s")


def resident_mb(box: Box) -> float:
    """RSS of smaps_rollup (proc(5)), shared pages of the interpreter included; 10^6 bytes a MB."""
    for line in Path(f"/proc/{box.pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        key, _, value = line.partition(":")
        if key == "Rss":
            return int(value.split()[0]) * 1024 / 1e6
    raise LookupError("smaps_rollup names no Rss")
