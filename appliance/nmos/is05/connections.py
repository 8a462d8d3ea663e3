"""The Connection API's service: what a controller, the panel or a clock asks for becomes one transaction of the store.

A request is merged into what is staged, and an activation makes it desired and active (activator.py) at once or at its
time. Every error leaves everything as it was; a scheduled activation that fails when it is due leaves a notice.
"""

from __future__ import annotations

import functools
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from appliance.core.store import Change, Store, Transaction
from appliance.core.tai import NS, format_tai
from appliance.core.types import JSON, Clock, Kind
from appliance.errors import BadRequest, Locked, NotFound, NotOffered
from appliance.network.returning import Returning
from appliance.network.room import Commitments
from appliance.nmos.is05.activator import FAILURES, Activator, attach
from appliance.nmos.is05.bitrate import BitRates
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.events import Broker, as_received
from appliance.nmos.is05.patch import Requested, is_cancelling, requested_activation, stage, validate
from appliance.nmos.is05.receiverfile import read_file
from appliance.nmos.is05.resolve import Network, Pool
from appliance.nmos.is05.schedule import Schedule
from appliance.nmos.is05.schemas import bulk_validator, patch_validator
from appliance.nmos.is05.state import (
    ABSOLUTE,
    ASPECT,
    IMMEDIATE,
    SDP_TYPE,
    Activation,
    Connection,
    document,
    is_connection_of,
    no_activation,
)

log = logging.getLogger(__name__)

MAX_AT_ONCE = 16
"""Resolved in one go, by a salvo or a network change: one transaction, and still no long pause of the event loop."""
MAX_FOLLOWED = 8
"""The same after a network change, which takes a look at the routes of each and perhaps another interface."""
MAX_LOOKED_AT = 100
"""Asked in one go whether a network change is anything to them, which for most it is not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a PATCH did: 200, or 202 for a scheduled activation; ``staged`` as the answer shows it."""

    status: int
    staged: JSON
    activated: bool


class Connections:
    """All senders and receivers. ``rearm`` is called when :meth:`get_timer` may have something new to say; ``broker``
    says which MQTT broker to use where that is left to the box; ``return_after_s`` is [network]'s.

    ``commitments`` says what the active streams take of the network's ports.
    """

    def __init__(
        self,
        store: Store,
        endpoints: Iterable[Endpoint],
        network: Network,
        pool: Pool,
        clock: Clock,
        rearm: Callable[[], None] = lambda: None,
        broker: Broker = lambda: None,
        return_after_s: float = 0.0,
    ) -> None:
        self._store = store
        self._endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self.commitments = Commitments()
        self._network = network
        self._returning = Returning(network.state, return_after_s)
        self._activator = Activator(
            network, pool, broker, lambda: store.node, BitRates(store), self.commitments, self._returning
        )
        self._clock = clock
        self._rearm = rearm
        self._schedule = Schedule()
        self._to_follow: deque[Endpoint] = deque()

    # ---- what there is

    def all(self, kind: Kind) -> Mapping[str, Endpoint]:
        return {id: endpoint for id, endpoint in self._endpoints.items() if endpoint.kind is kind}

    def endpoint(self, kind: Kind, id: str) -> Endpoint:
        endpoint = self._endpoints.get(id)
        if endpoint is None or endpoint.kind is not kind:
            raise NotFound(f"there is no {kind} {id[:64]} here")
        return endpoint

    def connection(self, endpoint: Endpoint) -> Connection:
        """What the store has of it; it has something of each from :meth:`start` on."""
        return cast(Connection, self._store.aspect(ASPECT, endpoint.id))

    def constraints(self, endpoint: Endpoint) -> list[JSON]:
        return self._activator.addresses.constraints(endpoint)

    def warm_up(self) -> Iterator[None]:
        """Compile the schemas, one a step, so that the first request does not wait for it: for when there is time."""
        bulk_validator()
        yield
        for parameters in dict.fromkeys((endpoint.kind, endpoint.parameters) for endpoint in self._endpoints.values()):
            patch_validator(*parameters)
            yield

    # ---- controllers and the panel

    def patch(self, kind: Kind, id: str, body: Any) -> Outcome:
        """PATCH /staged. :class:`BadRequest`, :class:`Locked` and :class:`Unresolvable` leave everything as it was."""
        endpoint = self.endpoint(kind, id)
        return self._patch(endpoint, self.connection(endpoint), body)

    def take(self, receiver_id: str, sender: JSON | None, sdp: str) -> Outcome:
        """Connect a receiver at once to what ``sdp`` describes, of ``sender`` where it is an NMOS one."""
        endpoint = self.endpoint(Kind.RECEIVER, receiver_id)
        return self._patch(endpoint, self._without_staged(endpoint), _connect(sender, sdp))

    def listen(self, receiver_id: str, sender: JSON, leg: JSON) -> Outcome:
        """Connect a receiver of events at once to the sender whose active leg that is."""
        endpoint = self.endpoint(Kind.RECEIVER, receiver_id)
        body = {"sender_id": sender["id"], "master_enable": True, "activation": {"mode": IMMEDIATE}}
        params = [as_received(endpoint, leg)]
        return self._patch(endpoint, self._without_staged(endpoint), {**body, "transport_params": params})

    def release(self, receiver_id: str) -> Outcome:
        """Disconnect a receiver at once."""
        endpoint = self.endpoint(Kind.RECEIVER, receiver_id)
        return self._patch(endpoint, self._without_staged(endpoint), _DISCONNECT)

    def target(self, receiver_id: str, sender: JSON, sdp: str | None) -> Outcome:
        """IS-04's PUT /receivers/{id}/target: a sender and its transport file, or ``{}`` to disconnect.

        What is staged is discarded, a pending activation with it (IS-05 Interoperability - IS-04).
        """
        endpoint = self.check_target(receiver_id)
        connection: Connection = {**self._without_staged(endpoint), "pending": None}
        if not sender:
            return self._patch(endpoint, connection, _DISCONNECT)
        if "id" not in sender:
            raise BadRequest("id: a sender has one; an empty object disconnects")
        if sdp is None:
            raise BadRequest("manifest_href: the sender offers no transport file")
        return self._patch(endpoint, connection, _connect(sender, sdp))

    def check_target(self, receiver_id: str) -> Endpoint:
        """The receiver, if /target can connect it: what is for events is not (IS-07 Core models section 4.6)."""
        endpoint = self.endpoint(Kind.RECEIVER, receiver_id)
        if not endpoint.transport.is_rtp:
            raise NotOffered(f"a receiver of {endpoint.transport} is connected with IS-05, not with /target")
        return endpoint

    # ---- time and network

    def start(self) -> None:
        """Take back what was kept over a restart, and give what is new its first state, all in one transaction."""
        self._store.subscribe(self._on_change)
        with self._store.transaction("connections restored") as tx:
            for id in self._store.aspects(ASPECT):
                if id not in self._endpoints:
                    tx.attach(ASPECT, id, None)
            for endpoint in self._endpoints.values():
                if (kept := self._kept(endpoint)) is not None:
                    self._activator.resume(tx, endpoint, kept)
                    self._to_follow.append(endpoint)
                else:
                    self._activator.begin(tx, endpoint)

    def reconfigure(self, tx: Transaction, endpoints: Iterable[Endpoint]) -> None:
        """The senders and receivers are these now; ``tx`` has their IS-04 resources already.

        One that did not change keeps all that it has, also what is staged or pending; one that did keeps it where it
        still fits, as over a restart; a new one gets its first state. Where the network is another one now, too,
        :meth:`network_changed` is to be called.
        """
        before, self._endpoints = self._endpoints, {endpoint.id: endpoint for endpoint in endpoints}
        for id in before.keys() - self._endpoints.keys():
            tx.attach(ASPECT, id, None)
            self._schedule.cancel(id)
        for endpoint in [e for id, e in self._endpoints.items() if before.get(id) is not e]:
            if before.get(endpoint.id) == endpoint:
                continue
            if (kept := self._kept(endpoint)) is not None:
                self._activator.follow(tx, endpoint, kept)
                tx.touch(endpoint.kind, endpoint.id)  # its transport file may say something else now
            else:
                self._schedule.cancel(endpoint.id)
                self._activator.begin(tx, endpoint)
        self._to_follow = deque(e for waits in self._to_follow if (e := self._endpoints.get(waits.id)) is not None)
        self._rearm()

    def _kept(self, endpoint: Endpoint) -> Connection | None:
        """What is known of its connection, if that still fits it."""
        kept = self._store.aspect(ASPECT, endpoint.id)
        if kept is not None and not is_connection_of(endpoint, kept):
            log.warning("%s %s: what was kept no longer fits it, begun anew", endpoint.kind, endpoint.name)
            return None
        return cast(Connection, kept)

    def network_changed(self) -> None:
        """Interfaces, addresses, routes, port or broker changed: what was resolved with them is looked at again.

        Where that is much, some of it is left for :meth:`handle_timer`.
        """
        self._follow_all()
        self._rearm()

    def get_timer(self) -> float | None:
        """The monotonic time at which to call :meth:`handle_timer`; ``None`` while there is nothing to wait for."""
        if self._to_follow:
            return self._clock.monotonic()
        dues = (self._schedule.next_due(self._clock), self._returning.due())
        return min((due for due in dues if due is not None), default=None)

    def handle_timer(self) -> tuple[str, ...]:
        """Activate what is due, never early, and say what was; call again at once if :meth:`get_timer` says so."""
        due = tuple(self._schedule.due(self._clock, MAX_AT_ONCE))
        if due:
            with self._store.transaction("scheduled activation") as tx:
                for id in due:
                    self._fire(tx, self._endpoints[id])
        elif (port := self._returning.due()) is not None and port <= self._clock.monotonic():
            self._follow_all()
        else:
            self._follow_some()
        return due

    # ---- one request

    def _patch(self, endpoint: Endpoint, connection: Connection, body: Any) -> Outcome:
        validate(endpoint, body)
        requested = requested_activation(body)
        if connection["pending"] is not None and not is_cancelling(body):
            time = connection["pending"]["activation_time"]
            raise Locked(f"an activation is pending for {time}; activation.mode null cancels it")
        addresses = self._activator.addresses
        staged = stage(endpoint, connection["staged"], body, addresses.constraints(endpoint), self._read_file(endpoint))
        staged["activation"] = no_activation()
        if requested is None:
            return self._stage(endpoint, connection, staged)
        if requested.mode == IMMEDIATE:
            return self._activate(endpoint, connection, staged)
        return self._plan(endpoint, connection, staged, requested)

    def _stage(self, endpoint: Endpoint, connection: Connection, staged: JSON) -> Outcome:
        with self._store.transaction("staged") as tx:
            attach(tx, endpoint, {**connection, "staged": staged, "pending": None})
        self._unplan(endpoint)
        return Outcome(200, staged, activated=False)

    def _activate(self, endpoint: Endpoint, connection: Connection, staged: JSON) -> Outcome:
        activation = self._activation_now({"mode": IMMEDIATE, "requested_time": None, "activation_time": None})
        after, resolution = self._activator.activated(endpoint, connection, staged, activation)
        with self._store.transaction("activation") as tx:
            self._activator.write(tx, endpoint, after, resolution)
        self._unplan(endpoint)
        return Outcome(200, {**staged, "activation": activation}, activated=True)

    def _plan(self, endpoint: Endpoint, connection: Connection, staged: JSON, requested: Requested) -> Outcome:
        """Schedule: a time already past is now, as it would have been but for the network's delay."""
        now = self._clock.tai_ns()
        absolute = requested.mode == ABSOLUTE
        time_ns = max(now, requested.time_ns) if absolute else now + requested.time_ns
        pending: Activation = {
            "mode": requested.mode,
            "requested_time": requested.time,
            "activation_time": format_tai(time_ns),
        }
        staged = {**staged, "activation": pending}
        with self._store.transaction("scheduled") as tx:
            attach(tx, endpoint, {**connection, "staged": staged, "pending": pending})
        if absolute:
            self._schedule.at(endpoint.id, time_ns)
        else:
            self._schedule.after(endpoint.id, self._clock.monotonic() + requested.time_ns / NS)
        self._rearm()
        return Outcome(202, staged, activated=False)

    def _unplan(self, endpoint: Endpoint) -> None:
        if endpoint.id in self._schedule:
            self._schedule.cancel(endpoint.id)
            self._rearm()

    def _follow_all(self) -> None:
        self._returning.observe(self._network.state, self._clock.monotonic())
        self._to_follow = deque(self._endpoints.values())
        self._follow_some()

    def _follow_some(self) -> None:
        """One transaction of those that wait to be looked at, so many, or fewer where they need something."""
        resolved = 0
        with self._store.transaction("network changed") as tx:
            for _ in range(min(len(self._to_follow), MAX_LOOKED_AT)):
                endpoint = self._to_follow.popleft()
                resolved += self._activator.follow(tx, endpoint, self.connection(endpoint))
                if resolved == MAX_FOLLOWED:
                    break
        if not self._to_follow:
            self._returning.welcomed()

    def _on_change(self, change: Change) -> None:
        """Where the box is reached is told by its node, and is what its senders of events are called by. What streams
        take of the network is told by their connections, and by what they carry."""
        self._reckon(change)
        if Kind.NODE in change.kinds() and (events := [e for e in self._endpoints.values() if not e.transport.is_rtp]):
            self._to_follow.extend(events)
            self._rearm()

    def _reckon(self, change: Change) -> None:
        ids = {touched.id for touched in change.touches(ASPECT)}
        if essences := {resource.id for resource in change.resources if resource.kind in (Kind.FLOW, Kind.SOURCE)}:
            ids |= {e.id for e in self._endpoints.values() if e.flow_id in essences or e.source_id in essences}
        for id in ids:
            connection = self._store.aspect(ASPECT, id)
            if connection is not None:
                self._activator.reckon(self._endpoints[id], cast(Connection, connection))
            else:
                self.commitments.forget(id)

    def _fire(self, tx: Transaction, endpoint: Endpoint) -> None:
        connection = self.connection(endpoint)
        pending = connection["pending"] or no_activation()
        staged = {**connection["staged"], "activation": no_activation()}
        try:
            after, resolution = self._activator.activated(endpoint, connection, staged, self._activation_now(pending))
        except FAILURES as error:
            notice = f"the activation scheduled for {pending['activation_time']} failed: {error.message}"
            log.warning("%s %s: %s", endpoint.kind, endpoint.name, notice)
            attach(tx, endpoint, {**connection, "staged": staged, "pending": None, "notice": notice})
            return
        self._activator.write(tx, endpoint, after, resolution)

    # ---- small things

    def _activation_now(self, requested: Activation) -> Activation:
        return {**requested, "activation_time": format_tai(self._clock.tai_ns())}

    def _without_staged(self, endpoint: Endpoint) -> Connection:
        connection = self.connection(endpoint)
        return {**connection, "staged": document(endpoint, connection["desired"], no_activation())}

    def _read_file(self, endpoint: Endpoint) -> Callable[[str], list[JSON]]:
        receiver = self._store.get(endpoint.kind, endpoint.id) or {}
        return functools.partial(read_file, endpoint, self._activator.addresses, receiver.get("caps", {}))


_DISCONNECT: JSON = {"master_enable": False, "activation": {"mode": IMMEDIATE}}


def _connect(sender: JSON | None, sdp: str) -> JSON:
    return {
        "sender_id": sender.get("id") if sender else None,
        "master_enable": True,
        "transport_file": {"data": sdp, "type": SDP_TYPE},
        "activation": {"mode": IMMEDIATE},
    }
