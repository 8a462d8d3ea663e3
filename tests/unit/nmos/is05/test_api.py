"""Every path of the RAML in both versions: what it answers, by AMWA's schemas, and what it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from appliance.core.types import JSON, Kind
from appliance.web.messages import Answer
from tests.support.specs import problems
from tests.unit.nmos.is05.boxes import (
    IMMEDIATE,
    NO_NETWORK,
    Box,
    multicast_sdp,
    receiver_id,
    sender_id,
)

VERSIONS = ("v1.0", "v1.1")
NOWHERE = "99999999-9999-4999-8999-999999999999"


def valid(version: str, schema: str, document: object) -> None:
    """By AMWA's schema; the names of v1.0's own ones say so."""
    name = f"v1.0-{schema}" if version == "v1.0" and "-schema" in schema else schema
    assert problems("is-05", version, name, document) == []


@pytest.fixture(scope="module")
def box() -> Box:
    return Box()


def test_the_api_lists_its_versions(box: Box) -> None:
    assert box.get("") == ["v1.0/", "v1.1/"]
    assert box.get("/") == ["v1.0/", "v1.1/"]


@pytest.mark.parametrize("version", VERSIONS)
def test_base_resources(box: Box, version: str) -> None:
    valid(version, "connectionapi-base", box.get(f"/{version}"))
    valid(version, "connectionapi-bulk", box.get(f"/{version}/bulk"))
    valid(version, "connectionapi-single", box.get(f"/{version}/single"))
    for kind in ("sender", "receiver"):
        ids = box.get(f"/{version}/single/{kind}s")
        valid(version, "sender-receiver-base", ids)
        assert len(ids) == 3
        valid(version, f"connectionapi-{kind}", box.get(f"/{version}/single/{kind}s/{ids[0]}"))


def test_transporttype_came_with_v1_1(box: Box) -> None:
    for kind, name in (("senders", "tone"), ("receivers", "direct")):
        id = sender_id(name) if kind == "senders" else receiver_id(name)
        listed = box.get(f"/v1.1/single/{kind}/{id}")
        assert "transporttype/" in listed
        assert "transporttype/" not in box.get(f"/v1.0/single/{kind}/{id}")
        urn = box.get(f"/v1.1/single/{kind}/{id}/transporttype")
        valid("v1.1", "transporttype-response-schema", urn)
        assert urn == "urn:x-nmos:transport:rtp"
        assert box.ask("GET", f"/v1.0/single/{kind}/{id}/transporttype").status == 404


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("network", ["there", "missing"])
def test_every_document_is_by_the_schemas(version: str, network: str) -> None:
    box = Box() if network == "there" else Box(state=NO_NETWORK)
    for kind in (Kind.SENDER, Kind.RECEIVER):
        for id in box.connections.all(kind):
            path = f"/{version}/single/{kind.plural}/{id}"
            valid(version, "constraints-schema", box.get(f"{path}/constraints"))
            for state in ("staged", "active"):
                document = box.get(f"{path}/{state}")
                valid(version, f"{kind}-response-schema", document)
                assert "auto" not in str(document) or state == "staged"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "activation",
    [
        None,
        {"mode": None},
        IMMEDIATE,
        {"mode": "activate_scheduled_relative", "requested_time": "2:0"},
        {"mode": "activate_scheduled_absolute", "requested_time": "1800000000:0"},
    ],
)
def test_every_answer_to_a_patch_is_by_the_schemas(version: str, activation: JSON | None) -> None:
    box = Box()
    for kind in (Kind.SENDER, Kind.RECEIVER):
        for id in box.connections.all(kind):
            answer = box.patch(kind, id, {"activation": activation} if activation else {}, version)
            scheduled = activation is not None and "requested_time" in activation
            assert answer.status == (202 if scheduled else 200)
            valid(version, f"{kind}-response-schema", answer.body)
            staged = box.get(f"/{version}/single/{kind.plural}/{id}/staged")
            valid(version, f"{kind}-response-schema", staged)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_what_the_raml_does_not_have_is_405(box: Box, method: str) -> None:
    for path in _get_paths():
        if not (path.endswith("/staged") and method == "PATCH"):
            answer = box.ask(method, path, {})
            assert answer.status == 405, path
            assert method not in answer.headers["Allow"]
            valid("v1.1", "error", answer.body)


def test_bulk_takes_post_only(box: Box) -> None:
    for version in VERSIONS:
        for kind in ("senders", "receivers"):
            for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
                answer = box.ask(method, f"/{version}/bulk/{kind}")
                assert answer.status == 405
                assert answer.headers["Allow"] == "POST, OPTIONS"


def test_get_with_a_trailing_slash_and_options_without(box: Box) -> None:
    for path in _get_paths():
        assert box.ask("GET", path).body == box.ask("GET", path + "/").body
        assert box.ask("OPTIONS", path).status == 200
    staged = f"/v1.1/single/senders/{sender_id('tone')}/staged"
    assert box.ask("OPTIONS", staged).headers["Allow"] == "GET, PATCH, HEAD, OPTIONS"


def test_unknown_ids_and_paths_are_404(box: Box) -> None:
    for version in VERSIONS:
        for kind in ("senders", "receivers"):
            for below in ("", "/staged", "/active", "/constraints"):
                answer = box.ask("GET", f"/{version}/single/{kind}/{NOWHERE}{below}")
                assert answer.status == 404
                valid(version, "error", answer.body)
            assert box.ask("PATCH", f"/{version}/single/{kind}/{NOWHERE}/staged", {}).status == 404
    for path in ("/v1.2", "/v1.1/single/things", f"/v1.1/single/receivers/{receiver_id('dual')}/transportfile"):
        assert box.ask("GET", path).status == 404
    # A sender is no receiver.
    assert box.ask("GET", f"/v1.1/single/receivers/{sender_id('tone')}/staged").status == 404


@pytest.mark.parametrize(
    ("raw", "about"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff", "UTF-8"),
        (b'{"master_enable": NaN}', "NaN"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'"x"', "object"),
        (b"[" * 100_000, "JSON"),
        (b'{"activation":' * 100_000, "JSON"),
    ],
)
def test_bodies_that_are_no_json_object_are_refused(box: Box, raw: bytes, about: str) -> None:
    answer = box.ask("PATCH", f"/v1.1/single/senders/{sender_id('tone')}/staged", raw=raw)
    assert answer.status == 400
    assert about in answer.body["error"]


def test_what_is_ready_is_forgotten_when_it_changes() -> None:
    box = Box()
    id = receiver_id("speaker")
    for state in ("staged", "active"):
        _keep(box, f"/v1.1/single/receivers/{id}/{state}")
    _keep(box, f"/v1.1/single/receivers/{receiver_id('dual')}/active")
    box.patch(Kind.RECEIVER, id, {"master_enable": True})
    assert not _kept(box, f"/v1.1/single/receivers/{id}/staged")
    assert _kept(box, f"/v1.1/single/receivers/{receiver_id('dual')}/active")


def test_a_transport_file_is_not_cached_by_others_but_kept_here() -> None:
    box = Box()
    id = sender_id("tone")
    path = f"/v1.1/single/senders/{id}/transportfile"
    answer = _keep(box, path)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.content_type == "application/sdp"
    assert _kept(box, path)
    box.patch(Kind.SENDER, id, {"transport_params": [{"destination_port": 6000}], "activation": IMMEDIATE})
    assert not _kept(box, path)
    assert b"m=audio 6000" in box.ask("GET", path).body
    _keep(box, path)
    with box.store.transaction("label") as tx:
        tx.update(Kind.SENDER, id, label="Other")
    assert not _kept(box, path)


def test_only_an_immediate_activation_waits_for_its_stream() -> None:
    box = Box()
    id = receiver_id("speaker")
    assert box.patch(Kind.RECEIVER, id, {"master_enable": False}).settle == ()
    assert box.patch(Kind.RECEIVER, id, {"activation": IMMEDIATE}).settle == (id,)
    later = {"activation": {"mode": "activate_scheduled_relative", "requested_time": "1:0"}}
    assert box.patch(Kind.RECEIVER, id, later).settle == ()


def test_requests_of_v1_0_may_leave_out_half_of_the_transport_file() -> None:
    box = Box()
    id = receiver_id("speaker")
    answer = box.patch(Kind.RECEIVER, id, {"transport_file": {"data": multicast_sdp()}}, "v1.0")
    assert answer.status == 200
    assert answer.body["transport_file"]["type"] == "application/sdp"
    assert (
        box.patch(Kind.RECEIVER, id, {"transport_file": {}}, "v1.0").body["transport_file"]
        == answer.body["transport_file"]
    )


def test_an_answer_never_depends_on_the_version_asked() -> None:
    box = Box()
    for kind in (Kind.SENDER, Kind.RECEIVER):
        for id in box.connections.all(kind):
            for state in ("staged", "active", "constraints"):
                path = f"single/{kind.plural}/{id}/{state}"
                assert box.get(f"/v1.0/{path}") == box.get(f"/v1.1/{path}")


def _get_paths() -> Iterator[str]:
    yield ""
    for version in VERSIONS:
        yield from (f"/{version}{below}" for below in ("", "/bulk", "/single", "/single/senders", "/single/receivers"))
        for kind, id in (("senders", sender_id("tone")), ("receivers", receiver_id("dual"))):
            below = ["", "/constraints", "/staged", "/active"]
            below += ["/transportfile"] if kind == "senders" else []
            below += ["/transporttype"] if version == "v1.1" else []
            yield from (f"/{version}/single/{kind}/{id}{path}" for path in below)


def _keep(box: Box, path: str) -> Answer:
    answer = box.ask("GET", path)
    box.site.ready.keep(path, answer, answer.payload())
    assert _kept(box, path)
    return answer


def _kept(box: Box, path: str) -> Any:
    return box.site.ready.get(path)
