"""``backup`` and ``restore``, from the command line to the files."""

import io
import os
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.cli import main
from appliance.commands.keep import find_state
from appliance.core import journal
from appliance.edge.files import IDENTITY, JOURNAL, StateDirectory

SEED, OTHER = (uuid.UUID(int=number, version=4) for number in (7, 8))
NODE = {"n": {"id": "n", "label": "Foyer", "version": "1:0"}}


def state(folder: Path, seed: uuid.UUID, tables: journal.Tables) -> Path:
    folder.mkdir()
    (folder / JOURNAL).write_bytes(journal.whole(seed, tables))
    (folder / IDENTITY).write_text(f"{seed}\n", encoding="ascii")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return state(tmp_path / "state", SEED, {"resource/node": NODE})


def opened(folder: Path) -> journal.Kept:
    directory = StateDirectory(folder)
    try:
        return directory.open()
    finally:
        directory.close()


def test_another_box_becomes_the_one_that_was_backed_up(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "box.backup"
    assert main(["backup", "--state-dir", str(folder), str(file)]) == 0
    assert f"the state of Foyer (identity {SEED}, 1 resources)" in capsys.readouterr().out
    assert file.stat().st_mode & 0o777 == 0o600
    other = state(tmp_path / "other", OTHER, {})
    assert main(["restore", "--state-dir", str(other), str(file)]) == 0
    kept = opened(other)
    assert (kept.seed, kept.tables) == (SEED, {"resource/node": NODE})
    said = capsys.readouterr().out
    aside = sorted(path for path in other.iterdir() if "before-restore" in path.name)
    assert [path.name.partition(".before")[0] for path in aside] == [IDENTITY, JOURNAL]
    assert all(str(path) in said for path in aside)
    assert journal.read(aside[1].read_bytes()).seed == OTHER


def test_a_box_that_has_no_state_yet_gets_one(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "box.backup"
    main(["backup", "--state-dir", str(folder), str(file)])
    assert main(["restore", "--state-dir", str(tmp_path / "a" / "new"), str(file)]) == 0
    assert opened(tmp_path / "a" / "new").seed == SEED


def test_a_pipe_will_do(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out, flush=lambda: None))
    assert main(["backup", "--state-dir", str(folder), "-"]) == 0
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(out.getvalue())))
    assert main(["restore", "--state-dir", str(tmp_path / "new"), "-"]) == 0
    assert opened(tmp_path / "new").seed == SEED


@pytest.mark.parametrize("content", [b"", b"rubbish", journal.whole(OTHER, {})])
def test_what_is_no_backup_changes_nothing(
    content: bytes, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / "file").write_bytes(content)
    assert main(["restore", "--state-dir", str(folder), str(tmp_path / "file")]) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_running_box_is_not_touched(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = StateDirectory(folder)
    running.open()
    file = tmp_path / "box.backup"
    assert main(["backup", "--state-dir", str(folder), str(file)]) == 0
    assert main(["restore", "--state-dir", str(folder), str(file)]) == 1
    running.close()
    assert "systemctl stop nmos-appliance" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "why"), [("backup", "has kept its state in"), ("restore", "No such file or directory")]
)
def test_what_is_not_there_is_one_line(
    command: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--state-dir", str(tmp_path / "none"), str(tmp_path / "file")]) == 1
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1


def test_a_backup_that_cannot_be_written_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    assert main(["backup", "--state-dir", str(folder), str(tmp_path / "no" / "folder")]) == 1
    (tmp_path / "taken").mkdir()
    assert main(["backup", "--state-dir", str(folder), str(tmp_path / "taken")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "taken"]


@pytest.mark.root
def test_what_root_restores_is_the_services_own(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "box.backup"
    main(["backup", "--state-dir", str(folder), str(file)])
    service = tmp_path / "service"
    service.mkdir()
    for above in (tmp_path, *tmp_path.parents):  # pytest's are for root alone
        mode = above.stat().st_mode
        if not mode & 0o005:
            above.chmod(mode | 0o055)
    os.chown(service, 65534, 65534)
    assert main(["restore", "--state-dir", str(service), str(file)]) == 0
    assert {path.stat().st_uid for path in service.iterdir()} == {65534}
    assert os.geteuid() == 0


def test_the_state_is_looked_for_where_the_service_keeps_it(tmp_path: Path) -> None:
    named = {"STATE_DIRECTORY": "/srv/state:/srv/other"}
    assert find_state(tmp_path, named) == tmp_path
    assert find_state(None, named) == Path("/srv/state")
    assert find_state(None, {}, service=tmp_path) == tmp_path
    assert find_state(None, {}, service=tmp_path / "none") == Path.home() / ".local/state/nmos-appliance"
