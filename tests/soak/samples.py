"""What a box uses at one moment, as the kernel and its own /metrics say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.bench.load import cpu_s, descendants
from tests.lan.box import Box

_METRIC = re.compile(rb"^nmos_appliance_(\w+) ([-+.e\d]+)$", re.MULTILINE)
_TAKEN = {
    "loop_tasks": "tasks",
    "python_blocks": "blocks",
    "python_objects_set_aside": "set_aside",
    "http_connections": "connections",
    "http_kept_answers": "kept_answers",
    "loop_longest_turn_seconds": "longest_turn_s",
    "commits_total": "commits",
}


def sample(box: Box) -> dict[str, float]:
    """By kind: those of `flatness.BOUNDS`, and some more to read the others by."""
    process = Path(f"/proc/{box.pid}")
    described = _metrics(box)
    descriptors = [_target(link) for link in (process / "fd").iterdir()]
    return {
        "rss_kib": _field(process / "smaps_rollup", "Rss"),
        "descriptors": len(descriptors),
        "sockets": sum(target.startswith("socket:") for target in descriptors),
        "threads": _field(process / "status", "Threads"),
        "children": len(descendants(box.pid)),
        "memberships": sum(len(box.host.memberships(port)) for port in box.host.cables),
        "state_kib": sum(file.stat().st_size for file in box.state_dir.rglob("*") if file.is_file()) / 1024,
        "cpu_s": cpu_s(box.pid),
        **described,
    }


def _metrics(box: Box) -> Mapping[str, float]:
    found = dict(_METRIC.findall(box.get("/metrics").body))
    return {kind: float(found[name.encode()]) for name, kind in _TAKEN.items() if name.encode() in found}


def _field(file: Path, name: str) -> float:
    text = file.read_text(encoding="ascii")
    return float(text.partition(f"{name}:")[2].split()[0])


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""  # closed in this moment
