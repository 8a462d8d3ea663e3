"""Paths, methods, errors and ready answers, through bottle as the server calls it."""

import json
from collections.abc import Mapping

import pytest

from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.edge.server import call_bottle
from appliance.errors import BadRequest, NotFound
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.support.clock import FakeClock


def make_site() -> Site:
    site = Site()

    def patch(request: Request) -> Answer:
        return Answer({"id": request.params["id"], "given": request.json_object()})

    def missing(request: Request) -> Answer:
        raise NotFound("no such thing", debug="at all")

    def refused(request: Request) -> Answer:
        raise BadRequest("key: wrong")

    site.route("/x-nmos/a/<id>", get=lambda request: Answer({"id": request.params["id"]}), patch=patch)
    site.route("/x-nmos/missing", get=missing)
    site.route("/panel/refused", post=refused)
    return site


def ask(site: Site, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    answer = call_bottle(site, Request(method, path, body=body, headers=headers or {}))
    assert isinstance(answer, Answer)
    return answer


def test_a_handler_sees_the_named_parts_of_the_path() -> None:
    assert ask(make_site(), "GET", "/x-nmos/a/7").body == {"id": "7"}


def test_get_and_head_with_and_without_slash_other_methods_without() -> None:
    site = make_site()
    for path in ("/x-nmos/a/7", "/x-nmos/a/7/"):
        assert ask(site, "GET", path).status == 200
        assert ask(site, "HEAD", path).status == 200
    assert ask(site, "PATCH", "/x-nmos/a/7", b"{}").status == 200
    assert ask(site, "PATCH", "/x-nmos/a/7/", b"{}").status == 405


def test_with_a_slash_a_path_has_what_it_has_without_as_far_as_that_is_read() -> None:
    site = make_site()
    site.route("/x-nmos/b", post=lambda request: Answer("posted"))
    site.route("/x-nmos/a/<rest:path>", get=lambda request: Answer("rest"), post=lambda request: Answer("rest"))
    assert ask(site, "GET", "/x-nmos/a/7/").body == {"id": "7"}
    assert ask(site, "OPTIONS", "/x-nmos/a/7/").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert ask(site, "POST", "/x-nmos/b").status == 200
    for method in ("GET", "POST", "OPTIONS"):
        assert ask(site, method, "/x-nmos/b/").status == 404, method
    assert ask(site, "POST", "/x-nmos/a/8/9/").body == "rest", "what is declared for all paths is for those too"
    for path in ("//", "/x-nmos/b//", "/x-nmos/c//"):
        assert ask(site, "POST", path).status == 404, path


def test_a_wrong_method_is_405_and_says_what_is_allowed() -> None:
    answer = ask(make_site(), "DELETE", "/x-nmos/a/7")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, PATCH, HEAD, OPTIONS"
    assert answer.body["code"] == 405


def test_options_echoes_the_headers_asked_for_where_cors_applies() -> None:
    site = make_site()
    answer = ask(site, "OPTIONS", "/x-nmos/a/7", headers={"access-control-request-headers": "X-Custom, Content-Type"})
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Headers"] == "X-Custom, Content-Type"
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in ask(site, "OPTIONS", "/x-nmos/a/7").headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Headers" not in ask(site, "OPTIONS", "/panel/refused").headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/x-nmos/missing", 404), ("GET", "/nothing", 404), ("POST", "/panel/refused", 400)],
)
def test_errors_have_code_error_and_debug(method: str, path: str, status: int) -> None:
    answer = ask(make_site(), method, path)
    assert answer.status == status
    assert set(answer.body) == {"code", "error", "debug"}
    assert answer.body["code"] == status


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object, not an array"),
        (b"null", "not null"),
        (b"true", "not a boolean"),
        (b"\xff\xfe\xfd", "not"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -1e999}', "-1e999 is too large"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' + b"9" * 10_000 + b"}", "not valid JSON"),
        (b'{"a": [{"b": "\\ud800"}]}', "b: the text holds half of a surrogate pair"),
        (b'{"a": {"\\uDFFF": 1}}', "a: the text holds half of a surrogate pair"),
        (b'["\\ud83d"]', "the body: the text holds half"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b'{"a": [{"b": 1, "b": 1}]}', "the key 'b' is there twice"),
    ],
)
def test_a_body_that_is_no_json_object_is_400_with_the_reason(body: bytes, reason: str) -> None:
    answer = ask(make_site(), "PATCH", "/x-nmos/a/7", body)
    assert answer.status == 400
    assert reason in answer.body["error"]


@pytest.mark.parametrize("body", [b'\xef\xbb\xbf{"a": 1}', b'{"a": 1}'])
def test_a_byte_order_mark_is_forgiven_and_whole_pairs_are_characters(body: bytes) -> None:
    assert ask(make_site(), "PATCH", "/x-nmos/a/7", body).body["given"] == {"a": 1}
    assert ask(make_site(), "PATCH", "/x-nmos/a/7", b'{"a": "\\ud83d\\ude00"}').body["given"] == {"a": "\U0001f600"}


@pytest.mark.parametrize("path", ["/x-nmos/a/\udcff", "/x-nmos/a/%2e%2e", "/x-nmos/a/ü", "//", "/x-nmos/a/7//"])
def test_strange_paths_get_an_answer(path: str) -> None:
    assert ask(make_site(), "GET", path).status in (200, 400, 404)


def test_an_answer_is_kept_until_what_it_depends_on_changes() -> None:
    store = Store(FakeClock())
    with store.transaction("start") as tx:
        tx.put(Kind.NODE, {"id": "n", "label": "Node"})
        for id in ("d1", "d2"):
            tx.put(Kind.DEVICE, {"id": id, "node_id": "n"})
    site = Site()
    store.subscribe(site.ready.on_change)
    depends: list[tuple[str, str | None]] = [("/d1", "d1"), ("/d2", "d2"), ("/all", None)]
    for path, device in depends:
        answer = Answer([device], depends=(("device", device),))
        site.ready.keep(path, answer, answer.payload())
    assert json.loads(site.ready.get("/d1").payload) == ["d1"]  # type: ignore[union-attr]
    with store.transaction("touch") as tx:
        tx.touch(Kind.DEVICE, "d1")
    assert site.ready.get("/d1") is None
    assert site.ready.get("/all") is None
    assert site.ready.get("/d2") is not None
    with store.transaction("delete") as tx:
        tx.delete(Kind.DEVICE, "d1")
    assert site.ready.get("/d2") is None, "others may refer to what went"


def test_only_a_plain_200_that_says_what_it_depends_on_is_kept() -> None:
    site = Site()
    for answer in (Answer({}), Answer({}, 202, depends=(("device", None),))):
        site.ready.keep("/x", answer, answer.payload())
        assert site.ready.get("/x") is None


def test_what_is_declared_after_warming_up_is_found_too() -> None:
    site = make_site()
    for _ in site.warm_up():
        assert ask(site, "GET", "/x-nmos/a/1").body == {"id": "1"}
    site.route("/x-nmos/late/<id>", get=lambda request: Answer(request.params["id"]))
    assert ask(site, "GET", "/x-nmos/late/2").body == "2"
    list(site.warm_up())
    assert ask(site, "GET", "/x-nmos/late/3").body == "3"
