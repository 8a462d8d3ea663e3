"""Several takes at once: the slow ones hold up nobody, and what fails is named."""

import asyncio

from appliance.edge.salvo import AT_ONCE, together
from appliance.errors import NotFound
from appliance.web.messages import Answer
from tests.support.leaks import run


def test_all_are_done_at_the_same_time_and_failures_are_named() -> None:
    async def story() -> None:
        running: list[int] = []
        all_there = asyncio.Event()

        async def well() -> Answer:
            running.append(1)
            if len(running) == AT_ONCE:
                all_there.set()
            await all_there.wait()
            return Answer({})

        async def gone() -> Answer:
            raise NotFound("sender_id: no source is known")

        async def refused() -> Answer:
            return Answer({"error": "the SDP is not valid"}, 400)

        jobs = {str(number): well for number in range(AT_ONCE + 3)}
        failed = await together({**jobs, "gone": gone, "refused": refused})
        assert failed == {"gone": "sender_id: no source is known", "refused": "the SDP is not valid"}
        assert len(running) == AT_ONCE + 3

    run(story())
