"""What the shell completes and the manual explains is what the command line takes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.machine import CHECKOUT

COMPLETION = CHECKOUT / "debian" / "completions" / "nmos-appliance"
MANUAL = CHECKOUT / "debian" / "nmos-appliance.1"
_COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_nmos_appliance
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words: str, folder: Path = CHECKOUT) -> list[str]:
    """What bash offers for the last of these words."""
    ran = subprocess.run(
        ["bash", "-euc", _COMPLETE, "bash", str(COMPLETION), "nmos-appliance", *words],
        capture_output=True, text=True, check=False, timeout=20, cwd=folder,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def helped(*words: str) -> str:
    command = [sys.executable, "-m", "appliance", *words, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20, cwd=CHECKOUT).stdout


COMMANDS = re.findall(r"^    ([a-z-]+)(?: |$)", helped(), re.MULTILINE)


def test_every_command_is_completed_and_explained() -> None:
    assert "run" in COMMANDS
    assert sorted(completed("")) == sorted([*COMMANDS, "--version", "--help"])
    manual = MANUAL.read_text(encoding="utf-8")
    assert not [command for command in COMMANDS if not re.search(rf"^\.BR? .*\b{command}\b", manual, re.MULTILINE)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_completed(command: str) -> None:
    options = set(re.findall(r"(?<![\w-])--[a-z-]+", helped(command).partition("options:")[2]))
    assert set(completed(command, "--")) == options


def test_words_files_and_interfaces_are_completed(tmp_path: Path) -> None:
    (tmp_path / "box.toml").touch()
    assert completed("rec") == ["receivers"]
    assert completed("check", "bo", folder=tmp_path) == ["box.toml"]
    assert completed("run", "--config", "", folder=tmp_path) == ["box.toml"]
    assert completed("run", "--interface", "l") == ["lo"]
    assert completed("status", "--url", "") == []
