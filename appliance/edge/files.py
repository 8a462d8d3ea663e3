"""The state directory: the identity seed, the journal of the store, and other small files, safely on flash.

Commits are gathered for a moment, encoded in short slices on the loop, and written and synced by one helper thread
(the only one of the daemon: fsync has no other way not to block). A file is appended to while it is small and replaced
atomically when it has grown, or after any error. Nothing that fails here stops the box: it says so and tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec

from appliance.core import journal
from appliance.core.journal import Key
from appliance.core.store import Change, Store
from appliance.core.types import JSON
from appliance.edge.disk import Disk, KernelDisk
from appliance.errors import ApplianceError
from appliance.system.trouble import component

log = logging.getLogger(__name__)

P = ParamSpec("P")

JOURNAL = "state.journal"
IDENTITY = "identity"
GATHER_S = 0.1
"""Commits wait this long for company; with the sync it keeps well within the 500 ms that are promised."""
RETRY_S = 5.0
SLICE_S = 0.002
COMPACT_ABOVE = 4 * 1024 * 1024
COMPACT_FACTOR = 4
MOST_ASIDE = 3
"""Of one file, the newest: a box that finds it bad at each start does not fill its flash."""


class StateDirectory:
    """One box's files. ``open`` takes the directory for this process and reads what was kept."""

    def __init__(
        self, path: Path, disk: Disk | None = None, read: Callable[[bytes], journal.Kept] = journal.read
    ) -> None:
        self.path = path
        self.disk = disk or KernelDisk()
        self._read = read
        self._lock: int | None = None

    def open(self) -> journal.Kept:
        """Take the directory and read the state; the result always has a seed.

        :class:`ApplianceError` where another process uses the directory. Where nothing can be written the box runs
        with what it can read, and says so.
        """
        try:
            self.disk.make_directory(self.path)
            self._lock = self.disk.lock(self.path / "lock")
        except BlockingIOError:
            raise ApplianceError(f"{self.path} is in use by another nmos-appliance") from None
        except OSError as error:
            log.error("state directory %s: %s; nothing will be kept over a restart", self.path, error.strerror)
        kept = self._read_journal()
        kept.seed = self._read_seed() or kept.seed or uuid.uuid4()
        try:
            self.write_file(IDENTITY, f"{kept.seed}\n".encode())
        except OSError as error:
            log.error("the identity of this box could not be written: %s", error.strerror)
        return kept

    def close(self) -> None:
        if self._lock is not None:
            self.disk.close(self._lock)
            self._lock = None

    def read_file(self, name: str) -> bytes | None:
        """A whole file; ``None`` where there is none. One that cannot be read is set aside."""
        try:
            return self.disk.read(self.path / name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.set_aside(name, f"it cannot be read: {error.strerror}")
            return None

    def write_file(self, name: str, data: bytes) -> None:
        """Replace a small file atomically and durably, at once; nothing is written where it says so already."""
        if self.read_file(name) != data:
            replace_file(self.disk, self.path / name, [data])

    def set_aside(self, name: str, why: str) -> None:
        """Keep a file that cannot be used for whoever wants to look at it, and say so."""
        aside = self.path / f"{name}.bad-{time.time_ns() // 1_000_000}"
        try:
            self.disk.rename(self.path / name, aside)
        except OSError as error:
            log.error("%s: %s; it could not be set aside: %s", self.path / name, why, error.strerror)
        else:
            log.error("%s: %s; set aside as %s", self.path / name, why, aside.name)
            self._keep_few(aside, f"{name}.bad-")

    def _keep_few(self, newest: Path, prefix: str) -> None:
        """``newest`` stays whatever its name says: the clock may not be set yet."""
        with contextlib.suppress(OSError):  # a directory, or a disk that cannot be written: it stays
            older = [path for path in self.disk.listed(self.path) if path.name.startswith(prefix) and path != newest]
            older.sort(key=lambda path: (len(path.name), path.name))
            for path in older[: 1 - MOST_ASIDE]:
                self.disk.remove(path)

    def _read_journal(self) -> journal.Kept:
        data = self.read_file(JOURNAL)
        if data is None:
            return journal.Kept()
        kept = self._read(data)
        if kept.older is not None and not kept.problem:
            self._keep_copy(data, kept.older)
        if kept.torn:
            log.warning("%s: the last commit was cut off by a power failure; it is left out", self.path / JOURNAL)
        elif kept.problem:
            self.set_aside(JOURNAL, kept.problem)
        return kept

    def _keep_copy(self, data: bytes, schema: int) -> None:
        """The journal is written anew in today's schema soon: the version before this one cannot read that."""
        name = f"{JOURNAL}.schema-{schema}"
        try:
            self.write_file(name, data)
        except OSError as error:
            log.warning("the state of schema %d could not be kept beside the new one: %s", schema, error.strerror)
        else:
            log.info("%s was brought from schema %d to today's; as it was: %s", self.path / JOURNAL, schema, name)

    def _read_seed(self) -> uuid.UUID | None:
        data = self.read_file(IDENTITY)
        if data is None:
            return None
        try:
            return uuid.UUID(data.decode("ascii").strip())
        except ValueError:
            self.set_aside(IDENTITY, "not a UUID")
            return None


class StateWriter:
    """Keeps the journal up with the store. ``problem`` says in a sentence why it does not, while it does not."""

    def __init__(
        self,
        directory: StateDirectory,
        store: Store,
        seed: uuid.UUID,
        *,
        gather_s: float = GATHER_S,
        retry_s: float = RETRY_S,
        compact_above: int = COMPACT_ABOVE,
        thread: Executor | None = None,
    ) -> None:
        self._directory = directory
        self._disk = directory.disk
        self._journal = directory.path / JOURNAL
        self._store = store
        self._seed = seed
        self._gather_s, self._retry_s, self._compact_above = gather_s, retry_s, compact_above
        self._pending: dict[Key, JSON | None] = {}
        self._wake = asyncio.Event()
        self._leave = asyncio.Event()
        self._rewrite = True  # each start begins with a fresh file: short, and without an earlier start's torn tail
        self._size = 0
        self._live = 0
        self._thread = thread or ThreadPoolExecutor(1, thread_name_prefix="fsync")
        self._task: asyncio.Task[None] | None = None
        self.writes = self.bytes_written = self.failures = 0
        """Of the journal, since this process began: for /metrics."""
        self.problem: str | None = None
        self.on_problem: Callable[[str | None], None] = lambda problem: None
        """Told whenever ``problem`` changes."""

    def on_change(self, change: Change) -> None:
        self._pending.update(journal.entries_of(change))
        self._wake.set()

    def start(self) -> None:
        self._wake.set()
        self._task = component(self._run(), "state writer")

    async def stop(self) -> None:
        """Write what is still to be written, and end."""
        self._leave.set()
        self._wake.set()
        try:
            if self._task is not None:
                await self._task
        finally:
            self._thread.shutdown(wait=False)

    async def replace(self, name: str, chunks: Iterable[bytes], *, private: bool = False) -> None:
        """Replace another file of the state directory, in the helper thread; OSError where that fails."""
        mode = 0o600 if private else 0o640
        await self._in_thread(replace_file, self._disk, self._directory.path / name, list(chunks), mode)

    async def _run(self) -> None:
        while not self._leave.is_set():
            await self._wake.wait()
            await self._pause(self._gather_s)
            self._wake.clear()
            if not await self._save():
                self._wake.set()
                await self._pause(self._retry_s)
        if self._wake.is_set():
            await self._save()

    async def _save(self) -> bool:
        try:
            await self._write()
        except OSError as error:
            self.failures += 1
            self._failed(error)
            return False
        self._recovered()
        return True

    async def _pause(self, seconds: float) -> None:
        """Unless the box stops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leave.wait()

    async def _write(self) -> None:
        grown = self._size > max(self._compact_above, COMPACT_FACTOR * self._live)
        rewrite, self._rewrite = self._rewrite or grown, True  # any error below leads to a fresh file
        pending, self._pending = self._pending, {}
        if rewrite:
            chunks = [journal.header(self._seed), *await _encode(journal.snapshot(self._store))]
            await self._in_thread(replace_file, self._disk, self._journal, chunks)
            self._size = self._live = self._written(chunks)
        elif pending:
            chunks = await _encode(pending)
            await self._in_thread(append_file, self._disk, self._journal, chunks)
            self._size += self._written(chunks)
        self._rewrite = False

    def _written(self, chunks: Iterable[bytes]) -> int:
        size = sum(map(len, chunks))
        self.writes += 1
        self.bytes_written += size
        return size

    async def _in_thread(self, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, lambda: call(*args, **kwargs))

    def _failed(self, error: OSError) -> None:
        problem = f"the state could not be saved: {error.strerror}"
        if problem != self.problem:
            log.error("%s (trying again every %g s)", problem, self._retry_s)
            self.problem = problem
            self.on_problem(problem)

    def _recovered(self) -> None:
        if self.problem is not None:
            log.info("the state is saved again")
            self.problem = None
            self.on_problem(None)


async def _encode(entries: Mapping[Key, JSON | None]) -> list[bytes]:
    """The frame of these entries, in slices, so that a large commit does not hold up the loop."""
    frame = journal.FrameBuilder(len(entries))
    await asyncio.sleep(0)  # to gather them was one slice already
    until = time.monotonic() + SLICE_S
    for key, value in entries.items():
        frame.add(key, value)
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + SLICE_S
    return frame.chunks()


def replace_file(disk: Disk, path: Path, chunks: Iterable[bytes], mode: int = 0o640) -> None:
    """Write a new file, sync it, put it in the old one's place, sync the directory. All or nothing."""
    temporary = path.with_name(path.name + ".new")
    try:
        _write_and_sync(disk, disk.create(temporary, mode), chunks)
        disk.rename(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            disk.remove(temporary)  # it would only take up what is missing
        raise
    disk.sync_directory(path.parent)


def append_file(disk: Disk, path: Path, chunks: Iterable[bytes]) -> None:
    """Write at the end of an existing file, and sync it."""
    _write_and_sync(disk, disk.extend(path), chunks)


def _write_and_sync(disk: Disk, handle: int, chunks: Iterable[bytes]) -> None:
    try:
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[disk.write(handle, rest) :]
        disk.sync(handle)
    finally:
        disk.close(handle)
