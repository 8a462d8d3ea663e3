"""The local Query API's HTTP: who may ask, lists, single resources, filters, versions; all against AMWA's schemas."""

import json
from typing import Any

import pytest

from appliance.core.types import Kind
from appliance.web.site import Site
from tests.lan.documents import VERSIONS, cut_down, recorded_peer
from tests.support.specs import problems
from tests.unit.nmos.query.registries import HOST, Registry

KINDS = tuple(Kind)


def ids(bodies: list[dict[str, Any]]) -> set[str]:
    return {body["id"] for body in bodies}


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    for version in VERSIONS:
        registry.add(f"node-{version}", version, senders=2, receivers=1)
    return registry


# ---- who may ask


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", ["", "/", "/v1.3", "/v1.3/nodes", "/v1.3/nodes/x", "/v1.3/subscriptions", "/v1.3/zzz"])
def test_from_elsewhere_there_is_nothing_by_any_method(registry: Registry, method: str, path: str) -> None:
    answer = registry.ask(method, path, local=False)
    assert answer.status == 404
    assert answer.body == {"code": 404, "error": f"there is nothing at /x-nmos/query{path}", "debug": None}


def test_what_only_some_may_ask_is_to_others_as_if_it_were_not_there() -> None:
    registry = Registry()
    registry.site = Site()
    nothing = registry.ask("GET", "/v1.3/nodes")
    assert Registry().ask("GET", "/v1.3/nodes", local=False) == nothing


# ---- what there is


def test_the_bases(registry: Registry) -> None:
    assert registry.get("") == ["v1.0/", "v1.1/", "v1.2/", "v1.3/"]
    for version in VERSIONS:
        assert not problems("is-04", version, "queryapi-base", registry.get(f"/{version}/"))


def test_what_is_not_there(registry: Registry) -> None:
    for path in ("/v1.4/nodes", "/v1.3/things", f"/v1.3/nodes/{'0' * 8}-0000-4000-8000-{'0' * 12}"):
        answer = registry.ask("GET", path)
        assert answer.status == 404
        assert not problems("is-04", "v1.3", "error", answer.body)
    assert registry.ask("POST", "/v1.3/nodes", {}).status == 405


def test_subscriptions_may_be_posted_from_other_pages(registry: Registry) -> None:
    answer = registry.ask("OPTIONS", "/v1.3/subscriptions")
    assert answer.status == 200
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


# ---- resources


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_list_and_resource_of_every_version_is_valid(registry: Registry, kind: Kind, version: str) -> None:
    listed = registry.get(f"/{version}/{kind.plural}")
    assert not problems("is-04", version, kind.plural, listed)
    nodes_of_this_or_a_later_version = [name for name in VERSIONS if name >= version]
    each = 2 if kind in (Kind.SOURCE, Kind.FLOW, Kind.SENDER) else 1
    assert len(listed) == each * len(nodes_of_this_or_a_later_version)
    for body in listed:
        assert registry.get(f"/{version}/{kind.plural}/{body['id']}") == body
        assert not problems("is-04", version, kind.value, body)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_real_node_serves_is_shown_as_it_serves_it_in_each_version(version: str) -> None:
    recorded = recorded_peer().node_api
    registry = Registry()
    registry.write("nmos-cpp", recorded["v1.3"])
    for kind in Kind:
        served = [recorded[version]["self"]] if kind is Kind.NODE else recorded[version][kind.plural]
        shown = {body["id"]: body for body in registry.get(f"/{version}/{kind.plural}?paging.limit=1000")}
        for body in served:  # the node leaves out what its older versions have no words for; a registry does not
            assert _of_the_registers(shown[body["id"]]) == _of_the_registers(body)


def _of_the_registers(body: Any) -> Any:
    """Without keys that came from a register, not with a version, and without what nmos-cpp forgets to take away."""
    if isinstance(body, list):
        return [_of_the_registers(item) for item in body]
    if isinstance(body, dict):
        return {key: _of_the_registers(value) for key, value in body.items() if key not in _REGISTERED}
    return body


_REGISTERED = ("bit_rate", "level", "profile", "sublevel", "st2110_21_sender_type", "authorization", "active")


def test_older_ones_only_where_they_are_asked_for(registry: Registry) -> None:
    for downgrade, expected in (("v1.2", 2), ("v1.1", 3), ("v1.0", 4), ("v1.3", 1)):
        assert len(registry.get(f"/v1.3/nodes?query.downgrade={downgrade}")) == expected
    assert registry.ask("GET", "/v1.3/nodes?query.downgrade=v2.0").status == 400


def test_a_single_older_one_is_elsewhere(registry: Registry) -> None:
    old = registry.get("/v1.0/senders?query.rql=matches(label,node-v1.1)")[0]
    answer = registry.ask("GET", f"/v1.3/senders/{old['id']}")
    assert answer.status == 409
    assert answer.headers["Location"] == f"/x-nmos/query/v1.1/senders/{old['id']}"
    assert not problems("is-04", "v1.3", "error", answer.body)
    assert registry.get(answer.headers["Location"].removeprefix("/x-nmos/query"))["id"] == old["id"]
    assert registry.get(f"/v1.3/senders/{old['id']}?query.downgrade=v1.1")["id"] == old["id"]
    assert registry.ask("GET", f"/v1.3/senders/{old['id']}?query.downgrade=v1.2").status == 409
    assert registry.ask("GET", f"/v1.3/senders/{old['id']}?label=x").status == 501


# ---- queries


def test_basic_queries() -> None:
    registry = Registry()
    desk = registry.add("desk", senders=2, receivers=1)
    registry.add("mixer", senders=1)
    senders = desk["senders"]
    node = desk["self"]["id"]
    assert len(registry.get("/v1.3/senders")) == 3
    assert registry.get(f"/v1.3/senders?id={senders[0]['id']}") == [senders[0]]
    assert ids(registry.get(f"/v1.3/senders?device_id={senders[0]['device_id']}")) == ids(senders)
    assert registry.get(f"/v1.3/devices?node_id={node}") == desk["devices"]
    assert registry.get("/v1.3/nodes?api.versions=v1.3&label=desk") == [desk["self"]]
    assert registry.get(f"/v1.3/nodes?api.endpoints.port={desk['self']['api']['endpoints'][0]['port']}")
    assert registry.get("/v1.3/flows?sample_rate.numerator=48000&bit_depth=24")
    assert registry.get("/v1.3/receivers?subscription.active=false")
    assert registry.get("/v1.3/receivers?subscription.sender_id=null")
    assert registry.get("/v1.3/senders?nonsense=1") == []
    assert registry.get("/v1.3/senders?label=nobody%27s") == []
    assert registry.get("/v1.2/nodes?interfaces.attached_network_device.chassis_id=x") == []


def test_a_tag_whose_name_has_dots_and_an_encoded_value() -> None:
    registry = Registry()
    desk = registry.add("desk", senders=1)
    sender = {**desk["senders"][0], "tags": {"urn:x-nmos:tag:grouphint/v1.0": ["Stage 1:Audio"], "studio": ["HQ1"]}}
    registry.put("desk", Kind.SENDER, [sender])
    for query in ("tags.urn%3Ax-nmos%3Atag%3Agrouphint%2Fv1.0=Stage%201:Audio", "tags.studio=HQ1", "tags.studio=HQ1&"):
        assert registry.get(f"/v1.3/senders?{query}") == [sender]
    assert registry.get("/v1.3/senders?tags.studio=HQ") == []


def test_rql_with_encoded_commas_and_other_resources() -> None:
    registry = Registry()
    desk = registry.add("desk", senders=1)
    sender = {**desk["senders"][0], "label": "left, right (main)"}
    registry.put("desk", Kind.SENDER, [sender])
    rql = "and(eq(label,left%2C%20right%20%28main%29),rel(flow_id,eq(media_type,audio%2FL24)))"
    assert registry.get(f"/v1.3/senders?query.rql={rql}") == [sender]
    assert registry.get(f"/v1.3/senders?query.rql={rql}&label=other") == []
    assert registry.ask("GET", "/v1.3/senders?query.rql=eq(label").status == 400
    for unsupported in ("query.rql=sort(label)", "query.ancestry_id=x", "query.strip=false", "paging.offset=5"):
        answer = registry.ask("GET", f"/v1.3/flows?{unsupported}")
        assert answer.status == 501
        assert not problems("is-04", "v1.3", "error", answer.body)


# ---- pages


def test_pages_follow_the_links() -> None:
    registry = Registry()
    desk = registry.add("desk", senders=7)
    answer = registry.ask("GET", "/v1.3/senders?paging.limit=3&format=&query.downgrade=v1.0".replace("&format=", ""))
    seen = [body["id"] for body in json.loads(answer.payload())]
    while True:
        assert answer.headers["X-Paging-Limit"] == "3"
        link = next(part for part in answer.headers["Link"].split(", ") if 'rel="prev"' in part)
        url = link[1 : link.index(">")]
        assert url.startswith(f"http://{HOST}/x-nmos/query/v1.3/senders?query.downgrade=v1.0&paging.until=")
        answer = registry.ask("GET", url.partition("/x-nmos/query")[2])
        page = json.loads(answer.payload())
        if not page:
            break
        seen += [body["id"] for body in page]
    assert seen == [sender["id"] for sender in reversed(desk["senders"])]


def test_a_change_moves_to_the_first_page() -> None:
    registry = Registry()
    desk = registry.add("desk", senders=3)
    before = registry.ask("GET", "/v1.3/senders?paging.limit=2").headers["X-Paging-Until"]
    changed = {**desk["senders"][0], "label": "changed"}
    registry.put("desk", Kind.SENDER, [changed, *desk["senders"][1:]])
    assert registry.labels(f"/v1.3/senders?paging.since={before}") == ["changed"]
    assert registry.labels("/v1.3/senders?paging.limit=1") == ["changed"]
    assert registry.labels("/v1.3/senders?paging.limit=1&paging.order=create") != ["changed"]


def test_v1_0_shows_all_others_a_page_and_nobody_waits_long() -> None:
    registry = Registry()
    registry.add("desk", senders=450)
    assert len(registry.get("/v1.0/senders")) == 450
    assert registry.slices > 5
    assert len(registry.get("/v1.3/senders")) == 100
    assert len(registry.get("/v1.3/senders?paging.limit=5000")) == 450
    assert "Link" not in registry.ask("GET", "/v1.0/senders").headers
    assert registry.ask("GET", "/v1.3/senders?paging.since=2:0&paging.until=1:0").status == 400


# ---- where the network has one


def test_everything_goes_to_the_networks_query_api(registry: Registry) -> None:
    registry.proxy.active = True
    for method, path in (
        ("GET", ""),
        ("GET", "/v1.3/nodes"),
        ("POST", "/v1.3/subscriptions"),
        ("GET", "/v1.4/nodes/x"),
    ):
        assert registry.ask(method, path, {}).body == {"forwarded": f"/x-nmos/query{path}"}
    assert registry.ask("GET", "/v1.3/nodes", local=False).status == 404


def test_cutting_down_is_what_the_tests_peers_do_too() -> None:
    registry = Registry()
    desk = registry.add("desk", senders=1, receivers=1)
    for version in VERSIONS:
        assert registry.get(f"/{version}/receivers") == cut_down(desk, version)["receivers"]
