"""Backup and restore of a state directory, by a process that is not the daemon.

A backup reads beside a running box: the journal only grows or is replaced whole, so what is read at any moment is a
state that was committed. A restore takes the directory as the daemon does, and leaves at every step what a box can
start from: as it was, or as the backup says, never one's identity with the other's state.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from appliance.core import journal
from appliance.core.backup import Backup
from appliance.edge.disk import Disk, KernelDisk
from appliance.edge.files import IDENTITY, JOURNAL, replace_file
from appliance.errors import ApplianceError, Conflict, NotFound

IN_USE = "is in use by a running nmos-appliance; stop that first (systemctl stop nmos-appliance)"


def read_state(path: Path, disk: Disk | None = None) -> journal.Kept:
    """What is kept there, with its seed; :class:`ApplianceError` where that cannot be had or is damaged."""
    disk = disk or KernelDisk()
    kept, seed = _kept(disk, path), _seed(disk, path)
    if kept is not None and kept.problem:
        raise ApplianceError(f"{path / JOURNAL}: {kept.problem}; no backup is made of this")
    kept = kept or journal.Kept()
    kept.seed = seed or kept.seed
    if kept.seed is None:
        raise NotFound(f"no nmos-appliance has kept its state in {path}; --state-dir says where it does")
    return kept


def replace_state(path: Path, backup: Backup, mark: str, disk: Disk | None = None) -> tuple[str, ...]:
    """Put a backup in the place of what is there; the names under which that is kept, which end in ``mark``.

    :class:`Conflict` where another process has the directory, OSError where it cannot be written.
    """
    disk = disk or KernelDisk()
    disk.make_directory(path)
    try:
        lock = disk.lock(path / "lock")
    except BlockingIOError:
        raise Conflict(f"{path} {IN_USE}") from None
    try:
        return _replace(path, backup, mark, disk)
    finally:
        disk.close(lock)


def _replace(path: Path, backup: Backup, mark: str, disk: Disk) -> tuple[str, ...]:
    aside = []
    for name in (JOURNAL, IDENTITY):
        data = _read(disk, path / name)
        if data is not None:
            replace_file(disk, path / f"{name}.{mark}", [data])
            aside.append(f"{name}.{mark}")
    _leave_identity_to_the_journal(path, disk)
    replace_file(disk, path / JOURNAL, [journal.whole(backup.seed, backup.tables)])
    replace_file(disk, path / IDENTITY, [f"{backup.seed}\n".encode()])
    return tuple(aside)


def _leave_identity_to_the_journal(path: Path, disk: Disk) -> None:
    """Both change with the journal then, which is one rename. The identity's own file goes before everything else."""
    seed = _seed(disk, path)
    if seed is None:
        return
    kept = _kept(disk, path)
    if kept is None or kept.problem or kept.seed != seed:
        tables = {} if kept is None else kept.tables
        replace_file(disk, path / JOURNAL, [journal.whole(seed, tables)])
    disk.remove(path / IDENTITY)
    disk.sync_directory(path)


def _kept(disk: Disk, path: Path) -> journal.Kept | None:
    data = _read(disk, path / JOURNAL)
    return None if data is None else journal.read(data)


def _seed(disk: Disk, path: Path) -> uuid.UUID | None:
    data = _read(disk, path / IDENTITY)
    try:
        return None if data is None else uuid.UUID(data.decode("ascii").strip())
    except ValueError:
        return None


def _read(disk: Disk, file: Path) -> bytes | None:
    try:
        return disk.read(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
