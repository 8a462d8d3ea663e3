"""The page and its files: what is served, under which headers, and that it stays small, whole and free of markup."""

import json
import re

import pytest

from appliance.core.types import Kind
from appliance.edge.server import call_bottle
from appliance.edge.static_files import static_files
from appliance.panel.pages import CONTENT_SECURITY_POLICY, declare_pages
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.unit.panel.worlds import AUDIO, Scene

FILES = static_files()
SCRIPTS = sorted(name for name in FILES if name.endswith(".js"))


@pytest.fixture
def site() -> Site:
    site = Site()
    declare_pages(site, FILES)
    return site


def get(site: Site, path: str, method: str = "GET") -> Answer:
    answer = call_bottle(site, Request(method, path))
    assert isinstance(answer, Answer)
    return answer


def path_of(name: str) -> str:
    return "/" if name == "index.html" else f"/static/{name}"


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_is_served_as_what_it_is(site: Site, name: str) -> None:
    answer = get(site, path_of(name))
    assert (answer.status, answer.payload()) == (200, FILES[name])
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert answer.content_type.startswith(types.get(name.rpartition(".")[2], "application/manifest+json"))
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_only_they_are(site: Site) -> None:
    for path in ("/static", "/static/", "/static/..", "/static/../pages.py", "/static/index.html", "/index.html"):
        assert get(site, path).status == 404
    assert get(site, "/", "POST").status == 405


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")
    assert not re.search(r"unsafe|\*|https?:|data:", CONTENT_SECURITY_POLICY)


def test_what_was_answered_once_is_kept_through_every_commit_and_asked_for_again(site: Site) -> None:
    scene = Scene()
    scene.store.subscribe(site.ready.on_change)
    answer = get(site, "/")
    kept = site.ready.keep("/", answer, answer.payload())
    assert kept is not None
    with scene.store.transaction("rename") as tx:
        tx.update(Kind.RECEIVER, AUDIO, label="Lobby")
    assert site.ready.get("/") is kept
    head, payload = kept.for_client(None)
    assert b"Cache-Control: no-cache\r\n" in head
    assert payload == FILES["index.html"]
    head, payload = kept.for_client(kept.etag)
    assert head.startswith(b"HTTP/1.1 304 ")
    assert payload == b""


def test_a_kind_of_file_that_is_not_known_is_not_served_at_all() -> None:
    with pytest.raises(KeyError):
        declare_pages(Site(), {"notes.txt": b""})


def test_all_of_it_is_small() -> None:
    assert sum(map(len, FILES.values())) < 150_000


def test_the_page_asks_for_nothing_that_is_not_there() -> None:
    asked = set(re.findall(rb'(?:href|src)="(/[^"]*)"', FILES["index.html"]))
    asked |= {
        match.replace(b"./", b"/static/") for name in SCRIPTS for match in re.findall(rb'from "(.*?)"', FILES[name])
    }
    asked |= {icon["src"].encode() for icon in json.loads(FILES["panel.webmanifest"])["icons"]}
    assert asked <= {path_of(name).encode() for name in FILES} | {b"/panel/presets"}  # a file to keep
    for name in ("index.html", "panel.css", *SCRIPTS):
        outside = re.findall(rb"https?://[^\s\"')]+", FILES[name])
        assert set(outside) <= {b"http://www.w3.org/2000/svg"}, name


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup(name: str) -> None:
    """Labels are strangers' text: they get into the page as text only."""
    assert not re.search(rb"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function", FILES[name])


def test_every_element_that_a_script_names_is_in_the_page() -> None:
    ids = set(re.findall(rb'id="([\w-]+)"', FILES["index.html"]))
    named = {id for name in SCRIPTS for id in re.findall(rb'\$\("([\w-]+)"\)', FILES[name])}
    assert named <= ids


def test_nothing_inline_for_the_policy_to_refuse() -> None:
    assert not re.search(rb"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", FILES["index.html"])
