"""This box's own senders in the world: a commit touches the entries it concerns and no others."""

from collections import deque

from appliance.core.store import Store
from appliance.core.types import JSON, Kind
from appliance.discovery.own import OwnSenders
from appliance.discovery.world import SELF, World, WorldChange
from tests.support.clock import FakeClock


def sender(id: str, **fields: object) -> JSON:
    return {"id": id, "label": id, "device_id": "d", "flow_id": None, **fields}


def make() -> tuple[Store, World, list[WorldChange]]:
    store, world = Store(FakeClock()), World()
    with store.transaction("start") as tx:
        tx.put(Kind.NODE, {"id": "n", "label": "Node"})
        tx.put(Kind.DEVICE, {"id": "d", "node_id": "n", "label": "Device"})
        for id in ("a", "b"):
            tx.put(Kind.SENDER, sender(id))
    OwnSenders(store, world, lambda steps: deque(steps, maxlen=0).clear()).start()
    changes: list[WorldChange] = []
    world.subscribe(changes.append)
    return store, world, changes


def test_a_changed_sender_changes_alone() -> None:
    store, world, changes = make()
    with store.transaction("label") as tx:
        tx.update(Kind.SENDER, "a", label="New")
    assert changes == [WorldChange(changed=frozenset("a"))]
    assert world.entries["a"].sender["label"] == "New"


def test_senders_come_and_go_with_the_status() -> None:
    store, world, changes = make()
    with store.transaction("config") as tx:
        tx.delete(Kind.SENDER, "a")
        tx.put(Kind.SENDER, sender("c"))
    assert changes == [WorldChange(added=frozenset("c"), removed=frozenset("a"))]
    assert set(world.entries) == {"b", "c"}
    assert world.peers[SELF].senders == 2


def test_a_changed_device_or_node_is_seen_in_every_entry() -> None:
    store, world, changes = make()
    with store.transaction("label") as tx:
        tx.update(Kind.NODE, "n", label="Renamed")
    assert changes == [WorldChange(peers=frozenset((SELF,))), WorldChange(changed=frozenset("ab"))]
    assert {entry.node["label"] for entry in world.entries.values() if entry.node} == {"Renamed"}


def test_receivers_do_not_matter() -> None:
    store, _, changes = make()
    with store.transaction("receiver") as tx:
        tx.put(Kind.RECEIVER, {"id": "r", "device_id": "d"})
        tx.update(Kind.DEVICE, "d", receivers=["r"])
    assert changes == []


def test_a_changed_device_flow_or_source_changes_what_is_made_of_it() -> None:
    store, world, changes = make()
    with store.transaction("more") as tx:
        tx.put(Kind.DEVICE, {"id": "e", "node_id": "n", "label": "Other device"})
        tx.put(Kind.SOURCE, {"id": "s", "device_id": "e", "label": "Source"})
        tx.put(Kind.FLOW, {"id": "f", "device_id": "e", "source_id": "s", "label": "Flow"})
        tx.put(Kind.SENDER, sender("c", device_id="e", flow_id="f"))
    assert changes == [WorldChange(added=frozenset("c"), peers=frozenset((SELF,)))]
    for kind, id in ((Kind.DEVICE, "e"), (Kind.FLOW, "f"), (Kind.SOURCE, "s")):
        changes.clear()
        with store.transaction("label") as tx:
            tx.update(kind, id, label="Renamed")
        assert changes == [WorldChange(changed=frozenset("c"))]
    entry = world.entries["c"]
    assert [body and body["label"] for body in (entry.device, entry.flow, entry.source)] == ["Renamed"] * 3
    changes.clear()
    with store.transaction("label") as tx:
        tx.update(Kind.DEVICE, "d", label="Renamed")
    assert changes == [WorldChange(changed=frozenset("ab"))]
