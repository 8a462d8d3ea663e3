"""What is made when there is time: a step in each turn of a real loop."""

import asyncio
from collections.abc import Iterator

from appliance.edge.connecting import WarmUp


def test_others_have_their_turn_between_the_steps() -> None:
    said: list[str] = []

    def steps() -> Iterator[None]:
        for number in range(3):
            said.append(f"step {number}")
            asyncio.get_running_loop().call_soon(said.append, f"turn {number}")
            yield
        done.set()

    done = asyncio.Event()

    async def run() -> None:
        WarmUp(steps(), 0).start()
        await done.wait()

    asyncio.run(run())
    assert said == ["step 0", "turn 0", "step 1", "turn 1", "step 2", "turn 2"]


def test_a_box_that_stops_does_not_go_on_with_it() -> None:
    said: list[str] = []

    def steps() -> Iterator[None]:
        while True:
            said.append("step")
            begun.set()
            yield

    begun = asyncio.Event()

    async def run() -> None:
        warm_up = WarmUp(steps(), 0)
        warm_up.start()
        await begun.wait()
        warm_up.stop()
        warm_up.stop()
        before = len(said)
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(said) == before

    asyncio.run(run())
