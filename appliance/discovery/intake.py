"""Takes in what a peer answered, in slices: JSON, checks, comparison with what was known, and the join for the menu.

Each function is a generator that yields after every slice, so that a list of 10,000 resources is worked off without
stopping the loop for longer than a slice takes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Any

from appliance.core.types import JSON, Kind
from appliance.discovery.documents import read_list, read_object
from appliance.discovery.limits import Limits
from appliance.discovery.peer import LeftOut, Peer, Table
from appliance.discovery.resources import fault, name_of
from appliance.discovery.world import SenderEntry
from appliance.errors import BadRequest

SLICE = 100
"""Resources worked off at a time: 2 to 3 ms for ordinary ones on a small board."""


def read_table(
    kind: Kind, body: bytes, known: Table, limits: Limits
) -> Generator[None, None, tuple[dict[str, JSON], LeftOut | None]]:
    """The usable resources of an answer by id; :class:`BadRequest` where the answer as a whole is of no use.

    A resource that is as it was stays the same object, which makes every later comparison cheap.
    """
    table: dict[str, JSON] = {}
    reasons: list[str] = []
    count = 0
    for body_part, chars in _parts(kind, body):
        count += 1
        reason = _reason(kind, body_part, chars, limits) or (
            f"more than {limits.resources_per_peer} of them" if len(table) >= limits.resources_per_peer else None
        )
        if reason is None:
            id = body_part["id"]
            table[id] = known[id] if known.get(id) == body_part else body_part
        elif len(reasons) < 1:
            reasons.append(f"/{kind.path}: {name_of(body_part)} is left out: {reason}")
        if count % SLICE == 0:
            yield
    if kind is Kind.NODE and not table:
        raise BadRequest(reasons[0] if reasons else "there is no node in it")
    return table, LeftOut(count - len(table), reasons[0]) if reasons else None


def entries(peer: Peer) -> Iterator[SenderEntry]:
    """Every sender of a peer with what belongs to it."""
    sources, devices = peer.tables.get(Kind.SOURCE, {}), peer.tables.get(Kind.DEVICE, {})
    flows, node = peer.tables.get(Kind.FLOW, {}), peer.node
    for sender in peer.tables.get(Kind.SENDER, {}).values():
        flow = flows.get(sender.get("flow_id") or "")
        yield SenderEntry(
            peer=peer.key,
            sender=sender,
            flow=flow,
            source=None if flow is None else sources.get(flow["source_id"]),
            device=devices.get(sender["device_id"]),
            node=node,
            api_version=peer.api_version or "v1.0",
            lost_since=peer.lost_since,
            confirmed=peer.confirmed,
        )


def slices(items: Iterable[SenderEntry]) -> Iterator[list[SenderEntry]]:
    """At least one slice, the last one perhaps short or empty."""
    chunk: list[SenderEntry] = []
    for item in items:
        if len(chunk) == SLICE:
            yield chunk
            chunk = []
        chunk.append(item)
    yield chunk


def _parts(kind: Kind, body: bytes) -> Iterator[tuple[Any, int]]:
    if kind is Kind.NODE:
        return iter([(read_object(body), len(body))])
    return read_list(body)


def _reason(kind: Kind, body: Any, chars: int, limits: Limits) -> str | None:
    if chars > limits.resource_chars:
        return f"it has {chars} characters, more than {limits.resource_chars}"
    return fault(kind, body, limits.string_chars)
