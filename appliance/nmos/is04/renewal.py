"""Another configuration, in steps that are short: what differs is found first, then written, some of it at a time.

Each step is one transaction, after which everything refers to what is there: a device lists a sender from the step on
in which that comes, and until the step in which it goes. What is new or different comes first, what is gone goes last.
So whoever looks in between sees of each sender and receiver the old or the new, and never a half of one. Where little
differs, it is one step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from appliance.config.model import Config
from appliance.core.ids import Identities
from appliance.core.store import Store, Transaction
from appliance.core.types import JSON, Kind
from appliance.nmos.is04.build import Builder, Host, Unit
from appliance.nmos.is05.endpoint import Endpoint, endpoints

A_STEP = 4
"""Senders, receivers or devices in one transaction."""
_GOING = (Kind.SENDER, Kind.RECEIVER, Kind.FLOW, Kind.SOURCE, Kind.DEVICE)
"""What refers to others goes before them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a configuration makes of a box. ``ids`` are those of all its resources; ``endpoints``: its senders and
    receivers, in order; of those that did not change the very objects of before."""

    builder: Builder
    ids: Set[tuple[Kind, str]]
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """``units`` are written and ``gone`` deleted; ``endpoints`` is what the box has with it. ``complete``: from here on
    all is there that is wanted, and what is not wanted may be there still."""

    units: Sequence[Unit]
    gone: Sequence[tuple[Kind, str]]
    endpoints: tuple[Endpoint, ...]
    complete: bool


def plan(
    builder: Builder, config: Config, offered: Config, identities: Identities, now: Mapping[str, Endpoint]
) -> Plan:
    """``offered`` is ``config`` as far as this host can do it, ``now`` what the box has, by id. Touches nothing."""
    made = endpoints(config, identities)
    builder = builder.configured(offered)
    return Plan(builder, builder.ids(), tuple(known if (known := now.get(e.id)) == e else e for e in made))


def different(plan: Plan, store: Store, host: Host, now: Mapping[str, Endpoint]) -> Iterator[list[Unit]]:
    """Look at one unit after the other: a list with it where something about it differs, else an empty one."""
    changed = {endpoint.id for endpoint in plan.endpoints if now.get(endpoint.id) is not endpoint}
    looking = Transaction(store, "looking")
    for unit in plan.builder.units():
        bodies = plan.builder.bodies(unit, host, looking)
        same = plan.builder.id(unit) not in changed and all(store.has(kind, body) for kind, body in bodies)
        yield [] if same else [unit]


def steps(plan: Plan, store: Store, units: Sequence[Unit], now: Mapping[str, Endpoint]) -> Iterator[Step]:
    """From what is there ``now`` to the plan, by what is ``different``: one step at least."""
    there = dict(now)
    wanted = {endpoint.id: endpoint for endpoint in plan.endpoints}
    gone: Sequence[tuple[Kind, str]] = tuple(_gone(plan, store))
    last = False
    while not last:
        some, units = units[:A_STEP], units[A_STEP:]
        room = 0 if units else A_STEP - len(some)
        going, gone = gone[:room], gone[room:]
        there |= {id: wanted[id] for unit in some if (id := plan.builder.id(unit)) in wanted}
        for _, id in going:
            there.pop(id, None)
        last = not units and not gone
        yield Step(some, going, plan.endpoints if last else tuple(there.values()), complete=not units)


def write(plan: Plan, tx: Transaction, step: Step, host: Host) -> None:
    """A step, within a transaction."""
    devices: set[str] = set()
    for unit in step.units:
        for kind, body in plan.builder.put(tx, unit, host):
            devices |= _devices_of(kind, body) | _devices_of(kind, tx.store.get(kind, body["id"]))
    for kind, id in step.gone:
        devices |= _devices_of(kind, tx.store.get(kind, id))
        tx.delete(kind, id)
    for id in sorted(devices):
        if (device := plan.builder.device(id)) is not None:
            plan.builder.put(tx, device, host)
        written = tx.get(Kind.DEVICE, id)
        if written is not None:
            tx.put(Kind.DEVICE, {**written, **dict(_lists(tx, written))})


def _gone(plan: Plan, store: Store) -> Iterator[tuple[Kind, str]]:
    return ((kind, id) for kind in _GOING for id in store.all(kind) if (kind, id) not in plan.ids)


def _devices_of(kind: Kind, body: JSON | None) -> set[str]:
    """The device that lists it, or is it."""
    if body is None or kind not in (Kind.DEVICE, Kind.SENDER, Kind.RECEIVER):
        return set()
    return {body["id"] if kind is Kind.DEVICE else body["device_id"]}


def _lists(tx: Transaction, device: JSON) -> Iterator[tuple[str, list[str]]]:
    """What it has at this moment: of what it is to have what is there, and what is still to go."""
    before = tx.store.get(Kind.DEVICE, device["id"]) or {}
    for key, kind in (("senders", Kind.SENDER), ("receivers", Kind.RECEIVER)):
        ids = dict.fromkeys((*device[key], *before.get(key, ())))
        bodies = {id: tx.get(kind, id) or {} for id in ids}
        yield key, [id for id, body in bodies.items() if body.get("device_id") == device["id"]]
