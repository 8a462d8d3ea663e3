"""How single pieces of work grow with what is there already, without a process around them: the rules' own share."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.discovery.world import SenderEntry
from appliance.edge.server import call_bottle
from appliance.nmos.is04.api import NodeApi
from appliance.panel.mirror import Mirror
from appliance.panel.navigation import Key, Navigation
from appliance.panel.updates import Updates
from appliance.system.clock import SystemClock
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.bench.figures import Row, row
from tests.bench.stage import NODE, Stage
from tests.unit.panel.test_updates import heard
from tests.unit.panel.worlds import AUDIO, Scene, audio_entry

SIZES = (10, 100, 1_000, 10_000)
_STEPS = 20
"""Of which one is a sample: a single one is shorter than the clock is exact."""


def measure(stage: Stage) -> Iterator[Row]:
    gc.collect()
    gc.disable()  # Python's own pace is not the box's (system/collector.py)
    try:
        for size in SIZES[:3] if stage.quick else SIZES:
            yield from _of_a_store(size, stage.some(20, 3))
            yield from _of_a_menu(size, stage.some(20, 3))
    finally:
        gc.enable()


def _of_a_store(size: int, samples: int) -> Iterator[Row]:
    what = f"{size:,} resources"
    store, site, ids = Store(SystemClock()), Site(), [f"s{number}" for number in range(size)]
    api = NodeApi(store, ("v1.3",), lambda id, request: Answer({}))
    api.mount(site)
    for listener in (site.ready.on_change, api.on_change):
        store.subscribe(listener)
    with store.transaction("start") as tx:
        tx.put(Kind.NODE, {"id": "n", "label": "Node"})
        tx.put(Kind.DEVICE, {"id": "d", "node_id": "n", "label": "Device"})
        for id in ids:
            tx.put(Kind.SENDER, {"id": id, "device_id": "d", "flow_id": None, "label": "Sender"})
    _listed(site)
    labels = iter(range(10**9))

    def commit() -> None:
        with store.transaction("rename") as tx:
            tx.update(Kind.SENDER, ids[0], label=str(next(labels)))

    yield row(f"{what}: a commit to one", "µs", _cpu_us(commit, samples))
    yield row(f"{what}: their list after it", "µs", _cpu_us(lambda: _listed(site), samples, 1, before=commit))


def _of_a_menu(size: int, samples: int) -> Iterator[Row]:
    what = f"{size:,} sources"
    entries = [audio_entry(f"Mic {number}") for number in range(size)]
    arrivals = [_arrival(entries) for _ in range(2)]
    scene = Scene(*entries)
    scene.settle()
    mirror = Mirror()
    for name, data in heard(Updates(scene.menu, scene.clock, AUDIO)):
        mirror.apply(name, data)
    navigation = Navigation(mirror, AUDIO)
    navigation.press(Key.DOWN)
    labels = iter(range(10**9))

    def changed() -> None:
        sender = {**entries[0].sender, "label": f"Other {next(labels)}"}
        scene.world.update("p", [replace(entries[0], sender=sender)])
        scene.settle()

    yield row(f"{what}: a label of one changes, in the menu", "µs", _cpu_us(changed, samples))
    yield row(f"{what}: a key at the panel", "µs", _cpu_us(lambda: navigation.press(Key.DOWN), samples))
    yield row(f"{what}: the peer with all of them arrives", "µs", arrivals)


def _arrival(entries: list[SenderEntry]) -> float:
    scene = Scene()
    scene.settle()
    began = time.process_time()
    scene.world.update("p", entries)
    scene.settle()
    return (time.process_time() - began) * 1e6


def _listed(site: Site) -> None:
    answer = call_bottle(site, Request("GET", f"{NODE}/senders"))
    assert isinstance(answer, Answer)
    answer.payload()


def _cpu_us(
    work: Callable[[], object], samples: int, steps: int = _STEPS, before: Callable[[], object] = lambda: None
) -> list[float]:
    taken = []
    for _ in range(samples):
        before()
        began = time.process_time()
        for _ in range(steps):
            work()
        taken.append((time.process_time() - began) / steps * 1e6)
    return taken
