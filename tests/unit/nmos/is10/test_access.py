"""What a token allows: time, audience, and method by path, as the tables of IS-10 have it."""

from typing import Any

import pytest

from appliance.nmos.is10.access import (
    allows,
    check_audience,
    check_path,
    check_time,
    is_guarded,
    normalised,
)
from appliance.nmos.is10.errors import InsufficientScope, InvalidToken
from appliance.nmos.is10.tokens import Token, read_token
from tests.support.tokens import claims, unsigned


def token(**changed: Any) -> Token:
    return read_token(unsigned(claims(**changed)))


@pytest.mark.parametrize(
    ("path", "guarded"),
    [
        ("/", False),
        ("/x-nmos", False),
        ("/x-nmos/", False),
        ("/x-nmos//", False),
        ("/panel/menu", False),
        ("/metrics", False),
        ("/x-nmos/node", True),
        ("/x-nmos/node/v1.3/self", True),
        ("/x-nmos/nothing", True),
        ("/x-nmos/../panel", True),
    ],
)
def test_where_a_token_is_wanted(path: str, guarded: bool) -> None:
    assert is_guarded(path) is guarded


@pytest.mark.parametrize(
    ("changed", "now", "why"),
    [
        ({}, 1000, None),
        ({"exp": 1000}, 999.9, None),
        ({"exp": 1000}, 1000, "expired"),
        ({"exp": 1000}, 5000, "expired"),
        ({"iat": 1001}, 1000, "iat"),
        ({"iat": 1000}, 1000, None),
        ({"iat": None}, 0, None),
        ({"nbf": 1001}, 1000, "nbf"),
        ({"nbf": 1000}, 1000, None),
    ],
)
def test_time(changed: dict[str, Any], now: float, why: str | None) -> None:
    if why is None:
        check_time(token(**changed), now)
        return
    with pytest.raises(InvalidToken, match=why):
        check_time(token(**changed), now)


NAMES = {"box", "box.local", "node-7.studio.example.com", "192.0.2.7", "2001:db8::7"}
FOR_US = (
    *("box.local", "BOX.local.", "https://box.local", "https://box.local/", "http://*.local", "wss://box.local"),
    *("*", "*.example.com", "*.studio.example.com", "node-*.studio.example.com", "https://node-*.studio.example.com"),
    *("node-7.*.example.com", "192.0.2.7", "https://192.0.2.7", "2001:db8::7", "https://[2001:db8::7]"),
)
FOR_OTHERS = (
    *("", "https://", "box.local:8080", "https://box.local:443", "https://box.local/x", "https://box.local?x", "local"),
    *("*.local:80", "https://box.local#x", "xbox.local", "box.local.example.com", "*.box.local", "*.nmos.example.com"),
    *("node-*.example.com", "example.com", "node-8.studio.example.com", "[::1]", "https://[", "box?local", ".*"),
)


@pytest.mark.parametrize("entry", FOR_US)
def test_audiences_that_are_us(entry: str) -> None:
    check_audience(token(aud=["nobody.example.org", entry]), NAMES)


@pytest.mark.parametrize("entry", FOR_OTHERS)
def test_audiences_that_are_others(entry: str) -> None:
    with pytest.raises(InsufficientScope, match="aud"):
        check_audience(token(aud=[entry]), NAMES)


def test_an_audience_of_nobody() -> None:
    with pytest.raises(InsufficientScope):
        check_audience(token(aud=[]), NAMES)


NODE = {"read": ["self", "senders/*", "devices/*/"], "write": ["receivers/*/target"]}
EVERYTHING = {"read": ["*"], "write": ["*"]}
V = "/x-nmos/node/v1.3"
RULES = [
    # scope, x-nmos-node, method, path, allowed
    ("node", None, "GET", "/x-nmos/node", True),
    ("node", None, "GET", "/x-nmos/node/", True),
    ("node", None, "HEAD", V, True),
    ("node", None, "GET", f"{V}/", True),
    ("node", None, "GET", f"{V}/self", False),
    ("node", None, "POST", V, False),
    ("node", None, "PUT", f"{V}/receivers/a/target", False),
    (None, NODE, "GET", "/x-nmos/node", True),
    (None, {}, "GET", V, True),
    (None, {}, "GET", f"{V}/self", False),
    (None, None, "GET", "/x-nmos/node", False),
    (None, None, "GET", V, False),
    ("connection", None, "GET", V, False),
    ("nodes", None, "GET", V, False),
    (None, NODE, "GET", f"{V}/self", True),
    (None, NODE, "GET", f"{V}/self/", True),
    (None, NODE, "GET", f"{V}/selfish", False),
    (None, NODE, "GET", f"{V}/senders/a", True),
    (None, NODE, "GET", f"{V}/senders/a/b", True),
    (None, NODE, "GET", f"{V}/senders", True),
    (None, NODE, "GET", f"{V}/sendersx", False),
    (None, NODE, "GET", f"{V}/devices/a", True),
    (None, NODE, "GET", f"{V}/receivers", False),
    (None, NODE, "PUT", f"{V}/receivers/a/target", True),
    (None, NODE, "DELETE", f"{V}/receivers/a/target", True),
    (None, NODE, "PATCH", f"{V}/receivers/a/target/more", False),
    (None, NODE, "PUT", f"{V}/self", False),
    (None, NODE, "GET", f"{V}/receivers/a/target", False),
    (None, {"write": ["*"]}, "GET", f"{V}/self", False),
    (None, {"read": ["*"]}, "POST", f"{V}/self", False),
    (None, EVERYTHING, "PATCH", f"{V}/anything/at/all", True),
    (None, EVERYTHING, "BREW", f"{V}/pot", True),
    (None, {"read": ["*"]}, "BREW", f"{V}/pot", False),
    (None, EVERYTHING, "GET", "/x-nmos/connection/v1.1/single", False),
    (None, NODE, "GET", f"{V}/senders/../receivers", False),
    (None, NODE, "GET", f"{V}/senders/../self", True),
    (None, NODE, "GET", f"{V}/./self", True),
    (None, NODE, "GET", f"{V}//receivers", False),
    (None, EVERYTHING, "GET", f"{V}/../../connection/v1.1/single", False),
    (None, {"read": ["*/v*"]}, "GET", f"{V}/self", False),
    (None, {"read": ["single*"]}, "GET", f"{V}/single/senders/a/constraints", True),
    (None, {"read": ["single/senders/*/constraints"]}, "GET", f"{V}/single/senders/a/constraints", True),
    (None, {"read": ["single/senders/*/constraints"]}, "GET", f"{V}/single/senders/a/staged", False),
    (None, {"read": ["s.lf"]}, "GET", f"{V}/self", False),
    (None, {"read": ["SELF"]}, "GET", f"{V}/self", False),
    (None, {"read": [""]}, "GET", f"{V}/self", False),
]


@pytest.mark.parametrize(("scope", "claim", "method", "path", "allowed"), RULES)
def test_paths(scope: str | None, claim: dict[str, Any] | None, method: str, path: str, allowed: bool) -> None:
    given = token(scope=scope, x_nmos_node=claim)
    if allowed:
        check_path(given, method, path)
        return
    with pytest.raises(InsufficientScope) as refused:
        check_path(given, method, path)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("specifier", "path", "allowed"),
    [
        ("a*b*c", "abc", True),
        ("a*b*c", "a/b/b/c", True),
        ("a*b*c", "acb", False),
        ("***", "", True),
        ("*aa*aa", "aaa", False),
        ("*aa*aa", "aaxaa", True),
        ("a*a", "a", False),
        ("*", "a\nb", True),
    ],
)
def test_wildcards(specifier: str, path: str, allowed: bool) -> None:
    assert allows((specifier,), path) is allowed


def test_a_wildcard_does_not_cost_more_than_it_is_long() -> None:
    assert not allows(("*a" * 2000 + "*b",), "a" * 8000)


@pytest.mark.parametrize(
    ("path", "plain"), [("/a/./b/../c/", "/a/c"), ("/../../a", "/a"), ("//a///b", "/a/b"), ("/..", "/"), ("/", "/")]
)
def test_normalised(path: str, plain: str) -> None:
    assert normalised(path) == plain
