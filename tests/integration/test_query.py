"""The local Query API on a network of boxes: what it shows is what each of these boxes serves itself."""

import json
from typing import Any

import pytest

from tests.integration.conftest import StartBox, StartPeer
from tests.lan.box import Box
from tests.lan.documents import VERSIONS, peer_documents
from tests.lan.network import Lan
from tests.lan.peer import settle
from tests.lan.waiting import eventually
from tests.lan.websocket import WebSocket
from tests.support.specs import problems

KINDS = ("nodes", "devices", "sources", "flows", "senders", "receivers")

CONFIG = """
[node]
label = "{label}"
[media]
driver = "null"
[[devices]]
name = "stage"
label = "Stage of {label}"
[[senders]]
name = "low"
device = "stage"
label = "Low of {label}"
[[senders]]
name = "high"
device = "stage"
label = "High of {label}"
[[receivers]]
name = "speaker"
device = "stage"
label = "Speaker of {label}"
output = {{ kind = "none" }}
"""


def everything(box: Box, version: str, plural: str, query: str = "") -> dict[str, Any]:
    """All resources of a kind in the local Query API, by id."""
    listed = box.json(f"/x-nmos/query/{version}/{plural}?paging.limit=1000{query}")
    return {body["id"]: body for body in listed}


def served(box: Box, version: str, plural: str) -> dict[str, Any]:
    """What a box serves itself."""
    if plural == "nodes":
        node = box.json(f"/x-nmos/node/{version}/self")
        return {node["id"]: node}
    return {body["id"]: body for body in box.json(f"/x-nmos/node/{version}/{plural}")}


def subscribe(box: Box, plural: str, version: str = "v1.3", **more: Any) -> dict[str, Any]:
    wanted = {"max_update_rate_ms": 0, "persist": False, "resource_path": f"/{plural}", "params": {}, **more}
    answer = box.post(f"/x-nmos/query/{version}/subscriptions", wanted)
    assert answer.status in (200, 201), answer.body
    return dict(answer.json())


def event(socket: WebSocket, version: str = "v1.3") -> list[dict[str, Any]]:
    """The events of the next grain, which is valid."""
    grain = socket.receive()
    name = "queryapi-v1.0-subscriptions-websocket" if version == "v1.0" else "queryapi-subscriptions-websocket"
    assert not problems("is-04", version, name, grain)
    return list(grain["grain"]["data"])


@pytest.fixture
def boxes(lan: Lan, start_box: StartBox) -> list[Box]:
    """Three boxes that have found each other."""
    names = ("alpha", "beta", "gamma")
    boxes = [start_box(lan.host(name), CONFIG.format(label=name), name=name) for name in names]
    for box in boxes:
        eventually(lambda box=box: len(everything(box, "v1.3", "receivers")) == 3, "all boxes found")  # type: ignore[misc]
    return boxes


def test_every_resource_is_as_its_own_box_serves_it_in_every_version(boxes: list[Box]) -> None:
    for version in VERSIONS:
        for plural in KINDS:
            expected = {id: body for box in boxes for id, body in served(box, version, plural).items()}
            assert everything(boxes[0], version, plural) == expected
            assert everything(boxes[1], version, plural, "&paging.order=create") == expected
            listed = boxes[0].json(f"/x-nmos/query/{version}/{plural}?paging.limit=1000")
            assert not problems("is-04", version, plural, listed)
            for id, body in expected.items():
                assert boxes[2].json(f"/x-nmos/query/{version}/{plural}/{id}") == body


def test_from_elsewhere_it_is_not_there_and_nobody_is_told_of_it(boxes: list[Box]) -> None:
    box, other = boxes[0], boxes[1].host
    assert "query/" in box.json("/x-nmos/")
    assert "query/" not in other.get(f"{box.url}/x-nmos/").json()
    for path in ("", "/v1.3", "/v1.3/nodes", "/v1.3/subscriptions"):
        assert other.get(f"{box.url}/x-nmos/query{path}").status == 404
    assert box.host.get(f"{box.url}/x-nmos/query/v1.3/nodes").status == 404, "our own address is not loopback"
    subscription = subscribe(box, "nodes")
    path = subscription["ws_href"].partition("8080")[2]
    with WebSocket(other, f"ws{box.url.removeprefix('http')}{path}") as socket:
        assert socket.status == 404


def test_changes_anywhere_reach_a_client_by_websocket(boxes: list[Box]) -> None:
    box, other = boxes[0], boxes[1]
    for version in VERSIONS:
        subscription = subscribe(box, "senders", version)
        name = "queryapi-subscription-response"
        assert not problems("is-04", version, name, subscription)
        with WebSocket(box.host, subscription["ws_href"]) as socket:
            first = event(socket, version)
            assert {one["path"]: one["post"] for one in first} == everything(box, version, "senders")
            assert all(one["pre"] == one["post"] for one in first)
            for changed in (box, other):
                sender = changed.json("/x-nmos/node/v1.3/senders")[0]
                label = f"{version} of {changed.name}"
                assert changed.post("/panel/label", {"id": sender["id"], "label": label}).status == 200
                [modified] = event(socket, version)
                assert modified["path"] == sender["id"]
                assert modified["pre"]["label"] == sender["label"]
                assert modified["post"] == changed.json(f"/x-nmos/node/{version}/senders/{sender['id']}")


def test_nodes_that_leave_and_come_are_removed_and_added(boxes: list[Box]) -> None:
    box, other = boxes[0], boxes[1]
    node = other.json("/x-nmos/node/v1.3/self")
    with WebSocket(box.host, subscribe(box, "nodes")["ws_href"]) as socket:
        assert len(event(socket)) == 3
        assert other.stop() == 0
        [removed] = event(socket)
        assert (removed["path"], removed["pre"], "post" in removed) == (node["id"], node, False)
        other.start()
        added = event(socket)[0]
        assert added["path"] == node["id"]
        assert "pre" not in added


def test_a_box_that_stops_ends_its_clients_at_once(boxes: list[Box]) -> None:
    with WebSocket(boxes[0].host, subscribe(boxes[0], "senders")["ws_href"]) as socket:
        assert event(socket)
        assert boxes[0].stop() == 0
        assert socket.receive() is None


def test_who_does_not_read_is_dropped_and_delays_nobody(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> None:
    host = lan.host("peer")
    peer = start_peer(host, "desk", peer_documents("desk", host.address(), senders=1500))
    box = start_box(lan.host("box"), CONFIG.format(label="box"))
    peer.announce()
    eventually(lambda: len(everything(box, "v1.3", "senders")) == 1000, "the peer's senders", patience_s=30)
    subscription = subscribe(box, "senders")
    slow = [WebSocket(box.host, subscription["ws_href"]) for _ in range(5)]  # and none of them reads
    with WebSocket(box.host, subscription["ws_href"]) as socket:
        seen: set[str] = set()
        while len(seen) < 1502:
            seen |= {one["path"] for one in event_ids(socket)}
        for number in range(10):
            peer.relabel("senders", 0, f"Changed {number}")
            assert event_ids(socket)[0]["post"]["label"].startswith("Changed")
    for one in slow:
        one.__exit__(None, None, None)
    assert box.stop() == 0


def event_ids(socket: WebSocket) -> list[dict[str, Any]]:
    """As `event`, but not looked at by the schema, which takes long for many."""
    return list(socket.receive()["grain"]["data"])


def test_a_changed_label_still_costs_exactly_one_request(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> None:
    host = lan.host("peer")
    peer = start_peer(host, "desk", peer_documents("desk", host.address(), senders=3, receivers=2))
    box = start_box(lan.host("box"), CONFIG.format(label="box"))
    peer.announce()
    eventually(lambda: len(everything(box, "v1.3", "receivers")) == 3, "the peer's receivers")
    settle(peer)
    peer.requests(forget=True)
    peer.relabel("senders", 1, "Renamed")
    eventually(lambda: box.json("/x-nmos/query/v1.3/senders?label=Renamed"), "the new label")
    assert [request.path.rstrip("/").rpartition("/")[2] for request in settle(peer)] == ["senders"]


def test_an_older_peer_is_there_for_who_asks_that_far(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> None:
    host = lan.host("peer")
    documents = peer_documents("old", host.address(), senders=1, versions=("v1.0", "v1.1"))
    peer = start_peer(host, "old", documents)
    box = start_box(lan.host("box"), CONFIG.format(label="box"))
    peer.announce()
    eventually(lambda: everything(box, "v1.3", "senders", "&query.downgrade=v1.1&label=old+1"), "the old peer")
    sender = documents.node_api["v1.1"]["senders"][0]
    assert box.json(f"/x-nmos/query/v1.1/senders/{sender['id']}") == sender
    answer = box.get(f"/x-nmos/query/v1.3/senders/{sender['id']}")
    assert answer.status == 409
    assert box.json(answer.headers["location"]) == sender
    assert box.json(f"/x-nmos/query/v1.0/senders/{sender['id']}") == documents.node_api["v1.0"]["senders"][0]


NMOS_JS = (  # what nmos-js 2 asks for when its lists are opened, filtered, paged and a connection is looked for
    ("/v1.3/nodes?paging.order=update&paging.limit=10", 3),
    ("/v1.3/senders?query.rql=matches(label,string:low,i)&paging.order=update&paging.limit=10", 3),
    ("/v1.3/senders?query.rql=and(matches(label,string:low,i),rel(flow_id,matches(format,string:audio,i)))", 3),
    ("/v1.3/receivers?query.rql=eq(subscription.active,false)&paging.order=update&paging.limit=2", 2),
    ("/v1.3/senders?query.rql=rel(flow_id,rel(source_id,and(ge(count(channels),1),le(count(channels),2))))", 6),
    ("/v1.3/senders?query.rql=rel(flow_id,in(media_type,(audio%2FL24,audio%2FL16)))&paging.limit=10", 6),
    ("/v1.3/senders?query.rql=rel(flow_id,in(sample_rate,(rational:48000%2F1)))&paging.limit=10", 6),
    ("/v1.3/senders?label=Low%20of%20alpha&paging.order=update&paging.limit=10", 1),
)


def test_what_nmos_js_asks_is_answered(boxes: list[Box]) -> None:
    box = boxes[0]
    for path, count in NMOS_JS:
        answer = box.get(f"/x-nmos/query{path}")
        assert answer.status == 200, answer.body
        assert len(answer.json()) == count, path
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "link" in answer.headers
        assert "x-paging-limit" in answer.headers
    sender = box.json("/x-nmos/query/v1.3/senders?label=Low%20of%20beta")[0]
    ids = f"or(eq(id,{sender['id']}),eq(id,{sender['id']}))"
    assert box.json(f"/x-nmos/query/v1.3/senders?query.rql={ids}&paging.limit=1000") == [sender]
    device = box.json(f"/x-nmos/query/v1.3/devices/{sender['device_id']}")
    of_device = f"matches(device_id,string:{device['id']},i)"
    assert len(box.json(f"/x-nmos/query/v1.3/receivers?query.rql={of_device}&paging.limit=1000")) == 1
    control = next(one["href"] for one in device["controls"] if one["type"].endswith("sr-ctrl/v1.1"))
    assert box.host.get(f"{control.rstrip('/')}/single/senders/{sender['id']}/staged").status == 200


def test_options_for_pages_of_other_origins(boxes: list[Box]) -> None:
    answer = boxes[0].raw(
        "OPTIONS", "/x-nmos/query/v1.3/subscriptions", headers={"Access-Control-Request-Headers": "content-type"}
    )
    assert answer.status == 200
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert json.loads(boxes[0].get("/x-nmos/query/v1.3/nope").body)["code"] == 404
