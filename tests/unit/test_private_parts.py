"""What is private in Python's own library or in a package, and used all the same: named here, and still there.

Where a new Python or a new release of a package breaks one of these, look at where it is used, and why.
"""

import ast
import importlib

import pytest

from tests.unit.test_imports import modules

USED = {
    ("edge.certificates", "_test_decode_cert"): "_ssl",
    ("edge.mdns_probing", "_CHECK_TIME"): "zeroconf.const",
    ("system.loopstats", "_run"): "asyncio:Handle",
    ("system.turns", "_SelectorSocketTransport"): "asyncio.selector_events",
    ("system.turns", "_call_connection_lost"): "asyncio.selector_events:_SelectorSocketTransport",
    ("system.turns", "_make_socket_transport"): "asyncio:SelectorEventLoop",
    ("system.turns", "_make_ssl_transport"): "asyncio:SelectorEventLoop",
    ("web.site", "_compile"): "bottle:Router",
}
"""(which module of ours uses it, its name): whose it is, a module's or its class's."""


def private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def names(tree: ast.Module, lines: list[str]) -> set[str]:
    """Private names that are imported, asked for by ``getattr`` and ``hasattr``, excused from ruff's SLF001, or done
    otherwise in a class of ours."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=aliases):
                found |= {alias.name for alias in aliases}
            case ast.Call(func=ast.Name(id="getattr" | "hasattr"), args=[_, ast.Constant(value=str(name)), *_]):
                found.add(name)
            case ast.Attribute(attr=name, lineno=line) if "SLF001" in lines[line - 1]:
                found.add(name)
            case ast.Attribute(ast.Call(ast.Name("super")), name):
                found.add(name)
    return {name for name in found if private(name)}


def test_each_that_is_used_is_named_here() -> None:
    found = set()
    for module, path in modules():
        text = path.read_text(encoding="utf-8")
        found |= {(module, name) for name in names(ast.parse(text), text.splitlines())}
    assert found == set(USED)


@pytest.mark.parametrize(("name", "owner"), [(name, owner) for (_, name), owner in USED.items()])
def test_it_is_still_there(name: str, owner: str) -> None:
    module, _, kind = owner.partition(":")
    whole = importlib.import_module(module)
    assert hasattr(getattr(whole, kind) if kind else whole, name)
