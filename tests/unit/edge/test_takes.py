"""Takes: the file comes from this box or from a peer, the last choice wins, and what fails changes nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from appliance.discovery.world import SenderEntry, World
from appliance.edge.takes import Takes
from appliance.errors import ApplianceError, Conflict, NotFound
from appliance.nmos.is05.transportfile import TransportFiles
from appliance.web.messages import Answer, Request
from tests.unit.nmos.is05.boxes import SENDER_ID, Box, multicast_sdp, receiver_id, sender_id

SPEAKER = receiver_id("speaker")
OTHER_ID = "22222222-2222-4222-8222-222222222222"


class Scene:
    """A box, a world with two senders in it, and files that arrive when a test lets them."""

    def __init__(self) -> None:
        self.box = Box()
        self.world = World()
        self.world.update("peer", [SenderEntry("peer", {"id": id, "label": id}) for id in (SENDER_ID, OTHER_ID)])
        self.arrivals: dict[str, asyncio.Future[str]] = {}
        files = TransportFiles(self.box.store, self.box.connections, self.box.network, ttl=32)
        self.takes = Takes(self.box.store, self.world, self.box.connections, files, self._manifest, self._manifest)

    async def _manifest(self, name: str) -> str:
        return await self.arrivals.setdefault(name, asyncio.get_running_loop().create_future())

    def arrive(self, name: str, group: str) -> None:
        self.arrivals[name].set_result(multicast_sdp(group))

    @property
    def active(self) -> tuple[str | None, str | None]:
        active = self.box.aspect(SPEAKER)["active"]
        return active["sender_id"], active["transport_params"][0]["multicast_ip"]


def run(scenario: Callable[[Scene], Awaitable[None]]) -> None:
    async def alone() -> None:
        await scenario(Scene())

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


def test_target_fetches_what_the_controller_names_and_answers_202() -> None:
    async def scenario(scene: Scene) -> None:
        sender = {"id": SENDER_ID, "manifest_href": "http://10.0.0.9/x.sdp"}
        request = Request("PUT", "/target", body=json.dumps(sender).encode())
        target = begun(scene.takes.target(SPEAKER, request))
        await asyncio.sleep(0)
        scene.arrive("http://10.0.0.9/x.sdp", "239.1.1.1")
        answer = await target
        assert (answer.status, answer.body) == (202, sender)
        assert scene.active == (SENDER_ID, "239.1.1.1")
        await scene.takes.target(SPEAKER, Request("PUT", "/target", body=b"{}"))
        assert not scene.box.aspect(SPEAKER)["active"]["master_enable"]

    run(scenario)
