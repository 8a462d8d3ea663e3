"""The Connection API's service: what a controller, the panel or a clock asks for becomes one transaction of the store.

For each sender and receiver there are three states. *Staged* is what a controller is preparing. *Desired* is what was
last activated, with ``auto`` still in it. *Active* is what that became: it is resolved when it is activated, and again
when an address that it uses goes away or, at last, comes. What cannot be resolved leaves the active state alone: a
PATCH is refused, a scheduled activation leaves a notice, and where the network is to blame a fault says so until it
mends.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from appliance.core.store import Store, Transaction
from appliance.core.tai import NS, format_tai
from appliance.core.types import JSON, Clock, Kind
from appliance.errors import BadRequest, Locked, NotFound, Unresolvable
from appliance.nmos.is05.constraints import Addresses
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.patch import Requested, is_cancelling, requested_activation, stage, validate
from appliance.nmos.is05.receiverfile import origin_of, read_file
from appliance.nmos.is05.resolve import Network, Pool, Resolution, Resolver, is_unset
from appliance.nmos.is05.schedule import Schedule
from appliance.nmos.is05.schemas import bulk_validator, is_multicast, patch_validator
from appliance.nmos.is05.state import (
    ABSOLUTE,
    ASPECT,
    IMMEDIATE,
    SDP_TYPE,
    Activation,
    Connection,
    Desired,
    desired_of,
    document,
    is_connection_of,
    no_activation,
    no_file,
)

log = logging.getLogger(__name__)

MAX_FIRED_AT_ONCE = 32
"""Scheduled activations in one transaction: a salvo is one change, and still no long pause of the event loop."""
_FAILURES = (Unresolvable, BadRequest)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a PATCH did: 200, or 202 for a scheduled activation; ``staged`` as the answer shows it."""

    status: int
    staged: JSON
    activated: bool


class Connections:
    """All senders and receivers. ``rearm`` is called when :meth:`get_timer` may have something new to say."""

    def __init__(
        self,
        store: Store,
        endpoints: Iterable[Endpoint],
        network: Network,
        pool: Pool,
        clock: Clock,
        rearm: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self._network = network
        self._resolver = Resolver(network, pool)
        self._clock = clock
        self._rearm = rearm
        self._schedule = Schedule()
        self._addresses = Addresses(network.state)

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
        return self._current_addresses().constraints(endpoint)

    def warm_up(self) -> Iterator[None]:
        """Compile the schemas, one a step, so that the first request does not wait for it: for when there is time."""
        for parameters in dict.fromkeys((endpoint.kind, endpoint.parameters) for endpoint in self._endpoints.values()):
            patch_validator(*parameters)
            yield
        bulk_validator()

    # ---- controllers and the panel

    def patch(self, kind: Kind, id: str, body: Any) -> Outcome:
        """PATCH /staged. :class:`BadRequest`, :class:`Locked` and :class:`Unresolvable` leave everything as it was."""
        endpoint = self.endpoint(kind, id)
        return self._patch(endpoint, self.connection(endpoint), body)

    def take(self, receiver_id: str, sender: JSON | None, sdp: str) -> Outcome:
        """Connect a receiver at once to what ``sdp`` describes, of ``sender`` where it is an NMOS one."""
        endpoint = self.endpoint(Kind.RECEIVER, receiver_id)
        return self._patch(endpoint, self._without_staged(endpoint), _connect(sender, sdp))

    def release(self, receiver_id: str) -> Outcome:
        """Disconnect a receiver at once."""
        endpoint = self.endpoint(Kind.RECEIVER, receiver_id)
        return self._patch(endpoint, self._without_staged(endpoint), _DISCONNECT)

    def target(self, receiver_id: str, sender: JSON, sdp: str | None) -> Outcome:
        """IS-04's PUT /receivers/{id}/target: a sender and its transport file, or ``{}`` to disconnect.

        What is staged is discarded, a pending activation with it (IS-05 Interoperability - IS-04).
        """
        endpoint = self.endpoint(Kind.RECEIVER, receiver_id)
        connection: Connection = {**self._without_staged(endpoint), "pending": None}
        if not sender:
            return self._patch(endpoint, connection, _DISCONNECT)
        if "id" not in sender:
            raise BadRequest("id: a sender has one; an empty object disconnects")
        if sdp is None:
            raise BadRequest("manifest_href: the sender offers no transport file")
        return self._patch(endpoint, connection, _connect(sender, sdp))

    # ---- time and network

    def start(self) -> None:
        """Take back what was kept over a restart, and give what is new its first state, all in one transaction."""
        with self._store.transaction("connections restored") as tx:
            for id in self._store.aspects(ASPECT):
                if id not in self._endpoints:
                    tx.attach(ASPECT, id, None)
            for endpoint in self._endpoints.values():
                kept = self._store.aspect(ASPECT, endpoint.id)
                if kept is not None and is_connection_of(endpoint, kept):
                    self._resume(tx, endpoint, cast(Connection, kept))
                    continue
                if kept is not None:
                    log.warning("%s %s: what was kept no longer fits it, begun anew", endpoint.kind, endpoint.name)
                self._begin(tx, endpoint)

    def network_changed(self) -> None:
        """Interfaces, addresses or routes changed: what was resolved with them is looked at again."""
        with self._store.transaction("network changed") as tx:
            for endpoint in self._endpoints.values():
                self._follow(tx, endpoint, self.connection(endpoint))

    def get_timer(self) -> float | None:
        """The monotonic time at which to call :meth:`handle_timer`; ``None`` while nothing is pending."""
        return self._schedule.next_due(self._clock)

    def handle_timer(self) -> tuple[str, ...]:
        """Activate what is due, never early, and say what was; call again at once if :meth:`get_timer` says so."""
        due = tuple(self._schedule.due(self._clock, MAX_FIRED_AT_ONCE))
        if due:
            with self._store.transaction("scheduled activation") as tx:
                for id in due:
                    self._fire(tx, self._endpoints[id])
        return due

    # ---- one request

    def _patch(self, endpoint: Endpoint, connection: Connection, body: Any) -> Outcome:
        validate(endpoint, body)
        requested = requested_activation(body)
        if connection["pending"] is not None and not is_cancelling(body):
            time = connection["pending"]["activation_time"]
            raise Locked(f"an activation is pending for {time}; activation.mode null cancels it")
        addresses = self._current_addresses()
        staged = stage(endpoint, connection["staged"], body, addresses.constraints(endpoint), self._read_file(endpoint))
        staged["activation"] = no_activation()
        if requested is None:
            return self._stage(endpoint, connection, staged)
        if requested.mode == IMMEDIATE:
            return self._activate(endpoint, connection, staged)
        return self._plan(endpoint, connection, staged, requested)

    def _stage(self, endpoint: Endpoint, connection: Connection, staged: JSON) -> Outcome:
        with self._store.transaction("staged") as tx:
            _attach(tx, endpoint, {**connection, "staged": staged, "pending": None})
        self._unplan(endpoint)
        return Outcome(200, staged, activated=False)

    def _activate(self, endpoint: Endpoint, connection: Connection, staged: JSON) -> Outcome:
        activation = self._activation_now({"mode": IMMEDIATE, "requested_time": None, "activation_time": None})
        after, resolution = self._activated(endpoint, connection, staged, activation)
        with self._store.transaction("activation") as tx:
            self._write(tx, endpoint, after, resolution)
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
            _attach(tx, endpoint, {**connection, "staged": staged, "pending": pending})
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

    # ---- one state after another

    def _begin(self, tx: Transaction, endpoint: Endpoint) -> None:
        """The first state: a sender that the configuration switches on is activated, as soon as it can be."""
        desired: Desired = {
            "peer_id": None,
            "master_enable": endpoint.starts_active,
            "transport_file": no_file(),
            "transport_params": endpoint.initial_params(),
        }
        off: Desired = {**desired, "master_enable": False}
        resolution = self._resolve(endpoint, off, [])
        connection: Connection = {
            "staged": document(endpoint, desired, no_activation()),
            "active": document(endpoint, {**off, "transport_params": resolution.params}, no_activation()),
            "desired": desired,
            "reason": resolution.reasons,
            "fault": None,
            "notice": None,
            "pending": None,
        }
        self._write(tx, endpoint, connection, resolution)
        self._follow(tx, endpoint, connection)

    def _resume(self, tx: Transaction, endpoint: Endpoint, kept: Connection) -> None:
        connection = self._without_pending(endpoint, kept)
        _attach(tx, endpoint, connection)
        tx.update(endpoint.kind, endpoint.id, subscription=_subscription(endpoint, connection["active"]))
        self._follow(tx, endpoint, connection)

    def _follow(self, tx: Transaction, endpoint: Endpoint, connection: Connection) -> None:
        """Resolve the desired state again where the active one is not that, or uses an address that is gone."""
        if not self._is_stale(endpoint, connection):
            return
        desired, active = connection["desired"], connection["active"]
        try:
            resolution = self._resolve(endpoint, desired, active["transport_params"])
        except _FAILURES as error:
            if error.message != connection["fault"]:
                log.warning("%s %s: %s", endpoint.kind, endpoint.name, error.message)
                _attach(tx, endpoint, {**connection, "fault": error.message})
            return
        now_active = {
            **active,
            "master_enable": desired["master_enable"],
            "transport_params": resolution.params,
        }
        after: Connection = {**connection, "active": now_active, "reason": resolution.reasons, "fault": None}
        if now_active == active:
            _attach(tx, endpoint, after)
        else:
            self._write(tx, endpoint, after, resolution)

    def _is_stale(self, endpoint: Endpoint, connection: Connection) -> bool:
        active = connection["active"]
        if connection["fault"] is not None or active["master_enable"] != connection["desired"]["master_enable"]:
            return True
        addresses, name = self._current_addresses(), endpoint.address_parameter
        return any(
            is_unset(leg) or not addresses.usable(endpoint, index, leg[name])
            for index, leg in enumerate(active["transport_params"])
        )

    def _without_pending(self, endpoint: Endpoint, connection: Connection) -> Connection:
        """After a restart: a scheduled activation is never done late, but it is not hidden either."""
        pending = connection["pending"]
        if pending is None:
            return connection
        notice = f"the activation scheduled for {pending['activation_time']} was lost in a restart"
        log.warning("%s %s: %s", endpoint.kind, endpoint.name, notice)
        staged = {**connection["staged"], "activation": no_activation()}
        return {**connection, "staged": staged, "pending": None, "notice": notice}

    def _fire(self, tx: Transaction, endpoint: Endpoint) -> None:
        connection = self.connection(endpoint)
        pending = connection["pending"] or no_activation()
        staged = {**connection["staged"], "activation": no_activation()}
        try:
            after, resolution = self._activated(endpoint, connection, staged, self._activation_now(pending))
        except _FAILURES as error:
            notice = f"the activation scheduled for {pending['activation_time']} failed: {error.message}"
            log.warning("%s %s: %s", endpoint.kind, endpoint.name, notice)
            _attach(tx, endpoint, {**connection, "staged": staged, "pending": None, "notice": notice})
            return
        self._write(tx, endpoint, after, resolution)

    def _activated(
        self, endpoint: Endpoint, connection: Connection, staged: JSON, activation: Activation
    ) -> tuple[Connection, Resolution]:
        desired = desired_of(endpoint, staged)
        resolution = self._resolve(endpoint, desired, connection["active"]["transport_params"])
        active = document(endpoint, {**desired, "transport_params": resolution.params}, activation)
        return {
            "staged": staged,
            "active": active,
            "desired": desired,
            "reason": resolution.reasons,
            "fault": None,
            "notice": None,
            "pending": None,
        }, resolution

    def _write(self, tx: Transaction, endpoint: Endpoint, connection: Connection, resolution: Resolution) -> None:
        """The aspect, and what IS-04 shows of it: its version moves even if nothing else does."""
        _attach(tx, endpoint, connection)
        bindings = [name or self._first_interface(endpoint, leg) for leg, name in enumerate(resolution.interfaces)]
        tx.update(
            endpoint.kind,
            endpoint.id,
            subscription=_subscription(endpoint, connection["active"]),
            interface_bindings=[name for name in bindings if name],
        )
        tx.touch(endpoint.kind, endpoint.id)

    # ---- small things

    def _resolve(self, endpoint: Endpoint, desired: Desired, before: list[JSON]) -> Resolution:
        return self._resolver.resolve(
            endpoint,
            desired["transport_params"],
            self._current_addresses(),
            enabled=desired["master_enable"],
            before=before,
            origin=origin_of(desired["transport_file"]["data"]),
        )

    def _current_addresses(self) -> Addresses:
        if self._addresses.state is not self._network.state:
            self._addresses = Addresses(self._network.state)
        return self._addresses

    def _first_interface(self, endpoint: Endpoint, leg: int) -> str:
        return next(iter(self._current_addresses().interfaces_of(endpoint, leg)), "")

    def _activation_now(self, requested: Activation) -> Activation:
        return {**requested, "activation_time": format_tai(self._clock.tai_ns())}

    def _without_staged(self, endpoint: Endpoint) -> Connection:
        connection = self.connection(endpoint)
        return {**connection, "staged": document(endpoint, connection["desired"], no_activation())}

    def _read_file(self, endpoint: Endpoint) -> Callable[[str], list[JSON]]:
        receiver = self._store.get(endpoint.kind, endpoint.id) or {}
        return functools.partial(read_file, endpoint, self._current_addresses(), receiver.get("caps", {}))


_DISCONNECT: JSON = {"master_enable": False, "activation": {"mode": IMMEDIATE}}


def _connect(sender: JSON | None, sdp: str) -> JSON:
    return {
        "sender_id": sender.get("id") if sender else None,
        "master_enable": True,
        "transport_file": {"data": sdp, "type": SDP_TYPE},
        "activation": {"mode": IMMEDIATE},
    }


def _attach(tx: Transaction, endpoint: Endpoint, connection: Connection) -> None:
    tx.attach(ASPECT, endpoint.id, cast(JSON, connection))


def _subscription(endpoint: Endpoint, active: JSON) -> JSON:
    """IS-04 Behaviour - Nodes: the other end only while active, and for a sender only if it is unicast."""
    peer = active[endpoint.peer_key] if active["master_enable"] else None
    if endpoint.is_sender and is_multicast(active["transport_params"][0]["destination_ip"]):
        peer = None
    return {endpoint.peer_key: peer, "active": active["master_enable"]}
