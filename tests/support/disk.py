"""A disk in memory that remembers what was synced, and can lose power, fill up or break at any step."""

import errno
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

Fault = Callable[[str, Path], int | None]
"""The errno with which an operation on a path fails, None where it works."""


class PowerCut(Exception):
    """From now on nothing works."""


@dataclass
class _File:
    data: bytes = b""
    synced: bytes = b""


@dataclass
class FakeDisk:
    """See `appliance.edge.disk.Disk`. ``grain``: bytes that one write takes at most; ``steps``: how many there were."""

    grain: int = 1 << 30
    cut_at: int | None = None
    fault: Fault = lambda operation, path: None
    names: dict[Path, _File] = field(default_factory=dict)
    steps: int = 0
    _on_disk: dict[Path, _File] = field(default_factory=dict)
    _handles: dict[int, tuple[Path, _File]] = field(default_factory=dict)
    _renames: list[dict[Path, _File]] = field(default_factory=list)
    _off: bool = False

    @property
    def dead(self) -> bool:
        """Power was lost."""
        return self._off

    @property
    def quiet(self) -> bool:
        """Everything is synced."""
        return not self._renames and all(file.data == file.synced for file in self.names.values())

    def after_power_cut(self, chance: random.Random) -> Self:
        """What may be found when power comes back: of the unsynced any part, none, or zeros in its place."""
        known = chance.choice([self._on_disk, *self._renames])
        found = {path: _File(*[_rest_of(file, chance)] * 2) for path, file in known.items()}
        return type(self)(grain=self.grain, names=found, _on_disk=dict(found))

    @contextmanager
    def failing(self, number: int, *operations: str) -> Iterator[None]:
        """Meanwhile these operations (all that change something, where none is named) fail with errno ``number``."""
        before = self.fault
        self.fault = lambda operation, path: number if not operations or operation in operations else None
        yield
        self.fault = before

    # ---- Disk

    def make_directory(self, path: Path) -> None:
        self._step("make_directory", path)

    def lock(self, path: Path) -> int:
        self._step("lock", path)
        return self._handle(path, _File())

    def read(self, path: Path) -> bytes:
        if number := self.fault("read", path):
            raise OSError(number, os.strerror(number))
        if path not in self.names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self.names[path].data

    def create(self, path: Path, mode: int = 0o640) -> int:
        self._step("create", path)
        if path in self.names:
            self.names[path].data = b""
        else:
            self.names = {**self.names, path: _File()}
            self._renames.append(self.names)
        return self._handle(path, self.names[path])

    def extend(self, path: Path) -> int:
        self._step("extend", path)
        if path not in self.names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._handle(path, self.names[path])

    def write(self, handle: int, data: bytes | memoryview) -> int:
        path, file = self._handles[handle]
        self._step("write", path)
        taken = bytes(data[: self.grain])
        file.data += taken
        return len(taken)

    def sync(self, handle: int) -> None:
        path, file = self._handles[handle]
        self._step("sync", path)
        file.synced = file.data

    def close(self, handle: int) -> None:
        del self._handles[handle]

    def rename(self, old: Path, new: Path) -> None:
        self._step("rename", old)
        names = dict(self.names)
        if old not in names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        names[new] = names.pop(old)
        self.names = names
        self._renames.append(names)

    def remove(self, path: Path) -> None:
        self._step("remove", path)
        self.names = {name: file for name, file in self.names.items() if name != path}
        self._renames.append(self.names)

    def listed(self, path: Path) -> list[Path]:
        return [name for name in self.names if name.parent == path]

    def sync_directory(self, path: Path) -> None:
        self._step("sync_directory", path)
        self._on_disk = self.names
        self._renames.clear()

    def _step(self, operation: str, path: Path) -> None:
        self._off = self._off or self.steps == self.cut_at
        if self._off:
            raise PowerCut(operation)
        self.steps += 1
        if number := self.fault(operation, path):
            raise OSError(number, os.strerror(number))

    def _handle(self, path: Path, file: _File) -> int:
        handle = max(self._handles, default=100) + 1
        self._handles[handle] = (path, file)
        return handle


def _rest_of(file: _File, chance: random.Random) -> bytes:
    if not file.data.startswith(file.synced):
        return chance.choice([file.synced, file.data])  # it was cut away and written anew
    unsynced = file.data[len(file.synced) :]
    left = chance.choice([0, len(unsynced), chance.randrange(len(unsynced) + 1)])
    zeros = chance.choice([0, len(unsynced) - left])
    return file.synced + unsynced[:left] + bytes(zeros)
