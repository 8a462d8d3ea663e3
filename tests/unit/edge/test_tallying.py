"""Inputs, lamps and actions on a real loop, whose clock is the real one only where something waits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from appliance.core.types import Kind
from appliance.edge.tallying import Faces, Tallying
from appliance.errors import Conflict
from appliance.media.engine import StreamStatus
from appliance.nmos.is05.endpoint import endpoints
from appliance.nmos.is07.messages import State
from appliance.nmos.is07.types import Payload
from tests.unit.nmos.is05.boxes import IDENTITIES
from tests.unit.nmos.is07.tallies import TallyBox, receiver, sender, source

CONFIG = """
[[events.lamps]]
name = "red"
[[events.lamps]]
name = "line"
kind = "gpio"
chip = "/nowhere"
[[devices]]
name = "d"
[[receivers]]
name = "speaker"
device = "d"
[[senders]]
name = "tone"
device = "d"
[[senders]]
name = "present"
device = "d"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
event = { input = { kind = "signal", of = "speaker" } }
[[senders]]
name = "trouble"
device = "d"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
event = { debounce_ms = 1, input = { kind = "fault", of = "tone" } }
[[receivers]]
name = "tally"
device = "d"
format = "data"
transport = "websocket"
media_types = ["application/json"]
event_types = ["boolean"]
actions = [{ lamp = "red" }, { take = "speaker", source = "Mic" }, { take = "speaker", equals = false }]
"""
THERE = "674e32cb-84b5-475e-b7db-7821530c4375"


class Room:
    def __init__(self) -> None:
        self.box = TallyBox(CONFIG)
        self.takes: list[tuple[str, str | None]] = []
        self.problems: dict[str, str | None] = {}
        self.changes = 0
        faces = Faces(self._take, self._problem, self._changed, lambda: None)
        made = endpoints(self.box.box.config, IDENTITIES)
        self.tallying = Tallying(
            self.box.box.config, self.box.box.store, made, self.box.exchange, self.box.clock, faces
        )
        self.box.exchange.start()
        leg = {"connection_uri": "ws://10.0.0.7:80/x", "ext_is_07_source_id": THERE}
        self.box.patch(Kind.RECEIVER, "tally", leg)
        self.tallying.start()

    def hear(self, value: bool, action_ns: int | None = None) -> None:
        state = State(THERE, "boolean", Payload(value), 5, None, None, action_ns)
        self.box.exchange.received(receiver("tally"), state)

    async def _take(self, name: str, taken: str | None) -> None:
        self.takes.append((name, taken))
        if taken is None:
            raise Conflict("not now")

    def _problem(self, name: str, why: str | None) -> None:
        self.problems[name] = why

    def _changed(self) -> None:
        self.changes += 1


def run(scenario: Callable[[Room], Awaitable[None]]) -> None:
    async def alone() -> None:
        room = Room()
        try:
            await scenario(room)
        finally:
            await room.tallying.stop()

    asyncio.run(alone())


async def until(there: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not there():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.001)


def test_streams_are_inputs() -> None:
    async def scenario(room: Room) -> None:
        values = room.box.sources.state
        for signal, present in ((None, True), (False, False), (True, True)):
            status = StreamStatus("running", signal=signal)
            room.tallying.on_stream(IDENTITIES.of(Kind.RECEIVER, "speaker"), status)
            assert values(source("present")).payload == Payload(present)
        room.tallying.on_stream(IDENTITIES.of(Kind.RECEIVER, "speaker"), StreamStatus("fault", "no signal"))
        assert values(source("present")).payload == Payload(False)
        room.tallying.on_stream(sender("tone"), StreamStatus("fault", "no cable"))
        assert values(source("trouble")).payload == Payload(False), "it is debounced"
        room.box.clock.advance(0.002)
        await until(lambda: values(source("trouble")).payload == Payload(True))

    run(scenario)


def test_events_act_and_a_take_that_fails_is_said() -> None:
    async def scenario(room: Room) -> None:
        assert "cannot be had" in str(room.problems["lamp line"]) or "libgpiod" in str(room.problems["lamp line"])
        room.hear(False)
        room.hear(True)
        assert room.tallying.actions.lit == {"red"}
        await until(lambda: room.takes == [("speaker", "Mic")])
        room.hear(False)
        await until(lambda: room.problems.get("tally take of speaker"))
        assert room.problems["tally take of speaker"] == "tally take of speaker: not now"
        room.hear(True)
        await until(lambda: room.problems["tally take of speaker"] is None)

    run(scenario)


def test_an_action_timestamp_is_waited_for_unless_it_is_far_away() -> None:
    async def scenario(room: Room) -> None:
        now = room.box.clock.tai_ns()
        room.hear(True, now + 1_000_000)
        assert not room.tallying.actions.lit
        await until(lambda: room.tallying.actions.lit)
        room.hear(False, now + 3_600 * 1_000_000_000)
        assert not room.tallying.actions.lit, "nobody waits for an hour"
        room.hear(True, now - 1)
        assert room.tallying.actions.lit

    run(scenario)


def test_parked_meanwhile_nothing_happens() -> None:
    async def scenario(room: Room) -> None:
        room.hear(True, room.box.clock.tai_ns() + 1_000_000)
        room.box.patch(Kind.RECEIVER, "tally", enable=False)
        await asyncio.sleep(0.01)
        assert not room.tallying.actions.lit
        assert not room.tallying.actions.heard

    run(scenario)


def test_a_burst_is_shown_in_one_go() -> None:
    async def scenario(room: Room) -> None:
        room.changes = 0
        for turn in range(100):
            room.hear(turn % 2 == 0)
        assert room.changes == 1
        await until(lambda: room.changes == 2)

    run(scenario)
