"""Fixtures for tests on a LAN of namespaces; what its processes said is shown when a test fails."""

import shutil
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.lan.box import Box
from tests.lan.browser import PROGRAM, Browser
from tests.lan.documents import Documents
from tests.lan.network import Host, Lan
from tests.lan.peer import Peer
from tests.support.environment import unavailable

StartBox = Callable[..., Box]
StartPeer = Callable[..., Peer]

_PROGRAMS = ("ip", "setpriv", "unshare", "nsenter")  # iproute2, util-linux
_SHOWN_OF_A_LOG = 20_000


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    """An empty LAN of this test's own. Tests that use it are marked `root`."""
    if missing := [program for program in _PROGRAMS if not shutil.which(program)]:
        unavailable(f"{', '.join(missing)} not installed")
    with Lan(tmp_path) as lan:
        yield lan


@pytest.fixture
def start_box(lan: Lan, tmp_path: Path) -> StartBox:
    """`start_box(host, config, name="box", ...)`: a running `Box`; killed, if it still runs, when the test is over."""

    def start(host: Host, config: str | None = "", *, name: str = "box", **more: Any) -> Box:
        box = Box(host, tmp_path / f"{name}.d", config, name=name, **more)
        lan.enter(box)
        return box

    return start


@pytest.fixture
def start_peer(lan: Lan) -> StartPeer:
    """`start_peer(host, name, documents)`: a running fake `Peer` that is still silent."""

    def start(host: Host, name: str, documents: Documents | None = None, **more: Any) -> Peer:
        peer = Peer(host, name, documents, **more)
        lan.enter(peer)
        return peer

    return start


@pytest.fixture
def browser(lan: Lan, tmp_path: Path) -> Iterator[Browser]:
    """On a host of its own, as an engineer's phone is."""
    if not shutil.which(PROGRAM):
        unavailable(f"{PROGRAM} not installed")
    browser = Browser(lan.host("phone"), tmp_path / "browser", log=lan.log("browser"))
    lan.enter(browser)
    yield browser
    shown = [error for error in browser.errors if "ERR_CONNECTION" not in error]
    assert not shown, "the browser complained"


@pytest.fixture
def axe() -> str:
    """The axe-core script; only the file of the package is used."""
    package = find_spec("axe_core_python")
    if package is None or package.origin is None:
        unavailable("axe-core-python not installed")
    return Path(package.origin).with_name("axe.min.js").read_text(encoding="utf-8")


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "lan" in fixtures:
            item.add_marker("root")
        if "browser" in fixtures or item.get_closest_marker("gstreamer"):
            item.add_marker("alone")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    report = (yield).get_result()
    lan = getattr(item, "funcargs", {}).get("lan")
    if report.failed and lan:
        for name, file in lan.logs.items():
            said = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
            report.sections.append((f"log of {name} ({file})", said[-_SHOWN_OF_A_LOG:]))
