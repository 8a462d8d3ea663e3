"""The terminal panel as its user has it: a process on a pseudo-terminal, a box behind HTTP that comes and goes."""

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from appliance.edge.panel_events import PATH, PanelEvents
from appliance.edge.salvo import together
from appliance.edge.secrets import Scrypt
from appliance.edge.server import HttpServer
from appliance.panel.api import PanelApi
from appliance.panel.kept import Defaults
from appliance.panel.operating import OperatingApi
from appliance.web.messages import Answer
from appliance.web.site import Site
from tests.support.leaks import run
from tests.unit.panel.worlds import AUDIO, Scene, audio_entry, connection, id_of

CHECKOUT = Path(__file__).parents[2]
LIMIT_S = 60
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][0AB]|[=>78]|\][^\x07]*\x07)|[\x0e\x0f]")


class FakeBox:
    """A real server, API and menu; what a take does is only written down."""

    def __init__(self) -> None:
        self.scene = Scene(*(audio_entry(name) for name in ("Guitar", "Vocal mic", "Zoë 麦克风")))
        self.taken: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue()
        self.port = 0

    async def start(self) -> None:
        scene = self.scene
        site = Site()
        api = PanelApi(scene.menu, scene.store, scene.clock, self._take)
        api.declare(site)
        OperatingApi(scene.menu, scene.store, scene.clock, Defaults(), api, together, Scrypt()).declare(site)
        self._events = PanelEvents(scene.menu, scene.clock)
        self._server = HttpServer(site, self._settled)
        self._server.stream(PATH, self._events.handle)
        self.port = await self._server.listen("127.0.0.1", self.port)

    async def stop(self) -> None:
        self._events.close()
        await self._server.stop()

    async def _take(self, receiver_id: str, sender_id: str | None) -> Answer:
        self.scene.connect(receiver_id, connection(sender_id, enabled=sender_id is not None))
        self.taken.put_nowait((receiver_id, sender_id))
        return Answer({})

    async def _settled(self, _id: str) -> None: ...


class TerminalUser:
    """Types, and reads what is written on the screen (as text in the order it is written)."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self._master, self._process = master, process
        self._text = ""
        self._sgr = False
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    def clicks(self, column: int, row: int) -> None:
        """Press and let go the first button, from 1, told as the program asked for it: by SGR's mode 1006, or X11's."""
        if self._sgr:
            self.type(f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m")
        else:
            place = f"{chr(32 + column)}{chr(32 + row)}"
            self.type(f"\x1b[M {place}\x1b[M#{place}")

    def type(self, keys: str) -> None:
        self._text = ""
        os.write(self._master, keys.encode())

    async def sees(self, text: str) -> None:
        """Wait until it is written, after what was typed last."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while text not in _ESCAPES.sub("", self._text):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"{text!r} is not in what was written: {_ESCAPES.sub('', self._text)}") from None

    async def leaves(self) -> int:
        async with asyncio.timeout(LIMIT_S):
            return await self._process.wait()

    def resize(self, columns: int, rows: int) -> None:
        self._text = ""
        _set_size(self._master, columns, rows)
        self._process.send_signal(signal.SIGWINCH)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # the other side is closed
            asyncio.get_running_loop().remove_reader(self._master)
            return
        self._text += data.decode("utf-8", "replace")
        self._sgr |= b"\x1b[?1006h" in data
        self._more.set()


@asynccontextmanager
async def panel(url: str, term: str = "vt100", columns: int = 80, rows: int = 24) -> AsyncIterator[TerminalUser]:
    master, slave = pty.openpty()
    _set_size(master, columns, rows)
    environment = {**os.environ, "TERM": term, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(CHECKOUT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance", "panel", "--url", url,
        stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    user = TerminalUser(master, process)
    try:
        yield user
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        user.close()


def _set_size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@asynccontextmanager
async def box() -> AsyncIterator[FakeBox]:
    fake = FakeBox()
    await fake.start()
    try:
        yield fake
    finally:
        await fake.stop()


def test_choose_take_find_off_and_quit() -> None:
    async def story() -> None:
        async with box() as fake, panel(f"http://127.0.0.1:{fake.port}") as user:
            await user.sees("Display A")
            await user.sees("Vocal mic")
            await user.sees("q quit")
            user.type("\x1b[B")
            await user.sees(">   Guitar")
            user.type("\r")
            assert await fake.taken.get() == (AUDIO, id_of("Guitar"))
            await user.sees("current")
            user.type("voc")
            await user.sees("Find: voc_   1 found")
            user.type("\r")
            assert await fake.taken.get() == (AUDIO, id_of("Vocal mic"))
            await user.sees("* Vocal mic")
            user.type("o")
            assert await fake.taken.get() == (AUDIO, None)
            await user.sees("* Off")
            user.type("q")
            assert await user.leaves() == 0

    run(story())


def test_a_mouse_points_and_presses() -> None:
    async def story() -> None:
        async with box() as fake, panel(f"http://127.0.0.1:{fake.port}", term="xterm") as user:
            await user.sees("Vocal mic")
            user.clicks(10, 7)
            await user.sees("▸   Vocal mic")
            assert fake.taken.empty()
            user.clicks(10, 7)
            assert await fake.taken.get() == (AUDIO, id_of("Vocal mic"))

    run(story())


def test_favourites_presets_confirmation_and_the_lock() -> None:
    async def story() -> None:
        async with box() as fake, panel(f"http://127.0.0.1:{fake.port}") as user:
            await user.sees("Vocal mic")
            user.type("\x1b[B\x1b[B*")
            await user.sees("Favourites")
            user.type("\r")
            assert await fake.taken.get() == (AUDIO, id_of("Vocal mic"))
            user.type("\x1b[C")
            await user.sees("Options")
            user.type("\x1b[B\x1b[B\r")
            await user.sees("Save what is shown now")
            user.type("Show\r")
            await user.sees("2 receivers")
            user.type("\x1b[D\x1b[D" + "o")
            assert await fake.taken.get() == (AUDIO, None)
            user.type("\x1b[C\x1b[B\x1b[B\r")
            await user.sees("Show")
            user.type("\x1b[B\r")
            assert await fake.taken.get() == (AUDIO, id_of("Vocal mic"))
            user.type("\x1b[D\x1b[D\x1b[C")
            await user.sees("Set a PIN")
            user.type("\x1b[F\r")
            await user.sees("A PIN of 4 to 12 digits")
            user.type("4711\r")
            await user.sees("Vocal mic")
            user.type("\x1b[C\x1b[F\r")
            await user.sees("Unlock the panel")
            user.type("\x1b[D")
            await user.sees("LOCKED")
            user.type("o")
            await user.sees("the panel is locked")
            user.type("0000\r")
            await user.sees("pin: is wrong")
            user.type("4711\r")
            await user.sees("Enter take")
            user.type("o")
            assert await fake.taken.get() == (AUDIO, None)

    run(story())


def test_a_change_shows_and_a_receiver_of_another_kind_says_what_does_not_fit() -> None:
    async def story() -> None:
        async with box() as fake, panel(f"http://127.0.0.1:{fake.port}") as user:
            await user.sees("Vocal mic")
            fake.scene.world.update("p", [audio_entry("Zither")])
            await user.sees("Zither")
            user.type("\t")
            await user.sees("x Zither")
            await user.sees("it is audio")
            user.type("\x1b[F\r")
            await user.sees("Zoë 麦克风 does not fit: it is audio, this receiver takes video")
            assert fake.taken.empty()

    run(story())


def test_the_box_goes_away_and_comes_back() -> None:
    async def story() -> None:
        async with box() as fake, panel(f"http://127.0.0.1:{fake.port}") as user:
            await user.sees("Vocal mic")
            await fake.stop()
            await user.sees("NOT CONNECTED")
            user.type("\x1b[B\r")
            await user.sees("Guitar")
            assert fake.taken.empty()
            fake.scene.world.update("p", [audio_entry("Zither")])
            await fake.start()
            await user.sees("Zither")

    run(story())


def test_started_before_the_box_it_waits_for_it() -> None:
    async def story() -> None:
        fake = FakeBox()
        await fake.start()
        await fake.stop()
        async with panel(f"http://127.0.0.1:{fake.port}") as user:
            await user.sees("trying again")
            await fake.start()
            await user.sees("Vocal mic")
            await fake.stop()

    run(story())


def test_on_a_serial_line_without_a_size_and_on_a_window_that_changes() -> None:
    async def story() -> None:
        async with box() as fake, panel(f"http://127.0.0.1:{fake.port}", columns=0, rows=0) as user:
            await user.sees("Vocal mic")
            user.resize(20, 5)
            await user.sees("Too small")
            user.resize(100, 30)
            await user.sees("Vocal mic")
            user.type("q")
            assert await user.leaves() == 0

    run(story())


def test_a_terminal_that_can_show_nothing_is_told_so() -> None:
    async def story() -> None:
        async with panel("http://127.0.0.1:1", term="dumb") as user:
            await user.sees("this terminal (TERM=dumb) cannot show the panel")
            assert await user.leaves() == 1

    run(story())
