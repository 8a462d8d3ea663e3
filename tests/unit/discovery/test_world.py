"""The world: what is put is shown and told once; two claims on one sender."""

from dataclasses import replace

from appliance.discovery.world import PeerStatus, SenderEntry, World, WorldChange


def entry(id: str, peer: str = "a", label: str = "") -> SenderEntry:
    return SenderEntry(peer, {"id": id, "label": label})


def listening() -> tuple[World, list[WorldChange]]:
    world = World()
    changes: list[WorldChange] = []
    world.subscribe(changes.append)
    return world, changes


def test_added_changed_removed() -> None:
    world, changes = listening()
    world.update("a", [entry("1"), entry("2")], status=PeerStatus("a", "A"))
    world.update("a", [entry("1", label="new"), entry("2")], remove=["2"])
    assert changes == [
        WorldChange(added=frozenset({"1", "2"}), peers=frozenset({"a"})),
        WorldChange(changed=frozenset({"1"}), removed=frozenset({"2"})),
    ]
    assert world.ids_of("a") == {"1"}


def test_nothing_new_is_not_told() -> None:
    world, changes = listening()
    world.update("a", [entry("1")], status=PeerStatus("a", "A"))
    world.update("a", [entry("1")], ["unknown"], PeerStatus("a", "A"))
    world.remove_peer("unknown")
    assert len(changes) == 1


def test_a_peer_takes_its_senders_along() -> None:
    world, changes = listening()
    world.update("a", [entry("1"), entry("2")], status=PeerStatus("a", "A"))
    world.remove_peer("a")
    assert changes[-1] == WorldChange(removed=frozenset({"1", "2"}), peers=frozenset({"a"}))
    assert (dict(world.entries), dict(world.peers), world.claims("1")) == ({}, {}, ())


def test_the_older_claim_is_shown_while_it_is_there() -> None:
    world, changes = listening()
    world.update("a", [entry("1", "a")])
    world.update("b", [entry("1", "b")])
    assert world.entries["1"].peer == "a"
    assert len(changes) == 1
    world.update("a", [replace(entry("1", "a"), lost_since=5)])
    assert world.entries["1"].peer == "b"
    world.remove_peer("a")
    assert world.entries["1"].peer == "b"
    world.remove_peer("b")
    assert changes[-1].removed == {"1"}


def test_a_confirmed_claim_comes_before_a_remembered_one() -> None:
    world, _ = listening()
    world.update("a", [replace(entry("1", "a"), confirmed=False)])
    world.update("b", [entry("1", "b")])
    assert world.entries["1"].peer == "b"


def test_a_listener_may_leave() -> None:
    world = World()
    changes: list[WorldChange] = []
    end = world.subscribe(changes.append)
    end()
    world.update("a", [entry("1")])
    assert changes == []
