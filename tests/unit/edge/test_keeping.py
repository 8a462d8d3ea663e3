"""Restoring a backup: whenever the power fails, the box is the one it was or the one of the backup, never a mix."""

import random
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.core import journal
from appliance.core.backup import Backup
from appliance.edge.files import IDENTITY, JOURNAL, StateDirectory, replace_file
from appliance.edge.keeping import read_state, replace_state
from appliance.errors import ApplianceError, Conflict, NotFound
from tests.support.disk import FakeDisk, PowerCut

STATE = Path("/state")
OLD, NEW = (uuid.UUID(int=number, version=4) for number in (1, 2))
WAS: journal.Tables = {"label": {"a": {"label": "old"}}}
WILL_BE: journal.Tables = {"label": {"a": {"label": "new"}}, "connection": {"c": {"active": {}}}}
BACKUP = Backup(NEW, WILL_BE, "1", "then")
CHANCE = random.Random(5)

BEFORE = {
    "a box as it should be": (journal.whole(OLD, WAS), OLD),
    "a journal of another identity": (journal.whole(NEW, WAS), OLD),
    "a damaged journal": (journal.whole(OLD, WAS)[:9] + b"rubbish and more", OLD),
    "an identity without a journal": (None, OLD),
    "a journal without an identity": (journal.whole(OLD, WAS), None),
}


def disk_with(kept: bytes | None, seed: uuid.UUID | None) -> FakeDisk:
    disk = FakeDisk()
    disk.make_directory(STATE)
    if kept is not None:
        replace_file(disk, STATE / JOURNAL, [kept])
    if seed is not None:
        replace_file(disk, STATE / IDENTITY, [f"{seed}\n".encode()])
    disk.steps = 0
    return disk


def started(disk: FakeDisk) -> tuple[uuid.UUID | None, journal.Tables]:
    directory = StateDirectory(STATE, disk)
    try:
        kept = directory.open()
        return kept.seed, kept.tables
    finally:
        directory.close()


@pytest.mark.parametrize("before", BEFORE)
def test_a_restored_box_is_the_one_of_the_backup_and_the_other_is_kept(before: str) -> None:
    kept, seed = BEFORE[before]
    disk = disk_with(kept, seed)
    aside = replace_state(STATE, BACKUP, "before-restore-7", disk)
    if kept is not None:
        assert disk.read(STATE / f"{JOURNAL}.before-restore-7") == kept
    assert aside == tuple(
        f"{name}.before-restore-7" for name, was in ((JOURNAL, kept), (IDENTITY, seed)) if was is not None
    )
    assert disk.quiet
    assert started(disk) == (NEW, WILL_BE)


@pytest.mark.parametrize("before", BEFORE)
def test_wherever_the_power_fails_it_is_the_one_or_the_other(before: str) -> None:
    whole = disk_with(*BEFORE[before])
    was = started(disk_with(*BEFORE[before]))
    replace_state(STATE, BACKUP, "mark", whole)
    outcomes = set()
    for cut in range(whole.steps + 1):
        disk = disk_with(*BEFORE[before])
        disk.cut_at = cut
        with suppress(PowerCut):
            replace_state(STATE, BACKUP, "mark", disk)
        seed, tables = started(disk.after_power_cut(CHANCE))
        assert (seed, tables) in (was, (NEW, WILL_BE)), f"cut at step {cut}"
        outcomes.add(seed)
    assert outcomes == {was[0], NEW}


def test_a_directory_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    running = StateDirectory(tmp_path)
    running.open()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(Conflict, match="systemctl stop nmos-appliance"):
        replace_state(tmp_path, BACKUP, "mark")
    running.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_backup_reads_beside_a_running_box_and_leaves_out_a_commit_half_written(tmp_path: Path) -> None:
    running = StateDirectory(tmp_path)
    running.open()
    (tmp_path / IDENTITY).write_text(f"{OLD}\n", encoding="ascii")
    (tmp_path / JOURNAL).write_bytes(journal.whole(OLD, WAS) + b"\0\0\1")
    kept = read_state(tmp_path)
    running.close()
    assert (kept.seed, kept.tables) == (OLD, WAS)


def test_no_backup_is_made_of_a_damaged_state_or_of_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="--state-dir"):
        read_state(tmp_path / "nothing")
    (tmp_path / JOURNAL).write_bytes(b"rubbish")
    with pytest.raises(ApplianceError, match="damaged at byte 0; no backup is made of this"):
        read_state(tmp_path)
