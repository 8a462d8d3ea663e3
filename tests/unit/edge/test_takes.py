"""Takes: the file comes from this box or from a peer, the last choice wins, and what fails changes nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from appliance.config.loader import parse
from appliance.config.model import Config
from appliance.core.types import JSON
from appliance.discovery.world import SenderEntry, World
from appliance.edge.takes import Takes
from appliance.errors import ApplianceError, Conflict, NotFound
from appliance.nmos.is05.transportfile import TransportFiles
from appliance.web.messages import Answer, Request
from tests.unit.nmos.is05.boxes import CONFIG, SENDER_ID, Box, multicast_sdp, receiver_id, sender_id
from tests.unit.nmos.is07.tallies import CONFIG as TALLIES

SPEAKER = receiver_id("speaker")
OTHER_ID = "22222222-2222-4222-8222-222222222222"


class Scene:
    """A box, a world with two senders in it, and files that arrive when a test lets them."""

    def __init__(self, config: Config = CONFIG) -> None:
        self.box = Box(config)
        self.world = World()
        self.world.update("peer", [SenderEntry("peer", {"id": id, "label": id}) for id in (SENDER_ID, OTHER_ID)])
        self.arrivals: dict[str, asyncio.Future[str]] = {}
        files = TransportFiles(self.box.store, self.box.connections, self.box.network, ttl=32)
        self.takes = Takes(
            self.box.store, self.world, self.box.connections, files, self._manifest, self._manifest_at, self._leg
        )

    async def _leg(self, sender_id: str) -> JSON:
        return {"connection_uri": f"ws://10.0.0.9:80/{await self._manifest(sender_id)}", "ext_x": 1}

    async def _manifest_at(self, url: str, sender_id: str, remote: str) -> str:
        return await self._manifest(f"{url} of {sender_id} for {remote}")

    async def _manifest(self, name: str) -> str:
        return await self.arrivals.setdefault(name, asyncio.get_running_loop().create_future())

    def arrive(self, name: str, group: str) -> None:
        self.arrivals[name].set_result(multicast_sdp(group))

    @property
    def active(self) -> tuple[str | None, str | None]:
        active = self.box.aspect(SPEAKER)["active"]
        return active["sender_id"], active["transport_params"][0]["multicast_ip"]


def run(scenario: Callable[[Scene], Awaitable[None]], scene: Scene | None = None) -> None:
    async def alone() -> None:
        await scenario(scene or Scene())

    asyncio.run(alone())


def begun(awaitable: Awaitable[Answer]) -> asyncio.Future[Answer]:
    return asyncio.ensure_future(awaitable)


def test_a_peers_sender_is_fetched_and_activated() -> None:
    async def scenario(scene: Scene) -> None:
        take = begun(scene.takes.take(SPEAKER, SENDER_ID))
        await asyncio.sleep(0)
        scene.arrive(SENDER_ID, "239.1.1.1")
        answer = await take
        assert answer.settle == (SPEAKER,)
        assert answer.body["activation"]["mode"] == "activate_immediate"
        assert scene.active == (SENDER_ID, "239.1.1.1")

    run(scenario)


def test_our_own_sender_needs_no_request() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.takes.take(SPEAKER, sender_id("tone"))
        assert scene.active[0] == sender_id("tone")
        assert scene.arrivals == {}

    run(scenario)


@pytest.mark.parametrize("late_first", [True, False])
def test_the_last_choice_wins_whatever_order_the_files_come_in(late_first: bool) -> None:
    async def scenario(scene: Scene) -> None:
        first, last = begun(scene.takes.take(SPEAKER, SENDER_ID)), begun(scene.takes.take(SPEAKER, OTHER_ID))
        await asyncio.sleep(0)
        order = [(OTHER_ID, "239.2.2.2"), (SENDER_ID, "239.1.1.1")]
        for id, group in order if late_first else reversed(order):
            scene.arrive(id, group)
            await asyncio.sleep(0)
        await last
        with pytest.raises(Conflict):
            await first
        assert scene.active == (OTHER_ID, "239.2.2.2")

    run(scenario)


def test_off_is_at_once_and_makes_a_take_under_way_void() -> None:
    async def scenario(scene: Scene) -> None:
        take = begun(scene.takes.take(SPEAKER, SENDER_ID))
        await asyncio.sleep(0)
        await scene.takes.take(SPEAKER, None)
        scene.arrive(SENDER_ID, "239.1.1.1")
        with pytest.raises(Conflict):
            await take
        assert not scene.box.aspect(SPEAKER)["active"]["master_enable"]

    run(scenario)


def test_what_is_unknown_or_cannot_be_fetched_changes_nothing() -> None:
    async def scenario(scene: Scene) -> None:
        before = scene.box.aspect(SPEAKER)
        with pytest.raises(NotFound):
            await scene.takes.take(SPEAKER, "33333333-3333-4333-8333-333333333333")
        with pytest.raises(NotFound):
            await scene.takes.take("nobody", SENDER_ID)
        take = begun(scene.takes.take(SPEAKER, SENDER_ID))
        await asyncio.sleep(0)
        scene.arrivals[SENDER_ID].set_exception(ApplianceError("nobody answers"))
        with pytest.raises(ApplianceError, match="nobody answers"):
            await take
        assert scene.box.aspect(SPEAKER) == before

    run(scenario)


def test_a_receiver_of_events_gets_what_is_active_at_its_sender() -> None:
    async def scenario(scene: Scene) -> None:
        lamp, button = receiver_id("lamp"), sender_id("button")
        await scene.takes.take(lamp, button)
        active = scene.box.aspect(lamp)["active"]
        assert active["sender_id"] == button
        assert active["transport_params"] == scene.box.aspect(button)["active"]["transport_params"]
        take = begun(scene.takes.take(lamp, SENDER_ID))
        await asyncio.sleep(0)
        scene.arrivals[SENDER_ID].set_result("there")
        await take
        assert scene.box.aspect(lamp)["active"]["transport_params"][0]["connection_uri"] == "ws://10.0.0.9:80/there"
        await scene.takes.take(lamp, None)
        assert not scene.box.aspect(lamp)["active"]["master_enable"]

    run(scenario, Scene(parse(TALLIES)))


def test_over_mqtt_the_broker_of_the_sender_is_that_of_the_receiver() -> None:
    async def scenario(scene: Scene) -> None:
        display, mode = receiver_id("display"), sender_id("mode")
        await scene.takes.take(display, mode)
        sent, heard = (scene.box.aspect(id)["active"]["transport_params"][0] for id in (mode, display))
        assert (heard["source_host"], heard["source_port"]) == (sent["destination_host"], sent["destination_port"])
        assert heard["broker_topic"] == sent["broker_topic"]

    run(scenario, Scene(parse(TALLIES)))


def test_target_fetches_what_the_controller_names_and_answers_202() -> None:
    async def scenario(scene: Scene) -> None:
        sender = {"id": SENDER_ID, "manifest_href": "http://10.0.0.9/x.sdp"}
        request = Request("PUT", "/target", body=json.dumps(sender).encode(), remote="10.0.0.5")
        target = begun(scene.takes.target(SPEAKER, request))
        await asyncio.sleep(0)
        scene.arrive(f"http://10.0.0.9/x.sdp of {SENDER_ID} for 10.0.0.5", "239.1.1.1")
        answer = await target
        assert (answer.status, answer.body) == (202, sender)
        assert scene.active == (SENDER_ID, "239.1.1.1")
        await scene.takes.target(SPEAKER, Request("PUT", "/target", body=b"{}"))
        assert not scene.box.aspect(SPEAKER)["active"]["master_enable"]

    run(scenario)
