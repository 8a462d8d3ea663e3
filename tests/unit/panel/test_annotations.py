"""Labels, tags and services edited at the box, over its real configuration."""

import json
from typing import Any

import pytest

from appliance.config.model import Config, DeviceConfig, NodeConfig, ReceiverConfig, ServiceConfig
from appliance.core.tai import parse_tai
from appliance.core.types import JSON, Kind
from appliance.edge.server import call_bottle
from appliance.errors import Locked
from appliance.nmos.is04.edits import SERVICES_ASPECT, TAGS_ASPECT
from appliance.nmos.is04.project import VERSIONS, project
from appliance.nmos.is04.tags import GROUP_HINT
from appliance.panel.annotations import MAX_SERVICES, MAX_TAGS, PATH, AnnotationApi
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.support.specs import problems
from tests.unit.nmos.is05 import boxes
from tests.unit.nmos.is05.boxes import IDENTITIES

SPEAKER = boxes.receiver_id("speaker")
NODE = IDENTITIES.of(Kind.NODE)
STATUS = {"href": "http://{host}:9090/status", "type": "urn:x-maker:service:status"}
DISH = {"href": "https://dish.example/api", "type": "urn:x-maker:service:dish"}
CONFIGURED: JSON = {"href": "http://10.0.0.1:9090/status", "type": STATUS["type"], "authorization": False}


class Box:
    """A box with a tag, a service, and the API; ``locked`` is the panel's lock."""

    def __init__(self) -> None:
        node = NodeConfig(tags={"room": ("7",)}, services=(ServiceConfig(STATUS["href"], STATUS["type"]),))
        config = Config(
            node=node,
            devices=(DeviceConfig("box"),),
            receivers=(ReceiverConfig("speaker", "box", tags={"row": ("a",)}),),
        )
        self.box = boxes.Box(config)
        self.locked = False
        self.site = Site()
        AnnotationApi(self.box.store, lambda: self.box.reached_at(("10.0.0.1",)), self._check).declare(self.site)

    def _check(self) -> None:
        if self.locked:
            raise Locked("the panel is locked")

    def ask(self, method: str, query: dict[str, str], body: Any = None) -> Answer:
        headers = {"content-type": "application/json"}
        answer = call_bottle(self.site, Request(method, PATH, query, headers, json.dumps(body).encode()))
        assert isinstance(answer, Answer)
        return answer

    def edit(self, id: str, **changes: Any) -> Any:
        answer = self.ask("POST", {}, {"id": id, **changes})
        assert answer.status == 200, answer.body
        assert self.ask("GET", {"id": id}).body == answer.body
        return answer.body

    def receiver(self) -> JSON:
        return self.box.resource(Kind.RECEIVER, SPEAKER)


@pytest.fixture
def box() -> Box:
    return Box()


def test_tags_are_put_over_the_configured_ones_with_a_new_version(box: Box) -> None:
    before = box.receiver()
    body = box.edit(SPEAKER, tags={"urn:x-maker:tag:owner": ["Ada", "Bo"]})
    after = box.receiver()
    assert after["tags"] == {**before["tags"], "urn:x-maker:tag:owner": ["Ada", "Bo"]} == body["tags"]
    assert body["edited"] == {"tags": {"urn:x-maker:tag:owner": ["Ada", "Bo"]}}
    assert parse_tai(after["version"]) > parse_tai(before["version"])
    assert after["caps"] == before["caps"]


def test_a_configured_tag_can_be_changed_taken_away_and_given_back(box: Box) -> None:
    assert box.edit(SPEAKER, tags={"row": ["b"]})["tags"]["row"] == ["b"]
    assert "row" not in box.edit(SPEAKER, tags={"row": []})["tags"]
    assert box.edit(SPEAKER, tags={"row": None})["tags"]["row"] == ["a"]
    box.edit(SPEAKER, tags={"one": ["1"], "two": ["2"]})
    assert box.edit(SPEAKER, tags=None)["edited"] == {}
    assert set(box.receiver()["tags"]) == {GROUP_HINT, "row"}
    assert box.box.store.aspect(TAGS_ASPECT, SPEAKER) is None


def test_they_outlive_a_restart_and_another_configuration(box: Box) -> None:
    box.edit(SPEAKER, tags={"one": ["1"], "row": []}, label="Foyer")
    box.edit(NODE, services=[DISH])
    again = box.box.rebooted()
    assert again.resource(Kind.RECEIVER, SPEAKER) == box.receiver()
    assert again.resource(Kind.NODE, NODE)["services"] == [{**DISH, "authorization": False}]


def test_services_of_the_configuration_and_of_the_owner(box: Box) -> None:
    assert box.box.store.node["services"] == [CONFIGURED]
    before = box.box.store.node["version"]
    box.edit(NODE, services=[DISH, {**DISH, "authorization": True}])
    assert [service["authorization"] for service in box.box.store.node["services"]] == [False, True]
    assert parse_tai(box.box.store.node["version"]) > parse_tai(before)
    assert box.edit(NODE, services=[])["services"] == []
    assert box.edit(NODE, services=None)["services"] == [CONFIGURED]
    assert box.box.store.aspect(SERVICES_ASPECT, NODE) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_shows_them_as_it_wants_them(box: Box, version: str) -> None:
    box.edit(NODE, services=[DISH], tags={"one": ["1"]})
    shown = project(Kind.NODE, box.box.store.node, version, box.box.store.get)
    assert problems("is-04", version, "node", shown) == []
    assert shown is not None
    assert set(shown["services"][0]) == {"href", "type"} | ({"authorization"} if version == "v1.3" else set())


TOO_LONG = "x" * 201


@pytest.mark.parametrize(
    ("id", "changes", "status", "error"),
    [
        (SPEAKER, {}, 400, "label: is missing"),
        (SPEAKER, {"tags": []}, 400, "tags: must be an object"),
        (SPEAKER, {"tags": {"a": "b"}}, 400, "tags.a: must be a list"),
        (SPEAKER, {"tags": {"a": [5]}}, 400, "tags.a: must be a list"),
        (SPEAKER, {"tags": {"a": ["x\ny"]}}, 400, "tags.a: must be a list"),
        (SPEAKER, {"tags": {"a": [TOO_LONG]}}, 400, "tags.a: must be a list"),
        (SPEAKER, {"tags": {"a": ["x"] * 17}}, 400, "tags.a: must be a list"),
        (SPEAKER, {"tags": {"": ["x"]}}, 400, "tags.: must be called"),
        (SPEAKER, {"tags": {TOO_LONG: ["x"]}}, 400, "tags.x"),
        (SPEAKER, {"tags": {GROUP_HINT: ["a:b"]}}, 400, f"tags.{GROUP_HINT}: is the box's own"),
        (SPEAKER, {"tags": {"urn:x-nmos:tag:asset:product/v1.0": []}}, 400, "tags.urn:x-nmos:tag:asset:product/v1.0"),
        (SPEAKER, {"tags": {str(n): [] for n in range(MAX_TAGS + 1)}}, 400, "tags: at most"),
        (SPEAKER, {"services": []}, 400, "services: only the node"),
        (NODE, {"services": {}}, 400, "services: must be a list"),
        (NODE, {"services": [DISH] * (MAX_SERVICES + 1)}, 400, "services: must be a list"),
        (NODE, {"services": ["x"]}, 400, "services[0]: must be an object"),
        (NODE, {"services": [DISH, {"href": "http://a"}]}, 400, "services[1].type: must be a string"),
        (NODE, {"services": [{**DISH, "port": 1}]}, 400, "services[0].port: is not known here"),
        (NODE, {"services": [{**DISH, "href": "/status"}]}, 400, "services[0].href: must be an absolute URL"),
        (NODE, {"services": [{**DISH, "href": "http://[::"}]}, 400, "services[0].href: must be an absolute URL"),
        (NODE, {"services": [{**DISH, "href": "http://h:x/"}]}, 400, "services[0].href: must be an absolute URL"),
        (NODE, {"services": [STATUS]}, 400, "services[0].href: must be an absolute URL"),
        (NODE, {"services": [{**DISH, "type": "status"}]}, 400, "services[0].type: must be a URN"),
        (NODE, {"services": [{**DISH, "authorization": 1}]}, 400, "services[0].authorization: must be true or false"),
        ("nobody", {"label": "x"}, 404, "id: nothing on this box"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(box: Box, id: str, changes: JSON, status: int, error: str) -> None:
    before = box.box.store.node, box.receiver()
    answer = box.ask("POST", {}, {"id": id, "description": "new", **changes} if changes else {"id": id})
    assert answer.status == status
    assert answer.body["error"].startswith(error)
    assert (box.box.store.node, box.receiver()) == before


def test_what_cannot_be_read(box: Box) -> None:
    assert box.ask("GET", {}).body["error"] == "id: is missing"
    assert box.ask("GET", {"id": "nobody"}).status == 404


def test_a_locked_panel_edits_nothing(box: Box) -> None:
    box.locked = True
    assert box.ask("POST", {}, {"id": SPEAKER, "tags": {"a": ["b"]}}).status == 423
    assert box.ask("GET", {"id": SPEAKER}).status == 200
