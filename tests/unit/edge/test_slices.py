"""Long work in slices."""

import asyncio
from collections.abc import Iterator

from appliance.edge.slices import Slices


def work(done: list[int], name: int, steps: int) -> Iterator[None]:
    for _ in range(steps):
        done.append(name)
        yield


def test_short_work_is_done_at_once() -> None:
    done: list[int] = []
    Slices().run(work(done, 1, 1))
    assert done == [1]


def test_others_have_their_turn_between_two_slices() -> None:
    async def scenario() -> None:
        done: list[int] = []
        seen: list[int] = []
        slices = Slices(slice_s=0)
        slices.run(work(done, 1, 20))
        while len(done) < 20:
            seen.append(len(done))
            await asyncio.sleep(0)
        assert len(seen) > 2

    asyncio.run(scenario())


def test_newer_work_takes_the_place_of_older_and_stopped_work_is_left() -> None:
    async def scenario() -> None:
        done: list[int] = []
        slices = Slices(slice_s=0)
        slices.run(work(done, 1, 50))
        slices.run(work(done, 2, 20))
        first = done.count(1)
        for _ in range(25):
            await asyncio.sleep(0)
        assert done.count(2) == 20
        assert done.count(1) == first < 50
        slices.run(work(done, 3, 50))
        slices.stop()
        await asyncio.sleep(0)
        assert done.count(3) < 50

    asyncio.run(scenario())
