"""Media on the event loop: follows the Connection API and the network, and does what the reconciler says.

Everything is done within the commit that asks for it: the joins, and starting the process (which takes it a hundred
milliseconds to become sound, but not us to start). What comes later - a sign of life, an exit, a retry - becomes a
status that listeners are told of.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.core.store import Change, Store
from appliance.core.types import JSON
from appliance.edge.child_log import ChildLog
from appliance.edge.run import Run
from appliance.edge.slices import Slices
from appliance.errors import ApplianceError
from appliance.media.engine import Engine, Job, Plan, StreamStatus, beside, owner
from appliance.media.figures import StreamFigures
from appliance.media.jobs import desired
from appliance.media.reconcile import Action, Join, Leave, Membership, Reconciler, Spawn, Switch, Terminate
from appliance.network.model import NetworkState
from appliance.system.logs import RESOURCE

if TYPE_CHECKING:
    from appliance.edge.patchbay import Patchbay

log = logging.getLogger(__name__)

ASPECT = "connection"
STOP_LIMIT_S = 0.8
LOOK_S = 0.5
"""How often those that should send are looked at, whether they still have anything to send."""

StatusListener = Callable[[str, StreamStatus], None]


class JoinRefused(Protocol):
    @property
    def reason(self) -> str: ...


class HeldMembership(Protocol):
    @property
    def group(self) -> str: ...
    @property
    def interface(self) -> str: ...
    @property
    def source(self) -> str | None: ...


class LostMembership(JoinRefused, Protocol):
    @property
    def membership(self) -> HeldMembership: ...


class Groups(Protocol):
    """The daemon's own multicast memberships (edge/multicast.py)."""

    def join(self, group: str, interface: str, source: str | None = None) -> JoinRefused | None: ...
    def leave(self, group: str, interface: str, source: str | None = None) -> None: ...
    def follow(self, state: NetworkState) -> tuple[LostMembership, ...]: ...
    def close(self) -> None: ...


class LiveState(Protocol):
    """The network as far as media follow it."""

    def snapshot(self) -> NetworkState: ...
    def subscribe(self, listener: Callable[[NetworkState], None]) -> Callable[[], None]: ...


class Media:
    """The streams of a box, running. ``endpoints`` by IS-04 id; ``environment`` is what their processes get to see."""

    def __init__(
        self,
        config: Config,
        endpoints: Mapping[str, SenderConfig | ReceiverConfig],
        store: Store,
        network: LiveState,
        groups: Groups,
        engines: Mapping[str, Engine],
        environment: Mapping[str, str],
        sdp_of: Callable[[str], str | None] = lambda id: None,
    ) -> None:
        """``sdp_of`` makes a sender's transport file, where there can be one."""
        self._sdp_of = sdp_of
        self._config = config
        self._endpoints = endpoints
        self._store = store
        self._network = network
        self._groups = groups
        self._engines = engines
        self._environment = environment
        self.patchbay: Patchbay | None = None
        """The mixer, where channels are mapped; to be set before :meth:`start`."""
        self._reconciler = Reconciler(self._plan)
        self._runs: dict[int, Run] = {}
        self._logs: dict[str, ChildLog] = {}
        self._shown: dict[str, StreamStatus] = {}
        self._listeners: list[StatusListener] = []
        self._waiting: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe: list[Callable[[], None]] = []
        self._slices = Slices()
        self._looking: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin with what is active already: some of it now, and where it is much the rest soon."""
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = [
            self._store.subscribe(self._changed, first=True),  # a join does not wait until everybody knows of it
            self._network.subscribe(self._network_changed),
        ]
        self._slices.run(self._derive_all())

    async def stop(self, limit_s: float = STOP_LIMIT_S) -> None:
        """Leave all groups at once, end all processes; what has not ended in time is killed."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self._slices.stop()
        if self._looking is not None:
            self._looking.cancel()
        self._reconciler.stop()
        self._go_on(self._endpoints)
        ending = [asyncio.ensure_future(run.ended()) for run in self._runs.values()]
        try:
            if ending:
                await asyncio.wait(ending, timeout=limit_s)
        finally:
            # Also where our own time ran out: whoever stops us may be less patient than we are.
            for run in self._runs.values():
                run.kill()
            self._groups.close()
        if ending:
            await asyncio.wait(ending)

    def drop(self) -> None:
        """What ``endpoints`` does not have any more ends, and without a mixer what runs beside them."""
        mixed, there = self.patchbay is not None, self._endpoints
        gone = [id for id in self._reconciler.ids() if id not in there and not (mixed and owner(id) in there)]
        for id in gone:
            self._reconciler.set_desired(id, None, self._loop.time())
        if gone:
            self._go_on(gone)

    def reconfigured(self) -> None:
        """``endpoints`` has others now: what is gone ends, what is new or different begins, and equal jobs go on."""
        self.drop()
        self._slices.run(self._derive_all())

    def status(self, id: str) -> StreamStatus:
        """That of what runs beside it too where that has a fault, since nothing is heard then: of a receiver's output
        also while others are routed there and the receiver is off, of a sender's input only while it sends."""
        own = self._reconciler.status(id)
        if self.patchbay is None:
            return own
        other = self._reconciler.status(beside(id))
        unused = own.phase == "idle" and isinstance(self._endpoints.get(id), SenderConfig)
        if other.phase != "fault" or own.phase == "fault" or unused:
            return own
        return replace(own, phase="fault", detail=other.detail, last_error=other.last_error)

    def statuses(self) -> dict[str, StreamStatus]:
        """Of every sender and receiver that the box has."""
        return {id: self.status(id) for id in self._endpoints}

    def name(self, id: str) -> str:
        """What the configuration calls a sender or receiver."""
        return self._endpoints[id].name

    def figures(self, id: str) -> StreamFigures:
        """Packets, losses and levels as they are now; nothing where nothing runs, or nothing that tells."""
        run = self._reconciler.run(id)
        if run not in self._runs:
            return StreamFigures()
        figures = self._runs[run].heard.figures(self._loop.time())
        interfaces = self._reconciler.interfaces(id)
        legs = (replace(leg, interface=name) for leg, name in zip(figures.legs, interfaces, strict=False))
        return replace(figures, legs=tuple(legs))

    def subscribe(self, listener: StatusListener) -> Callable[[], None]:
        """Call ``listener`` with every status that changes; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def settled(self, id: str, timeout_s: float) -> bool:
        """Wait until a receiver has joined and a sender was started, or it is known why not, and until the mixer does
        what the map says; False: time ran out."""
        deadline = self._loop.time() + timeout_s
        while not self._reconciler.settled(id):
            changed = self._loop.create_future()
            self._waiting.add(changed)
            await asyncio.wait((changed,), timeout=max(0.0, deadline - self._loop.time()))
            self._waiting.discard(changed)
            if not changed.done():
                return False
        if self.patchbay is not None:
            return await self.patchbay.settled(max(0.0, deadline - self._loop.time()))
        return True

    # ---- what happened

    def _changed(self, change: Change) -> None:
        touched = {aspect.id: aspect.after for aspect in change.touches(ASPECT) if aspect.id in self._endpoints}
        for id, connection in touched.items():
            self._derive(id, connection)
        if self.patchbay is not None and (self.patchbay.changed(change) or touched):
            self._derive_beside()
        if touched:
            self._go_on(touched)

    def _network_changed(self, state: NetworkState) -> None:
        for lost in self._groups.follow(state):
            held = Membership(lost.membership.group, lost.membership.interface, lost.membership.source)
            for id in self._reconciler.members(held):
                self._groups.leave(held.group, held.interface, held.source)
                self._reconciler.join_failed(id, held, lost.reason, self._loop.time())
        self._slices.run(self._derive_all())

    def _derive_all(self) -> Iterator[None]:
        for id in tuple(self._endpoints):
            if id not in self._endpoints:  # a step of a reload took it meanwhile
                continue
            self._derive(id, self._store.aspect(ASPECT, id))
            self._go_on((id,))
            yield
        self._derive_beside()

    def _derive(self, id: str, connection: JSON | None) -> None:
        active = (connection or {}).get("active") or {}
        wanted = desired(id, self._endpoints[id], active, self._network.snapshot(), self._config)
        if self.patchbay is not None:
            wanted = self.patchbay.patched(id, wanted)
        self._reconciler.set_desired(id, wanted, self._loop.time())

    def _derive_beside(self) -> None:
        """What runs beside the senders and receivers, at the other side of the mixer, follows from all of them."""
        if self.patchbay is None:
            return
        streams = dict(self.patchbay.beside(lambda id: self._reconciler.status(id).phase != "idle"))
        for id, wanted in streams.items():
            self._reconciler.set_desired(id, wanted, self._loop.time())
        self._go_on(streams)

    def _line(self, spawn: Spawn, line: str) -> None:
        if spawn.plan.ready is not None and line.startswith(spawn.plan.ready):
            self._alive(spawn)
            self._go_on((spawn.id,))
            return
        if self._runs[spawn.run].heard.line(line, self._loop.time()):
            self._look(spawn.id)

    def _look(self, id: str) -> None:
        """Whether there is a signal now."""
        run = self._reconciler.run(id)
        heard = self._runs[run].heard if run in self._runs else None
        signal = heard.signal(self._loop.time()) if heard else None
        if run is not None and heard is not None and signal is not None:
            self._reconciler.signal(id, run, signal, heard.legs_heard)
            self._show((id,))

    def _look_at_all(self) -> None:
        """Those that have fallen silent do not say so."""
        self._looking = None
        for id in self._endpoints:
            self._look(id)
        self._look_later()

    def _look_later(self) -> None:
        if self._looking is None and any(run.heard.packet_s for run in self._runs.values()):
            self._looking = self._loop.call_later(LOOK_S, self._look_at_all)

    def _error(self, spawn: Spawn, line: str) -> None:
        if spawn.plan.foreign:
            child_log = self._logs.setdefault(spawn.id, ChildLog(self._loop.time))
            child_log.line(self._endpoints[spawn.id].label or self._endpoints[spawn.id].name, line)

    def _alive(self, spawn: Spawn) -> None:
        self._runs[spawn.run].alive()
        self._reconciler.sign_of_life(spawn.id, spawn.run)
        self._look_later()

    def _exited(self, spawn: Spawn, code: int, last_lines: tuple[str, ...]) -> None:
        self._runs.pop(spawn.run).close()
        self._reconciler.exited(spawn.id, spawn.run, code, last_lines, self._loop.time())
        self._go_on((spawn.id,))

    def _tick(self) -> None:
        self._timer = None
        self._go_on(self._reconciler.tick(self._loop.time()))

    # ---- what to do

    def _go_on(self, touched: Iterable[str]) -> None:
        """Do all that is to be done, then tell who wants to know of the endpoints it may concern, and set the timer."""
        while actions := self._reconciler.actions():
            for action in actions:
                self._do(action)
        self._show(touched)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._reconciler.due()
        if due is not None:
            self._timer = self._loop.call_at(due, self._tick)

    def _do(self, action: Action) -> None:
        match action:
            case Join(id, membership):
                self._join(id, membership)
            case Leave(_, membership):
                self._groups.leave(membership.group, membership.interface, membership.source)
            case Spawn():
                self._spawn(action)
            case Switch(_, run, plan):
                self._switch(run, plan)
            case Terminate(_, run):
                if run in self._runs:
                    self._runs[run].terminate()

    def _join(self, id: str, membership: Membership) -> None:
        refused = self._groups.join(membership.group, membership.interface, membership.source)
        if refused is None:
            self._reconciler.joined(id, membership)
        else:
            self._reconciler.join_failed(id, membership, refused.reason, self._loop.time())

    def _spawn(self, spawn: Spawn) -> None:
        try:
            with ExitStack() as closing:
                mixer = None
                if self.patchbay is not None and spawn.plan.patch is not None:
                    mixer = closing.enter_context(self.patchbay.open(spawn.plan.patch)).fileno()
                run = Run(
                    spawn.plan,
                    mixer,
                    on_line=lambda line: self._line(spawn, line),
                    on_exit=lambda code, last_lines: self._exited(spawn, code, last_lines),
                    on_error=lambda line: self._error(spawn, line),
                    environment=self._environment,
                )
        except OSError as error:
            why = f"{(spawn.plan.argv or ('',))[0]} cannot be started: {error.strerror or error}"
            self._reconciler.spawn_failed(spawn.id, spawn.run, why, self._loop.time())
            return
        self._runs[spawn.run] = run
        if spawn.plan.ready is None:
            self._alive(spawn)

    def _switch(self, run: int, plan: Plan) -> None:
        try:
            self._runs[run].switch(plan)
        except OSError as error:
            log.warning("another source cannot be had as it is, so all begins anew: %s", error.strerror or error)
            self._runs[run].kill()

    def _plan(self, job: Job) -> Plan:
        engine = self._engines[job.driver]
        reason = engine.unavailable()
        if reason is not None:
            raise ApplianceError(reason)
        if job.role == "sender" and job.command.argv:
            job = replace(job, sdp=self._sdp_of(job.id))
        return engine.plan(job)

    def _show(self, touched: Iterable[str]) -> None:
        for id in dict.fromkeys(map(owner, touched)):
            status = self.status(id)
            before = self._shown.get(id, StreamStatus())
            if before != status:
                self._shown[id] = status
                if status.phase == "fault" and status.detail != before.detail:
                    name = self._endpoints[id].label or self._endpoints[id].name
                    log.warning("%s: %s", name, status.detail, extra={RESOURCE: id})
                for listener in tuple(self._listeners):
                    listener(id, status)
