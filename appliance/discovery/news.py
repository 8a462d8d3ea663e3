"""What an announcement says about what is cached: which resource types have to be fetched again."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.store import COUNTER_MODULUS
from appliance.core.types import Kind
from appliance.discovery.peer import Peer
from appliance.discovery.records import Evidence, Instance
from appliance.discovery.txt import NodeTxt

Counters = Mapping[Kind, int]


def what_is_stale(
    peer: Peer, instance: Instance, txt: NodeTxt, evidence: Evidence, kinds: frozenset[Kind]
) -> tuple[frozenset[Kind], bool]:
    """The resource types to fetch again, and whether /self is fetched as a check that decides about the rest.

    Counters begin at 0 with every process, and with some nodes whenever they enter peer-to-peer mode, so equal ones
    prove nothing after a restart, and lower ones tell of one.
    """
    if _begins_anew(peer, instance, txt, evidence):
        return kinds, False
    moved = frozenset(kind for kind in kinds if _moved(peer.txt.counters, txt.counters, kind))
    if any(_went_back(peer.txt.counters, txt.counters, kind) for kind in kinds):
        return kinds, False
    if evidence is Evidence.AGAIN:
        if not txt.counters:  # it has no other way to tell of a change
            return kinds, False
        return moved | {Kind.NODE}, True
    if peer.targets and peer.targets[0] not in instance.addresses:
        return moved | {Kind.NODE}, True
    return moved, False


def _begins_anew(peer: Peer, instance: Instance, txt: NodeTxt, evidence: Evidence) -> bool:
    return (
        evidence in (Evidence.RESTART, Evidence.RETURN)
        or peer.standing == "remembered"
        or (instance.server.lower(), instance.port) != (peer.instance.server.lower(), peer.instance.port)
        or txt.api_proto != peer.txt.api_proto
        or (bool(txt.counters) and not peer.txt.counters)
    )


def _moved(before: Counters, after: Counters, kind: Kind) -> bool:
    return kind in after and before.get(kind) != after[kind]


def _went_back(before: Counters, after: Counters, kind: Kind) -> bool:
    """Further ahead than half the circle is behind."""
    if kind not in before or kind not in after:
        return False
    return (after[kind] - before[kind]) % COUNTER_MODULUS > COUNTER_MODULUS // 2
