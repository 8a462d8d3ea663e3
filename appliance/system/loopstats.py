"""What each callback of the event loop costs in CPU time, for ``make bench``: only where the environment asks for it.

``NMOS_APPLIANCE_LOOP_STATS=FILE`` puts a wrapper around the one method through which asyncio runs every callback. What
was measured is written to FILE at exit, and at every SIGUSR1, which also begins anew: so a bench can tell what one load
did from what the start-up did. Without the variable nothing is touched. Garbage collections are part of the callback
they happen in, and are counted by themselves too.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import heapq
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import thread_time_ns
from typing import Any

VARIABLE = "NMOS_APPLIANCE_LOOP_STATS"
TOP = 10
"""So many of the longest callbacks are named."""
_BUCKET_NS = 10_000


def start_if_asked(environment: Mapping[str, str]) -> None:
    """Measure every callback of this process from now on, where :data:`VARIABLE` says where to."""
    if file := environment.get(VARIABLE):
        stats = LoopStats()
        write = partial(_write, Path(file), stats)
        _measure_callbacks(stats.note)
        gc.callbacks.append(stats.note_collection)
        signal.signal(signal.SIGUSR1, lambda number, frame: write())
        atexit.register(write)


class LoopStats:
    """How long callbacks took, in ns of CPU time of their thread: exact for the longest, in steps of 10 µs for all."""

    def __init__(self) -> None:
        self._written = 0
        self._forget()

    def note(self, callback: Callable[..., object], took_ns: int) -> None:
        """One callback that has run."""
        self._buckets[took_ns // _BUCKET_NS] += 1
        self._total_ns += took_ns
        if len(self._longest) < TOP:
            heapq.heappush(self._longest, (took_ns, self._next_serial(), _name(callback)))
        elif took_ns > self._longest[0][0]:
            heapq.heapreplace(self._longest, (took_ns, self._next_serial(), _name(callback)))

    def note_collection(self, phase: str, info: Mapping[str, int]) -> None:
        """For ``gc.callbacks``."""
        if phase == "start":
            self._collection_began_ns = thread_time_ns()
            return
        took_ns = thread_time_ns() - self._collection_began_ns
        generation = info["generation"]
        self._collections[generation] += 1
        self._longest_collection_ns[generation] = max(took_ns, self._longest_collection_ns.get(generation, 0))

    def report(self) -> dict[str, Any]:
        """Everything noted since the last report, as JSON; times in ms."""
        self._written += 1
        report = {
            "serial": self._written,
            "callbacks": self._buckets.total(),
            "total_ms": self._total_ns / 1e6,
            "max_ms": max(self._longest, default=(0, 0, ""))[0] / 1e6,
            "p99_ms": _percentile(self._buckets, 0.99) * _BUCKET_NS / 1e6,
            "longest": [{"ms": ns / 1e6, "callback": name} for ns, _, name in sorted(self._longest, reverse=True)],
            "collections": [
                {"generation": generation, "count": count, "max_ms": self._longest_collection_ns[generation] / 1e6}
                for generation, count in sorted(self._collections.items())
            ],
        }
        self._forget()
        return report

    def _forget(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._total_ns = 0
        self._longest: list[tuple[int, int, str]] = []
        self._serial = 0
        self._collections: Counter[int] = Counter()
        self._longest_collection_ns: dict[int, int] = {}
        self._collection_began_ns = thread_time_ns()

    def _next_serial(self) -> int:
        """Settles ties in the heap, so that names are never compared."""
        self._serial += 1
        return self._serial


def _measure_callbacks(note: Callable[[Callable[..., object], int], None]) -> None:
    run = asyncio.Handle._run  # noqa: SLF001 - not public, but no other place sees every callback

    def measured(self: asyncio.Handle) -> None:
        callback = self._callback  # type: ignore[attr-defined]  # gone once the handle is cancelled
        began_ns = thread_time_ns()
        run(self)
        note(callback, thread_time_ns() - began_ns)

    asyncio.Handle._run = measured  # type: ignore[method-assign]  # noqa: SLF001


def _name(callback: Callable[..., object]) -> str:
    """What a reader recognizes: of a task's step the coroutine, else the function."""
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        coroutine = owner.get_coro()
        return f"task {getattr(coroutine, '__qualname__', coroutine)}"
    while isinstance(callback, partial):
        callback = callback.func
    name = getattr(callback, "__qualname__", None) or type(callback).__name__
    return f"{getattr(callback, '__module__', None) or type(owner).__module__}.{name}"


def _percentile(buckets: Counter[int], share: float) -> float:
    """The upper edge of the bucket that this share of all is below, in buckets."""
    left = buckets.total() * share
    for bucket, count in sorted(buckets.items()):
        left -= count
        if left <= 0:
            return bucket + 1
    return 0


def _write(file: Path, stats: LoopStats) -> None:
    """Replace the file whole, so that who waits for the next serial number never reads half of it."""
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    beside.write_text(json.dumps(stats.report()), encoding="utf-8")
    beside.replace(file)
