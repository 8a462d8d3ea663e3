"""The command line itself: what it accepts, its exit codes, where it finds things."""

from pathlib import Path

import pytest

from appliance.cli import main, state_dir


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["explain"],
        ["take", "Speaker"],
        ["take", "Speaker", "Tone", "--off"],
        ["run", "--http-port", "65536"],
        ["run", "--http-port", "-1"],
        ["run", "--http-port", "٣"],
        ["check"],
        ["panel", "--json"],
    ],
)
def test_wrong_command_line_exits_2(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(line)
    assert exit_.value.code == 2
    assert "usage: nmos-appliance" in capsys.readouterr().err


def test_help_lists_only_what_works(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    shown = capsys.readouterr().out
    for name in (
        "run",
        "check",
        "devices",
        "status",
        "sources",
        "receivers",
        "take",
        "watch",
        "panel",
        "report",
        "backup",
        "restore",
    ):
        assert f"\n    {name}" in shown


@pytest.mark.parametrize("command", [["status"], ["sources"], ["receivers"], ["take", "a", "--off"], ["watch"]])
def test_no_daemon_is_one_line_and_exit_1(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--url", "http://127.0.0.1:1"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert "no box at http://127.0.0.1:1: Connection refused" in output.err


def test_panel_without_a_terminal_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["panel", "--url", "http://127.0.0.1:1"]) == 1
    assert "needs a terminal" in capsys.readouterr().err


def test_state_dir_is_the_given_one_else_systemds_else_the_users() -> None:
    assert state_dir(Path("/x"), {"STATE_DIRECTORY": "/y"}) == Path("/x")
    assert state_dir(None, {"STATE_DIRECTORY": "/var/lib/nmos-appliance:/other"}) == Path("/var/lib/nmos-appliance")
    assert state_dir(None, {}) == Path.home() / ".local/state/nmos-appliance"


def test_check_names_every_error_with_its_key_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[network]\nhttp_port = "x"\n[[senders]]\nname = "a"\ndevice = 5\n')
    assert main(["check", str(file)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{file}: ") for line in lines)
    assert any("network.http_port" in line for line in lines)


def test_check_of_a_good_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "good.toml"
    file.write_text('[node]\nlabel = "Box"\n')
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: good: 0 devices, 0 senders, 0 receivers\n"


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_config_that_cannot_be_read_exits_2(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "missing.toml"
    line = [command, str(file)] if command == "check" else [command, "--config", str(file)]
    assert main(line) == 2
    assert str(file) in capsys.readouterr().err


def test_a_screen_that_the_configuration_does_not_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "box.toml"
    file.write_text('[[panel.screens]]\nname = "front"\n')
    assert main(["panel", "--screen", "back", "--config", str(file), "--url", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == f"nmos-appliance: {file}: no screen has the name 'back' (panel.screens: front)\n"
