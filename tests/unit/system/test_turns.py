"""How long the loop's turns take, by a clock that only moves when it is told to."""

import asyncio
import gc
import socket
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]

import pytest

from appliance.system.turns import LOOK_EVERY, WINDOW_S, Turns, measured_loop


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_buckets_add_up_as_those_of_a_histogram() -> None:
    turns = Turns(Hands())
    for took in (0.0002, 0.001, 0.003, 0.3, 60.0):
        turns.note(took)
    assert turns.buckets() == [
        ("0.001", 2.0), ("0.005", 3.0), ("0.02", 3.0), ("0.1", 3.0), ("0.5", 4.0), ("2", 4.0), ("+Inf", 5.0),
    ]  # fmt: skip
    assert (turns.count, round(turns.busy_s, 4)) == (5, 60.3042)


def test_the_longest_is_forgotten_after_a_minute_or_two() -> None:
    clock = Hands()
    turns = Turns(clock)
    turns.note(0.3)
    turns.note(0.1)
    assert turns.longest_s == 0.3
    clock.now += WINDOW_S
    assert turns.longest_s == 0.3
    turns.note(0.2)
    clock.now += WINDOW_S
    assert turns.longest_s == 0.2
    clock.now += WINDOW_S
    assert turns.longest_s == 0.0


def test_a_loop_nobody_looked_at_for_long_begins_anew() -> None:
    clock = Hands()
    turns = Turns(clock)
    turns.note(0.3)
    clock.now += 3 * WINDOW_S
    turns.note(0.01)
    assert turns.longest_s == 0.01


def test_a_loop_tells_of_what_keeps_it_busy() -> None:
    clock = Hands()
    turns = Turns(clock)

    async def main() -> None:
        clock.now += 0.05  # a turn that takes so long
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=lambda: measured_loop(turns)) as runner:
        runner.run(main())
    assert round(turns.longest_s, 6) == 0.05
    assert turns.count >= 2


class Waiting(asyncio.Protocol):
    """For the end of its connection."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


@pytest.mark.parametrize("goes", ["we close", "we abort", "they close", "they reset"])
def test_a_connection_that_is_over_leaves_nothing_for_the_collector(goes: str) -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        transport, waiting = await asyncio.get_running_loop().create_connection(Waiting, sock=ours)
        if goes == "they reset":
            transport.write(b"that nobody reads")
        {"we close": transport.close, "we abort": transport.abort}.get(goes, theirs.close)()
        await waiting.lost.wait()
        theirs.close()

    before = {id(one) for one in _transports()}
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=lambda: measured_loop(Turns())) as runner:
            runner.run(main())
        assert not [one for one in _transports() if id(one) not in before]
    finally:
        gc.enable()


def _transports() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, _SelectorSocketTransport)]


def test_something_is_looked_at_every_so_many_turns() -> None:
    looks: list[int] = []
    turns = Turns()

    async def take_turns() -> None:
        for _ in range(3 * LOOK_EVERY):
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=lambda: measured_loop(turns, lambda: looks.append(turns.count))) as runner:
        runner.run(take_turns())
    assert {LOOK_EVERY, 2 * LOOK_EVERY} <= set(looks)
    assert all(count % LOOK_EVERY == 0 for count in looks)
