"""The guard before the APIs: what a client is told, and what it costs."""

import logging
from collections.abc import Sequence

import pytest

from appliance.errors import ApplianceError
from appliance.nmos.is10.access import is_guarded
from appliance.nmos.is10.guard import KNOWN_S, MAX_KNOWN, REFUSALS_AT_ONCE, TokenGuard
from appliance.nmos.is10.keyring import Key
from appliance.web.messages import Request
from tests.support.tokens import HEADER, ISSUER, claims, unsigned

SELF = "/x-nmos/node/v1.3/self"
GOOD = unsigned(claims())
UPGRADE = {"upgrade": "websocket"}


class Box:
    """A guard with one key, which signs by saying so; the clocks are set by hand."""

    def __init__(self, *, log_all: bool = False) -> None:
        self.now = 1000.0
        self.held = {ISSUER: [Key(None, b"signature")]}
        self.fetching = False
        self.missed: list[str] = []
        self.verified = 0
        clocks = (lambda: self.now, lambda: self.now)
        self.guard = TokenGuard(self, self.is_signed, lambda: {"box.example.com"}, *clocks, log_all=log_all)

    def keys(self, issuer: str, key_id: str | None) -> Sequence[Key]:
        return self.held.get(issuer, ())

    def missing(self, issuer: str) -> bool:
        self.missed.append(issuer)
        return self.fetching

    def is_signed(self, token: str, key: Key) -> bool:
        self.verified += 1
        assert isinstance(key.public, bytes)
        return token == unsigned(_claims_of(token), HEADER, key.public)

    def ask(self, token: str | None = GOOD, method: str = "GET", path: str = SELF, **more: str) -> None:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self.guard.check(Request(method, path, headers=headers | more, remote="192.0.2.9"))


def _claims_of(token: str) -> bytes:
    import base64

    text = token.split(".")[1]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def box() -> Box:
    return Box()


def refusal(box: Box, request: Request) -> ApplianceError:
    with pytest.raises(ApplianceError) as refused:
        box.guard.check(request)
    return refused.value


def test_a_good_token_is_verified_once(box: Box) -> None:
    for _ in range(3):
        box.ask()
    box.ask(path="/x-nmos/node/v1.3/senders")
    assert box.verified == 1
    box.now += KNOWN_S + 1
    box.ask()
    assert box.verified == 2


def test_without_a_token(box: Box) -> None:
    for headers in ({}, {"authorization": "Basic YTpi"}, {"authorization": ""}, {"authorization": GOOD}):
        refused = refusal(box, Request("GET", SELF, headers=headers))
        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="nmos-appliance"')


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        (f"bearer  {GOOD}", 200, ""),
        ("Bearer", 400, "invalid_request"),
        ("Bearer ", 400, "invalid_request"),
        (f"Bearer {GOOD} {GOOD}", 400, "invalid_request"),
        (f"Bearer {GOOD},", 400, "invalid_request"),
        ("Bearer " + "a" * 9000, 400, "invalid_request"),
        ("Bearer 9f463872-9621-4939-aa3a-dc3c82d8578b", 401, "invalid_token"),
        (f"Bearer {unsigned(claims(exp=999))}", 401, "invalid_token"),
        (f"Bearer {unsigned(claims(), signature=b'forged')}", 401, "invalid_token"),
        (f"Bearer {unsigned(claims(), {'alg': 'none'}, b'')}", 401, "invalid_token"),
        (f"Bearer {unsigned(claims(), {'alg': 'HS512'})}", 401, "invalid_token"),
        (f"Bearer {unsigned(claims(aud=['other.example.com']))}", 403, "insufficient_scope"),
        (f"Bearer {unsigned(claims(scope='nonsense', x_nmos_node=None))}", 403, "insufficient_scope"),
    ],
)
def test_what_a_client_is_told(box: Box, authorization: str, status: int, code: str) -> None:
    request = Request("GET", SELF, headers={"authorization": authorization})
    if status == 200:
        box.guard.check(request)
        return
    refused = refusal(box, request)
    assert refused.status == status
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith(f"Bearer error={code},")
    assert challenge.count('"') == 4


def test_what_needs_no_token(box: Box) -> None:
    for path in ("/", "/x-nmos", "/x-nmos/", "/panel/menu", "/metrics"):
        assert not is_guarded(path)
        box.ask(None, path=path)
        assert box.guard.passes("GET", path, None)
    box.ask(None, "OPTIONS")


def test_writing_is_more_than_reading(box: Box) -> None:
    with pytest.raises(ApplianceError, match="write"):
        box.ask(method="PUT", path="/x-nmos/node/v1.3/receivers/a/target")


def test_an_unknown_key_is_worth_a_moment_while_it_is_fetched(box: Box) -> None:
    box.held.clear()
    box.fetching = True
    refused = refusal(box, Request("GET", SELF, headers={"authorization": f"Bearer {GOOD}"}))
    assert (refused.status, refused.headers["Retry-After"]) == (503, "3")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    box.held[ISSUER] = [Key(None, b"signature")]
    box.ask()
    assert box.missed == [ISSUER]


def test_nobody_is_asked_for_the_key_of_an_expired_token(box: Box) -> None:
    box.held.clear()
    box.fetching = True
    with pytest.raises(ApplianceError, match="expired"):
        box.ask(unsigned(claims(exp=10)))
    assert not box.missed


def test_all_keys_of_the_issuer_are_tried(box: Box) -> None:
    box.held[ISSUER] = [Key("old", b"old"), Key("new", b"signature")]
    box.ask()
    assert box.verified == 2


def test_a_token_ends_while_it_is_known(box: Box) -> None:
    short = unsigned(claims(exp=1010))
    box.ask(short)
    assert box.guard.passes("GET", SELF, f"Bearer {short}")
    box.now = 1010.0
    assert not box.guard.passes("GET", SELF, f"Bearer {short}")
    with pytest.raises(ApplianceError, match="expired"):
        box.ask(short)


def test_other_keys_end_what_is_known(box: Box) -> None:
    box.ask()
    box.held[ISSUER] = [Key(None, b"another")]
    box.ask()
    box.guard.forget()
    with pytest.raises(ApplianceError, match="no key"):
        box.ask()


def test_what_is_kept_ready_is_given_for_a_known_token_only(box: Box) -> None:
    header = f"Bearer {GOOD}"
    assert not box.guard.passes("GET", SELF, None)
    assert not box.guard.passes("GET", SELF, header)
    box.ask()
    assert box.guard.passes("GET", SELF, header)
    assert box.guard.passes("GET", SELF, header.replace("B", "b", 1))
    assert not box.guard.passes("GET", "/x-nmos/connection/v1.1/single", header)
    assert not box.guard.passes("GET", SELF, f"Basic {GOOD}")
    assert not box.guard.passes("GET", SELF, header + "x")


def test_what_is_known_is_bounded(box: Box) -> None:
    for number in range(MAX_KNOWN + 10):
        box.ask(unsigned(claims(sub=f"user {number}")))
    before = box.verified
    box.ask(unsigned(claims(sub=f"user {MAX_KNOWN + 9}")))
    assert box.verified == before
    box.ask(unsigned(claims(sub="user 0")))
    assert box.verified == before + 1


# ---- WebSockets


def socket(token: str | None, in_query: str | None = None, path: str = "/x-nmos/events/v1.0/devices/a") -> Request:
    headers = UPGRADE if token is None else {**UPGRADE, "authorization": f"Bearer {token}"}
    return Request("GET", path, headers=headers, query={} if in_query is None else {"access_token": in_query})


EVENTS = unsigned(claims(scope="events", x_nmos_events={"read": ["sources/s1"]}))


def test_a_socket_has_its_token_in_the_header_or_in_the_query(box: Box) -> None:
    for request in (socket(EVENTS), socket(None, EVENTS)):
        box.guard.check(request)
        may_hear = box.guard.may_hear(request)
        assert (may_hear("s1"), may_hear("s2")) == (True, False)
    assert refusal(box, socket(EVENTS, EVENTS)).status == 400
    assert refusal(box, socket(None)).status == 401
    assert refusal(box, socket(None, "x y")).status == 400
    assert refusal(box, socket(GOOD)).status == 403


def test_the_query_is_for_sockets_only(box: Box) -> None:
    assert refusal(box, Request("GET", SELF, query={"access_token": GOOD})).status == 401


def test_other_sockets_need_their_path(box: Box) -> None:
    box.guard.check(socket(GOOD, path="/x-nmos/node/v1.3/x"))
    assert refusal(box, socket(EVENTS, path="/x-nmos/query/v1.3/x")).status == 403


def test_to_ask_for_a_socket_where_there_is_none_opens_no_other_path(box: Box) -> None:
    box.guard.check(socket(EVENTS, path="/x-nmos/events/v1.0/sources/s1"))
    assert refusal(box, socket(EVENTS, path="/x-nmos/events/v1.0/sources/s2/state")).status == 403


def test_a_socket_lasts_as_long_as_its_token(box: Box) -> None:
    request = socket(unsigned(claims(exp=1100, scope="events", x_nmos_events={"read": ["sources/s1"]})))
    box.guard.check(request)
    lasting = box.guard.lasting(request)
    assert lasting is not None
    assert lasting() == 100.0
    box.now += 60.0
    assert lasting() == 40.0
    box.now += 60.0
    assert lasting() < 0
    assert box.guard.lasting(Request("GET", "/panel/events")) is None


# ---- what is counted


def test_what_is_refused_is_counted_by_its_reason(box: Box) -> None:
    good = claims(x_nmos_node={"read": ["*"]})
    tokens = {
        "no_token": None,
        "invalid_request": "x y",
        "malformed": "x",
        "expired": unsigned(claims(exp=10)),
        "not_yet_valid": unsigned(claims(iat=1999)),
        "bad_signature": unsigned(good, signature=b"forged"),
        "wrong_audience": unsigned(claims(aud=["other.example.com"])),
        "wrong_scope": unsigned(claims(scope="query", x_nmos_node=None)),
    }
    for count, reason in enumerate(tokens, start=1):
        for _ in range(count):
            with pytest.raises(ApplianceError):
                box.ask(tokens[reason])
    box.fetching = True
    with pytest.raises(ApplianceError):
        box.ask(tokens["bad_signature"])
    expected = {reason: count for count, reason in enumerate(tokens, start=1)} | {"keys_unknown": 1}
    assert box.guard.refused == expected
    box.ask()
    assert box.guard.passes("GET", SELF, f"Bearer {GOOD}")
    assert box.guard.allowed == 2


# ---- the log


def test_the_log_names_who_and_never_the_token(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    token = unsigned(claims(x_nmos_node={"write": ["*"]}))
    with caplog.at_level(logging.DEBUG):
        box.ask(token, "PUT")
        with pytest.raises(ApplianceError):
            box.ask(token)
    written, refused = caplog.messages
    assert "'controller' for 'somebody@example.com'" in written
    assert "192.0.2.9" in written
    assert "refused" in refused
    assert not any(piece in caplog.text for piece in token.split("."))


def test_a_flood_of_refusals_is_not_all_written(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(10 * REFUSALS_AT_ONCE):
        refusal(box, Request("GET", SELF))
    assert len(caplog.messages) == REFUSALS_AT_ONCE
    box.now += 1.0
    refusal(box, Request("GET", SELF))
    assert f"({9 * REFUSALS_AT_ONCE} more were refused before)" in caplog.messages[-1]
    box.now += 1.0
    refusal(box, Request("GET", SELF))
    assert "more were refused" not in caplog.messages[-1]


@pytest.mark.parametrize("log_all", [False, True])
def test_each_request_is_in_the_log_where_all_is_wanted(log_all: bool, caplog: pytest.LogCaptureFixture) -> None:
    box = Box(log_all=log_all)
    with caplog.at_level(logging.DEBUG):
        for _ in range(2 * REFUSALS_AT_ONCE):
            box.ask()
            refusal(box, Request("GET", SELF))
    assert len(caplog.messages) == (4 * REFUSALS_AT_ONCE if log_all else REFUSALS_AT_ONCE)
    # what is kept ready must not go past the log
    assert box.guard.passes("GET", SELF, f"Bearer {GOOD}") is not log_all
