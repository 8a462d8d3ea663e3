"""``report``: one file, whatever is missing."""

import tarfile
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.core import journal
from appliance.edge.files import JOURNAL

SEED = uuid.UUID(int=7, version=4)
NOBODY = "http://127.0.0.1:9"
"""Where nothing listens: the discard port."""


def parts_of(file: Path) -> Mapping[str, str]:
    """Its files by their path below the one folder that it has."""
    with tarfile.open(file) as archive:
        found = {member.name: archive.extractfile(member) for member in archive}
        folders = {name.partition("/")[0] for name in found}
        assert len(folders) == 1
        return {name.partition("/")[2]: stream.read().decode() for name, stream in found.items() if stream is not None}


def test_of_a_box_that_does_not_answer_it_has_all_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, state, file = tmp_path / "config.toml", tmp_path / "state", tmp_path / "report.tar.gz"
    config.write_text('[discovery]\nregistry = "http://me:hush-hush@10.0.0.1"\npassword = "xyzzy-plugh"\n')
    state.mkdir()
    (state / JOURNAL).write_bytes(journal.whole(SEED, {"label": {"a": {}}}))
    (state / "xyzzy-plugh").touch()
    arguments = ["report", str(file), "--config", str(config), "--state-dir", str(state), "--url", NOBODY]
    assert main(arguments) == 0
    parts = parts_of(file)
    assert "aiohttp" in parts["about.txt"]
    assert str(SEED) in parts["state.txt"]
    assert "1  label" in parts["state.txt"]
    assert parts["status.json"].startswith("not available: no box at")
    assert "[discovery]" in parts["appliance.toml"]
    assert not any(secret in part for part in parts.values() for secret in ("hush-hush", "xyzzy-plugh"))
    said = capsys.readouterr().out
    assert "not in it: status.json, " in said
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_that_is_there_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("precious")
    assert main(["report", str(tmp_path / "file"), "--state-dir", str(tmp_path), "--url", NOBODY]) == 1
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "precious"


def test_without_anything_it_still_says_what_is_missing(tmp_path: Path) -> None:
    none = tmp_path / "none"
    file = tmp_path / "r"
    assert main(["report", str(file), "--config", str(none), "--state-dir", str(none), "--url", "what?"]) == 0
    parts = parts_of(file)
    assert parts["appliance.toml"] == parts["state.txt"] == "not available: No such file or directory\n"
    assert "is not a URL" in parts["health.json"]
