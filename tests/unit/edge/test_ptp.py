"""The edge to ptp4l, with a socket like ptp4l's and what linuxptp answers behind it."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.edge.ptp import Ptp
from appliance.network.ptp import Action, Id, PortIdentity, PortState, PtpClock
from tests.support.leaks import run
from tests.unit.network.paper_ptp4l import GMID, Ptp4l

LOCKED = PtpClock(GMID, 127, traceable=True, locked=True)


class Server:
    """A socket in the file system that answers while the loop runs."""

    def __init__(self, path: Path, ptp4l: Ptp4l) -> None:
        self.path, self.ptp4l = path, ptp4l
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(path))
        self.client = b""
        asyncio.get_running_loop().add_reader(self.socket, self._answer)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()
        self.path.unlink()

    def notify(self) -> None:
        us = PortIdentity(bytes(8), os.getpid() & 0xFFFF)
        message = self.ptp4l.message(Id.PORT_DATA_SET, self.ptp4l.port_message()[54:], target=us)
        self.socket.sendto(message, self.client)

    def _answer(self) -> None:
        datagram, self.client = self.socket.recvfrom(1500)
        for answer in self.ptp4l.answer(datagram):
            self.socket.sendto(answer, self.client)


class Told:
    """Whether a change was told since one was last waited for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self._event.set()

    async def soon(self) -> None:
        async with asyncio.timeout(20):
            await self._event.wait()
        self._event.clear()


@contextmanager
def following(*paths: Path) -> Iterator[tuple[Ptp, Told]]:
    """The edge, started."""
    told = Told()
    ptp = Ptp([str(path) for path in paths])
    ptp.start(told)
    try:
        yield ptp, told
    finally:
        ptp.stop()


def test_the_socket_that_takes_commands_is_preferred(tmp_path: Path) -> None:
    async def main() -> None:
        servers = [Server(tmp_path / name, Ptp4l()) for name in ("ptp4l", "ptp4lro")]
        with following(*(server.path for server in servers)) as (ptp, told):
            await told.soon()
            assert ptp.clock == LOCKED
            assert ptp.domain() == 127
            assert ptp.offset_ns == 250.0
        assert Id.SUBSCRIBE_EVENTS_NP in {message.id for message in servers[0].ptp4l.heard}
        assert not servers[1].ptp4l.heard
        for server in servers:
            server.close()

    run(main())


def test_the_other_one_is_only_read(tmp_path: Path) -> None:
    async def main() -> None:
        server = Server(tmp_path / "ptp4lro", Ptp4l())
        with following(tmp_path / "ptp4l", server.path) as (ptp, told):
            await told.soon()
            assert ptp.clock == LOCKED
        assert {message.action for message in server.ptp4l.heard} == {Action.GET}
        server.close()

    run(main())


def test_ptp4l_comes_and_notifies_and_goes(tmp_path: Path) -> None:
    async def main() -> None:
        with following(tmp_path / "ptp4l") as (ptp, told):
            assert [ptp.clock] == [None]
            server = Server(tmp_path / "ptp4l", Ptp4l(ports={1: PortState.UNCALIBRATED}))
            await told.soon()
            assert ptp.clock == PtpClock(GMID, 127, traceable=True, locked=False)
            server.ptp4l.ports[1] = PortState.SLAVE
            server.notify()
            await told.soon()
            assert ptp.clock == LOCKED
            server.close()
            await told.soon()
            assert ptp.clock is None

    run(main())


def test_the_first_look_waits_for_nobody_who_is_not_there(tmp_path: Path) -> None:
    ptp = Ptp([str(tmp_path / "nobody")])
    ptp.open(patience_s=3600.0)
    assert ptp.clock is None
    ptp.stop()


def test_the_first_look_has_the_clock_where_ptp4l_answers(tmp_path: Path) -> None:
    async def main() -> None:
        server = Server(tmp_path / "ptp4l", Ptp4l())
        ptp = Ptp([str(server.path)])
        await asyncio.to_thread(ptp.open, patience_s=3600.0)  # it holds up its thread, and this one answers
        assert ptp.clock == LOCKED
        ptp.stop()
        server.close()

    run(main())


def test_a_socket_that_may_not_be_used_is_said_once() -> None:
    """In a process of its own, which gives up being root first: root may use any socket."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as forbidden:
        Path(folder).chmod(0o755)
        path = Path(folder) / "ptp4l"
        forbidden.bind(str(path))
        path.chmod(0)
        script = (
            "import logging, os, sys\n"
            "from appliance.edge.ptp import Ptp\n"
            "os.geteuid() or os.setuid(65534)\n"
            "logging.basicConfig(format='%(message)s')\n"
            "ptp = Ptp([sys.argv[1]])\n"
            "ptp.open(); ptp.open(); ptp.stop()\n"
        )
        said = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert said.stderr.splitlines() == [
        f"ptp4l runs, but this user may not write to {path}: the box does not know its PTP clock"
    ]
