"""PTP with linuxptp: a grandmaster and a box that follows it, and what the box says of it. No clock is steered."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import StartBox
from tests.lan.box import Box
from tests.lan.network import Lan
from tests.lan.ptp4l import PACKAGES, Ptp4l
from tests.lan.waiting import eventually
from tests.support.environment import unavailable
from tests.support.specs import problems

BOX = """
[network]
ptp_sockets = ["{socket}"]

[media]
driver = "null"

[[devices]]
name = "box"

[[senders]]
name = "tone"
device = "box"
"""


class Room:
    """A grandmaster, and a box beside a ptp4l of its own; neither runs yet."""

    def __init__(self, lan: Lan, folder: Path, domain: int) -> None:
        self.studio, self.stage = lan.host("studio"), lan.host("stage")
        self.master = Ptp4l(self.studio, folder / "m", domain=domain)
        self.slave = Ptp4l(self.stage, folder / "s", slave=True, domain=domain)


@pytest.fixture
def running() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def room(lan: Lan, folder: Path, running: ExitStack, domain: int = 127) -> Room:
    if not shutil.which("ptp4l"):
        unavailable(f"{', '.join(PACKAGES)} not installed")
    made = Room(lan, folder, domain)
    running.callback(made.master.kill)
    running.callback(made.slave.kill)
    return made


def node(box: Box) -> Any:
    return box.json("/x-nmos/node/v1.3/self")


def clock(box: Box) -> Any:
    """The PTP clock; None where there is none."""
    return next((clock for clock in node(box)["clocks"] if clock["ref_type"] == "ptp"), None)


def until(box: Box, patience_s: float = 30.0, **fields: object) -> None:
    """Wait for a PTP clock that has these fields."""

    def look() -> bool:
        now = clock(box)
        assert now is not None
        assert {key: now[key] for key in fields} == fields
        return True

    eventually(look, f"a PTP clock with {fields}", patience_s)


def versions(box: Box) -> dict[str, str]:
    kinds = ("sources", "senders")
    return {
        "node": node(box)["version"],
        **{kind: box.json(f"/x-nmos/node/v1.3/{kind}")[0]["version"] for kind in kinds},
    }


def ts_refclk(box: Box) -> str:
    sender = box.json("/x-nmos/node/v1.3/senders")[0]
    text = box.get(f"/x-nmos/connection/v1.1/single/senders/{sender['id']}/transportfile").body.decode()
    return next(line.removeprefix("a=ts-refclk:") for line in text.splitlines() if line.startswith("a=ts-refclk:"))


def clock_name(box: Box) -> str:
    return str(box.json("/x-nmos/node/v1.3/sources")[0]["clock_name"])


def test_life(lan: Lan, tmp_path: Path, start_box: StartBox, running: ExitStack) -> None:
    """The clock comes, is locked, becomes traceable, is lost, and goes: the box follows, and peers can tell."""
    there = room(lan, tmp_path, running)
    box = start_box(there.stage, BOX.format(socket=there.slave.socket))
    assert clock(box) is None
    assert clock_name(box) == "clk0"
    assert ts_refclk(box).startswith("localmac=")

    there.master.start()
    there.slave.start()
    until(box, gmid=there.master.gmid, locked=False, traceable=False)
    assert clock_name(box) == "clk1"
    assert ts_refclk(box).startswith("localmac=")
    assert not problems("is-04", "v1.3", "node.json", node(box))

    before = versions(box)
    there.slave.certain(yes=True)
    until(box, gmid=there.master.gmid, locked=True)
    assert ts_refclk(box) == f"ptp=IEEE1588-2008:{there.master.gmid.upper()}:127"
    after = versions(box)
    assert {kind for kind in before if before[kind] != after[kind]} == {"node", "senders"}

    there.master.traceable()
    until(box, locked=True, traceable=True)
    assert ts_refclk(box) == "ptp=IEEE1588-2008:traceable"

    there.master.kill()
    until(box, gmid=there.master.gmid, locked=False)
    assert ts_refclk(box).startswith("localmac=")

    there.slave.kill()
    eventually(lambda: clock(box) is None, "the clock to go", 40.0)
    assert clock_name(box) == "clk0"


def test_start(lan: Lan, tmp_path: Path, start_box: StartBox, running: ExitStack) -> None:
    """A box that starts where PTP runs has its clock, in whatever domain; and again.

    From the first answer on, where ptp4l is quick to say what it knows: tests/unit/edge/test_ptp.py.
    """
    there = room(lan, tmp_path, running, domain=44)
    there.master.start()
    there.slave.start()
    there.slave.certain(yes=True)
    box = start_box(there.stage, BOX.format(socket=there.slave.socket))
    until(box, locked=True, gmid=there.master.gmid)
    assert ts_refclk(box).endswith(":44")
    box.restart()
    until(box, locked=True, gmid=there.master.gmid)
    assert ts_refclk(box).endswith(":44")


def test_own(lan: Lan, tmp_path: Path, start_box: StartBox, running: ExitStack) -> None:
    """A box that is the grandmaster refers to itself."""
    there = room(lan, tmp_path, running)
    box = start_box(there.studio, BOX.format(socket=there.master.socket))
    there.master.start()
    until(box, gmid=there.master.gmid, locked=True)
