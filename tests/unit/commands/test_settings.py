"""Presets, auto-routes and the lock from the command line, against the panel's real API."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import main
from appliance.commands import operate
from appliance.commands.client import CommandError, Daemon
from appliance.panel.kept import panel_item
from appliance.web.messages import Answer
from tests.unit.panel.test_operating import MIC, PIN, Box
from tests.unit.panel.worlds import AUDIO, connection


class InProcess(Daemon):
    def __init__(self) -> None:
        super().__init__("http://box")
        self.box = Box()

    def get(self, path: str, **query: str | int) -> Any:
        return self._answer(self.box.get(path, **{key: str(value) for key, value in query.items()}))

    def post(self, path: str, body: object) -> Any:
        return self._answer(self.box.post(path, body))

    def _answer(self, answer: Answer) -> Any:
        if answer.status >= 400:
            raise CommandError(answer.body["error"])
        return json.loads(answer.payload())


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> InProcess:
    made = InProcess()
    monkeypatch.setattr(operate, "daemon", lambda arguments: made)
    return made


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_presets(daemon: InProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = daemon.box
    box.scene.connect(AUDIO, connection(MIC))
    assert main(["preset", "save", "Show"]) == 0
    assert main(["preset", "list"]) == 0
    assert capsys.readouterr().out == "Show  (2 receivers)\n"
    assert main(["preset", "export"]) == 0
    file = tmp_path / "presets.json"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["preset", "rename", "Show", "Evening"]) == 0
    assert main(["preset", "import", str(file)]) == 0
    assert [preset.name for preset in box.panel.presets] == ["Evening", "Show"]
    assert main(["preset", "delete", "Evening"]) == 0
    box.scene.connect(AUDIO, connection(None, enabled=False))
    assert main(["preset", "recall", "Show"]) == 0
    assert capsys.readouterr().out == "Show: 1 changed\n"
    box.scene.connect(AUDIO, connection(None, enabled=False))
    box.scene.world.update("p", remove=[MIC])
    assert main(["preset", "recall", "Show"]) == 1
    assert "nmos-appliance: Speakers: sender_id: no source" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["recall"], "NAME is wanted"),
        (["rename", "Show"], "NAME and TO are wanted"),
        (["save", "Show", "Other"], "NAME is wanted"),
        (["recall", "Nobody"], "there is no preset 'Nobody'"),
        (["export", "Nobody"], "no preset is called 'Nobody'"),
        (["import", "/nowhere.json"], "No such file"),
        (["import", __file__], "is not JSON"),
    ],
)
def test_bad_presets_are_one_line(
    daemon: InProcess, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preset", *words]) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert daemon.box.panel.presets == ()


def test_auto_route(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["auto-route", "speakers", "follow", "--rule", "label=Mic*,device=Inputs", "--rule", "tag=lead"]
    assert main([*words, "--hold", "3", "--back", "no"]) == 0
    assert capsys.readouterr().out == "Speakers: follow (label=Mic*, device=Inputs; tag=lead), replaces after 3 s\n"
    assert main(["auto-route"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "Screen: keep"
    assert main(["auto-route", "Speakers", "--as-configured"]) == 0
    assert main(["auto-route", "--json"]) == 0
    assert {each["route"]["mode"] for each in json.loads(capsys.readouterr().out.partition("\n")[2])} == {"keep"}
    assert main(["auto-route", "--release"]) == 1
    assert main(["auto-route", "Speakers", "follow"]) == 1
    assert main(["auto-route", "Speakers", "--rule", "Mic"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2][:20] for line in said] == [
        "auto-route: which RE",
        "rules: must have one",
        "--rule: 'Mic' is not",
    ]


def test_the_lock(daemon: InProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed(monkeypatch, PIN)
    assert main(["lock", "--set-pin"]) == 0
    assert (daemon.box.panel.locked, daemon.box.panel.has_pin) == (True, True)
    typed(monkeypatch, "0000")
    assert main(["unlock"]) == 1
    assert "pin: is wrong" in capsys.readouterr().err
    typed(monkeypatch, PIN)
    assert main(["unlock"]) == 0
    typed(monkeypatch, PIN, "")
    assert main(["lock", "--set-pin"]) == 0
    assert main(["unlock"]) == 0
    assert not panel_item(daemon.box.scene.store, daemon.box.defaults).locked


def test_a_password_is_printed_as_its_hash(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed(monkeypatch, "hunter2")
    assert main(["password"]) == 0
    said = capsys.readouterr().out
    assert said.startswith('password = "scrypt:')
    assert "hunter2" not in said
    typed(monkeypatch, "")
    assert main(["password"]) == 1
