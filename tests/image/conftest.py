"""The images are made by `make image-test`, in build/image: one whose root is never written, one like any Debian."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.image.machine import BOOT_PATIENCE_S, ArmMachine, available
from tests.lan.network import Host, Lan
from tests.lan.observer import Announced, Observer
from tests.support.environment import unavailable

CHECKOUT = Path(__file__).parents[2]
IMAGES = CHECKOUT / "build" / "image"


@dataclass(slots=True)
class Room:
    """A box that is switched on, and a desk on the same bare switch, where nobody gives out addresses."""

    machine: ArmMachine
    desk: Host
    box: Announced

    @property
    def address(self) -> str:
        return next(address for address in self.box.addresses if ":" not in address)

    def wait(self) -> None:
        """Until it is announced on the network."""
        self.box = seen(self.desk)


@pytest.fixture(scope="module", params=["read-only", "writable"])
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    if missing := available():
        unavailable(f"{', '.join(missing)} not installed")
    folder = tmp_path_factory.mktemp(request.param)
    with Lan(folder) as lan:
        desk, place = lan.host("desk"), lan.isolated("place")
        lan.plug(place, "eth0", "red", addressed=False)
        desk.add_address("eth0", "169.254.9.9/16")
        with ArmMachine(IMAGES / f"{request.param}.img", place, folder, IMAGES / "key") as machine:
            yield Room(machine, desk, seen(desk))


def seen(desk: Host) -> Announced:
    """What is announced by mDNS first, asked anew; the box takes its own address when nobody gave it one."""
    observer = Observer(desk)
    try:
        label = "nmos-box-123456"  # of the port's address
        return observer.wait_for(label, lambda box: any(":" not in ip for ip in box.addresses), BOOT_PATIENCE_S)
    finally:
        observer.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    report = (yield).get_result()
    room = getattr(item, "funcargs", {}).get("room")
    if report.failed and room:
        report.sections.append(("console", room.machine.console[-4000:]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "room" in getattr(item, "fixturenames", ()):
            item.add_marker("root")
            item.add_marker(pytest.mark.timeout(3600))
