"""The Channel Mapping API's service: what is routed where, and every change of it (IS-08 Behaviour - Map).

What is active is kept in the store: one entry of the aspect "channelmap" for each Output, and the last activation in
one of its own. An activation is one transaction, which also gives the source and the device of each Output that it
names new versions (IS-08 Interoperability - IS-04). What is scheduled locks the Outputs it names until it is done or
deleted; it is lost in a restart, as it is never done late, and the log says so then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from appliance.core.store import Store, Transaction
from appliance.core.tai import NS, format_tai
from appliance.core.types import JSON, Clock, Kind
from appliance.errors import BadRequest, Locked, NotFound
from appliance.nmos.is05.schedule import Schedule
from appliance.nmos.is05.state import ABSOLUTE, IMMEDIATE, no_activation
from appliance.nmos.is08.matrix import Input, Matrix, Output, Route, Routes
from appliance.nmos.is08.request import Action, read_request, validator
from appliance.nmos.is08.rules import check, exists, first_routes

log = logging.getLogger(__name__)
T = TypeVar("T")

ASPECT = "channelmap"
"""By Output: ``{"channels": [["receiver-speaker", 0], null, ...]}``."""
LAST_ASPECT = "channelmap_activation"
LAST = "last"
PENDING_ASPECT = "channelmap_pending"
"""By id of a scheduled activation: ``{"activation_time": TAI, "outputs": [ids]}``."""
MAX_AT_ONCE = 16
"""Scheduled activations done in one turn of the loop."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A scheduled activation: as it is shown, and what it will do."""

    activation: JSON
    action: Action

    def to_json(self) -> JSON:
        return {"activation": self.activation, "action": self.action.body}


class ChannelMap:
    """``new_id`` gives ids that were never given before; ``rearm`` is called when :meth:`get_timer` has news."""

    def __init__(
        self,
        matrix: Matrix,
        store: Store,
        clock: Clock,
        new_id: Callable[[], str],
        rearm: Callable[[], None] = lambda: None,
    ) -> None:
        self._matrix = matrix
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._rearm = rearm
        self._schedule = Schedule()
        self._pending: dict[str, Pending] = {}
        self._locked: dict[str, str] = {}
        """By Output the activation that it waits for."""

    def start(self) -> None:
        """Take back what was kept over a restart as far as it still can be, and give what is new its own Input."""
        with self._store.transaction("channel map restored") as tx:
            self._restore(tx)
            for id, lost in self._store.aspects(PENDING_ASPECT).items():
                what = f"the channel map scheduled for {lost['activation_time']} was lost in a restart"
                log.warning("%s: %s", ", ".join(lost["outputs"]), what)
                tx.attach(PENDING_ASPECT, id, None)

    def reconfigure(self, tx: Transaction, matrix: Matrix) -> None:
        """Another matrix, as after a restart, but for what is pending: that stays where all it names is still there."""
        self._matrix = matrix
        self._restore(tx)
        for id, pending in tuple(self._pending.items()):
            if not all(self._fits(output, routes) for output, routes in pending.action.routes.items()):
                log.warning("activation %s: what it names is not there any more, deleted", id)
                self._drop(tx, id)

    def warm_up(self) -> Iterator[None]:
        """Compile the schema, so that the first request does not wait for it."""
        validator()
        yield

    # ---- what there is

    @property
    def matrix(self) -> Matrix:
        return self._matrix

    def input(self, id: str) -> Input:
        return _found(self._matrix.inputs, id, "input")

    def output(self, id: str) -> Output:
        return _found(self._matrix.outputs, id, "output")

    def routes(self, output: Output) -> Routes:
        """What is active."""
        return routes_of(self._store.aspect(ASPECT, output.id))

    def last_activation(self) -> JSON:
        return self._store.aspect(LAST_ASPECT, LAST) or {**no_activation()}

    def all_pending(self) -> Mapping[str, Pending]:
        return self._pending

    def pending(self, id: str) -> Pending:
        return _found(self._pending, id, "pending activation")

    # ---- controllers

    def activate(self, body: JSON) -> tuple[int, str, Pending]:
        """POST /map/activations: status, id and what to show. Every error leaves everything as it was."""
        requested, action = read_request(body, self._matrix)
        for id in action.routes:
            if id in self._locked:
                waits_for = self._pending[self._locked[id]].activation["activation_time"]
                raise Locked(f"action.{id}: is locked by activation {self._locked[id]}, pending for {waits_for}")
            check(self.output(id), self._after(self.output(id), action), self._matrix.inputs)
        now, id = self._clock.tai_ns(), self._new_id()
        activation = {"mode": requested.mode, "requested_time": requested.time, "activation_time": format_tai(now)}
        if requested.mode == IMMEDIATE:
            with self._store.transaction("channel map") as tx:
                self._write(tx, action, activation)
            return 200, id, Pending(activation, action)
        if requested.mode == ABSOLUTE:  # a time already past is now
            due = max(now, requested.time_ns)
            self._schedule.at(id, due)
        else:
            due = now + requested.time_ns
            self._schedule.after(id, self._clock.monotonic() + requested.time_ns / NS)
        pending = Pending({**activation, "activation_time": format_tai(due)}, action)
        self._pending[id] = pending
        self._locked |= dict.fromkeys(action.routes, id)
        kept = {"activation_time": pending.activation["activation_time"], "outputs": list(action.routes)}
        with self._store.transaction("channel map scheduled") as tx:
            tx.attach(PENDING_ASPECT, id, kept)
        self._rearm()
        return 202, id, pending

    def cancel(self, id: str) -> None:
        """DELETE /map/activations/{id}."""
        self.pending(id)
        with self._store.transaction("scheduled channel map deleted") as tx:
            self._drop(tx, id)

    # ---- time

    def get_timer(self) -> float | None:
        """The monotonic time at which to call :meth:`handle_timer`; ``None`` while there is nothing to wait for."""
        return self._schedule.next_due(self._clock)

    def handle_timer(self) -> None:
        """Activate what is due, never early."""
        due = [(id, self._pending[id]) for id in self._schedule.due(self._clock, MAX_AT_ONCE)]
        if not due:
            return
        with self._store.transaction("scheduled channel map") as tx:
            for id, pending in due:
                self._unlock(tx, id)
                now = format_tai(self._clock.tai_ns())
                self._write(tx, pending.action, {**pending.activation, "activation_time": now})

    # ---- inside

    def _restore(self, tx: Transaction) -> None:
        for id in self._store.aspects(ASPECT):
            if id not in self._matrix.outputs:
                tx.attach(ASPECT, id, None)
        for output in self._matrix.outputs.values():
            _attach(tx, output, self._restored(output))

    def _fits(self, output: str, routes: Mapping[int, Route]) -> bool:
        known = self._matrix.outputs.get(output)
        return known is not None and all(
            channel < len(known.channels) and exists(route, self._matrix.inputs) for channel, route in routes.items()
        )

    def _after(self, output: Output, action: Action) -> Routes:
        changed = action.routes[output.id]
        return tuple(changed.get(channel, route) for channel, route in enumerate(self.routes(output)))

    def _write(self, tx: Transaction, action: Action, activation: JSON) -> None:
        for id in action.routes:
            output = self.output(id)
            _attach(tx, output, self._after(output, action))
            tx.touch(Kind.DEVICE, output.device)
            if output.source is not None:
                tx.touch(Kind.SOURCE, output.source)
        tx.attach(LAST_ASPECT, LAST, activation)

    def _drop(self, tx: Transaction, id: str) -> None:
        self._schedule.cancel(id)
        self._unlock(tx, id)
        self._rearm()

    def _unlock(self, tx: Transaction, id: str) -> None:
        tx.attach(PENDING_ASPECT, id, None)
        for output in self._pending.pop(id).action.routes:
            del self._locked[output]

    def _restored(self, output: Output) -> Routes:
        kept = self._store.aspect(ASPECT, output.id)
        if kept is None:
            return first_routes(output, self._matrix)
        try:
            routes = [route if exists(route, self._matrix.inputs) else None for route in routes_of(kept)]
            padded = (*routes, *(None,) * len(output.channels))[: len(output.channels)]
            check(output, padded, self._matrix.inputs)
            return padded
        except BadRequest as error:
            why = error.message
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            why = "it is no map"
        log.warning("output %s: what was routed is begun anew: %s", output.id, why)
        return first_routes(output, self._matrix)


def routes_of(kept: JSON | None) -> Routes:
    """An Output's routes as they are kept."""
    return tuple(_route(one) for one in (kept or {})["channels"])


def _route(kept: list[str | int] | None) -> Route:
    return None if kept is None else (str(kept[0]), int(kept[1]))


def _attach(tx: Transaction, output: Output, routes: Routes) -> None:
    tx.attach(ASPECT, output.id, {"channels": [None if route is None else list(route) for route in routes]})


def _found(table: Mapping[str, T], id: str, what: str) -> T:
    found = table.get(id)
    if found is None:
        raise NotFound(f"there is no {what} {id[:64]}")
    return found
