"""The table, the file of a run, and what was measured before."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.bench.figures import Row, number

_PACKAGES = ("aiohttp", "bottle", "cbor2", "pyroute2", "zeroconf")
_HEAD = ("what", "unit", "median", "p99", "min–max", "n", "aim", "goal", "last", "note")
_LEFT = {0, 1, 9}
_MISSED = " ✗"


def table(rows: Mapping[str, Sequence[Row]], before: Mapping[str, float]) -> str:
    """All rows, grouped by bench. "last" is the change against the last run that measured the same."""
    lines: list[tuple[str, ...]] = [_HEAD]
    for name, measured in rows.items():
        lines.append((f"[{name}]", *[""] * (len(_HEAD) - 1)))
        lines += [_cells(each, before.get(f"{name}: {each.what}")) for each in measured]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join(_padded(line, widths).rstrip() for line in lines)


def save(folder: Path, rows: Mapping[str, Sequence[Row]], about: Mapping[str, Any]) -> Path:
    """Write this run to a file of its own, named by the date."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.json"
    measured = {name: [_json(each) for each in each_rows] for name, each_rows in rows.items()}
    file.write_text(json.dumps({"about": about, "benches": measured}, indent=1, ensure_ascii=False), encoding="utf-8")
    return file


def last_figures(folder: Path, *, quick: bool, namespaces: bool) -> dict[str, float]:
    """Of every row the newest figure from before, of runs of the same kind: "bench: what" → figure."""
    figures: dict[str, float] = {}
    for file in sorted(folder.glob("*.json")):
        run = json.loads(file.read_text(encoding="utf-8"))
        if (run["about"]["quick"], run["about"]["namespaces"]) == (quick, namespaces):
            for name, measured in run["benches"].items():
                figures |= {f"{name}: {each['what']}": each["figure"] for each in measured}
    return figures


def about(*, quick: bool, load_generator: str, namespaces: bool) -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "quick": quick,
        "namespaces": namespaces,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "load_generator": load_generator,
    }


def _cells(each: Row, before: float | None) -> tuple[str, ...]:
    missed = each.aim is not None and not each.aim.reached(each.figure)
    short = each.goal is not None and not each.goal.reached(each.figure)
    return (
        each.what,
        each.unit,
        number(each.median),
        "" if each.p99 is None else number(each.p99),
        "" if each.count == 1 and each.least == each.most else f"{number(each.least)}–{number(each.most)}",
        str(each.count),
        f"{each.aim}{_MISSED if missed else ''}" if each.aim else "",
        f"{each.goal}{_MISSED if short else ''}" if each.goal else "",
        f"{each.figure / before - 1:+.0%}" if before else "",
        each.note,
    )


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(line, widths, strict=True)
    return "  ".join(
        cell.ljust(width) if column in _LEFT else cell.rjust(width) for column, (cell, width) in enumerate(cells)
    )


def _json(each: Row) -> dict[str, Any]:
    return {
        **asdict(each),
        "aim": str(each.aim) if each.aim else None,
        "goal": str(each.goal) if each.goal else None,
        "figure": each.figure,
    }


def _commit() -> str | None:
    """The commit that was measured, with a + where something is changed."""
    command = ["git", "describe", "--always", "--dirty=+"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
