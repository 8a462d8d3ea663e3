"""The timer of scheduled activations on a real loop: never early, and again while there is something to wait for."""

import asyncio
import time

from appliance.edge.connecting import ActivationTimer


class Plans:
    """Times at which something is due, in order; notes when it was asked to do it."""

    def __init__(self, *due: float) -> None:
        self._due = list(due)
        self.done: list[tuple[float, float]] = []
        self.all_done = asyncio.Event()

    def get_timer(self) -> float | None:
        return self._due[0] if self._due else None

    def handle_timer(self) -> tuple[str, ...]:
        self.done.append((self._due.pop(0), time.monotonic()))
        if not self._due:
            self.all_done.set()
        return ()


def _timer(plans: Plans) -> ActivationTimer:
    timer = ActivationTimer()
    timer.start(plans)
    return timer


def test_never_early() -> None:
    async def run() -> None:
        now = time.monotonic()
        plans = Plans(now - 1, now, now + 0.0005, now + 0.003, now + 0.003, now + 0.01)
        timer = _timer(plans)
        await plans.all_done.wait()
        timer.stop()
        assert [due for due, _ in plans.done] == sorted(due for due, _ in plans.done)
        assert all(at >= due for due, at in plans.done)

    asyncio.run(run())


def test_lets_the_loop_go_on_while_it_waits_for_the_last_moment() -> None:
    async def run() -> None:
        turns = 0

        def turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

        plans = Plans(time.monotonic() + 0.001)
        timer = _timer(plans)
        asyncio.get_running_loop().call_soon(turn)
        await plans.all_done.wait()
        timer.stop()
        assert turns > 1

    asyncio.run(run())


def test_nothing_is_done_after_it_was_stopped() -> None:
    async def run() -> None:
        plans = Plans(time.monotonic())
        _timer(plans).stop()
        for _ in range(3):
            await asyncio.sleep(0)
        assert plans.done == []

    asyncio.run(run())
