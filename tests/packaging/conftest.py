"""The machine that the package is installed on, one for each release of Debian."""

import os
import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lan.network import Host, Lan
from tests.packaging.machine import CHECKOUT, PROGRAMS, Machine, root_of
from tests.support.environment import unavailable

# `NMOS_TEST_SUITES=bookworm` keeps to one of them.
SUITES = os.environ.get("NMOS_TEST_SUITES", "bookworm trixie").split()


@dataclass(frozen=True, slots=True)
class Installation:
    """The package on a machine that was installed without any network, and a desk on the LAN it will be cabled to."""

    machine: Machine
    host: Host
    desk: Host
    package: Path


@pytest.fixture(scope="module", params=SUITES)
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The package, freshly installed and started on a machine with loopback and nothing else."""
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        unavailable(f"{', '.join(missing)} not installed")
    package = built_package()
    folder = tmp_path_factory.mktemp(request.param)
    with Lan(folder) as lan:
        desk, host = lan.host("desk"), lan.isolated("box")
        with Machine(root_of(request.param), host, folder / "inbox") as machine:
            machine.install(package)
            yield Installation(machine, host, desk, package)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "installation" in getattr(item, "fixturenames", ()):
            item.add_marker("root")
            item.add_marker(pytest.mark.timeout(600))  # the first one makes the root


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    report = (yield).get_result()
    installation = getattr(item, "funcargs", {}).get("installation")
    if report.failed and installation:
        said = installation.machine.says("journalctl", "--unit=nmos-appliance", "--no-pager", "--lines=60")
        report.sections.append(("journal of nmos-appliance", said))


def built_package() -> Path:
    """What `make deb` built last."""
    packages = sorted((CHECKOUT / "build" / "deb").glob("nmos-appliance_*_all.deb"))
    if not packages:
        pytest.fail("there is no package: `make deb` first", pytrace=False)
    return packages[-1]
