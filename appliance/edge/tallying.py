"""What the box does with events, on the loop: its inputs, its lamps, and the actions of its receivers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from appliance.config.model import ActionConfig, Config, LampConfig, ReceiverConfig
from appliance.core.store import Store
from appliance.core.types import Clock
from appliance.errors import ApplianceError
from appliance.media.engine import StreamStatus
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is07.exchange import Exchange
from appliance.nmos.is07.messages import Event, State
from appliance.nmos.is07.sources import EventSource
from appliance.tally.actions import Actions, Take
from appliance.tally.api import TallyApi, TallyBoard
from appliance.tally.inputs import Inputs, restore
from appliance.web.site import Site

if TYPE_CHECKING:
    from appliance.edge.io.gpio import Lamp

log = logging.getLogger(__name__)

NS = 1_000_000_000
LONGEST_WAIT_S = 10.0
"""An action timestamp is for a few seconds at most (IS-07 Message types section 1.1)."""
MOST_WAITING = 100
TELL_S = 0.05
"""Faces hear of changes this far apart."""

TakeByName = Callable[[str, str | None], Awaitable[object]]
"""``await take(receiver's configured name, source by id or label or None)``; raises ApplianceError."""


@dataclass(frozen=True, slots=True)
class Faces:
    """``take`` does the takes; ``problem`` hears what is wrong with an input or lamp, by its name; ``changed`` that the
    board shows something else; ``check_unlocked`` raises where nobody may operate the panel."""

    take: TakeByName
    problem: Callable[[str, str | None], None]
    changed: Callable[[], None]
    check_unlocked: Callable[[], None]


class Tallying:
    """Inputs, lamps and actions, from ``start`` to ``stop``."""

    def __init__(
        self,
        config: Config,
        store: Store,
        endpoints: Sequence[Endpoint],
        exchange: Exchange,
        clock: Clock,
        faces: Faces,
    ) -> None:
        self._clock = clock
        self._sources, self._exchange = exchange.sources, exchange
        self._take, self._problem, self._tell = faces.take, faces.problem, faces.changed
        self._check_unlocked = faces.check_unlocked
        self._lamps: dict[LampConfig, Lamp] = {}
        self._lit: frozenset[str] = frozenset()
        self._open: dict[str, tuple[EventSource, Callable[[], None]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling: asyncio.TimerHandle | None = None
        self._untold = False
        self._by_name, self._lamp_configs, rules = _by_name(endpoints), config.events.lamps, _rules(endpoints)
        restore(store, self._sources)
        self.inputs = Inputs(self._sources, clock, self._rearm, self._input_problem)
        self.actions = Actions(rules, self._lamp_configs)
        self.board = TallyBoard(store, self._sources, self.actions, self._lamp_configs, tuple(rules))
        self._sources.subscribe(lambda source, event: self._changed())
        exchange.on_event(self._received)
        exchange.on_parked(self._parked)

    def declare(self, site: Site) -> None:
        TallyApi(self.board, self._sources, self.inputs, self._clock, self._check_unlocked).declare(site)

    def start(self) -> None:
        self._follow_inputs()
        self._follow_lamps()
        self._rearm()

    def reconfigure(self, config: Config, endpoints: Sequence[Endpoint], begun: Collection[str]) -> None:
        """The senders, receivers and lamps are these now, and the sources ``begun`` are new or of another kind. Inputs
        and lamps that did not change stay as they are."""
        self._by_name, self._lamp_configs, rules = _by_name(endpoints), config.events.lamps, _rules(endpoints)
        self.inputs.reconfigure(begun)
        self.actions.reconfigure(rules, self._lamp_configs)
        self.board.reconfigure(self._lamp_configs, tuple(rules))
        self._follow_inputs(begun)
        self._follow_lamps()
        self._rearm()
        self._show()

    async def stop(self) -> None:
        """Inputs are let go of, lamps go out."""
        for _, close in self._open.values():
            close()
        self._open.clear()
        for lamp in self._lamps.values():
            lamp.close()
        for handle in (*self._waiting, *filter(None, (self._timer, self._telling))):
            handle.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def on_stream(self, id: str, status: StreamStatus) -> None:
        """How a stream of RTP does: what "signal" and "fault" inputs read."""
        for source in self._sources.all.values():
            config = source.config.event.input
            if config.kind in ("signal", "fault") and self._by_name.get(config.of) == id:
                present = status.phase == "running" and status.signal is not False
                self.inputs.read(source.id, present if config.kind == "signal" else status.phase == "fault")

    # ---- inputs

    def _follow_inputs(self, begun: Collection[str] = ()) -> None:
        wanted = {source.id: source for source in self._sources.all.values()}
        for id, (source, close) in tuple(self._open.items()):
            if id not in wanted or id in begun or wanted[id].config.event.input != source.config.event.input:
                close()
                self._input_problem(source, None)
                del self._open[id]
        for id, source in wanted.items():
            if id not in self._open:
                self._open[id] = source, self._opened(source) or _nothing

    def _follow_lamps(self) -> None:
        gpio = [config for config in self._lamp_configs if config.kind == "gpio"]
        for config in [config for config in self._lamps if config not in gpio]:
            self._lamps.pop(config).close()
            self._problem(_name(config), None)
        for config in gpio:
            if config not in self._lamps:
                from appliance.edge.io.gpio import Lamp

                self._lamps[config] = lamp = Lamp(config, partial(self._problem, _name(config)))
                lamp.light(config.name in self._lit)

    def _opened(self, source: EventSource) -> Callable[[], None] | None:
        """What ends it, where it is one that is opened."""
        config = source.config.event.input
        read, problem = partial(self.inputs.read, source.id), partial(self._input_problem, source)
        if config.kind == "gpio":
            from appliance.edge.io import gpio

            return gpio.open_input(config, read, problem)
        if config.kind == "thermal":
            from appliance.edge.io import thermal

            return thermal.open_input(config, read, problem)
        if config.kind == "key":
            from appliance.edge.io import keys

            return keys.open_input(config, read, problem)
        return None

    def _input_problem(self, source: EventSource, why: str | None) -> None:
        name = f"input of {source.config.label or source.config.name}"
        self._problem(name, None if why is None else f"{name}: {why}")

    def _rearm(self) -> None:
        due = self.inputs.due
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            later = max(0.0, due - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(later, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.inputs.tick()
        self._rearm()

    def _changed(self) -> None:
        """The board shows something else. Faces are told at once, and of what follows soon after in one go."""
        if self._telling is None:
            self._tell()
            self._telling = asyncio.get_running_loop().call_later(TELL_S, self._tell_again)
        else:
            self._untold = True

    def _tell_again(self) -> None:
        self._telling = None
        if self._untold:
            self._untold = False
            self._changed()

    # ---- actions

    def _received(self, receiver_id: str, event: Event) -> None:
        if not isinstance(event, State):
            return
        wait_s = 0.0 if event.action_ns is None else (event.action_ns - self._clock.tai_ns()) / NS
        if not 0 < wait_s <= LONGEST_WAIT_S or len(self._waiting) >= MOST_WAITING:
            self._act(receiver_id, event)
            return
        handle: asyncio.TimerHandle

        def act() -> None:
            self._waiting.discard(handle)
            if self._exchange.receiving(receiver_id) is not None:
                self._act(receiver_id, event)

        handle = asyncio.get_running_loop().call_later(wait_s, act)
        self._waiting.add(handle)

    def _act(self, receiver_id: str, state: State) -> None:
        for take in self.actions.event(receiver_id, state):
            self._begin(take)
        self._show()

    def _parked(self, receiver_id: str) -> None:
        self.actions.parked(receiver_id)
        self._show()

    def _show(self) -> None:
        lit = self.actions.lit
        for config, lamp in self._lamps.items():
            if config.name in lit ^ self._lit:
                lamp.light(config.name in lit)
        self._lit = lit
        self._changed()

    def _begin(self, take: Take) -> None:
        task = asyncio.get_running_loop().create_task(self._do(take))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, take: Take) -> None:
        name = f"tally take of {take.receiver}"
        try:
            await self._take(take.receiver, take.source)
        except ApplianceError as error:
            log.warning("%s: %s", name, error.message)
            self._problem(name, f"{name}: {error.message}")
        else:
            self._problem(name, None)


def _by_name(endpoints: Sequence[Endpoint]) -> dict[str, str]:
    """Those of RTP; a sender before a receiver of the same name."""
    return {e.name: e.id for e in reversed(endpoints) if e.transport.is_rtp}


def _rules(endpoints: Sequence[Endpoint]) -> dict[str, tuple[ActionConfig, ...]]:
    """Of the receivers of events."""
    return {
        e.id: e.config.actions for e in endpoints if isinstance(e.config, ReceiverConfig) and not e.transport.is_rtp
    }


def _name(lamp: LampConfig) -> str:
    return f"lamp {lamp.label or lamp.name}"


def _nothing() -> None:
    """Nothing was opened."""
