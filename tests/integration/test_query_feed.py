"""A network Query API comes and goes: the menu is fed from it, and back; programs on the box are led through to it."""

import json
from typing import Any

import pytest

from tests.integration.conftest import StartBox, StartPeer
from tests.lan.box import Box
from tests.lan.documents import Documents, peer_documents
from tests.lan.network import Lan
from tests.lan.peer import Peer, settle
from tests.lan.query import QueryApi, labels
from tests.lan.waiting import eventually
from tests.lan.websocket import WebSocket
from tests.support.specs import problems

CONFIG = """
[node]
label = "Display"
[media]
driver = "null"
[discovery]
mode = "{mode}"
[[devices]]
name = "foyer"
[[receivers]]
name = "speaker"
device = "foyer"
label = "Speaker"
output = {{ kind = "none" }}
"""


class Room:
    """A box that shows a desk which it found itself, and a silent Query API that holds the desk and more."""

    def __init__(self, lan: Lan, start_box: StartBox, start_peer: StartPeer, mode: str = "auto") -> None:
        self.lan = lan
        host = lan.host("desk")
        self.documents: Documents = peer_documents("desk", host.address(), senders=2)
        self.desk: Peer = start_peer(host, "desk", self.documents)
        mixer = lan.host("mixer")
        self.mixer = peer_documents("mixer", mixer.address(), senders=1)
        self.registry = QueryApi(lan.host("registry"), "registry")
        lan.enter(self.registry)
        self.registry.hold(self.documents.node_api["v1.3"], self.mixer.node_api["v1.3"])
        self.box: Box = start_box(lan.host("box"), CONFIG.format(mode=mode))
        self.desk.announce()
        eventually(lambda: self.shown() == {"desk 1", "desk 2"}, "the desk's senders in the menu")

    def sources(self) -> dict[str, dict[str, Any]]:
        return {item["label"]: item for item in self.box.json("/panel/sources")["sources"]}

    def shown(self) -> set[str]:
        """The senders in the menu that are there."""
        return {label for label, item in self.sources().items() if item["lost_since"] is None}

    def feed(self) -> str:
        return str(self.box.json("/panel/status")["status"]["feed"])

    def fed_by_registry(self) -> None:
        self.registry.announce()
        eventually(lambda: self.feed() == "Query API registry", "the registry to feed the menu")
        eventually(lambda: self.shown() == {"desk 1", "desk 2", "mixer 1"}, "what the registry has")

    def back_to_peers(self) -> None:
        eventually(lambda: self.feed() == "mDNS", "the peers to feed the menu", patience_s=40)
        eventually(lambda: self.shown() == {"desk 1", "desk 2"}, "what the peers have")

    def receiver(self) -> dict[str, Any]:
        [item] = self.box.json("/panel/receivers")["receivers"]
        return dict(item)

    def take(self, label: str) -> None:
        body = {"receiver_id": self.receiver()["id"], "sender_id": self.sources()[label]["id"]}
        answer = self.box.post("/panel/take", body)
        assert answer.status == 200, answer.body


@pytest.fixture
def room(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> Room:
    return Room(lan, start_box, start_peer)


# ---- the menu


def test_the_menu_is_fed_from_the_network_and_back_and_what_is_chosen_stays(room: Room) -> None:
    room.take("desk 2")
    chosen = room.receiver()["sender_id"]
    room.fed_by_registry()
    assert room.receiver()["sender_id"] == chosen
    assert room.receiver()["shows"] == "desk 2"
    room.registry.kill()
    room.back_to_peers()
    assert room.receiver()["sender_id"] == chosen
    assert room.receiver()["shows"] == "desk 2"
    room.registry.start()
    room.fed_by_registry()
    assert room.box.stop() == 0


def test_no_sender_leaves_the_menu_while_the_feed_changes(room: Room) -> None:
    with room.box.stream("/panel/events") as stream:
        room.fed_by_registry()
        room.registry.kill()
        room.back_to_peers()
        desk = {sender["id"] for sender in room.documents.node_api["v1.3"]["senders"]}
        room.desk.relabel("senders", 0, "the end of this test")
        gone = []
        for raw in stream:
            line = raw.decode()
            gone += [id for id in desk if '"gone"' in line and id in line.partition('"gone"')[2]]
            if "the end of this test" in line:
                break
    assert gone == []


def test_what_changes_in_the_registry_changes_in_the_menu_and_the_peers_are_left_alone(room: Room) -> None:
    room.fed_by_registry()
    settle(room.desk)
    room.desk.requests(forget=True)
    sender = room.mixer.node_api["v1.3"]["senders"][0]
    sender["label"] = "renamed in the registry"
    room.registry.hold(room.documents.node_api["v1.3"], room.mixer.node_api["v1.3"])
    eventually(lambda: "renamed in the registry" in room.shown(), "the new label")
    room.desk.relabel("senders", 0, "not asked for")
    room.desk.reannounce()
    room.registry.hold(room.documents.node_api["v1.3"])
    eventually(lambda: room.shown() == {"not asked for", "desk 2"}, "the mixer's sender to go")
    assert settle(room.desk) == []


def test_a_registry_that_hangs_up_is_asked_again_without_a_word_to_the_peers(room: Room) -> None:
    room.fed_by_registry()
    room.desk.requests(forget=True)
    before = room.registry.followers()
    room.registry.hang_up()
    eventually(lambda: room.registry.followers() == before, "the box to follow again")
    eventually(lambda: room.feed() == "Query API registry", "the registry to feed")
    assert room.shown() == {"desk 1", "desk 2", "mixer 1"}
    assert room.desk.requests() == []


def test_a_frozen_registry_is_noticed(room: Room) -> None:
    room.fed_by_registry()
    room.registry.freeze()
    eventually(lambda: room.feed() == "mDNS", "the peers to feed", patience_s=60)
    eventually(lambda: {"desk 1", "desk 2"} <= room.shown(), "what the peers have")
    room.registry.thaw()
    eventually(lambda: room.feed() == "Query API registry", "the registry to feed again", patience_s=60)


def test_a_registry_that_works_no_more_changes_nothing_before_it_works(room: Room) -> None:
    room.registry.fault(503)
    room.registry.announce()
    eventually(lambda: len(room.registry.requests()) >= 2, "the box to try")
    assert room.feed() == "mDNS"
    assert room.shown() == {"desk 1", "desk 2"}
    room.registry.fault(None)
    eventually(lambda: room.feed() == "Query API registry", "the registry to feed", patience_s=40)


def test_the_next_one_takes_over(room: Room) -> None:
    room.fed_by_registry()
    second = QueryApi(room.lan.host("second"), "second")
    room.lan.enter(second)
    second.hold(room.mixer.node_api["v1.3"])
    second.announce(pri="20")
    settle(room.desk)
    assert room.feed() == "Query API registry"
    room.desk.requests(forget=True)
    room.registry.kill()
    eventually(lambda: room.feed() == "Query API second", "the second one to feed")
    eventually(lambda: room.shown() == {"mixer 1"}, "what the second one has")
    assert room.desk.requests() == []


@pytest.mark.parametrize("lie", ["", "not JSON", "[]", '{"grain": {"data": [', '{"grain": {"data": 5}}', "[" * 100_000])
def test_what_is_no_grain_ends_the_connection_and_nothing_else(room: Room, lie: str) -> None:
    room.fed_by_registry()
    room.registry.say(lie)
    eventually(lambda: "is no data Grain" in room.box.log, "the box to say so")
    assert {"desk 1", "desk 2"} <= set(room.sources())
    eventually(lambda: room.feed() == "Query API registry", "another try", patience_s=40)
    assert room.box.alive
    assert "Traceback" not in room.box.log


def test_what_cannot_be_used_is_left_out_and_the_rest_is_shown(room: Room) -> None:
    room.fed_by_registry()
    lies = [5, None, {}, {"path": 5}, {"path": "x", "post": 5}, {"path": "x", "post": {"id": "x" * 10_000}}]
    room.registry.say(json.dumps({"grain": {"topic": "/senders/", "data": lies}}))
    sender = room.mixer.node_api["v1.3"]["senders"][0]
    sender["label"] = "and then"
    room.registry.hold(room.documents.node_api["v1.3"], room.mixer.node_api["v1.3"])
    eventually(lambda: room.shown() == {"desk 1", "desk 2", "and then"}, "what comes after")


def test_a_sender_that_only_the_registry_knows_can_be_taken(room: Room, start_peer: StartPeer) -> None:
    room.fed_by_registry()
    mixer = start_peer(room.lan.host("mixer2"), "mixer2")
    documents = peer_documents("mixer2", mixer.host.address(), senders=1)
    mixer.serve(documents)  # and it never announces itself
    room.registry.hold(documents.node_api["v1.3"])
    eventually(lambda: room.shown() == {"mixer2 1"}, "its sender in the menu")
    room.take("mixer2 1")
    assert room.receiver()["shows"] == "mixer2 1"


def test_a_box_that_is_told_to_keep_to_its_peers_does(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> None:
    room = Room(lan, start_box, start_peer, mode="peer-to-peer")
    room.registry.announce()
    settle(room.desk)
    assert room.feed() == "mDNS"
    assert room.registry.requests() == []


# ---- programs on the box


def query(room: Room, path: str) -> Any:
    return room.box.json(f"/x-nmos/query{path}")


def test_programs_are_led_through_to_the_network(room: Room) -> None:
    assert labels(query(room, "/v1.3/senders")) == {"desk 1", "desk 2"}
    room.fed_by_registry()
    assert query(room, "") == ["v1.2/", "v1.3/"]
    for plural in ("nodes", "devices", "sources", "flows", "senders", "receivers"):
        assert query(room, f"/v1.3/{plural}") == room.registry.held(plural)
    sender = room.registry.held("senders")[2]
    assert query(room, f"/v1.3/senders/{sender['id']}") == sender
    room.registry.requests(forget=True)
    answer = room.box.get("/x-nmos/query/v1.3/senders?label=mixer%201&query.rql=eq(a,b%2Cc)")
    assert [request.path for request in room.registry.requests() if "/senders" in request.path] == [
        "/x-nmos/query/v1.3/senders?label=mixer%201&query.rql=eq(a,b%2Cc)"
    ]
    assert labels(answer.json()) == {"mixer 1"}
    assert answer.headers["x-paging-limit"] == "10"
    assert "<http://127.0.0.1:8080/x-nmos/query/v1.3/senders?paging.until=0:0>" in answer.headers["link"]
    missing = room.box.get("/x-nmos/query/v1.3/senders/nothing")
    assert missing.status == 404
    assert not problems("is-04", "v1.3", "error", missing.json())
    assert room.desk.host.get(f"{room.box.url}/x-nmos/query/v1.3/nodes").status == 404
    room.registry.kill()
    room.back_to_peers()
    assert labels(query(room, "/v1.3/senders")) == {"desk 1", "desk 2"}


WANTED = {"max_update_rate_ms": 100, "persist": True, "resource_path": "/senders", "params": {}}


def test_subscriptions_and_their_websockets_are_led_through(room: Room) -> None:
    room.fed_by_registry()
    answer = room.box.post("/x-nmos/query/v1.3/subscriptions", WANTED)
    assert answer.status == 201
    subscription = answer.json()
    assert subscription["ws_href"].startswith("ws://127.0.0.1:8080/x-nmos/query/v1.3/sockets/")
    assert answer.headers["location"] == f"/x-nmos/query/v1.3/subscriptions/{subscription['id']}"
    assert subscription["ws_href"] in {one["ws_href"] for one in query(room, "/v1.3/subscriptions")}
    assert query(room, f"/v1.3/subscriptions/{subscription['id']}") == subscription
    with WebSocket(room.box.host, subscription["ws_href"]) as socket:
        told = socket.receive()
        assert not problems("is-04", "v1.3", "queryapi-subscriptions-websocket", told)
        assert {one["post"]["label"] for one in told["grain"]["data"]} == {"desk 1", "desk 2", "mixer 1"}
        room.registry.hold(room.documents.node_api["v1.3"])
        [removed] = socket.receive()["grain"]["data"]
        assert removed["pre"]["label"] == "mixer 1"
        room.registry.kill()
        assert socket.receive() is None
    assert room.box.alive


def test_a_programs_websocket_is_closed_when_the_network_takes_over(room: Room) -> None:
    subscription = room.box.post("/x-nmos/query/v1.3/subscriptions", WANTED).json()
    with WebSocket(room.box.host, subscription["ws_href"]) as socket:
        assert len(socket.receive()["grain"]["data"]) == 2
        room.fed_by_registry()
        assert socket.receive() is None
    room.registry.kill()
    room.back_to_peers()
    assert query(room, f"/v1.3/subscriptions/{subscription['id']}") == subscription, "a persistent one stays"


def test_while_the_registry_is_away_for_a_moment_programs_are_told_so(room: Room) -> None:
    room.fed_by_registry()
    room.registry.kill()
    statuses = set()
    answer = room.box.get("/x-nmos/query/v1.3/senders")
    while answer.status != 200:
        statuses.add(answer.status)
        assert answer.json()["code"] == 502
        answer = room.box.get("/x-nmos/query/v1.3/senders")
    assert statuses == {502}
    assert labels(answer.json()) <= {"desk 1", "desk 2"}
