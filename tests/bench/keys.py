"""A key on a panel with ten thousand sources: the cursor moved, letters typed, and the screen drawn; in this process,
without the terminal itself. Every other key comes after a change of the menu, when the list must be made anew."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

from appliance.panel.drawing import Scene as Frame
from appliance.panel.drawing import draw
from appliance.panel.mirror import Mirror
from appliance.panel.navigation import Key, Navigation
from appliance.panel.updates import Updates
from tests.bench.figures import Row, at_most, row
from tests.bench.stage import Stage
from tests.unit.panel.test_updates import heard
from tests.unit.panel.worlds import AUDIO, Scene, audio_entry

SOURCES = 10_000
KEYS = (
    Key.DOWN,
    Key.PAGE_DOWN,
    Key.LAST,
    Key.UP,
    "m",
    "i",
    "c",
    " ",
    "9",
    "9",
    Key.ERASE,
    Key.BACK,
    Key.LONG,
    Key.BACK,
)


def measure(stage: Stage) -> Iterator[Row]:
    scene = Scene(*(audio_entry(f"Mic {number}", node=f"Node {number % 200}") for number in range(SOURCES)))
    scene.settle()
    mirror = Mirror()
    for name, data in heard(Updates(scene.menu, scene.clock, AUDIO)):
        mirror.apply(name, data)
    gc.freeze()  # as the faces do
    navigation = Navigation(mirror, AUDIO)
    wall, cpu = [], []
    for turn in range(stage.some(10, 2)):
        for key in KEYS:
            mirror.revision += turn % 2
            began, worked = time.perf_counter(), time.process_time()
            navigation.press(key)
            draw(Frame(navigation, mirror.now), 80, 24)
            wall.append((time.perf_counter() - began) * 1000)
            cpu.append((time.process_time() - worked) * 1000)
    yield row("a key with 10,000 sources, drawn", "ms", wall, aim=at_most(50), goal=at_most(20))
    yield row("  of it: CPU, the longest", "ms", cpu, worst=True, aim=at_most(50))
