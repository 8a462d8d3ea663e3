"""The panel's API: what it answers, what it refuses and how it says so."""

import asyncio
import json
from typing import Any

import pytest

from appliance.core.types import Kind
from appliance.discovery.world import PeerStatus
from appliance.edge.server import call_bottle
from appliance.errors import BadRequest, Unresolvable
from appliance.panel.annotations import AnnotationApi
from appliance.panel.api import PanelApi
from appliance.panel.items import ReceiverItem, SourceItem
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.unit.panel.worlds import AUDIO, NODE, VIDEO, Scene, audio_entry, connection, id_of

MIC = id_of("Mic")
JSON_HEADERS = {"content-type": "application/json", "host": "box:8080"}


class Box:
    """A scene behind its API. ``taken`` are the takes that were asked for."""

    def __init__(self) -> None:
        self.scene = Scene(audio_entry("Mic"), audio_entry("Guitar"), audio_entry("Aux", device="Buses"))
        self.taken: list[tuple[str, str | None]] = []
        self.pending_during_take: list[bool] = []
        self.answer = Answer({"a": 1}, settle=(AUDIO,))
        self.error: Exception | None = None
        self.restored = 0
        self.site = Site()
        scene = self.scene
        panel = PanelApi(scene.menu, scene.store, scene.clock, self.take)
        panel.declare(self.site)
        AnnotationApi(scene.store, self.restore, panel.check_unlocked).declare(self.site)

    async def take(self, receiver_id: str, sender_id: str | None) -> Answer:
        self.scene.settle()  # it takes its time
        item = self.scene.menu.receiver(receiver_id)
        self.pending_during_take.append(item is not None and item.pending is not None)
        if self.error is not None:
            raise self.error
        self.taken.append((receiver_id, sender_id))
        self.scene.connect(receiver_id, connection(sender_id, enabled=sender_id is not None))
        return self.answer

    def restore(self) -> None:
        self.restored += 1
        edited = self.scene.store.aspect("label", AUDIO) or {}
        with self.scene.store.transaction("restore") as tx:
            tx.update(Kind.RECEIVER, AUDIO, **{"label": "Speakers", "description": "", **edited})

    def get(self, path: str, **query: str) -> Answer:
        answer = call_bottle(self.site, Request("GET", path, query, {}))
        assert isinstance(answer, Answer)
        return answer

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = call_bottle(self.site, Request("POST", path, {}, {**JSON_HEADERS, **(headers or {})}, payload))
        if not isinstance(answer, Answer):
            answer = asyncio.run(answer)
        assert isinstance(answer, Answer)
        return answer


@pytest.fixture
def box() -> Box:
    return Box()


def test_status(box: Box) -> None:
    body = box.get("/panel/status").body
    assert body["now"].endswith(":0")
    assert body["status"]["node"]["label"] == "Display A"
    assert body["status"]["sources"] == 3


def test_peers_with_an_error_come_first_and_their_texts_are_cleaned(box: Box) -> None:
    world = box.scene.world
    for status in (
        PeerStatus("self", "Display A"),
        PeerStatus("b._nmos-node._tcp.local.", "b", ("192.0.2.1",), 80, "v1.3", senders=2, last_fetch=5),
        PeerStatus("z._nmos-node._tcp.local.", "z\x1b[2J", last_error="it answers 500\n", lost_since=1_000_000_007),
    ):
        world.update(status.key, status=status)
    body = box.get("/panel/peers").body
    assert body["total"] == 2
    z, b = body["peers"]
    assert (z["name"], z["error"], z["lost_since"]) == ("z[2J", "it answers 500", "1:7")
    assert (b["sources"], b["error"], b["last_fetch"], b["lost_since"]) == (2, "", "0:5", None)
    assert [peer["name"] for peer in box.get("/panel/peers", offset="1", limit="1").body["peers"]] == ["b"]


def test_receivers(box: Box) -> None:
    body = box.get("/panel/receivers").body
    assert [ReceiverItem.from_json(item) for item in body["receivers"]] == list(box.scene.menu.receivers)


def test_menu_by_device_with_fit(box: Box) -> None:
    body = box.get("/panel/menu", receiver=VIDEO).body
    assert [group["title"] for group in body["groups"]] == ["Stage box · Buses", "Stage box · Inputs"]
    assert body["groups"][0]["sources"][0]["fit"] == {
        "verdict": "no",
        "reason": "it is audio, this receiver takes video",
    }
    assert body["receiver"]["label"] == "Screen"
    assert body["total"] == 3
    assert "fit" not in box.get("/panel/menu").body["groups"][0]["sources"][0]


def test_sources_in_pages(box: Box) -> None:
    body = box.get("/panel/sources", offset="1", limit="1").body
    assert [SourceItem.from_json(item).label for item in body["sources"]] == ["Guitar"]
    assert (body["offset"], body["total"]) == (1, 3)


@pytest.mark.parametrize(
    ("query", "status", "key"),
    [
        ({"receiver": "nobody"}, 404, "receiver"),
        ({"offset": "-1"}, 400, "offset"),
        ({"offset": "x"}, 400, "offset"),
        ({"limit": "0"}, 400, "limit"),
        ({"limit": "501"}, 400, "limit"),
        ({"limit": "9" * 5000}, 400, "limit"),
        ({"limit": "٣"}, 400, "limit"),
    ],
)
def test_bad_queries_name_the_key(box: Box, query: dict[str, str], status: int, key: str) -> None:
    for path in ("/panel/menu", "/panel/sources"):
        answer = box.get(path, **query)
        assert answer.status == status
        assert answer.body["error"].startswith(f"{key}:")


def test_take(box: Box) -> None:
    answer = box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": MIC})
    assert (answer.status, answer.settle) == (200, (AUDIO,))
    assert answer.body["receiver"]["shows"] == "Mic"
    assert answer.body["receiver"]["pending"] is None
    assert box.pending_during_take == [True]
    answer = box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": None})
    assert answer.body["receiver"]["enabled"] is False
    assert box.taken == [(AUDIO, MIC), (AUDIO, None)]


def test_a_take_that_fails_is_no_longer_pending(box: Box) -> None:
    box.error = Unresolvable("interface_ip", "there is no interface with a link")
    with pytest.raises(Unresolvable):
        box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": MIC})
    item = box.scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.pending is None
    box.error = None
    box.answer = Answer({"code": 400, "error": "the SDP is not valid", "debug": None}, 400)
    assert box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": MIC}).body["error"] == "the SDP is not valid"


@pytest.mark.parametrize(
    ("body", "status", "key"),
    [
        (b"", 400, "the body"),
        (b"[]", 400, "the body"),
        ({}, 400, "receiver_id"),
        ({"receiver_id": AUDIO}, 400, "sender_id"),
        ({"receiver_id": 5, "sender_id": None}, 400, "receiver_id"),
        ({"receiver_id": AUDIO, "sender_id": False}, 400, "sender_id"),
        ({"receiver_id": AUDIO, "sender_id": None, "when": 1}, 400, "when"),
        ({"receiver_id": MIC, "sender_id": None}, 404, "receiver_id"),
        ({"receiver_id": AUDIO, "sender_id": AUDIO}, 404, "sender_id"),
        ({"receiver_id": VIDEO, "sender_id": MIC}, 409, "sender_id: Mic does not fit Screen"),
    ],
)
def test_bad_takes_name_the_key_and_do_nothing(box: Box, body: Any, status: int, key: str) -> None:
    answer = box.post("/panel/take", body)
    assert answer.status == status
    assert answer.body["error"].startswith(key)
    assert box.taken == []


@pytest.mark.parametrize("path", ["/panel/take", "/panel/label"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://box:8081"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 400),
        ({"content-type": ""}, 400),
    ],
)
def test_pages_of_other_sites_are_refused(box: Box, path: str, headers: dict[str, str], status: int) -> None:
    assert box.post(path, {"receiver_id": AUDIO, "sender_id": MIC}, headers).status == status
    assert box.taken == []


def test_our_own_page_is_not(box: Box) -> None:
    headers = {
        "origin": "http://box:8080",
        "sec-fetch-site": "same-origin",
        "content-type": "application/json; charset=utf-8",
    }
    assert box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": MIC}, headers).status == 200


def test_a_label_edited_here_is_the_resources_and_kept(box: Box) -> None:
    version = box.scene.store.all(Kind.RECEIVER)[AUDIO]["version"]
    answer = box.post("/panel/label", {"id": AUDIO, "label": " Lobby ", "description": "left"})
    assert answer.body["label"] == "Lobby"
    resource = box.scene.store.get(Kind.RECEIVER, AUDIO)
    assert resource is not None
    assert (resource["label"], resource["description"]) == ("Lobby", "left")
    assert resource["version"] != version
    assert box.scene.store.aspect("label", AUDIO) == {"label": "Lobby", "description": "left"}
    assert box.restored == 0
    item = box.scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.label == "Lobby"


def test_an_empty_label_is_as_configured_again(box: Box) -> None:
    box.post("/panel/label", {"id": AUDIO, "label": "Lobby", "description": "left"})
    answer = box.post("/panel/label", {"id": AUDIO, "label": ""})
    assert (answer.body["label"], answer.body["description"]) == ("Speakers", "left")
    assert box.scene.store.aspect("label", AUDIO) == {"description": "left"}
    box.post("/panel/label", {"id": AUDIO, "label": "", "description": ""})
    assert box.scene.store.aspect("label", AUDIO) is None
    assert box.restored == 2


@pytest.mark.parametrize(
    ("body", "status", "key"),
    [
        ({"label": "x"}, 400, "id"),
        ({"id": NODE}, 400, "label"),
        ({"id": MIC, "label": "x"}, 404, "id"),
        ({"id": NODE, "label": 5}, 400, "label"),
        ({"id": NODE, "label": "x" * 101}, 400, "label"),
        ({"id": NODE, "label": "a\x1bb"}, 400, "label"),
        ({"id": NODE, "label": "a\nb"}, 400, "label"),
        ({"id": NODE, "label": "a\u202eb"}, 400, "label"),
        ({"id": NODE, "label": "x", "description": "y" * 301}, 400, "description"),
        ({"id": NODE, "label": "x", "text": {}}, 400, "text"),
    ],
)
def test_bad_labels_name_the_key_and_change_nothing(box: Box, body: Any, status: int, key: str) -> None:
    answer = box.post("/panel/label", body)
    assert answer.status == status
    assert answer.body["error"].startswith(f"{key}:")
    assert box.scene.store.node["label"] == "Display A"


def test_the_body_must_be_json(box: Box) -> None:
    assert box.post("/panel/label", b"{").status == BadRequest.status
