"""The event stream over real sockets: followers come, hear, and go; the box stops; others are turned away."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from appliance.edge.panel_events import PATH, PanelEvents
from appliance.edge.server import HttpServer
from appliance.web.site import Site
from tests.support.leaks import run
from tests.unit.panel.worlds import AUDIO, Scene, audio_entry

SMALL = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096), (socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536))
"""What has the kernel keep little for who does not read: loopback's long packets make it keep megabytes."""


async def _settled(_id: str) -> None: ...


class Box:
    def __init__(self, scene: Scene, events: PanelEvents, session: aiohttp.ClientSession, url: str) -> None:
        self.scene, self.events, self.session, self.url = scene, events, session, url


@asynccontextmanager
async def serving(*names: str) -> AsyncIterator[Box]:
    scene = Scene(*(audio_entry(name) for name in names))
    events = PanelEvents(scene.menu, scene.clock, max_followers=2, write_timeout_s=0.05)
    server = HttpServer(Site(), _settled)
    server.stream(PATH, events.handle)
    port = await server.listen("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        yield Box(scene, events, session, f"http://127.0.0.1:{port}{PATH}")
    events.close()
    await server.stop()


async def heard(response: aiohttp.ClientResponse) -> tuple[str, dict[str, Any]]:
    """The next event."""
    name = (await response.content.readline()).decode().strip().removeprefix("event: ")
    data = (await response.content.readline()).decode().removeprefix("data: ")
    await response.content.readline()
    return name, json.loads(data)


def within(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await test()

    run(limited())


def test_a_follower_hears_all_then_each_change() -> None:
    async def test() -> None:
        async with serving("Mic") as box, box.session.get(box.url, params={"receiver": AUDIO}) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            assert "Access-Control-Allow-Origin" not in response.headers
            assert [(await heard(response))[0] for _ in range(3)] == ["reset", "change", "ready"]
            box.scene.world.update("p", [audio_entry("Guitar")])
            _, body = await heard(response)
            assert [(item["label"], item["fit"]["verdict"]) for item in body["sources"]] == [("Guitar", "yes")]
            assert box.events.followers == 1

    within(test)


def test_the_stream_ends_when_the_box_stops() -> None:
    async def test() -> None:
        async with serving() as box, box.session.get(box.url) as response:
            assert (await heard(response))[0] == "reset"
            assert (await heard(response))[0] == "ready"
            box.events.close()
            assert await response.content.read() == b""
            assert box.events.followers == 0

    within(test)


def test_an_unknown_receiver_is_refused() -> None:
    async def test() -> None:
        async with serving() as box, box.session.get(box.url, params={"receiver": "x"}) as response:
            assert response.status == 404
            assert (await response.json())["error"].startswith("receiver:")

    within(test)


def test_one_too_many_is_turned_away() -> None:
    async def test() -> None:
        async with serving() as box:
            responses = [await box.session.get(box.url) for _ in range(2)]
            for response in responses:
                await heard(response)
            async with box.session.get(box.url) as response:
                assert response.status == 503
            for each in responses:
                each.close()

    within(test)


def test_one_that_does_not_read_is_dropped_and_delays_nobody() -> None:
    async def test() -> None:
        async with serving() as box:
            parts = urlsplit(box.url)
            with socket.socket() as deaf:
                for level, option, value in SMALL:
                    deaf.setsockopt(level, option, value)
                deaf.connect((parts.hostname, parts.port))
                deaf.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
                async with box.session.get(box.url) as response:
                    await heard(response)
                    await heard(response)
                    assert box.events.followers == 2
                    n = 0
                    while box.events.followers == 2:
                        n += 1
                        box.scene.world.update("p", [audio_entry(f"{n} " + "x" * 90)])
                        await heard(response)

    within(test)
