"""docs/config.md and the manual page say what the dataclasses do."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from appliance.config import model

CHECKOUT = Path(__file__).parents[3]
WRITTEN = ("docs/config.md", "debian/nmos-appliance.toml.5")
TABLES = [value for name, value in vars(model).items() if name.endswith("Config") and value is not model.Config]


def test_both_are_as_the_tool_writes_them() -> None:
    tool = CHECKOUT / "tools" / "config-reference"
    ran = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("written", WRITTEN)
def test_no_key_is_left_out(written: str) -> None:
    text = (CHECKOUT / written).read_text(encoding="utf-8")
    for table in TABLES:
        for field in fields(table):
            assert f"`{field.name}`" in text or f"\\fB{field.name}\\fR" in text, f"{table.__name__}.{field.name}"
