"""The meters over real sockets: heard while somebody watches, and of nobody who does not."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from appliance.edge.meter_events import MAX_WATCHERS, PATH, MeterEvents
from appliance.edge.server import HttpServer
from appliance.media.engine import StreamStatus
from appliance.media.figures import LegFigures, StreamFigures
from appliance.web.site import Site
from tests.support.leaks import run
from tests.unit.panel.worlds import AUDIO, VIDEO, Scene

PLAYING = StreamFigures((LegFigures(1000, 2, True, "eth0"),), 1, 0, (-18.1,), (-21.0,))


class FakeMedia:
    """The audio receiver plays; the video receiver is idle."""

    def __init__(self) -> None:
        self.playing = PLAYING
        self.asked = 0

    def status(self, id: str) -> StreamStatus:
        return StreamStatus("running", signal=True, last_error="a\x07b") if id == AUDIO else StreamStatus()

    def figures(self, id: str) -> StreamFigures:
        self.asked += 1
        return self.playing if id == AUDIO else StreamFigures()


class Box:
    def __init__(self, media: FakeMedia, meters: MeterEvents, session: aiohttp.ClientSession, url: str) -> None:
        self.media, self.meters, self.session, self.url = media, meters, session, url

    def watch(self, **query: str) -> Any:
        return self.session.get(self.url + PATH, params=query)


@asynccontextmanager
async def serving() -> AsyncIterator[Box]:
    scene, media, site = Scene(), FakeMedia(), Site()

    async def settled(_id: str) -> None: ...

    server = HttpServer(site, settled)
    meters = MeterEvents(scene.store, scene.clock, media).mount(site, server)
    port = await server.listen("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        yield Box(media, meters, session, f"http://127.0.0.1:{port}")
    meters.close()
    await server.stop()


async def heard(response: aiohttp.ClientResponse) -> list[dict[str, Any]]:
    """What the next event says."""
    while not (line := (await response.content.readline()).decode()).startswith("data: "):
        assert line, "the stream has ended"
    streams: list[dict[str, Any]] = json.loads(line.removeprefix("data: "))["streams"]
    return streams


def within(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await test()

    run(limited())


def test_what_plays_is_told_and_told_again_when_it_is_different() -> None:
    async def test() -> None:
        async with serving() as box, box.watch() as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            leg = {"interface": "eth0", "packets": 1000, "lost": 2, "signal": True}
            told = {
                "id": AUDIO,
                "signal": True,
                "legs": [leg],
                "lost": 1,
                "refused": 0,
                "peak": [-18.1],
                "rms": [-21.0],
            }
            assert await heard(response) == [told]
            box.media.playing = StreamFigures(peak_db=(-3.0,))
            assert [stream["peak"] for stream in await heard(response)] == [[-3.0]]

    within(test)


def test_one_of_them_alone_also_where_it_is_idle() -> None:
    async def test() -> None:
        async with serving() as box:
            async with box.watch(id=VIDEO) as response:
                assert [(stream["id"], stream["signal"]) for stream in await heard(response)] == [(VIDEO, None)]
            async with box.watch(id="nobody") as response:
                assert response.status == 404

    within(test)


def test_who_is_too_many_is_turned_away_and_who_goes_makes_room() -> None:
    async def test() -> None:
        async with serving() as box:
            watching = [await box.watch() for _ in range(MAX_WATCHERS)]
            async with box.watch() as response:
                assert response.status == 503
            watching.pop().close()
            while True:
                async with box.watch() as response:
                    if response.status == 200:
                        break
            for response in watching:
                response.close()

    within(test)


def test_nothing_is_worked_out_while_nobody_watches() -> None:
    async def test() -> None:
        async with serving() as box:
            await asyncio.sleep(0)
            assert (box.media.asked, box.meters.watchers) == (0, 0)
            async with box.watch() as response:
                await heard(response)
                assert (box.media.asked > 0, box.meters.watchers) == (True, 1)

    within(test)


def test_the_stream_ends_when_the_box_stops() -> None:
    async def test() -> None:
        async with serving() as box, box.watch() as response:
            await heard(response)
            box.meters.close()
            while await response.content.readline():
                pass

    within(test)


def test_all_streams_at_once() -> None:
    async def test() -> None:
        async with serving() as box, box.session.get(f"{box.url}/panel/streams") as response:
            streams = {stream["id"]: stream for stream in (await response.json())["streams"]}
            assert {id: stream["role"] for id, stream in streams.items()} == {AUDIO: "receiver", VIDEO: "receiver"}
            assert (streams[AUDIO]["phase"], streams[AUDIO]["last_error"]) == ("running", "ab")
            assert streams[AUDIO]["legs"][0]["packets"] == 1000
            assert (streams[VIDEO]["phase"], streams[VIDEO]["legs"]) == ("idle", [])

    within(test)
