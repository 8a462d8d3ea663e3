"""The house holds (docs/architecture.md): imports point one way, the rules are pure, no file grows out of hand."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "appliance"
LONGEST = 400

SHAPE = {
    f"appliance.config.{part}"
    for part in ("access", "authorization", "ends", "mapping", "model", "panel", "tls", "video")
}
ANYONE = {"appliance", "appliance.errors", *SHAPE}
"""Known to all."""

LAYERS = (
    {"core"},
    {"web", "nmos", "discovery", "network", "media", "panel", "tally", "config"},
    {"system"},
    {"edge"},
    {"app", "cli", "commands", "demo", "run", "__main__"},
)
"""Each may import those before it and its own kind."""

IMPURE = {
    *(
        "aiohttp",
        "asyncio",
        "concurrent",
        "ctypes",
        "fcntl",
        "multiprocessing",
        "netifaces",
        "os",
        "pathlib",
        "pyroute2",
    ),
    *("random", "resource", "secrets", "select", "selectors", "shutil", "signal", "socket", "ssl", "subprocess"),
    *("tempfile", "threading", "time", "zeroconf"),
}
"""What the rules get as arguments, or leave to an edge."""

PURE = {"core", "web", "nmos", "discovery", "network", "media", "panel", "tally"}

FRONT_ENDS = {
    "panel.terminal": "a process of its own, on the panel's API",
}
"""Modules of pure packages that are edges all the same, and why."""


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(HOUSE.rglob("*.py")):
        parts = path.relative_to(HOUSE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts), path


def imports(path: Path) -> set[str]:
    """The modules that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path}: a relative import"
            assert node.level == 0, f"{path}: a relative import"
            found.add(node.module)
            if (HOUSE.parent / Path(*node.module.split("."))).is_dir():
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@functools.cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def layer_of(package: str) -> int:
    found = [level for level, packages in enumerate(LAYERS) if package in packages]
    assert found, f"{package} is in no layer: say in test_imports.py and docs/architecture.md where it belongs"
    return found[0]


MODULES = [pytest.param(name, path, id=name) for name, path in modules() if name not in ("__init__", "errors")]


@pytest.mark.parametrize(("name", "path"), MODULES)
def test_imports_point_one_way(name: str, path: Path) -> None:
    own = layer_of(name.partition(".")[0])
    for imported in sorted(imports(path)):
        if imported.partition(".")[0] != "appliance" or imported in ANYONE or is_name_of_anyone(imported):
            continue
        package = imported.split(".")[1]
        assert layer_of(package) <= own, f"{name} imports {imported}, which is above it"


@pytest.mark.parametrize(
    ("name", "path"), [param for param in MODULES if str(param.values[0]).partition(".")[0] in PURE]
)
def test_rules_are_pure(name: str, path: Path) -> None:
    if any(name == edge or name.startswith(f"{edge}.") for edge in FRONT_ENDS):
        return
    impure = {imported for imported in imports(path) if imported.partition(".")[0] in IMPURE}
    assert not impure, f"{name} imports {', '.join(sorted(impure))}: rules take inputs and now, edges do the rest"


def test_errors_and_the_shape_of_the_configuration_need_nothing_of_the_house() -> None:
    for path in (HOUSE / "errors.py", *(HOUSE.parent / f"{name.replace('.', '/')}.py" for name in SHAPE)):
        inside = {imported for imported in imports(path) if imported.startswith("appliance")}
        assert inside <= {"appliance.errors", "appliance.config", *SHAPE}, path


def test_no_file_grows_out_of_hand() -> None:
    long = {str(path): length for _, path in modules() if (length := len(path.read_bytes().splitlines())) > LONGEST}
    assert not long


def is_name_of_anyone(imported: str) -> bool:
    return imported.rpartition(".")[0] in ANYONE - {"appliance"} or imported == "appliance.__version__"
