"""The state directory: the identity seed, the journal of the store, and other small files, safely on flash.

Commits are gathered for a moment, encoded in short slices on the loop, and written and synced by one helper thread
(the only one of the daemon: fsync has no other way not to block). A file is appended to while it is small and replaced
atomically when it has grown, or after any error. Nothing that fails here stops the box: it says so and tries again.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from appliance.core import journal
from appliance.core.journal import Key
from appliance.core.store import Change, Store
from appliance.core.types import JSON
from appliance.errors import ApplianceError

log = logging.getLogger(__name__)

GATHER_S = 0.1
"""Commits wait this long for company; with the sync it keeps well within the 500 ms that are promised."""
RETRY_S = 5.0
SLICE_S = 0.002
COMPACT_ABOVE = 4 * 1024 * 1024
COMPACT_FACTOR = 4


class StateDirectory:
    """One box's files. ``open`` takes the directory for this process and reads what was kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def open(self) -> journal.Kept:
        """Take the directory and read the state; the result always has a seed.

        :class:`ApplianceError` where another process uses the directory. Where nothing can be written the box runs
        with what it can read, and says so.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._take()
        except OSError as error:
            log.error("state directory %s: %s; nothing will be kept over a restart", self.path, error.strerror)
        kept = self._read_journal()
        kept.seed = self._read_seed() or kept.seed or uuid.uuid4()
        try:
            self.write_file("identity", f"{kept.seed}\n".encode())
        except OSError as error:
            log.error("the identity of this box could not be written: %s", error.strerror)
        return kept

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def journal_path(self) -> Path:
        return self.path / "state.journal"

    def read_file(self, name: str) -> bytes | None:
        """A whole file, ``None`` where it is not there or cannot be read."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.error("%s: %s", self.path / name, error.strerror)
            return None

    def write_file(self, name: str, data: bytes) -> None:
        """Replace a file atomically and durably; nothing is written where it says so already."""
        if self.read_file(name) != data:
            replace_file(self.path / name, [data])

    def set_aside(self, name: str, why: str) -> None:
        """Keep a file that cannot be used for whoever wants to look at it, and say so."""
        aside = self.path / f"{name}.bad-{int(time.time())}"
        try:
            (self.path / name).replace(aside)
        except OSError as error:
            log.error("%s: %s; it could not be set aside: %s", self.path / name, why, error.strerror)
        else:
            log.error("%s: %s; set aside as %s", self.path / name, why, aside.name)

    def _take(self) -> None:
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise ApplianceError(f"{self.path} is in use by another nmos-appliance") from None

    def _read_journal(self) -> journal.Kept:
        data = self.read_file(self.journal_path.name)
        if data is None:
            return journal.Kept()
        kept = journal.read(data)
        if kept.torn:
            log.warning("%s: the last commit was cut off by a power failure; it is left out", self.journal_path)
        elif kept.problem:
            self.set_aside(self.journal_path.name, kept.problem)
        return kept

    def _read_seed(self) -> uuid.UUID | None:
        data = self.read_file("identity")
        if data is None:
            return None
        try:
            return uuid.UUID(data.decode("ascii").strip())
        except ValueError:
            self.set_aside("identity", "not a UUID")
            return None


class StateWriter:
    """Keeps the journal up with the store."""

    def __init__(self, directory: StateDirectory, store: Store, seed: uuid.UUID) -> None:
        self._directory = directory
        self._store = store
        self._seed = seed
        self._pending: dict[Key, JSON | None] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._rewrite = True  # each start begins with a fresh file: short, and without an earlier start's torn tail
        self._size = 0
        self._live = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fsync")
        self._task: asyncio.Task[None] | None = None
        self.problem: str | None = None

    def on_change(self, change: Change) -> None:
        self._pending.update(journal.entries_of(change))
        self._wake.set()

    def start(self) -> None:
        self._wake.set()
        self._task = asyncio.create_task(self._run(), name="state writer")

    async def stop(self) -> None:
        """Write what is still to be written, and end."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if not self._stopping:
                await asyncio.sleep(GATHER_S)
            self._wake.clear()
            try:
                await self._write()
                self._recovered()
            except OSError as error:
                self._failed(error)
                if not self._stopping:
                    asyncio.get_running_loop().call_later(RETRY_S, self._wake.set)
            if self._stopping:
                return

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        pending, self._pending = self._pending, {}
        grown = self._size > max(COMPACT_ABOVE, COMPACT_FACTOR * self._live)
        rewrite, self._rewrite = self._rewrite or grown, True  # any error below leads to a fresh file
        if rewrite:
            entries: Mapping[Key, JSON | None] = journal.snapshot(self._store)
            self._pending.clear()
            chunks = [journal.header(self._seed), journal.frame_of(await _encode(entries.items()))]
            await loop.run_in_executor(self._thread, replace_file, self._directory.journal_path, chunks)
            self._size = self._live = sum(map(len, chunks))
        elif pending:
            data = journal.frame_of(await _encode(pending.items()))
            await loop.run_in_executor(self._thread, _append, self._directory.journal_path, data)
            self._size += len(data)
        self._rewrite = False

    def _failed(self, error: OSError) -> None:
        problem = f"the state could not be saved: {error.strerror}"
        if problem != self.problem:
            log.error("%s (trying again every %g s)", problem, RETRY_S)
        self.problem = problem

    def _recovered(self) -> None:
        if self.problem is not None:
            log.info("the state is saved again")
        self.problem = None


async def _encode(entries: Iterable[tuple[Key, JSON | None]]) -> list[bytes]:
    """Encode in slices, so that a large commit does not hold up the loop."""
    encoded = []
    until = time.monotonic() + SLICE_S
    for key, value in entries:
        encoded.append(journal.encode_entry(key, value))
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + SLICE_S
    return encoded


def replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a new file, sync it, put it in the old one's place, sync the directory. All or nothing."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
