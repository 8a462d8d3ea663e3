"""Subscriptions and their grains, as clients of the local Query API see them."""

import json
from typing import Any

import pytest

from appliance.core.types import JSON, Kind
from appliance.errors import ApplianceError
from appliance.nmos.query.errors import TooMany
from appliance.nmos.query.grains import PIECE, Follower
from appliance.nmos.query.subscriptions import MAX_FOLLOWERS, MAX_SUBSCRIPTIONS, UNUSED_S
from tests.lan.documents import VERSIONS
from tests.support.specs import problems
from tests.unit.nmos.query.registries import SOURCE_ID, Registry


def wanted(path: str = "/senders", **more: Any) -> JSON:
    return {"max_update_rate_ms": 100, "persist": False, "resource_path": path, "params": {}, **more}


class Client:
    """One client of a subscription: `heard` is (pre, post) of every event, by label."""

    def __init__(self, registry: Registry, version: str = "v1.3", **more: Any) -> None:
        self.registry = registry
        self.version = version
        self.subscription = registry.ask("POST", f"/{version}/subscriptions", wanted(**more)).body
        self.woken = 0
        self.follower: Follower = registry.subscriptions.follow(version, self.subscription["id"], self._wake)

    def grains(self) -> list[JSON]:
        grains = []
        while (grain := self.follower.next_grain(self.registry.clock.tai_ns())) is not None:
            body = json.loads(grain)
            name = (
                "queryapi-v1.0-subscriptions-websocket"
                if self.version == "v1.0"
                else "queryapi-subscriptions-websocket"
            )
            assert not problems("is-04", self.version, name, body)
            grains.append(body)
        return grains

    def events(self) -> list[tuple[str | None, str | None]]:
        events = [event for grain in self.grains() for event in grain["grain"]["data"]]
        return [tuple(event[key]["label"] if key in event else None for key in ("pre", "post")) for event in events]  # type: ignore[misc]

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def registry() -> Registry:
    return Registry()


def relabelled(body: JSON, label: str) -> JSON:
    return {**body, "label": label}


# ---- subscriptions


@pytest.mark.parametrize("version", VERSIONS)
def test_made_listed_and_shown_validly(registry: Registry, version: str) -> None:
    answer = registry.ask("POST", f"/{version}/subscriptions", wanted(params={"label": "x"}))
    assert answer.status == 201
    body = answer.body
    assert not problems("is-04", version, "queryapi-subscription-response", body)
    assert answer.headers["Location"] == f"/x-nmos/query/{version}/subscriptions/{body['id']}"
    assert body["ws_href"] == f"ws://127.0.0.1:8080/x-nmos/query/{version}/sockets/{body['id']}"
    assert registry.get(f"/{version}/subscriptions/{body['id']}") == body
    listed = registry.get(f"/{version}/subscriptions")
    assert listed == [body]
    assert not problems("is-04", version, "queryapi-subscriptions-response", listed)


def test_the_same_parameters_are_the_same_subscription(registry: Registry) -> None:
    first = registry.ask("POST", "/v1.3/subscriptions", wanted(params={"a": "1", "b": "2"}))
    again = registry.ask("POST", "/v1.3/subscriptions", wanted(params={"b": "2", "a": "1"}))
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert again.headers["Location"] == first.headers["Location"]
    others: list[dict[str, Any]] = [
        {"params": {"a": "1"}}, {"max_update_rate_ms": 0}, {"persist": True}, {"path": "/flows"}
    ]  # fmt: skip
    made = {registry.ask("POST", "/v1.3/subscriptions", wanted(**other)).body["id"] for other in others}
    assert len(made) == 4
    assert registry.ask("POST", "/v1.2/subscriptions", wanted(params={"a": "1", "b": "2"})).status == 201


def test_another_versions_subscription_is_elsewhere(registry: Registry) -> None:
    id = registry.ask("POST", "/v1.2/subscriptions", wanted()).body["id"]
    assert registry.get("/v1.3/subscriptions") == []
    for method in ("GET", "DELETE"):
        answer = registry.ask(method, f"/v1.3/subscriptions/{id}")
        assert answer.status == 409
        assert answer.headers["Location"] == f"/x-nmos/query/v1.2/subscriptions/{id}"


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"max_update_rate_ms": "5"}, 400, "max_update_rate_ms"),
        ({"max_update_rate_ms": True}, 400, "max_update_rate_ms"),
        ({"max_update_rate_ms": -1}, 400, "max_update_rate_ms"),
        ({"persist": 1}, 400, "persist"),
        ({"resource_path": "/senders/"}, 400, "resource_path"),
        ({"resource_path": ["/senders"]}, 400, "resource_path"),
        ({"params": []}, 400, "params"),
        ({"params": {"a": {}}}, 400, "a must be"),
        ({"params": {"a": "x" * 20_000}}, 400, "params"),
        ({"params": {str(n): "" for n in range(200)}}, 400, "params"),
        ({"params": {"query.rql": "eq("}}, 400, "query.rql"),
        ({"params": {"query.rql": "or(" + ",".join(["eq(a,b)"] * 200) + ")"}}, 400, "complex"),
        ({"params": {"query.downgrade": "v2.0"}}, 400, "query.downgrade"),
        ({"params": {"query.rql": "sort(a)"}}, 501, "sort"),
        ({"params": {"paging.limit": "5"}}, 501, "paging.limit"),
        ({"secure": True}, 400, "secure"),
        ({"authorization": True}, 400, "authorization"),
    ],
)
def test_what_is_wrong_is_named(registry: Registry, change: JSON, status: int, named: str) -> None:
    answer = registry.ask("POST", "/v1.3/subscriptions", {**wanted(), **change})
    assert answer.status == status
    assert named in answer.body["error"]
    assert registry.get("/v1.3/subscriptions") == []


@pytest.mark.parametrize("key", ["max_update_rate_ms", "persist", "resource_path", "params"])
def test_what_is_missing_is_named(registry: Registry, key: str) -> None:
    body = wanted()
    del body[key]
    answer = registry.ask("POST", "/v1.3/subscriptions", body)
    assert answer.status == 400
    assert key in answer.body["error"]


def test_one_that_is_not_persistent_goes_some_time_after_its_last_client(registry: Registry) -> None:
    client = Client(registry)
    registry.clock.advance(10 * UNUSED_S)
    registry.subscriptions.leave(registry.clock.monotonic(), client.follower)
    assert registry.ask("DELETE", f"/v1.3/subscriptions/{client.subscription['id']}").status == 403
    registry.clock.advance(UNUSED_S - 1)
    assert registry.ask("POST", "/v1.3/subscriptions", wanted()).status == 200, "and is used again"
    registry.clock.advance(UNUSED_S + 1)
    assert registry.ask("POST", "/v1.3/subscriptions", wanted()).status == 201


def test_a_persistent_one_stays_until_it_is_deleted_and_its_clients_are_closed(registry: Registry) -> None:
    client = Client(registry, persist=True)
    path = f"/v1.3/subscriptions/{client.subscription['id']}"
    registry.clock.advance(10 * UNUSED_S)
    assert registry.get(path)
    assert registry.ask("DELETE", path).status == 204
    assert client.follower.ended
    assert registry.ask("GET", path).status == registry.ask("DELETE", path).status == 404
    registry.subscriptions.leave(0, client.follower)


def test_there_are_limits(registry: Registry) -> None:
    client = Client(registry)
    for _ in range(MAX_FOLLOWERS - 1):
        registry.subscriptions.follow("v1.3", client.subscription["id"], lambda: None)
    with pytest.raises(TooMany):
        registry.subscriptions.follow("v1.3", client.subscription["id"], lambda: None)
    for number in range(MAX_SUBSCRIPTIONS - 1):
        assert registry.ask("POST", "/v1.3/subscriptions", wanted(params={"n": str(number)})).status == 201
    assert registry.ask("POST", "/v1.3/subscriptions", wanted(params={"one": "more"})).status == 503
    registry.clock.advance(UNUSED_S + 1)
    assert registry.ask("POST", "/v1.3/subscriptions", wanted(params={"one": "more"})).status == 201


def test_nobody_follows_what_is_not_there(registry: Registry) -> None:
    with pytest.raises(ApplianceError):
        registry.subscriptions.follow("v1.3", "nothing", lambda: None)


# ---- grains


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", Kind)
def test_first_all_that_is_there(registry: Registry, version: str, kind: Kind) -> None:
    registry.add("desk", senders=2, receivers=2)
    client = Client(registry, version, path=f"/{kind.plural}")
    [grain] = client.grains()
    assert grain["source_id"] == SOURCE_ID
    assert grain["flow_id"] == client.subscription["id"]
    assert grain["grain"]["topic"] == f"/{kind.plural}/"
    data = grain["grain"]["data"]
    assert [event["post"] for event in data] == [event["pre"] for event in data]
    shown = {body["id"]: body for body in registry.get(f"/{version}/{kind.plural}")}
    assert {event["path"]: event["post"] for event in data} == shown
    assert client.grains() == []


def test_added_modified_removed(registry: Registry) -> None:
    desk = registry.add("desk", senders=1)
    client = Client(registry)
    client.grains()
    [first] = desk["senders"]
    second = {**first, "id": "00000000-0000-4000-8000-00000000000b", "label": "second"}
    registry.put("desk", Kind.SENDER, [first, second])
    assert client.woken == 1
    assert client.events() == [(None, "second")]
    changed = relabelled(first, "changed")
    registry.put("desk", Kind.SENDER, [changed, second])
    assert client.events() == [(first["label"], "changed")]
    registry.put("desk", Kind.SENDER, [changed])
    assert client.events() == [("second", None)]
    assert client.woken == 3


def test_what_changes_often_is_told_once_from_what_the_client_knows(registry: Registry) -> None:
    [sender] = registry.add("desk", senders=1)["senders"]
    client = Client(registry)
    client.grains()
    for label in ("a", "b", "c"):
        registry.put("desk", Kind.SENDER, [relabelled(sender, label)])
    assert client.woken == 1
    assert client.events() == [(sender["label"], "c")]
    registry.put("desk", Kind.SENDER, [relabelled(sender, "d")])
    registry.put("desk", Kind.SENDER, [relabelled(sender, "c")])
    assert client.events() == [], "there and back again is no change"
    registry.put("desk", Kind.SENDER, [])
    registry.put("desk", Kind.SENDER, [sender])
    registry.put("desk", Kind.SENDER, [])
    assert client.events() == [("c", None)]


def test_what_begins_or_ceases_to_match_is_added_or_removed(registry: Registry) -> None:
    [sender] = registry.add("desk", senders=1)["senders"]
    client = Client(registry, params={"label": "yes", "query.downgrade": "v1.0"})
    assert client.events() == []
    registry.put("desk", Kind.SENDER, [relabelled(sender, "yes")])
    assert client.events() == [(None, "yes")]
    registry.put("desk", Kind.SENDER, [relabelled(sender, "no")])
    assert client.events() == [("yes", None)]
    registry.put("desk", Kind.SENDER, [relabelled(sender, "never")])
    assert client.events() == []


def test_a_change_that_an_older_version_does_not_show_is_none_there(registry: Registry) -> None:
    [sender] = registry.add("desk", senders=1)["senders"]
    client = Client(registry, "v1.0")
    client.grains()
    registry.put("desk", Kind.SENDER, [{**sender, "interface_bindings": ["eth7"]}])
    assert client.events() == []


def test_many_come_in_pieces_and_what_changes_meanwhile_is_not_told_twice(registry: Registry) -> None:
    senders = registry.add("desk", senders=3 * PIECE)["senders"]
    client = Client(registry)
    first = json.loads(client.follower.next_grain(5) or b"")
    assert len(first["grain"]["data"]) == PIECE
    assert client.follower.syncing
    last = relabelled(senders[-1], "changed before it was said")
    gone = senders[-2]
    added = {**senders[0], "id": "00000000-0000-4000-8000-00000000000b", "label": "added"}
    registry.put("desk", Kind.SENDER, [relabelled(senders[0], "changed after"), *senders[1:-2], last, added])
    events = client.events()
    assert len(events) == 2 * PIECE - 1 + 2
    assert (last["label"], last["label"]) in events
    assert all(gone["label"] not in event for event in events)
    assert (senders[0]["label"], "changed after") in events
    assert (None, "added") in events


def test_clients_of_one_subscription_each_know_where_they_are(registry: Registry) -> None:
    [sender] = registry.add("desk", senders=1)["senders"]
    one = Client(registry)
    one.grains()
    registry.put("desk", Kind.SENDER, [relabelled(sender, "a")])
    two = Client(registry)
    assert two.subscription == one.subscription
    assert two.events() == [("a", "a")]
    registry.put("desk", Kind.SENDER, [relabelled(sender, "b")])
    assert one.events() == [(sender["label"], "b")]
    assert two.events() == [("a", "b")]
