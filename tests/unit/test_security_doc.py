"""docs/security.md promises a test for each of its lines: every one that it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
LINES = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8").splitlines()
THREATS = [line for line in LINES if line.startswith("| ") and not line.endswith("| test |")]
NAME = re.compile(r"`([a-z0-9_/]+\.py)::(\w+)`")


@cache
def functions_of(file: str) -> frozenset[str]:
    path = TESTS / file
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_test_that_is_named_exists() -> None:
    named = [(file, name) for line in LINES for file, name in NAME.findall(line)]
    assert len(named) > 40
    assert [f"{file}::{name}" for file, name in named if name not in functions_of(file)] == []


def test_every_threat_names_one() -> None:
    assert THREATS
    assert [line for line in THREATS if not NAME.search(line.rpartition("| ")[2])] == []
