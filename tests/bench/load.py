"""HTTP load from a process of its own: `wrk` where it is installed, else tests.bench.client, which costs more CPU."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from tests.bench.figures import Aim, Row, row
from tests.lan.box import CHECKOUT, LOOPBACK, Box

Aims = tuple[Aim | None, Aim | None]
"""What to reach now, and in the end."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a load; a load of several goes through them in turn."""

    method: str
    path: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it. Times in ms; `generator` and `box` are the shares of one core that each of them used, `cpu_us`
    is what the box spent on one answer: unlike all else here it hardly depends on what else the machine does."""

    per_s: float
    median: float
    p99: float
    least: float
    most: float
    errors: int
    generator: float
    box: float
    cpu_us: float


def generator() -> str:
    """Who makes the load."""
    return "wrk" if shutil.which("wrk") else "tests.bench.client"


def load(box: Box, requests: Sequence[Asked], connections: int, seconds: int) -> Load:
    """Ask as fast as the answers come, over so many connections, from the box's own host."""
    spent, box_spent, began = _children_cpu_s(), cpu_s(box.pid), time.monotonic()
    result = (_by_wrk if generator() == "wrk" else _by_client)(box, requests, connections, seconds)
    took = time.monotonic() - began
    box_spent = cpu_s(box.pid) - box_spent
    return Load(
        result["requests"] / result["seconds"],
        result["median_ms"],
        result["p99_ms"],
        result["min_ms"],
        result["max_ms"],
        result["errors"],
        generator=(_children_cpu_s() - spent) / took,
        box=box_spent / took,
        cpu_us=box_spent * 1e6 / max(1, result["requests"]),
    )


def rows(
    what: str, loads: Sequence[Load], *, rate_aims: Aims = (None, None), time_aims: Aims = (None, None)
) -> Iterator[Row]:
    """The rate (a sample a run) and the time an answer takes (medians over the runs, and the worst of all)."""
    errors = sum(each.errors for each in loads)
    shares = " ".join(
        f"{who} {statistics.median(getattr(each, name) for each in loads):.0%}"
        for who, name in (("box", "box"), (generator(), "generator"))
    )
    note = f"of a core: {shares}" + (f"; {errors} errors" if errors else "")
    yield row(f"{what}: rate", "/s", [each.per_s for each in loads], aim=rate_aims[0], goal=rate_aims[1], note=note)
    yield row(f"{what}: the box's CPU for one", "µs", [each.cpu_us for each in loads])
    yield Row(
        f"{what}: answer",
        "ms",
        statistics.median(each.median for each in loads),
        statistics.median(each.p99 for each in loads),
        min(each.least for each in loads),
        max(each.most for each in loads),
        len(loads),
        *time_aims,
    )


def cpu_s(pid: int) -> float:
    """The CPU time that a process has used (proc_pid_stat(5): utime and stime, in ticks of 10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def descendants(pid: int) -> list[int]:
    """All processes that it has started, and that these have."""
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return [*found, *(below for child in found for below in descendants(child))]


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _by_wrk(box: Box, requests: Sequence[Asked], connections: int, seconds: int) -> dict[str, Any]:
    with NamedTemporaryFile("w", suffix=".lua", encoding="utf-8") as script:
        script.write(_lua(requests))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script.name]
        said = box.host.run([*command, f"http://{LOOPBACK}:{box.port}/"], timeout_s=seconds + 60).stdout
    result: dict[str, Any] = json.loads(said.splitlines()[-1])
    return result


def _lua(requests: Sequence[Asked]) -> str:
    made = ",\n".join(
        f'wrk.format("{each.method}", "{each.path}", {_LUA_HEADERS if each.body else "{}"}, [==[{each.body}]==])'
        for each in requests
    )
    return f"""
        local made, turn = {{}}, 0
        function init(args) made = {{ {made} }} end
        function request() turn = turn % #made + 1; return made[turn] end
        function done(summary, latency, requests)
            local e = summary.errors
            io.write(string.format(
                '{{"requests": %d, "seconds": %f, "errors": %d, ', summary.requests, summary.duration / 1e6,
                e.connect + e.read + e.write + e.status + e.timeout))
            io.write(string.format(
                '"median_ms": %f, "p99_ms": %f, "min_ms": %f, "max_ms": %f}}\\n', latency:percentile(50) / 1e3,
                latency:percentile(99) / 1e3, latency.min / 1e3, latency.max / 1e3))
        end
    """


_LUA_HEADERS = '{["Content-Type"] = "application/json"}'


def _by_client(box: Box, requests: Sequence[Asked], connections: int, seconds: float) -> dict[str, Any]:
    order = {
        "address": LOOPBACK,
        "port": box.port,
        "connections": connections,
        "seconds": seconds,
        "requests": [asdict(each) for each in requests],
    }
    command = ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "tests.bench.client"]
    result: dict[str, Any] = json.loads(box.host.run(command, stdin=json.dumps(order), timeout_s=seconds + 60).stdout)
    return result
