"""The mixer's process on the loop: what is written to an input is read from the outputs that the map says."""

import asyncio
import os
import signal
import socket
from array import array
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from appliance.config.mapping import MappingConfig
from appliance.config.model import MediaConfig
from appliance.core.store import Listener
from appliance.edge.patchbay import Patchbay
from appliance.edge.process import environment
from appliance.media.engine import Job, Patch
from appliance.media.mixing import SAMPLE_BYTES, block_frames
from tests.support.leaks import run
from tests.unit.media.streams import SENDER
from tests.unit.nmos.is05.boxes import sender_id
from tests.unit.nmos.is08.rooms import CONFIG, MAPPING, MUTED, Room, at

FRAMES = block_frames(48_000)
IN = Patch(True, "local-tone", 2, 48_000, FRAMES)
OUT = Patch(False, "sender-tone", 2, 48_000, FRAMES)
LEFT, RIGHT = 1 << 20, -(1 << 20)
PATIENCE_S = 20


@dataclass
class Rig:
    room: Room
    patchbay: Patchbay

    def route(self, **channels: Any) -> None:
        entries = {channel.strip("_"): entry for channel, entry in channels.items()}
        assert self.room.post({"sender-tone": entries}).status == 200

    def mixer(self) -> int:
        """The process id of the only child."""
        (pid,) = _children()
        return pid


def rigged(test: Callable[[Rig], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    async def main() -> None:
        room = Room()
        endpoints = {sender_id(one.name): one for one in CONFIG.senders}
        patchbay = Patchbay(MAPPING, MediaConfig(), endpoints, room.channels, environment(os.environ))
        room.store.subscribe(cast(Listener, patchbay.changed))
        try:
            await test(Rig(room, patchbay))
        finally:
            await patchbay.stop()
        assert not _children()

    def runner() -> None:
        run(main())

    runner.__name__ = test.__name__
    return runner


def _children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()]


async def heard(into: socket.socket, out: socket.socket, left: int, right: int) -> None:
    """Feed the input, a block for each that is read, until the output has this, steadily."""
    frames = array("i", [LEFT, RIGHT] * FRAMES).tobytes()
    wanted = array("i", [left, right] * FRAMES).tobytes()
    loop = asyncio.get_running_loop()
    out.setblocking(False)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            into.send(frames)
            block = await loop.sock_recv(out, 1 << 20)
            assert len(block) == 2 * SAMPLE_BYTES * FRAMES
            if block == wanted:
                return


@rigged
async def test_what_is_written_is_read_where_the_map_says(rig: Rig) -> None:
    with rig.patchbay.open(IN) as into, rig.patchbay.open(OUT) as out:
        await heard(into, out, LEFT, RIGHT)
        rig.route(_0=at("local-tone", 1), _1=at("local-tone", 0))
        assert await rig.patchbay.settled(PATIENCE_S)
        await heard(into, out, RIGHT, LEFT)
        rig.route(_0=MUTED)
        await heard(into, out, 0, LEFT)


@rigged
async def test_an_input_may_come_and_go_and_an_output_too(rig: Rig) -> None:
    with rig.patchbay.open(OUT) as out:
        with rig.patchbay.open(IN) as into:
            await heard(into, out, LEFT, RIGHT)
        with rig.patchbay.open(replace(IN, channels=1)) as into:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(PATIENCE_S):
                while set(array("i", await loop.sock_recv(out, 1 << 20))) != {LEFT, 0}:
                    into.send(array("i", [LEFT] * FRAMES).tobytes())
    with rig.patchbay.open(IN) as into, rig.patchbay.open(OUT) as out:
        await heard(into, out, LEFT, RIGHT)


@rigged
async def test_a_mixer_that_was_killed_leaves_no_end_open_and_another_takes_its_place(rig: Rig) -> None:
    with rig.patchbay.open(IN) as into, rig.patchbay.open(OUT) as out:
        await heard(into, out, LEFT, RIGHT)
        os.kill(rig.mixer(), signal.SIGSTOP)
        rig.route(_0=MUTED)
        assert not await rig.patchbay.settled(0.01)
        os.kill(rig.mixer(), signal.SIGKILL)
        assert await rig.patchbay.settled(PATIENCE_S)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            while await loop.sock_recv(out, 1 << 20):
                pass
    assert not _children()
    with rig.patchbay.open(IN) as into, rig.patchbay.open(OUT) as out:
        await heard(into, out, 0, RIGHT)


@rigged
async def test_nothing_is_started_before_a_stream_needs_it(rig: Rig) -> None:
    rig.route(_0=MUTED)
    rig.patchbay.reconfigured(MappingConfig())
    assert await rig.patchbay.settled(0)
    patched = rig.patchbay.patched(sender_id("tone"), SENDER)
    assert isinstance(patched, Job)
    assert patched.patch == OUT
    assert [job.role for _, job in rig.patchbay.beside(lambda _: False) if isinstance(job, Job)] == ["capture"] * 2
    assert not _children()
