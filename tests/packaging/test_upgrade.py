"""To a version with another schema of the state, and back: who the box is and what was configured stays."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.lan import http
from tests.lan.waiting import eventually
from tests.packaging.conftest import Installation

UNIT = "nmos-appliance.service"
CONFIG = "/etc/nmos-appliance/appliance.toml"
STATE = "/var/lib/nmos-appliance"
OK = 200
KEEP_MINE = "--option=Dpkg::Options::=--force-confdef"
"""What Enter answers to dpkg's question about a configuration that was edited."""


@pytest.fixture(scope="module")
def newer(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same package as a next version would be: another number, and a state of the next schema."""
    folder = tmp_path_factory.mktemp("newer")
    subprocess.run(["dpkg-deb", "--raw-extract", installation.package, folder / "tree"], check=True)
    edit(folder / "tree/DEBIAN/control", "Version: 0.", "Version: 99.")
    journal = folder / "tree/usr/lib/python3/dist-packages/appliance/core/journal.py"
    edit(journal, "\nSCHEMA = 1\n", "\nSCHEMA = 2\n")
    edit(journal, "Mapping[int, Migration] = {}", "Mapping[int, Migration] = {1: lambda tables: tables}")
    edit(folder / "tree/etc/nmos-appliance/appliance.toml", "# The configuration", "# The newer configuration")
    subprocess.run(["bash", "-c", "sed -i /appliance.core.journal/d DEBIAN/md5sums"], cwd=folder / "tree", check=True)
    package = folder / "nmos-appliance_99_all.deb"
    command: list[str | Path] = ["dpkg-deb", "--root-owner-group", "--build", folder / "tree", package]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return package


def test_an_upgrade_keeps_what_was_chosen_and_what_was_configured(installation: Installation, newer: Path) -> None:
    machine = installation.machine
    installation.host.lan.plug(installation.host, "eth0", "red")
    machine.run("sh", "-c", f"echo '# mine' >>{CONFIG}")
    before = node_id(installation)
    name(installation, "Foyer")
    machine.install(newer, KEEP_MINE)
    assert node_id(installation) == before
    assert label(installation) == "Foyer"
    assert machine.says("tail", "-n1", CONFIG) == "# mine"
    assert f"{STATE}/state.journal.schema-1" in machine.says("sh", "-c", f"ls {STATE}/*")


def test_a_downgrade_says_what_it_cannot_read_and_is_the_same_box(installation: Installation) -> None:
    machine = installation.machine
    before = node_id(installation)
    machine.install(installation.package, "--allow-downgrades", KEEP_MINE)
    assert node_id(installation) == before
    assert label(installation) != "Foyer"
    assert "written by a newer version of nmos-appliance" in machine.says("journalctl", f"--unit={UNIT}", "--no-pager")
    assert machine.says("tail", "-n1", CONFIG) == "# mine"


def test_what_was_chosen_before_the_upgrade_can_be_had_again(installation: Installation) -> None:
    """As docs/operators.md says."""
    machine = installation.machine
    machine.run("systemctl", "stop", UNIT)
    machine.run("mv", f"{STATE}/state.journal.schema-1", f"{STATE}/state.journal")
    machine.run("systemctl", "start", UNIT)
    assert eventually(lambda: label(installation) == "Foyer", "the name that it was given")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} in {file.name}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def ask(installation: Installation, method: str, path: str, body: object = None) -> dict[str, str]:
    """Somebody on the LAN; an AssertionError while nothing answers."""
    url = f"http://{installation.host.address()}{path}"
    data, headers = (None, {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        answer = http.request(installation.desk, method, url, data, headers)
    except OSError as error:
        raise AssertionError(f"{method} {path}: {error}") from None
    assert answer.status == OK, answer.text
    found: dict[str, str] = json.loads(answer.body)
    return found


def node_id(installation: Installation) -> str:
    return eventually(lambda: ask(installation, "GET", "/x-nmos/node/v1.3/self")["id"], "the Node API")


def label(installation: Installation) -> str:
    return ask(installation, "GET", "/x-nmos/node/v1.3/self")["label"]


def name(installation: Installation, text: str) -> None:
    """At the panel: kept in the state, not in the configuration. It is on the disk after half a second."""
    ask(installation, "POST", "/panel/label", {"id": node_id(installation), "label": text})
