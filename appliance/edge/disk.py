"""The few things that are done to files, as the kernel offers them.

What is safe on flash is made of these (edge/files.py). Tests put a disk in their place that fails, fills up, or loses
power between any two of them and forgets what was not synced.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """All of them raise OSError; ``lock`` raises BlockingIOError where another process has it."""

    def make_directory(self, path: Path) -> None: ...

    def lock(self, path: Path) -> int:
        """Take the lock file for this process, until the handle is closed."""
        ...

    def read(self, path: Path) -> bytes: ...

    def create(self, path: Path, mode: int = 0o640) -> int:
        """Open for writing; what was there is cut away."""
        ...

    def extend(self, path: Path) -> int:
        """Open an existing file for writing at its end."""
        ...

    def write(self, handle: int, data: bytes | memoryview) -> int:
        """The number of bytes taken, which may be less than all."""
        ...

    def sync(self, handle: int) -> None: ...

    def close(self, handle: int) -> None: ...

    def rename(self, old: Path, new: Path) -> None: ...

    def remove(self, path: Path) -> None: ...

    def listed(self, path: Path) -> list[Path]:
        """What is in a directory, in no order."""
        ...

    def sync_directory(self, path: Path) -> None: ...


class KernelDisk:
    """The real one."""

    def make_directory(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o750)

    def lock(self, path: Path) -> int:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise
        return handle

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def create(self, path: Path, mode: int = 0o640) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)

    def extend(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def write(self, handle: int, data: bytes | memoryview) -> int:
        return os.write(handle, data)

    def sync(self, handle: int) -> None:
        os.fsync(handle)

    def close(self, handle: int) -> None:
        os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def remove(self, path: Path) -> None:
        path.unlink()

    def listed(self, path: Path) -> list[Path]:
        return list(path.iterdir())

    def sync_directory(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
