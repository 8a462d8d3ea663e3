"""A small screen with a knob as its user has it: pictures in a file, a box behind HTTP that comes and goes."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from PIL import Image

from appliance.commands.client import Daemon
from appliance.commands.displays import open_display
from appliance.commands.oled import SmallPanel
from appliance.config.panel import ScreenConfig
from appliance.panel.oled.hands import EV_KEY
from appliance.panel.oled.paint import paint
from appliance.panel.oled.screen import Frame, Text
from tests.integration.test_panel_terminal import FakeBox
from tests.support.leaks import run
from tests.unit.panel.worlds import AUDIO, id_of

ENTER, ESC = 28, 1
LIMIT_S = 60


class Watched:
    """A display that remembers the last picture; ``until`` waits for one."""

    def __init__(self, file: Path) -> None:
        self._display = open_display(ScreenConfig("front", "png", file=str(file)))
        self._changed = threading.Condition()
        self._last: tuple[bytes, int] | None = None
        self.file = file

    def show(self, picture: Image.Image, brightness: int) -> None:
        self._display.show(picture, brightness)
        with self._changed:
            self._last = picture.tobytes(), brightness
            self._changed.notify_all()

    def until(self, shown: Callable[[bytes, int], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._last is not None and shown(*self._last), LIMIT_S)


class User:
    def __init__(self, panel: SmallPanel, display: Watched) -> None:
        self._panel, self._display = panel, display

    def turns(self, steps: int) -> None:
        for _ in range(abs(steps)):
            self._panel.tell(lambda panel: panel.keys(["key down" if steps > 0 else "key up"]))

    def presses(self, code: int = ENTER) -> None:
        for value in (1, 0):
            self._panel.tell(lambda panel, value=value: panel.input(EV_KEY, code, value))  # type: ignore[misc]

    async def sees(self, *texts: str) -> None:
        """These texts as the large letters, or the notes, of what is on the screen."""
        await asyncio.to_thread(self._display.until, lambda picture, _: all(_is_in(text, picture) for text in texts))

    async def sees_dark(self) -> None:
        await asyncio.to_thread(self._display.until, lambda _, brightness: brightness == 0)


def _is_in(text: str, picture: bytes) -> bool:
    """Whether the letters stand somewhere in the picture, in any size, white on black or black on white."""
    screen = Image.frombytes("1", (128, 64), picture)
    for letters in (10, 30, 26, 22, 19, 16, 14, 12):
        for inverse in (False, True):
            frame: Frame = [Text(0, 16, 126, 24, text, letters, inverse)]
            box = paint([Text(0, 16, 126, 24, text, letters)], 128, 64).getbbox()
            assert box is not None
            stamp = paint(frame, 128, 64).crop(box)
            if box[2] < 127 and _stands_in(stamp, screen):
                return True
    return False


def _stands_in(stamp: Image.Image, screen: Image.Image) -> bool:
    wanted = stamp.tobytes()
    width, height = stamp.size
    return any(
        screen.crop((x, y, x + width, y + height)).tobytes() == wanted
        for y in range(64 - height + 1)
        for x in range(128 - width + 1)
    )


@asynccontextmanager
async def panel_on(box: FakeBox, tmp_path: Path) -> AsyncIterator[User]:
    display = Watched(tmp_path / "front.png")
    config = ScreenConfig("front", "png", file=str(display.file))
    panel = SmallPanel(Daemon(f"http://127.0.0.1:{box.port}"), config, display, AUDIO)
    thread = threading.Thread(target=panel.run)
    thread.start()
    try:
        yield User(panel, display)
    finally:
        panel.stop()
        await asyncio.to_thread(thread.join)


def test_turn_press_hear(tmp_path: Path) -> None:
    async def test() -> None:
        box = FakeBox()
        await box.start()
        async with panel_on(box, tmp_path) as user:
            await user.sees("Speakers", "Off")
            user.turns(1)  # opens the list
            await user.sees("Guitar", "Vocal mic")
            user.turns(2)
            user.presses()
            assert await asyncio.wait_for(box.taken.get(), LIMIT_S) == (AUDIO, id_of("Vocal mic"))
            await user.sees("Speakers", "Vocal mic")
        await user.sees_dark()
        with Image.open(tmp_path / "front.png") as left:
            assert left.getextrema() == (0, 0)
        await box.stop()

    run(test())


def test_a_box_that_goes_and_comes_back(tmp_path: Path) -> None:
    async def test() -> None:
        box = FakeBox()
        await box.start()
        async with panel_on(box, tmp_path) as user:
            await user.sees("Speakers", "Off")
            await box.stop()
            await user.sees("connected")
            await box.start()
            await user.sees("Speakers", "Off")
            user.turns(2)
            await user.sees("Guitar")
        await box.stop()

    run(test())
