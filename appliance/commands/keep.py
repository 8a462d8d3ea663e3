"""``backup`` and ``restore``: who the box is and what was chosen on it, as one file."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from appliance import __version__
from appliance.commands.client import CommandError
from appliance.core.backup import Backup, pack, unpack
from appliance.edge.keeping import read_state, replace_state
from appliance.errors import BadRequest

SERVICE_STATE = Path("/var/lib/nmos-appliance")
MAX_BACKUP = 512 * 1024 * 1024
STANDARD = Path("-")
"""Standard output, or standard input."""

T = TypeVar("T")


def find_state(given: Path | None, environ: Mapping[str, str], service: Path = SERVICE_STATE) -> Path:
    """``--state-dir``, else what systemd names, else the service's if there is one, else the user's own."""
    if given is not None:
        return given
    if named := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(named)
    return service if service.is_dir() else Path.home() / ".local" / "state" / "nmos-appliance"


def backup(state_dir: Path, file: Path) -> int:
    """Write the backup, whole or not at all, readable by its owner only. The box may run."""
    kept = _tried(state_dir, lambda: read_state(state_dir))
    assert kept.seed is not None
    made = Backup(kept.seed, kept.tables, __version__, datetime.now(UTC).isoformat(timespec="seconds"))
    data = pack(made)
    if file == STANDARD:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        _tried(file, lambda: _write(file, data))
    print(f"{file}: {_said(made)}, {len(data)} bytes", file=sys.stderr if file == STANDARD else sys.stdout)
    return 0


def restore(state_dir: Path, file: Path) -> int:
    """Put a backup in the place of the state; refused, with nothing changed, where it cannot be used."""
    data = sys.stdin.buffer.read(MAX_BACKUP + 1) if file == STANDARD else _tried(file, lambda: _read(file))
    try:
        given = unpack(data)
    except BadRequest as error:
        raise CommandError(f"{file}: {error.message}; nothing was changed") from None
    mark = f"before-restore-{time.time_ns() // 1_000_000}"
    with _as_owner_of(state_dir):
        aside = _tried(state_dir, lambda: replace_state(state_dir, given, mark))
    print(f"{state_dir}: {_said(given)}, of {given.made}")
    for name in aside:
        print(f"as it was before: {state_dir / name}")
    return 0


def _said(given: Backup) -> str:
    count = sum(len(entries) for table, entries in given.tables.items() if table.startswith("resource/"))
    return f"the state of {given.label or 'a box that never ran'} (identity {given.seed}, {count} resources)"


def _write(file: Path, data: bytes) -> None:
    if file.exists() and not file.is_file():  # a pipe, or /dev/stdout
        file.write_bytes(data)
        return
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BACKUP + 1)


def _tried(where: Path, work: Callable[[], T]) -> T:
    """An OSError becomes one line."""
    try:
        return work()
    except PermissionError:
        raise CommandError(f"{where}: this user may not do that; root may (sudo)") from None
    except OSError as error:
        raise CommandError(f"{where}: {error.strerror or error}") from None


@contextlib.contextmanager
def _as_owner_of(folder: Path) -> Iterator[None]:
    """What root writes there must be the service's own from the first moment, or the service could not read it."""
    if os.geteuid() != 0 or not folder.is_dir():
        yield
        return
    owner = folder.stat()
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
