"""Auto-route at work: looks at receivers when something about them, or about what they could show, is different, and
does the takes that panel.autoroute asks for. What it did, and why, goes into the log and onto the panel.

Whatever activates a receiver without having been asked to from here was somebody's choice, at a panel or with a
controller, and is kept as such.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator

from appliance.core.store import AspectChange, Change, Store
from appliance.core.tai import format_tai
from appliance.core.types import Clock, Kind
from appliance.discovery.world import World, WorldChange
from appliance.edge.slices import SLICE_S
from appliance.errors import ApplianceError, Conflict
from appliance.panel.autoroute import AutoRoute, Refresh, Standing, Switch
from appliance.panel.items import Fit, MenuChange, ReceiverItem, SourceItem
from appliance.panel.kept import ROUTE, ROUTING, Defaults, route_of
from appliance.panel.menu import MenuModel
from appliance.web.messages import Answer

log = logging.getLogger(__name__)

GATHER_S = 0.05
"""Changes come in many pieces; they are looked at together."""
AT_ONCE = 4
SPREAD_S = 0.5
"""Hundreds of boxes see one sender's new version at the same moment: they do not ask for its transport file at once."""
_CONNECTION = "connection"
_PASSING = ("o=", "s=", "i=", "a=ts-refclk")
"""Lines of a transport file that may differ while the stream is the same."""

Take = Callable[[str, str | None], Awaitable[Answer]]
Manifest = Callable[[str], Awaitable[str]]


class AutoRouting:
    """``take`` is the panel's, ``manifest_of`` the transport file of a sender elsewhere."""

    def __init__(
        self,
        menu: MenuModel,
        store: Store,
        world: World,
        clock: Clock,
        defaults: Defaults,
        take: Take,
        manifest_of: Manifest,
    ) -> None:
        self._menu, self._store, self._world, self._clock = menu, store, world, clock
        self._defaults, self._take, self._manifest_of = defaults, take, manifest_of
        self._rules = AutoRoute(_View(menu, store, world), clock.monotonic())
        self._to_look: dict[str, None] = {}
        self._steps: Iterator[object] = iter(())
        self._next: asyncio.Handle | None = None
        self._timer: asyncio.Handle | None = None
        self._own: dict[str, str] = {}
        self._acting: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._ends: tuple[Callable[[], None], ...] = ()

    def start(self) -> None:
        self._ends = (
            self._menu.subscribe(self._on_menu),
            self._world.subscribe(self._on_world),
            self._store.subscribe(self._on_store),
        )
        self._forget_the_gone()
        self._look_at([item.id for item in self._menu.receivers])

    async def stop(self) -> None:
        for end in self._ends:
            end()
        for handle in (self._next, self._timer):
            if handle is not None:
                handle.cancel()
        for task in self._acting.values():
            task.cancel()
        if self._acting:
            await asyncio.wait(self._acting.values())

    def _forget_the_gone(self) -> None:
        """What was kept of receivers that the configuration no longer has."""
        with self._store.transaction("auto-route restored") as tx:
            for aspect in (ROUTE, ROUTING):
                for id in self._store.aspects(aspect):
                    if self._menu.receiver(id) is None:
                        tx.attach(aspect, id, None)

    # ---- when to look

    def _on_menu(self, change: MenuChange) -> None:
        receivers = [*change.receivers]
        if change.sources or change.gone:
            receivers += self._rules.changed(change.sources | change.gone)
        self._look_at(receivers)

    def _on_world(self, change: WorldChange) -> None:
        """Also what the menu does not show of a sender: its version."""
        self._look_at(self._rules.showing(change.changed))

    def _on_store(self, change: Change) -> None:
        chosen = [each for each in change.touches(_CONNECTION) if self._is_by_hand(each)]
        for each in chosen:
            state = self._store.aspect(ROUTING, each.id) or {}
            if not state.get("manual") and route_of(self._store, self._defaults, each.id).mode in ("follow", "first"):
                self._keep(each.id, "chosen by hand", Standing(manual=True), "")
        self._look_at([each.id for each in change.aspects if each.aspect in (ROUTE, ROUTING)])

    def _is_by_hand(self, change: AspectChange) -> bool:
        """An activation of a receiver that was not asked for here; a restart or a move of the network is none."""
        if change.before is None or change.after is None or self._store.get(Kind.RECEIVER, change.id) is None:
            return False
        before, after = change.before["active"], change.after["active"]
        return bool(
            after["activation"]["activation_time"] != before["activation"]["activation_time"]
            and self._own.get(change.id) != after["sender_id"]
        )

    def _look_at(self, receiver_ids: list[str]) -> None:
        self._to_look.update(dict.fromkeys(receiver_ids))
        if self._to_look and self._next is None:
            self._next = asyncio.get_running_loop().call_later(GATHER_S, self._work)

    # ---- looking

    def _work(self) -> None:
        loop = asyncio.get_running_loop()
        self._next = None
        until = time.monotonic() + SLICE_S
        for _ in self._steps:
            if time.monotonic() > until:
                self._next = loop.call_soon(self._work)
                return
        if self._to_look:
            ids, self._to_look = self._to_look, {}
            self._steps = self._look(list(ids))
            self._next = loop.call_soon(self._work)
            return
        self._arm()

    def _look(self, receiver_ids: list[str]) -> Iterator[object]:
        for id in receiver_ids:
            if id in self._acting:  # looked at again when that is done
                continue
            route = route_of(self._store, self._defaults, id)
            for step in self._rules.look(id, route, self._standing(id), self._clock.monotonic()):
                yield None
                if step is not None:
                    self._act(id, step)
            yield None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (wake := self._rules.wake) is not None:
            delay = max(0.0, wake - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._look_at(self._rules.due(self._clock.monotonic()))
        if self._next is None:  # a loop's timer may come a little early
            self._arm()

    def _standing(self, receiver_id: str) -> Standing:
        state = self._store.aspect(ROUTING, receiver_id) or {}
        return Standing(bool(state.get("manual")), state.get("home"))

    # ---- doing

    def _act(self, receiver_id: str, step: Switch | Refresh) -> None:
        work = self._switch(receiver_id, step) if isinstance(step, Switch) else self._refresh(receiver_id, step)
        self._acting[receiver_id] = asyncio.get_running_loop().create_task(self._done(receiver_id, work))

    async def _done(self, receiver_id: str, work: Awaitable[None]) -> None:
        try:
            async with self._turn:
                await work
        finally:
            del self._acting[receiver_id]
        self._look_at([receiver_id])

    async def _switch(self, receiver_id: str, step: Switch) -> None:
        if self._standing(receiver_id).manual:
            return
        try:
            await self._connect(receiver_id, step.source_id)
        except ApplianceError as error:
            log.warning("%s: auto-route cannot take %s: %s", self._label(receiver_id), step.why, error.message)
            self._rules.failed(receiver_id, step.source_id, self._clock.monotonic())
            return
        log.info("%s: auto-route took %s", self._label(receiver_id), step.why)
        self._keep(receiver_id, "auto-route", Standing(home=step.home), step.why)

    async def _refresh(self, receiver_id: str, step: Refresh) -> None:
        connection = self._store.aspect(_CONNECTION, receiver_id) or {}
        known = ((connection.get("active") or {}).get("transport_file") or {}).get("data")
        if known is None:
            return
        await asyncio.sleep(random.uniform(0, SPREAD_S))
        try:
            if _stream_of(await self._manifest_of(step.source_id)) == _stream_of(known):
                return
            await self._connect(receiver_id, step.source_id)
        except ApplianceError as error:
            log.debug("%s: %s", self._label(receiver_id), error.message)
            self._rules.not_refreshed(receiver_id, self._clock.monotonic())
            return
        source = self._menu.source(step.source_id)
        why = f"{source.label if source else step.source_id[:8]}: its stream has changed"
        log.info("%s: auto-route connected anew to %s", self._label(receiver_id), why)
        self._keep(receiver_id, "auto-route", self._standing(receiver_id), why)

    async def _connect(self, receiver_id: str, source_id: str) -> None:
        receiver = self._menu.receiver(receiver_id)
        if receiver is None or receiver.pending is not None or receiver_id in self._menu.taking:
            raise Conflict("somebody was quicker")
        self._own[receiver_id] = source_id
        self._menu.taking.begin(receiver_id, source_id)
        try:
            await self._take(receiver_id, source_id)
        finally:
            del self._own[receiver_id]
            self._menu.taking.end(receiver_id, source_id)

    def _keep(self, receiver_id: str, cause: str, standing: Standing, note: str) -> None:
        at = format_tai(self._clock.tai_ns())
        value = {"manual": standing.manual, "home": standing.home, "note": note, "at": at}
        with self._store.transaction(cause) as tx:
            tx.attach(ROUTING, receiver_id, value)

    def _label(self, receiver_id: str) -> str:
        receiver = self._menu.receiver(receiver_id)
        return receiver.label if receiver else receiver_id[:8]


class _View:
    """The menu, and of the world what the menu does not show."""

    def __init__(self, menu: MenuModel, store: Store, world: World) -> None:
        self._menu, self._store, self._world = menu, store, world

    def receiver(self, id: str) -> ReceiverItem | None:
        return self._menu.receiver(id)

    def source(self, id: str) -> SourceItem | None:
        return self._menu.source(id)

    def source_ids(self) -> list[str]:
        return self._menu.source_ids()

    def fit(self, source_id: str, receiver_id: str) -> Fit:
        return self._menu.fit(source_id, receiver_id)

    def is_own(self, source: SourceItem) -> bool:
        return self._store.get(Kind.SENDER, source.id) is not None

    def version(self, source_id: str) -> str | None:
        entry = None if self._store.get(Kind.SENDER, source_id) else self._world.entries.get(source_id)
        return None if entry is None else f"{entry.sender.get('version')} {entry.sender.get('manifest_href')}"


def _stream_of(sdp: str) -> list[str]:
    """What of a transport file says where and what the stream is."""
    return [line.rstrip() for line in sdp.splitlines() if line.strip() and not line.startswith(_PASSING)]
