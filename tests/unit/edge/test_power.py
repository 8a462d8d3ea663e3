"""Five hundred power cuts of one box that works, in virtual time: what is lost is less than half a second old.

The box is the real one between its Connection API and the disk: configuration, store, connections, state writer with
the times that it has in the field. The disk is one that loses what was not synced, and takes its time to sync.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.config.model import Config, DeviceConfig, ReceiverConfig, SenderConfig
from appliance.core import journal
from appliance.core.ids import Identities
from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.edge.files import StateDirectory, StateWriter
from appliance.nmos.is04.build import Builder, Host
from appliance.nmos.is05.connections import Connections
from appliance.nmos.is05.endpoint import endpoints
from tests.support.disk import FakeDisk, PowerCut
from tests.support.virtual_time import run_virtually
from tests.unit.nmos.is05.boxes import TWO_PORTS, PaperNetwork, PaperPool

CUTS = 500
STALE_S = 0.5
"""What a change may take to be on flash (docs/architecture.md, Durability)."""
SYNC_S = (0.005, 0.12)
STATE = Path("/state")
CONFIG = Config(
    devices=(DeviceConfig("box"),),
    senders=(SenderConfig("tone", "box"),),
    receivers=(ReceiverConfig("speaker", "box"),),
)
Tables = dict[str, dict[str, Any]]


class LoopClock:
    """The loop's time is everybody's."""

    def tai_ns(self) -> int:
        return 1_700_000_000_000_000_000 + int(self.monotonic() * 1e9)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class SlowDisk(Executor):
    """In place of the helper thread: does each piece of work when the time that it takes is over."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.dead_since: float | None = None

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        loop = asyncio.get_running_loop()

        def work() -> None:
            try:
                result = call(*args, **kwargs)
            except PowerCut as cut:
                self.dead_since = loop.time()
                future.set_exception(cut)
            else:
                future.set_result(result)

        loop.call_later(self._chance.uniform(*SYNC_S), work)
        return future


@dataclass
class Life:
    """From power-on to the cut: who the box was, its state after each commit and when that was, and when it ended."""

    seed: uuid.UUID | None = None
    states: list[tuple[float, Tables]] = field(default_factory=list)
    end: float = 0.0


async def live(disk: FakeDisk, chance: random.Random) -> Life:
    life, thread, loop = Life(), SlowDisk(chance), asyncio.get_running_loop()
    disk.cut_at = disk.steps + chance.randrange(400)
    until = loop.time() + chance.uniform(0, 2)
    with suppress(PowerCut):
        directory = StateDirectory(STATE, disk)
        kept = directory.open()
        life.seed = kept.seed
        life.states.append((loop.time(), tables_of(kept)))
        assert kept.seed is not None
        store, connections, writer = made(directory, kept, kept.seed, thread)
        store.subscribe(lambda _: life.states.append((loop.time(), tables(store))))
        life.states.append((loop.time(), tables(store)))
        writer.start()
        number = 0
        while loop.time() < until and thread.dead_since is None:
            await asyncio.sleep(chance.choice((0, chance.uniform(0, 0.02), chance.uniform(0, 0.4))))
            number += 1
            change(store, connections, number, chance)
        life.end = loop.time()
        disk.cut_at = disk.steps  # if it was not cut by now
        await writer.stop()
    if thread.dead_since is not None:
        life.end = min(life.end or thread.dead_since, thread.dead_since)
    return life


def made(
    directory: StateDirectory, kept: journal.Kept, seed: uuid.UUID, thread: Executor
) -> tuple[Store, Connections, StateWriter]:
    """As app.py wires them."""
    clock, identities = LoopClock(), Identities(seed)
    store = Store(clock)
    store.restore(kept.resources(), kept.aspects())
    writer = StateWriter(directory, store, seed, thread=thread)
    store.subscribe(writer.on_change)
    Builder(CONFIG, identities).populate(store, Host("box", ("10.0.0.1",), 80, TWO_PORTS), "start")
    connections = Connections(store, endpoints(CONFIG, identities), PaperNetwork(), PaperPool(), clock)
    connections.start()
    return store, connections, writer


def change(store: Store, connections: Connections, number: int, chance: random.Random) -> None:
    """What controllers and people do."""
    kind = chance.choice((Kind.SENDER, Kind.RECEIVER))
    (id,) = connections.all(kind)
    activation = {"mode": chance.choice(("activate_immediate", None))}
    leg = {"destination_port": 10_000 + number}
    connections.patch(kind, id, {"master_enable": True, "transport_params": [leg], "activation": activation})
    if chance.random() < 0.2:
        with store.transaction("label") as tx:
            tx.attach("label", id, {"label": f"label {number}"})
            tx.update(kind, id, label=f"label {number}")


def tables(store: Store) -> Tables:
    found: Tables = {}
    for (table, id), value in journal.snapshot(store).items():
        found.setdefault(table, {})[id] = value
    return found


def tables_of(kept: journal.Kept) -> Tables:
    return {table: dict(entries) for table, entries in kept.tables.items() if entries}


def test_no_cut_mixes_states_loses_the_identity_or_more_than_half_a_second() -> None:
    chance, disk, now = random.Random(11), FakeDisk(grain=200), 0.0
    seed: uuid.UUID | None = None
    ages: list[float] = []
    for _ in range(CUTS):
        life, now = run_virtually(live(disk, chance), now)
        disk = disk.after_power_cut(chance)
        directory = StateDirectory(STATE, disk)
        kept = directory.open()
        directory.close()
        seed = seed or life.seed
        assert kept.seed is not None
        assert seed in (None, kept.seed)
        assert not [path for path in disk.names if ".bad-" in path.name], "a power cut is no damage"
        ages.append(lost_s(life, tables_of(kept)))
    assert max(ages) < STALE_S
    assert sum(age > 0 for age in ages) > CUTS / 4, "too few cuts came while something was on its way"


def lost_s(life: Life, found: Tables) -> float:
    """How old the oldest commit is that did not come back; AssertionError where what did was never committed."""
    committed = [(at, state) for at, state in life.states if at <= life.end]
    known = [index for index, (_, state) in enumerate(committed) if state == found]
    assert known or not committed, "a state that never was"
    if not known or known[-1] == len(committed) - 1:
        return 0.0
    return life.end - committed[known[-1] + 1][0]
