"""Beside the boxes, one after the other for as long as the soak goes on: each fuzz target, and the chaos suite.

The fuzzers are guided by coverage where atheris is there (`make soak` gets it). A finding or a failed test ends the
soak with an error, and its output is kept.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.targets import TARGETS
from tests.lan.box import CHECKOUT

_FUZZ_S = 20
_NICE = 10


class Turns:
    """From `with` to its end, which waits for nothing that is begun. ``failed`` has what to look at."""

    def __init__(self, folder: Path) -> None:
        self.done: list[str] = []
        self.failed: list[str] = []
        self._folder = folder
        self._leaving = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Turns:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()
        self._thread.join()

    def _run(self) -> None:
        for name, command in _commands():
            if self._leaving.is_set():
                return
            log = self._folder / f"turn-{name}.log"
            with log.open("wb") as sink:
                self._running = subprocess.Popen(command, cwd=CHECKOUT, stdout=sink, stderr=sink)
                code = self._running.wait()
            if self._leaving.is_set():
                return
            self.done.append(name)
            if code:
                self.failed.append(f"{name} (see {log})")


def _commands() -> Iterator[tuple[str, list[str]]]:
    """Without end: (name, what to run). A fuzzer, then a part of the chaos suite: a short soak has some of both."""
    here = ["nice", f"-n{_NICE}", sys.executable, "-m"]
    chaos = [
        (file.stem, ["pytest", "-q", f"--basetemp={CHECKOUT / 'build' / 'soak' / 'chaos'}", str(file)])
        for file in sorted((CHECKOUT / "tests").glob("chaos/test_*.py"))
    ]
    fuzzers = [(f"fuzz-{name}", ["tests.fuzz", f"--seconds={_FUZZ_S}", name]) for name in TARGETS]
    kinds = [fuzzers, chaos] if find_spec("atheris") is not None else [chaos]
    for turn in zip(*map(itertools.cycle, kinds), strict=True):
        for name, arguments in turn:
            yield name, [*here, *arguments]
