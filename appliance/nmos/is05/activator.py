"""What is active, and how it becomes so: desired parameters, resolved, and written with what IS-04 shows of them.

The desired state of a sender or receiver is what was last activated, ``auto`` still in it. The active state is what
that became. It is made at an activation, and followed up when the network moves: a leg keeps its address while that can
be used, and gets another one only when it cannot. What cannot be resolved leaves the active state as it is, and a fault
says why until it can.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

from appliance.config.model import AUTO
from appliance.core.store import Transaction
from appliance.core.types import JSON
from appliance.errors import BadRequest, Unresolvable
from appliance.network.model import Role
from appliance.network.policy import Choice
from appliance.network.returning import Returning
from appliance.network.room import Commitments, Load
from appliance.nmos.is05.bitrate import BitRates
from appliance.nmos.is05.constraints import Addresses
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.events import Broker, with_own
from appliance.nmos.is05.receiverfile import origin_of
from appliance.nmos.is05.resolve import Network, Pool, Resolution, Resolver, is_unset
from appliance.nmos.is05.schemas import is_multicast
from appliance.nmos.is05.state import (
    ASPECT,
    UNSPECIFIED,
    Activation,
    Connection,
    Desired,
    desired_of,
    document,
    no_activation,
    no_file,
)

log = logging.getLogger(__name__)

FAILURES = (Unresolvable, BadRequest)
"""Why parameters cannot be resolved now: nothing to choose from, or what was asked for is not there."""


class Activator:
    """Resolves and writes; every write goes into a transaction of the caller."""

    def __init__(
        self,
        network: Network,
        pool: Pool,
        broker: Broker,
        node: Callable[[], JSON],
        bit_rates: BitRates,
        commitments: Commitments,
        returning: Returning,
    ) -> None:
        self._network = network
        self._node = node
        self._bit_rates, self._commitments, self._returning = bit_rates, commitments, returning
        self._resolver = Resolver(network, pool, broker)
        self._addresses = Addresses(network.state, node())

    @property
    def addresses(self) -> Addresses:
        """The addresses of the network as it is now."""
        state, node = self._network.state, self._node()
        if self._addresses.state is not state or self._addresses.node is not node:
            self._addresses = Addresses(state, node)
        return self._addresses

    def activated(
        self, endpoint: Endpoint, connection: Connection, staged: JSON, activation: Activation
    ) -> tuple[Connection, Resolution]:
        """What activating ``staged`` makes of the connection; raises one of :data:`FAILURES`."""
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

    def write(self, tx: Transaction, endpoint: Endpoint, connection: Connection, resolution: Resolution) -> None:
        """The connection and what IS-04 shows of it, whose version moves even if nothing else does."""
        attach(tx, endpoint, connection)
        self.reckon(endpoint, connection)  # now: the next of the same transaction is to know
        tx.update(
            endpoint.kind,
            endpoint.id,
            subscription=_subscription(endpoint, connection["active"]),
            interface_bindings=self._bindings(endpoint, resolution),
        )
        tx.touch(endpoint.kind, endpoint.id)

    def begin(self, tx: Transaction, endpoint: Endpoint) -> None:
        """The first state: a sender that the configuration switches on is activated, as soon as it can be."""
        desired: Desired = {
            "peer_id": None,
            "master_enable": endpoint.starts_active,
            "transport_file": no_file(),
            "transport_params": with_own(endpoint, endpoint.initial_params(), self._node()),
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
        self.write(tx, endpoint, connection, resolution)
        self.follow(tx, endpoint, connection)

    def resume(self, tx: Transaction, endpoint: Endpoint, kept: Connection) -> None:
        """What was kept over a restart, without what was pending, which is never done late but not hidden either.

        What can go on as it is does: whether it had better be elsewhere is for :meth:`follow`, later.
        """
        connection = _without_pending(endpoint, kept)
        attach(tx, endpoint, connection)
        self.reckon(endpoint, connection)
        tx.update(endpoint.kind, endpoint.id, subscription=_subscription(endpoint, connection["active"]))
        if not endpoint.transport.is_rtp or self._is_broken(endpoint, connection):
            self.follow(tx, endpoint, connection)

    def follow(self, tx: Transaction, endpoint: Endpoint, connection: Connection) -> bool:
        """Resolve the desired state again where the active one is not that, or uses an address that is gone.

        Says whether that took more than a glance.
        """
        if endpoint.transport.is_rtp and not self._is_stale(endpoint, connection):
            return bool(connection["active"]["master_enable"])  # to look its routes up costs too
        given, connection = connection, self._with_own(endpoint, connection)
        desired, active = connection["desired"], connection["active"]
        kept = self._kept(endpoint, connection)
        try:
            resolution = self._resolve(endpoint, {**desired, "transport_params": kept}, active["transport_params"])
        except FAILURES as error:
            if error.message != connection["fault"]:
                log.warning("%s %s: %s", endpoint.kind, endpoint.name, error.message)
                connection = {**connection, "fault": error.message}
            if connection != given:
                attach(tx, endpoint, connection)
            return True
        name = endpoint.address_parameter
        now_active = {**active, "master_enable": desired["master_enable"], "transport_params": resolution.params}
        reasons = [
            before if kept[leg].get(name) != desired["transport_params"][leg].get(name) else reason
            for leg, (before, reason) in enumerate(zip(connection["reason"], resolution.reasons, strict=True))
        ]
        after: Connection = {**connection, "active": now_active, "reason": reasons, "fault": None}
        if now_active != given["active"]:
            self.write(tx, endpoint, after, resolution)
            return True
        # The way to a broker or a server may move without anything that /active shows.
        tx.update(endpoint.kind, endpoint.id, interface_bindings=self._bindings(endpoint, resolution))
        if after != given:
            attach(tx, endpoint, after)
        return after != given

    def reckon(self, endpoint: Endpoint, connection: Connection) -> None:
        """What the active legs take of the network from now on."""
        if not endpoint.transport.is_rtp:
            return
        active, name = connection["active"], endpoint.address_parameter
        legs = [leg for leg in active["transport_params"] if active["master_enable"] and leg["rtp_enabled"]]
        bit_rate = self._bit_rates.of(endpoint, (active.get("transport_file") or no_file())["data"]) if legs else 0
        self._commitments.note(endpoint.id, _role(endpoint), [(leg[name], bit_rate) for leg in legs if bit_rate])

    def _is_stale(self, endpoint: Endpoint, connection: Connection) -> bool:
        legs = range(len(endpoint.legs))
        return self._is_broken(endpoint, connection) or not all(self._stays(endpoint, connection, leg) for leg in legs)

    def _is_broken(self, endpoint: Endpoint, connection: Connection) -> bool:
        """Whether what is active is not what is desired, or cannot be."""
        active = connection["active"]
        if connection["fault"] is not None or active["master_enable"] != connection["desired"]["master_enable"]:
            return True
        return any(
            is_unset(leg) or not self.addresses.usable(endpoint, index, leg[endpoint.address_parameter])
            for index, leg in enumerate(active["transport_params"])
        )

    def _stays(self, endpoint: Endpoint, connection: Connection, index: int) -> bool:
        """Whether a leg can keep its active address: it is there, and nothing calls the leg elsewhere."""
        active, desired = connection["active"], connection["desired"]
        name, shown = endpoint.address_parameter, active["transport_params"]
        if not self.addresses.usable(endpoint, index, shown[index][name]):
            return False
        wanted = _with_group(desired["transport_params"][index], shown[index])
        if wanted[name] != AUTO or not (active["master_enable"] and wanted["rtp_enabled"]):
            return True
        origin = origin_of(desired["transport_file"]["data"])
        if self._resolver.has_better_address(shown[index][name]):
            return False
        load = self._load(endpoint, desired)
        choice = self._resolver.leads_elsewhere(endpoint, index, wanted, shown, self.addresses, origin, load)
        return choice is None or not self._goes(endpoint, choice)

    def _goes(self, endpoint: Endpoint, choice: Choice) -> bool:
        """Whether a leg leaves an interface that it could stay on. A receiver has nothing to lose there: its source is
        elsewhere. A sender's receivers must all follow."""
        if choice.by_order:
            return choice.interface in self._returning.back
        return not endpoint.is_sender or self._returning.trusted(choice.interface)

    def _kept(self, endpoint: Endpoint, connection: Connection) -> list[JSON]:
        """The desired parameters, with those that were ``auto`` and can stay as they are in place of it."""
        desired, active = connection["desired"]["transport_params"], connection["active"]["transport_params"]
        if not endpoint.transport.is_rtp:
            return desired
        name = endpoint.address_parameter
        result = []
        for index, (wanted, shown) in enumerate(zip(desired, active, strict=True)):
            stays = wanted[name] == AUTO and self._stays(endpoint, connection, index)
            result.append({**_with_group(wanted, shown), **({name: shown[name]} if stays else {})})
        return result

    def _with_own(self, endpoint: Endpoint, connection: Connection) -> Connection:
        """What a sender of events is called by where the box is reached now, also where that was staged before."""
        if endpoint.transport.is_rtp or not endpoint.is_sender:
            return connection
        node, staged, desired = self._node(), connection["staged"], connection["desired"]
        current = [with_own(endpoint, body["transport_params"], node) for body in (staged, desired)]
        return {
            **connection,
            "staged": {**staged, "transport_params": current[0]},
            "desired": {**desired, "transport_params": current[1]},
        }

    def _resolve(self, endpoint: Endpoint, desired: Desired, before: list[JSON]) -> Resolution:
        return self._resolver.resolve(
            endpoint,
            desired["transport_params"],
            self.addresses,
            enabled=desired["master_enable"],
            before=before,
            origin=origin_of(desired["transport_file"]["data"]),
            load=self._load(endpoint, desired),
        )

    def _load(self, endpoint: Endpoint, desired: Desired) -> Load:
        bit_rate = self._bit_rates.of(endpoint, desired["transport_file"]["data"])
        return Load(bit_rate, self._commitments.of_others(endpoint.id, _role(endpoint)))

    def _bindings(self, endpoint: Endpoint, resolution: Resolution) -> list[str]:
        names = [name or self._first_interface(endpoint, leg) for leg, name in enumerate(resolution.interfaces)]
        return [name for name in names if name]

    def _first_interface(self, endpoint: Endpoint, leg: int) -> str:
        return next(iter(self.addresses.interfaces_of(endpoint, leg)), "")


def attach(tx: Transaction, endpoint: Endpoint, connection: Connection) -> None:
    """Write only what IS-05 knows: nothing of it is IS-04's."""
    tx.attach(ASPECT, endpoint.id, cast(JSON, connection))


def _role(endpoint: Endpoint) -> Role:
    return Role.SENDER if endpoint.is_sender else Role.RECEIVER


def _with_group(wanted: JSON, shown: JSON) -> JSON:
    """The group that ``auto`` became stays, wherever the stream goes out."""
    if wanted.get("destination_ip") != AUTO or shown["destination_ip"] == UNSPECIFIED:
        return wanted
    return {**wanted, "destination_ip": shown["destination_ip"]}


def _without_pending(endpoint: Endpoint, connection: Connection) -> Connection:
    pending = connection["pending"]
    if pending is None:
        return connection
    notice = f"the activation scheduled for {pending['activation_time']} was lost in a restart"
    log.warning("%s %s: %s", endpoint.kind, endpoint.name, notice)
    staged = {**connection["staged"], "activation": no_activation()}
    return {**connection, "staged": staged, "pending": None, "notice": notice}


def _subscription(endpoint: Endpoint, active: JSON) -> JSON:
    """IS-04 Behaviour - Nodes: the other end only while active, and a sender's only if it pushes to that one."""
    peer = active[endpoint.peer_key] if active["master_enable"] else None
    if endpoint.is_sender and (
        not endpoint.transport.is_rtp or is_multicast(active["transport_params"][0]["destination_ip"])
    ):
        peer = None
    return {endpoint.peer_key: peer, "active": active["master_enable"]}
