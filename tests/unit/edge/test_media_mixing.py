"""Media where channels are mapped: what runs beside a receiver, what its fault means, who meets the mixer."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

from appliance.core.store import Change
from appliance.edge.patchbay import Patchbay
from appliance.errors import BadRequest
from appliance.media.engine import MIXER, Job, Patch, Plan, StreamStatus, beside
from appliance.media.jobs import Desired
from tests.unit.edge.test_media import Rig, rigged
from tests.unit.media.streams import RECEIVER as JOB

PATCH = Patch(True, "receiver-r", 2, 48_000, 240)
SINK = replace(JOB, id=beside("r"), role="sink", legs=(), patch=replace(PATCH, to_mixer=False, id="sink-r"))


class PaperPatchbay:
    """A mixer that is not there: the other ends of the sockets are kept."""

    def __init__(self) -> None:
        self.ends: list[tuple[Patch, socket.socket]] = []
        self.routed = True
        self.from_elsewhere = False
        """Whether something that no receiver receives is routed to the sink."""

    def patched(self, id: str, desired: Desired) -> Desired:
        return replace(desired, patch=PATCH) if id == "r" and isinstance(desired, Job) else desired

    def beside(self, is_active: Callable[[str], bool]) -> Iterator[tuple[str, Desired]]:
        yield SINK.id, SINK if self.routed and (self.from_elsewhere or is_active("r")) else None

    def changed(self, change: Change) -> bool:
        return any(change.touches("channelmap"))

    def open(self, patch: Patch) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ends.append((patch, ours))
        return theirs

    async def settled(self, _limit_s: float) -> bool:
        return True


class Driver:
    """Each process says what socket it was given, and the sink ends where it is told to."""

    def __init__(self) -> None:
        self.sink = "exec sleep 300"

    def plan(self, job: Job) -> Plan:
        if job.patch is None:
            raise BadRequest("nothing else is asked for here")
        script = f'echo hello >&"${{1#fd=}}"; echo go; {self.sink if job.role == "sink" else "exec sleep 300"}'
        return Plan(("bash", "-c", script, "stream", MIXER), ready="go", patch=job.patch)


def mixed(rig: Rig) -> tuple[PaperPatchbay, Driver]:
    patchbay, driver = PaperPatchbay(), Driver()
    rig.media.patchbay = cast(Patchbay, patchbay)
    rig.engine.planner = driver.plan
    return patchbay, driver


def hang_up(patchbay: PaperPatchbay) -> None:
    for _, end in patchbay.ends:
        end.close()


@rigged
async def test_a_receiver_and_its_sink_meet_the_mixer_each_by_a_socket_of_its_own(rig: Rig) -> None:
    patchbay, _ = mixed(rig)
    rig.activate("r")
    await rig.until("r", "running")
    assert [patch for patch, _ in patchbay.ends] == [PATCH, SINK.patch]
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        for _, end in patchbay.ends:
            end.setblocking(False)
            assert await loop.sock_recv(end, 100) == b"hello\n"
        rig.activate("r", enable=False)
        for _, end in patchbay.ends:
            assert await loop.sock_recv(end, 100) == b"", "nobody has the other end: not the daemon either"
    assert rig.media.statuses().keys() == {"r", "s", "n"}
    hang_up(patchbay)


@rigged
async def test_the_fault_of_a_sink_is_its_receivers(rig: Rig) -> None:
    patchbay, driver = mixed(rig)
    driver.sink = "echo 'no sound card' >&2; exit 1"
    rig.activate("r")
    status = await rig.until("r", "fault")
    assert status.detail == "bash ended with 1: no sound card"
    driver.sink = "exec sleep 300"
    assert (await rig.until("r", "running")).detail == ""
    hang_up(patchbay)


@rigged
async def test_a_map_that_is_changed_ends_and_begins_what_runs_beside(rig: Rig) -> None:
    patchbay, driver = mixed(rig)
    driver.sink = "exit 1"
    rig.activate("r")
    await rig.until("r", "fault")
    patchbay.routed = False
    with rig.store.transaction("map") as tx:
        tx.attach("channelmap", "sink-r", {"channels": [None]})
    assert (await rig.until("r", "running")) == StreamStatus("running")
    hang_up(patchbay)


@rigged
async def test_a_sink_that_plays_something_else_has_its_faults_shown_too(rig: Rig) -> None:
    patchbay, driver = mixed(rig)
    driver.sink, patchbay.from_elsewhere = "echo 'no sound card' >&2; exit 1", True
    rig.activate("n", enable=False)
    assert (await rig.until("r", "fault")).detail == "bash ended with 1: no sound card"
    patchbay.routed = False
    rig.activate("n", enable=False, destination_port=5006)
    assert rig.told[-1] == ("r", StreamStatus())
    hang_up(patchbay)
