"""Media on the loop: a real store and real (small) processes, with a network, groups and drivers that do as told."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from appliance.config.model import Config, MediaConfig, OutputConfig, ReceiverConfig, SenderConfig
from appliance.core.store import Store
from appliance.core.types import JSON
from appliance.edge.media import ASPECT, Media
from appliance.edge.multicast import JoinFailure, Membership
from appliance.edge.process import environment
from appliance.errors import BadRequest
from appliance.media.engine import Job, Plan, Relay, StreamStatus
from appliance.media.null import NullEngine
from appliance.network.model import NetworkState
from tests.support.clock import FakeClock
from tests.support.leaks import run
from tests.unit.media.streams import NETWORK, interface

CONFIG = Config(media=MediaConfig(driver="gstreamer"))
RECEIVER = ReceiverConfig("speaker", "device", output=OutputConfig("none"))
SENDER = SenderConfig("tone", "device")
HELD = Membership("239.1.1.1", "lo", None)
LOOPBACK = replace(NETWORK, interfaces={**NETWORK.interfaces, "lo": interface("lo", 1, "127.0.0.1")})


class FakeNetwork:
    def __init__(self) -> None:
        self.state = LOOPBACK
        self.listeners: list[Callable[[NetworkState], None]] = []

    def snapshot(self) -> NetworkState:
        return self.state

    def subscribe(self, listener: Callable[[NetworkState], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def becomes(self, state: NetworkState) -> None:
        self.state = state
        for listener in self.listeners:
            listener(state)


class FakeGroups:
    def __init__(self) -> None:
        self.held: list[Membership] = []
        self.refusing = ""
        self.lost: tuple[JoinFailure, ...] = ()

    def join(self, group: str, interface: str, source: str | None = None) -> JoinFailure | None:
        membership = Membership(group, interface, source)
        if self.refusing:
            return JoinFailure(membership, 19, self.refusing)
        self.held.append(membership)
        return None

    def leave(self, group: str, interface: str, source: str | None = None) -> None:
        self.held.remove(Membership(group, interface, source))

    def follow(self, state: NetworkState) -> tuple[JoinFailure, ...]:
        return self.lost

    def close(self) -> None:
        assert not self.held


class ShellEngine:
    """Runs a shell script for every job."""

    name = "gstreamer"

    def __init__(self) -> None:
        self.script = "echo go; exec sleep 300"
        self.sockets = False
        self.relay: Relay | None = None
        self.planner: Callable[[Job], Plan] | None = None

    def unavailable(self) -> str | None:
        return None

    def plan(self, job: Job) -> Plan:
        if not self.script:
            raise BadRequest("cannot")
        if self.planner is not None:
            return self.planner(job)
        sockets = job.legs if self.sockets or self.relay else ()
        return Plan(("sh", "-c", self.script), sockets, self.relay, ready="go")


@dataclass
class Rig:
    media: Media
    store: Store
    network: FakeNetwork
    groups: FakeGroups
    engine: ShellEngine
    told: list[tuple[str, StreamStatus]]
    endpoints: dict[str, SenderConfig | ReceiverConfig] = field(default_factory=dict)

    def activate(self, id: str, *, enable: bool = True, **leg: Any) -> None:
        with self.store.transaction("test") as tx:
            tx.attach(ASPECT, id, connection(enable=enable, **leg))

    async def until(self, id: str, phase: str) -> StreamStatus:
        """Wait for the status that must come."""
        changed = asyncio.Event()
        end = self.media.subscribe(lambda _id, _status: changed.set())
        while self.media.status(id).phase != phase:
            changed.clear()
            await asyncio.wait_for(changed.wait(), 15)
        end()
        return self.media.status(id)


def connection(*, enable: bool = True, **leg: Any) -> JSON:
    ours = {
        "multicast_ip": "239.1.1.1",
        "interface_ip": "127.0.0.1",
        "source_ip": None,
        "destination_port": 5004,
        "rtp_enabled": True,
    }
    return {"active": {"master_enable": enable, "transport_params": [{**ours, **leg}]}}


def rigged(test: Callable[[Rig], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test with media that are started before it and stopped after it."""

    async def main() -> None:
        network, groups, engine, store = FakeNetwork(), FakeGroups(), ShellEngine(), Store(FakeClock())
        endpoints: dict[str, SenderConfig | ReceiverConfig] = {
            "r": RECEIVER,
            "s": SENDER,
            "n": replace(RECEIVER, driver="null"),
        }
        media = Media(
            CONFIG,
            endpoints,
            store,
            network,
            groups,
            {"gstreamer": engine, "null": NullEngine()},
            environment(os.environ),
        )
        rig = Rig(media, store, network, groups, engine, [], endpoints)
        media.subscribe(lambda id, status: rig.told.append((id, status)))
        media.start()
        try:
            await test(rig)
        finally:
            await media.stop()
        assert not network.listeners

    def runner() -> None:
        run(main())

    runner.__name__ = test.__name__
    return runner


@rigged
async def test_an_activation_joins_and_starts_within_the_commit(rig: Rig) -> None:
    rig.activate("r")
    assert rig.groups.held == [HELD]
    assert rig.media.status("r") == StreamStatus("starting")
    assert await rig.media.settled("r", 0)
    assert await rig.until("r", "running") == StreamStatus("running")
    assert rig.told == [("r", StreamStatus("starting")), ("r", StreamStatus("running"))]
    rig.activate("r", enable=False)
    assert not rig.groups.held
    assert rig.media.statuses() == dict.fromkeys("rsn", StreamStatus())


@rigged
async def test_a_process_that_dies_is_started_again(rig: Rig) -> None:
    rig.engine.script = "echo no such card >&2; exit 1"
    rig.activate("r")
    assert (await rig.until("r", "fault")).detail == "sh ended with 1: no such card"
    rig.engine.script = "echo go; exec sleep 300"
    assert (await rig.until("r", "running")).restarts > 0


@rigged
async def test_another_source_is_another_socket_and_no_start(rig: Rig) -> None:
    rig.engine.relay = Relay(48_000, 2, 3, 0.01)
    rig.engine.script = "echo go; exec sleep 300"
    rig.activate("r")
    await rig.until("r", "running")
    rig.told.clear()
    rig.activate("r", multicast_ip="239.1.1.2")
    assert rig.groups.held == [Membership("239.1.1.2", "lo", None)]
    assert rig.media.status("r") == StreamStatus("running")
    assert not rig.told, "the player goes on as if nothing had been"
    # A socket that cannot be had: then all begins anew.
    rig.activate("r", multicast_ip=None, interface_ip="10.1.0.2")
    assert (await rig.until("r", "fault")).restarts == 1


@rigged
async def test_what_cannot_be_done_is_shown(rig: Rig) -> None:
    rig.engine.script = ""
    rig.activate("r")
    assert rig.media.status("r") == StreamStatus("fault", "cannot")
    rig.activate("r", interface_ip="10.9.9.9")
    assert "no address of this box" in rig.media.status("r").detail
    assert not rig.groups.held


@rigged
async def test_a_socket_that_cannot_be_had_is_a_fault(rig: Rig) -> None:
    rig.engine.sockets = True
    # An address that the fake network has and the kernel has not.
    rig.activate("r", multicast_ip=None, interface_ip="10.1.0.2")
    assert rig.media.status("r").detail == "sh cannot be started: Cannot assign requested address"


@rigged
async def test_a_refused_join_is_tried_again(rig: Rig) -> None:
    rig.groups.refusing = "cannot join 239.1.1.1 on lo"
    rig.activate("n")
    assert await rig.media.settled("n", 0)
    assert rig.media.status("n") == StreamStatus("fault", "cannot join 239.1.1.1 on lo")
    rig.groups.refusing = ""
    await rig.until("n", "running")
    assert rig.groups.held == [HELD]


@rigged
async def test_an_address_that_goes_and_comes(rig: Rig) -> None:
    rig.activate("n")
    assert rig.media.status("n").phase == "running"
    rig.network.becomes(NETWORK)
    assert rig.media.status("n") == StreamStatus("fault", "interface_ip 127.0.0.1 is no address of this box now")
    assert not rig.groups.held
    rig.network.becomes(LOOPBACK)
    assert rig.media.status("n").phase == "running"
    assert rig.groups.held == [HELD]


@rigged
async def test_a_membership_that_was_lost_is_joined_again(rig: Rig) -> None:
    rig.activate("n")
    rig.groups.lost = (JoinFailure(HELD, 19, "gone"),)
    rig.network.becomes(replace(LOOPBACK, control="lo"))
    assert rig.media.status("n") == StreamStatus("fault", "gone")
    await rig.until("n", "running")
    assert rig.groups.held == [HELD]


@rigged
async def test_what_others_attach_is_nothing_to_media(rig: Rig) -> None:
    with rig.store.transaction("test") as tx:
        tx.attach("labels", "r", {"label": "x"})
        tx.attach(ASPECT, "somebody else's", connection())
    assert not rig.told


@rigged
async def test_a_driver_without_processes_runs_at_once(rig: Rig) -> None:
    rig.activate("n")
    assert rig.told == [("n", StreamStatus("running"))]


def test_what_was_active_before_starts_again_and_stopping_ends_what_does_not_listen() -> None:
    async def main() -> None:
        network, groups, engine, store = FakeNetwork(), FakeGroups(), ShellEngine(), Store(FakeClock())
        engine.script = "trap '' INT TERM; echo go; while :; do sleep 1; done"
        store.restore([], [(ASPECT, "r", connection())])
        media = Media(CONFIG, {"r": RECEIVER}, store, network, groups, {"gstreamer": engine}, environment(os.environ))
        media.start()
        await Rig(media, store, network, groups, engine, []).until("r", "running")
        await media.stop(limit_s=0.05)
        assert media.status("r") == StreamStatus()

    run(main())


def test_many_that_were_active_before_are_begun_while_others_have_their_turn() -> None:
    async def main() -> None:
        ids = [f"r{number}" for number in range(500)]
        network, groups, store = FakeNetwork(), FakeGroups(), Store(FakeClock())
        store.restore([], [(ASPECT, id, connection()) for id in ids])
        null = replace(RECEIVER, driver="null")
        engines = {"null": NullEngine()}
        media = Media(CONFIG, dict.fromkeys(ids, null), store, network, groups, engines, environment(os.environ))
        media.start()
        with store.transaction("in between") as tx:
            tx.attach(ASPECT, "r499", connection(enable=False))
        await Rig(media, store, network, groups, ShellEngine(), []).until("r498", "running")
        assert all(media.status(id).phase == "running" for id in ids[:-1])
        assert media.status("r499") == StreamStatus()
        await media.stop()

    run(main())


@pytest.mark.parametrize("times", [200])
def test_many_activations_leave_nothing_behind(times: int) -> None:
    async def main() -> None:
        network, groups, store = FakeNetwork(), FakeGroups(), Store(FakeClock())
        null = replace(RECEIVER, driver="null")
        media = Media(CONFIG, {"r": null}, store, network, groups, {"null": NullEngine()}, environment(os.environ))
        media.start()
        rig = Rig(media, store, network, groups, ShellEngine(), [])
        for number in range(times):
            rig.activate("r", multicast_ip=f"239.1.1.{number % 250}")
        assert len(groups.held) == 1
        await media.stop()

    run(main())


@rigged
async def test_other_endpoints_leave_the_streams_of_the_rest_alone(rig: Rig) -> None:
    rig.activate("r")
    rig.activate("s", source_ip="127.0.0.1", destination_ip="239.2.2.2", source_port=5004)
    await rig.until("r", "running")
    await rig.until("s", "running")
    rig.told.clear()
    rig.endpoints["new"] = RECEIVER
    del rig.endpoints["s"]
    rig.media.reconfigured()
    assert ("r", StreamStatus("running")) not in rig.told
    assert rig.media.status("r") == StreamStatus("running")
    assert rig.media.status("s") == StreamStatus()
    rig.activate("new", multicast_ip="239.9.9.9")
    await rig.until("new", "running")
    assert rig.media.status("r") == StreamStatus("running")


@rigged
async def test_an_endpoint_that_is_different_now_starts_anew(rig: Rig) -> None:
    rig.activate("r")
    await rig.until("r", "running")
    rig.endpoints["r"] = replace(RECEIVER, label="Booth")
    rig.media.reconfigured()
    assert rig.media.status("r") == StreamStatus("running")
    rig.endpoints["r"] = replace(RECEIVER, output=OutputConfig("alsa"))
    rig.media.reconfigured()
    assert rig.media.status("r") == StreamStatus("starting")
    await rig.until("r", "running")
