"""Who may look, who may change, and for whose pages."""

import pytest

from appliance.config.access import AccessConfig
from appliance.errors import Forbidden
from appliance.web.access import Access, Notices, Right
from appliance.web.messages import Answer
from appliance.web.wire import fields_of, head

NOTHING, LOOK, CHANGE = Right.NOTHING, Right.LOOK, Right.CHANGE
VIEWERS, CONTROLLERS = "10.1.0.0/16", "10.2.0.0/24"
SITE = "https://control.example.com:8443"


@pytest.mark.parametrize(
    ("read", "change", "rights"),
    [
        ((), (), (CHANGE, CHANGE, CHANGE)),
        ((VIEWERS,), (), (CHANGE, NOTHING, NOTHING)),
        ((), (CONTROLLERS,), (LOOK, CHANGE, LOOK)),
        ((VIEWERS,), (CONTROLLERS,), (LOOK, CHANGE, NOTHING)),
    ],
)
def test_viewers_controllers_and_others(
    read: tuple[str, ...], change: tuple[str, ...], rights: tuple[Right, ...]
) -> None:
    access = Access(AccessConfig(read, change))
    for viewer, controller, other in (
        ("10.1.2.3", "10.2.0.3", "10.3.2.3"),
        ("::ffff:10.1.2.3", "::ffff:10.2.0.3", "::ffff:10.3.2.3"),
        ("10.1.2.3", "10.2.0.3", "fd00::1"),
        ("10.1.2.3", "10.2.0.3", ""),
    ):
        assert tuple(access.right(remote, own=False) for remote in (viewer, controller, other)) == rights
        assert access.right(other, own=True) is CHANGE


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE", "BREW"])
def test_who_may_look_may_not_change(method: str) -> None:
    access = Access(AccessConfig(change=(CONTROLLERS,)), harmless=frozenset({"/panel/login"}))
    access.check(CHANGE, method, "/x-nmos/", {})
    access.check(LOOK, method, "/panel/login", {})
    if method in ("GET", "HEAD", "OPTIONS"):
        access.check(LOOK, method, "/x-nmos/", {})
    else:
        with pytest.raises(Forbidden, match="may look"):
            access.check(LOOK, method, "/x-nmos/", {})


@pytest.mark.parametrize(
    ("method", "headers", "good"),
    [
        ("GET", {}, True),
        ("PATCH", {}, True),  # no browser sends that without an Origin
        ("PATCH", {"origin": SITE}, True),
        ("OPTIONS", {"origin": SITE}, True),
        ("PATCH", {"origin": "http://box"}, True),  # the box's own page
        ("GET", {"origin": "https://evil.example"}, True),  # its browser shows it nothing
        ("GET", {"origin": "https://evil.example", "upgrade": "websocket"}, False),
        ("GET", {"origin": SITE, "upgrade": "websocket"}, True),
        ("GET", {"upgrade": "websocket"}, True),  # no browser
        ("OPTIONS", {"origin": "https://evil.example"}, False),
        ("POST", {"origin": "https://evil.example"}, False),
        ("POST", {"origin": "null"}, False),
        ("POST", {"origin": "https://control.example.com"}, False),  # another port is another site
        ("POST", {"origin": f"{SITE}.evil.example"}, False),
        ("POST", {"origin": "https://["}, False),
    ],
)
def test_pages_of_sites_that_are_not_named(method: str, headers: dict[str, str], good: bool) -> None:
    headers = {"host": "box", **headers}
    named, any_page = Access(AccessConfig(origins=(SITE,))), Access(AccessConfig())
    any_page.check(CHANGE, method, "/x-nmos/node/", headers)
    named.check(CHANGE, method, "/metrics", headers)  # no page may read it at all
    if good:
        named.check(CHANGE, method, "/x-nmos/node/", headers)
    else:
        with pytest.raises(Forbidden, match="Origin"):
            named.check(CHANGE, method, "/x-nmos/node/", headers)


def test_where_sites_are_named_the_box_has_its_own_names_only() -> None:
    def check_name(host: str) -> None:
        if host != "box":
            raise Forbidden("Host: not this box")

    rebound = {"host": "evil.example", "origin": "http://evil.example"}
    with pytest.raises(Forbidden, match="Host"):
        Access(AccessConfig(origins=(SITE,)), check_name).check(CHANGE, "GET", "/x-nmos/", rebound)
    Access(AccessConfig(), check_name).check(CHANGE, "GET", "/x-nmos/", rebound)


@pytest.mark.parametrize("path", ["/x-nmos/node/v1.3/self", "/panel/status"])
def test_what_a_page_is_told(path: str) -> None:
    answer = Answer({})
    start = head(200, fields_of(path, answer, answer.payload()))
    nmos = path.startswith("/x-nmos")
    assert Access(AccessConfig()).for_page(start, SITE) is start
    access = Access(AccessConfig(origins=(SITE,)))
    for origin, allowed in ((SITE, True), ("https://evil.example", False), (None, False), ("*", False)):
        lines = access.for_page(start, origin).decode().splitlines()
        assert (f"Access-Control-Allow-Origin: {SITE}" in lines) is (allowed and nmos)
        assert ("Vary: Origin" in lines) is nmos
        assert "Access-Control-Allow-Origin: *" not in lines


def test_however_many_are_turned_away_there_is_a_line_a_minute() -> None:
    notices = Notices()
    lines = [notices.of(f"10.0.0.{number % 250}", 5.0 + number / 100) for number in range(12_001)]
    assert [line for line in lines if line] == [
        "10.0.0.0 was turned away: it is in no network of [access]",
        "10.0.0.0 was turned away: it is in no network of [access] (5999 more since the last such line)",
        "10.0.0.0 was turned away: it is in no network of [access] (5999 more since the last such line)",
    ]
