"""The measuring of callbacks: as a value, and in a process that was asked for it."""

import json
import subprocess
import sys
from pathlib import Path

from appliance.system.loopstats import TOP, VARIABLE, LoopStats

MS = 1_000_000

MEASURED = """
import asyncio, os, signal, sys
from appliance.system import loopstats

async def work():
    await asyncio.sleep(0)
    sum(range(200_000))

if __name__ == "__main__":
    loopstats.start_if_asked(os.environ)
    asyncio.run(work())
    if len(sys.argv) > 1:
        os.kill(os.getpid(), signal.SIGUSR1)
"""


def _run(file: Path, *arguments: str, asked: bool = True) -> None:
    subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        env={"PYTHONPATH": str(Path(__file__).parents[3])} | ({VARIABLE: str(file)} if asked else {}),
        check=True,
        timeout=30,
    )


def test_longest_is_exact_and_named() -> None:
    stats = LoopStats()
    stats.note(print, 1 * MS)
    stats.note(len, 7 * MS)
    report = stats.report()
    assert report["max_ms"] == 7
    assert report["longest"] == [{"ms": 7, "callback": "builtins.len"}, {"ms": 1, "callback": "builtins.print"}]


def test_p99_leaves_the_longest_hundredth_out() -> None:
    stats = LoopStats()
    for _ in range(99):
        stats.note(len, 20_000)
    stats.note(len, 50 * MS)
    report = stats.report()
    assert (report["callbacks"], report["p99_ms"], report["max_ms"]) == (100, 0.03, 50)


def test_only_the_longest_are_kept() -> None:
    stats = LoopStats()
    for number in range(100):
        stats.note(len, number * MS)
    assert [entry["ms"] for entry in stats.report()["longest"]] == list(range(99, 99 - TOP, -1))


def test_a_report_begins_anew() -> None:
    stats = LoopStats()
    stats.note(len, MS)
    assert stats.report()["serial"] == 1
    again = stats.report()
    assert (again["serial"], again["callbacks"], again["max_ms"], again["p99_ms"]) == (2, 0, 0, 0)


def test_collections_are_counted_by_generation() -> None:
    stats = LoopStats()
    for generation in (0, 0, 2):
        stats.note_collection("start", {"generation": generation})
        stats.note_collection("stop", {"generation": generation})
    assert [(entry["generation"], entry["count"]) for entry in stats.report()["collections"]] == [(0, 2), (2, 1)]


def test_writes_at_exit(tmp_path: Path) -> None:
    _run(tmp_path / "stats")
    report = json.loads((tmp_path / "stats").read_text())
    assert report["serial"] == 1
    assert "task work" in {entry["callback"] for entry in report["longest"]}


def test_writes_and_begins_anew_when_it_is_told_to(tmp_path: Path) -> None:
    _run(tmp_path / "stats", "tell")
    report = json.loads((tmp_path / "stats").read_text())
    assert (report["serial"], report["callbacks"]) == (2, 0)


def test_does_nothing_unasked(tmp_path: Path) -> None:
    _run(tmp_path / "stats", asked=False)
    assert not (tmp_path / "stats").exists()
