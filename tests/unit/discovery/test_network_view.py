"""What a Query API tells, as the world shows it."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from appliance.core.types import JSON, Kind
from appliance.discovery.documents import read_grain
from appliance.discovery.intake import SLICE
from appliance.discovery.limits import Limits
from appliance.discovery.network_view import NetworkView
from appliance.discovery.registration.services import Candidate
from appliance.discovery.world import NETWORK, SenderEntry, World, WorldChange
from appliance.errors import BadRequest
from tests.lan.documents import Resources, peer_documents

CANDIDATE = Candidate("http://10.0.0.8:80", "v1.3", 0, "reg._nmos-query._tcp.local.")


def finish(work: Generator[None, None, None]) -> int:
    """Do all of it; in how many slices."""
    return sum(1 for _ in work)


class Told:
    """A view of a Query API that has some nodes, and the world that it feeds."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.view = NetworkView(self.world, CANDIDATE, "v1.3", Limits())
        self.changes: list[WorldChange] = []
        self.world.subscribe(self.changes.append)

    def tell(self, kind: Kind, *events: tuple[str, Any]) -> int:
        data = [{"path": id} | ({} if post is None else {"pre": post, "post": post}) for id, post in events]
        grain = {"grain_type": "event", "grain": {"type": "x", "topic": f"/{kind.plural}/", "data": data}, "rate": {}}
        return finish(self.view.applying(kind, json.dumps(grain), 5))

    def tell_all(self, resources: Resources) -> None:
        for kind in (Kind.SENDER, Kind.FLOW, Kind.SOURCE, Kind.DEVICE, Kind.NODE):  # in whatever order they come
            bodies = [resources["self"]] if kind is Kind.NODE else resources[kind.plural]
            self.tell(kind, *((body["id"], body) for body in bodies))

    def entries(self) -> list[SenderEntry]:
        return list(self.world.entries.values())


@pytest.fixture
def desk() -> Resources:
    return peer_documents("desk", "10.0.0.9", senders=2).node_api["v1.3"]


def test_nothing_is_shown_before_it_enters_then_everything_with_what_belongs_to_it(desk: Resources) -> None:
    told = Told()
    told.tell_all(desk)
    assert told.entries() == []
    finish(told.view.entering())
    assert {entry.id for entry in told.entries()} == {sender["id"] for sender in desk["senders"]}
    for entry in told.entries():
        assert entry.flow in desk["flows"]
        assert entry.source in desk["sources"]
        assert entry.device in desk["devices"]
        assert entry.node == desk["self"]
        assert entry.lost_since is None
    status = told.world.peers[NETWORK]
    assert (status.name, status.senders, status.api_version) == ("reg", 2, "v1.3")


@pytest.mark.parametrize("kind", [Kind.NODE, Kind.DEVICE, Kind.SOURCE, Kind.FLOW, Kind.SENDER])
def test_a_change_of_whatever_belongs_to_a_sender_is_shown(desk: Resources, kind: Kind) -> None:
    told = Told()
    told.tell_all(desk)
    finish(told.view.entering())
    told.changes.clear()
    body = desk["self"] if kind is Kind.NODE else desk[kind.plural][0]
    told.tell(kind, (body["id"], {**body, "label": "New"}))
    [change] = [change for change in told.changes if change.changed]
    assert len(change.changed) == (2 if kind in (Kind.NODE, Kind.DEVICE) else 1)
    [*changed] = [told.world.entries[id] for id in change.changed]
    for entry in changed:
        assert _part(entry, kind)["label"] == "New"


def _part(entry: SenderEntry, kind: Kind) -> JSON:
    part = entry.sender if kind is Kind.SENDER else getattr(entry, kind.value)
    assert part is not None
    return dict(part)


def test_added_and_removed(desk: Resources) -> None:
    told = Told()
    told.tell_all(desk)
    finish(told.view.entering())
    told.changes.clear()
    first, second = desk["senders"]
    told.tell(Kind.SENDER, (first["id"], None))
    assert told.changes[0].removed == {first["id"]}
    told.tell(Kind.SENDER, (first["id"], first))
    assert told.changes[-1].added == {first["id"]}
    told.tell(Kind.FLOW, (second["flow_id"], None))
    assert told.world.entries[second["id"]].flow is None


def test_told_again_nothing_changes(desk: Resources) -> None:
    told = Told()
    told.tell_all(desk)
    finish(told.view.entering())
    told.changes.clear()
    told.tell_all(desk)
    assert not any(change.added or change.changed or change.removed for change in told.changes)


def test_a_sender_that_moves_to_another_flow_no_longer_follows_the_first(desk: Resources) -> None:
    told = Told()
    told.tell_all(desk)
    finish(told.view.entering())
    first, second = desk["senders"]
    told.tell(Kind.SENDER, (first["id"], {**first, "flow_id": second["flow_id"]}))
    told.changes.clear()
    flow = next(flow for flow in desk["flows"] if flow["id"] == second["flow_id"])
    told.tell(Kind.FLOW, (flow["id"], {**flow, "label": "New"}))
    assert told.changes[-1].changed == {first["id"], second["id"]}


def test_lost_all_of_it_stays_as_lost(desk: Resources) -> None:
    told = Told()
    told.tell_all(desk)
    finish(told.view.entering())
    finish(told.view.losing(77))
    assert [entry.lost_since for entry in told.entries()] == [77, 77]
    assert told.world.peers[NETWORK].lost_since == 77


def test_the_next_view_takes_out_what_is_no_longer_there(desk: Resources) -> None:
    first = Told()
    first.tell_all(desk)
    finish(first.view.entering())
    second = Told(first.world)
    mixer = peer_documents("mixer", "10.0.0.7", senders=1).node_api["v1.3"]
    second.tell_all(mixer)
    second.tell(Kind.SENDER, (desk["senders"][0]["id"], desk["senders"][0]))
    finish(second.view.entering())
    assert set(first.world.entries) == {desk["senders"][0]["id"], mixer["senders"][0]["id"]}


def test_a_selection_survives_the_change_from_peers_to_network_and_back(desk: Resources) -> None:
    told = Told()
    of_the_peer = [SenderEntry("desk", sender) for sender in desk["senders"]]
    told.world.update("desk", of_the_peer)
    told.tell_all(desk)
    finish(told.view.entering())
    told.world.remove_peer("desk")
    assert {entry.peer for entry in told.entries()} == {NETWORK}
    finish(told.view.losing(5))
    told.world.update("desk", of_the_peer)
    assert [entry.lost_since for entry in told.entries()] == [None, None]
    told.world.remove_peer(NETWORK)
    assert len(told.entries()) == 2
    assert not any(change.removed for change in told.changes)


def test_what_cannot_be_used_is_left_out_and_said(desk: Resources) -> None:
    told = Told()
    told.tell_all(desk)
    finish(told.view.entering())
    first, second = desk["senders"]
    told.tell(Kind.SENDER, (first["id"], {**first, "transport": 5}), (second["id"], first), ("x", "y"))
    assert told.entries() == []
    assert "transport" in told.world.peers[NETWORK].last_error
    assert told.world.peers[NETWORK].left_out == 3
    told.tell(Kind.SENDER, (first["id"], first), (second["id"], second), ("x", None))
    assert len(told.entries()) == 2


def test_many_come_in_slices() -> None:
    many = peer_documents("desk", "10.0.0.9", senders=3 * SLICE).node_api["v1.3"]
    told = Told()
    assert told.tell(Kind.SENDER, *((body["id"], body) for body in many["senders"])) == 3
    assert finish(told.view.entering()) == 3
    assert len(told.entries()) == 3 * SLICE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"grain": 5}',
        '{"grain": {}}',
        '{"grain": {"data": {}}}',
        '{"grain": {"data": [{}',
        '{"grain": {"data": [{} {}]}}',
        '{"grain": {"data" [',
        '{"a": 1',
        '{"a" 1}',
        "{1: 2}",
        '{"grain": {"data": [NaN]}}',
        "not JSON",
    ],
)
def test_what_is_no_grain_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        list(read_grain(text))


def test_a_grain_may_have_its_keys_in_any_order() -> None:
    text = ' { "rate" : {"grain": 1}, "grain" : { "topic": "/nodes/", "data" : [ 1 , 2 ] , "type": 5 }, "x": [] } '
    assert [value for value, _ in read_grain(text)] == [1, 2]
    assert list(read_grain('{"grain": {"data": []}}')) == []
