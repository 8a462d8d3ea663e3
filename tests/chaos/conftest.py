"""One room for all: to make it takes as long as several faults."""

import shutil
from collections.abc import Iterator

import pytest

from tests.chaos.oracle import Oracle
from tests.chaos.room import Room
from tests.lan.network import Lan
from tests.support.environment import unavailable

_PROGRAMS = ("ip", "setpriv", "nsenter", "prlimit", "mount")  # iproute2, util-linux, mount


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A room where every part of the box has been used once. Tests that use it are marked `root`."""
    if missing := [program for program in _PROGRAMS if not shutil.which(program)]:
        unavailable(f"{', '.join(missing)} not installed")
    folder = tmp_path_factory.mktemp("chaos")
    with Lan(folder) as here, Lan(folder) as elsewhere:
        yield Room(here, elsewhere, folder)


@pytest.fixture(scope="session")
def oracle(room: Room) -> Oracle:
    """It has seen the box well, and knows what it costs then."""
    room.take(1)
    room.stage()
    room.open_registry()
    first = Oracle(room)
    first.check()
    room.close_registry()
    first.check()
    return Oracle(room)


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "room" in getattr(item, "fixturenames", ()):
            item.add_marker("root")
