"""The relay as a process of its own, with real sockets: a player (a few lines of shell or Python) says what it gets."""

import asyncio
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.edge.process import environment
from appliance.edge.run import Run
from appliance.media.engine import Leg, Plan, Relay
from tests.support.leaks import run

PORT = 47_123
LEG = Leg("lo", "127.0.0.1", "127.0.0.1", PORT)
OTHER = Leg("lo", "127.0.0.1", "127.0.0.1", PORT + 1)
RELAY = Relay(8000, 1, 2, 0.01)
SOUND = struct.pack("!8h", *range(1000, 1008))
PLAYER = (
    "import os, sys\n"
    "fd = int(sys.argv[1].partition('=')[2])\n"
    "print('go', flush=True)\n"
    "while packet := os.read(fd, 9216):\n"
    f"    if bytes.fromhex('{SOUND.hex()}') in packet: print('sound', flush=True)\n"
    "    elif not any(packet[12:]): print('silence', flush=True)\n"
)


class Heard:
    """A run, and the lines that it says."""

    def __init__(self, *program: str, legs: tuple[Leg, ...] = (LEG,)) -> None:
        self.lines: list[str] = []
        self._said = asyncio.Event()
        self.ended = asyncio.get_running_loop().create_future()
        plan = Plan((*program, "fd=@leg0@"), legs, RELAY, ready="go")
        self.run = Run(
            plan,
            on_line=self._line,
            on_exit=lambda code, _: self.ended.set_result(code),
            environment=environment(os.environ),
        )
        self._plan = plan

    def choose(self, *legs: Leg) -> None:
        self.run.switch(Plan(self._plan.argv, legs, RELAY, ready="go"))

    async def until(self, found: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(20):
            while not found(self.lines):
                self._said.clear()
                await self._said.wait()

    async def end(self) -> int:
        self.run.terminate()
        return await self.gone()

    async def gone(self) -> int:
        code = await asyncio.wait_for(self.ended, 20)
        await self.run.ended()
        self.run.close()
        return int(code)

    def _line(self, line: str) -> None:
        self.lines.append(line)
        self.run.heard.line(line, 0.0)
        if line == "go":
            self.run.alive()
        self._said.set()


def _children() -> set[int]:
    return set(map(int, Path("/proc/thread-self/children").read_text(encoding="ascii").split()))


class Sender:
    """RTP to a port of this host."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._port = port
        self._number = 0

    def send(self, count: int) -> None:
        for _ in range(count):
            header = struct.pack("!BBHII", 0x80, 97, self._number, self._number * 8, self._port)
            self._socket.sendto(header + SOUND, ("127.0.0.1", self._port))
            self._number += 1

    def close(self) -> None:
        self._socket.close()


def test_it_starts_the_player_and_brings_it_silence_then_sound_then_another_sound() -> None:
    async def scenario() -> None:
        heard, one, two = Heard(sys.executable, "-c", PLAYER), Sender(PORT), Sender(PORT + 1)
        await heard.until(lambda lines: "silence" in lines)
        one.send(20)
        await heard.until(lambda lines: "sound" in lines)
        heard.choose(OTHER)
        heard.lines.clear()
        two.send(20)
        await heard.until(lambda lines: "sound" in lines)
        await heard.until(lambda lines: heard.run.heard.signal(0.0) is False)
        (leg,) = heard.run.heard.figures(0.0).legs
        assert leg.packets == 20
        one.close()
        two.close()
        assert await heard.end() in (-signal.SIGINT, -signal.SIGTERM), "asked, and on a busy machine asked again"

    run(scenario())


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -TERM $$", -signal.SIGTERM), ("kill -KILL $$", -signal.SIGKILL)]
)
def test_it_ends_as_the_player_does(script: str, code: int) -> None:
    async def scenario() -> None:
        assert await Heard("sh", "-c", script).gone() == code

    run(scenario())


def test_a_player_that_cannot_be_started_is_a_fault() -> None:
    async def scenario() -> None:
        assert await Heard("/there/is/no/such/player").gone() != 0

    run(scenario())


def test_a_relay_that_is_killed_takes_the_player_with_it() -> None:
    async def scenario() -> None:
        heard = Heard("sh", "-c", "echo $$; exec sleep 300")
        await heard.until(bool)
        player = os.pidfd_open(int(heard.lines[0]))
        (relay,) = _children() - {int(heard.lines[0])}
        os.kill(relay, signal.SIGKILL)
        assert await heard.gone() == -signal.SIGKILL
        assert select.select([player], [], [], 20)[0], "the player has ended"
        os.close(player)

    run(scenario())


def test_a_socket_that_cannot_be_had_leaves_nothing_open() -> None:
    async def scenario() -> None:
        with pytest.raises(OSError, match="Cannot assign"):
            Heard("true", legs=(LEG, Leg("lo", "127.0.0.1", "192.0.2.1", PORT)))
        heard = Heard(sys.executable, "-c", PLAYER)
        with pytest.raises(OSError, match="Cannot assign"):
            heard.choose(LEG, Leg("lo", "127.0.0.1", "192.0.2.1", PORT))
        await heard.until(lambda lines: "go" in lines)
        await heard.end()

    run(scenario())
