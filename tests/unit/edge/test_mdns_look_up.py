"""Names that nobody knows: how long that takes, and how many at a time. That one is found, tests/integration shows."""

import asyncio

from appliance.edge.mdns import LOOK_UP_S, LOOK_UPS, MAX_LOOK_UPS, Mdns
from tests.support.virtual_time import run_virtually


def test_a_name_that_nobody_knows_is_given_up() -> None:
    assert run_virtually(Mdns().look_up("nobody.local")) == ([], LOOK_UPS * LOOK_UP_S)


def test_many_at_a_time_are_answered_at_once_and_later_ones_asked_for_again() -> None:
    async def test() -> float:
        mdns, loop = Mdns(), asyncio.get_running_loop()
        first = [asyncio.create_task(mdns.look_up(f"host{number}.local")) for number in range(MAX_LOOK_UPS)]
        await asyncio.sleep(0)
        assert await mdns.look_up("one-more.local") == []
        assert loop.time() == 0
        await asyncio.gather(*first)
        before = loop.time()
        await mdns.look_up("one-more.local")
        return loop.time() - before

    assert run_virtually(test())[0] == LOOK_UPS * LOOK_UP_S
