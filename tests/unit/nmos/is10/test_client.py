"""The box as a client of an authorization server: each state, each event."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from appliance.nmos.is10.client import (
    EARLY_S,
    MAX_BACKOFF_S,
    REJECTED_AGAIN_S,
    Action,
    Applicant,
    Client,
    Keep,
    Post,
    Say,
    State,
)
from appliance.nmos.is10.documents import Metadata, Registration

A = Metadata("https://a", "https://a/keys", "https://a/token", "https://a/register")
B = Metadata("https://b", "https://b/keys", "https://b/token", "https://b/register", ("client_secret_post",))
NOBODY = Metadata("https://c", "https://c/keys", "https://c/token", "https://c/register", ())
UTC = 1_700_000_000.0
REGISTERED = json.dumps({"client_id": "the id", "client_secret": "s:c/t"}).encode()
KEPT = Registration("https://a", "kept", "secret", "registration events")


def granted(life: float = 3600, token: str = "one", **more: Any) -> bytes:
    return json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": life, **more}).encode()


class Run:
    """A client in virtual time, and all that it wanted done."""

    def __init__(self, *kept: Registration, **applicant: Any) -> None:
        who = Applicant("box 7", ("registration", "events"), **applicant)
        self.client = Client(who, kept, lambda: 1.0)
        self.now = 0.0
        self.done: list[Action] = []

    def do(self, actions: Any) -> list[Action]:
        taken = list(actions)
        self.done += taken
        return taken

    def server(self, server: Metadata | None = A) -> None:
        self.do(self.client.handle_server(self.now, UTC + self.now, server))

    def answer(self, status: int, body: bytes) -> None:
        self.do(self.client.handle_answer(self.now, UTC + self.now, self.post.serial, status, body))

    def fail(self) -> None:
        self.do(self.client.handle_failure(self.now, self.post.serial, "no connection"))

    def timer(self) -> None:
        due = self.client.get_timer()
        assert due is not None
        self.now = due
        self.do(self.client.handle_timer(self.now, UTC + self.now))

    def reject(self) -> None:
        self.do(self.client.handle_rejected(self.now, UTC + self.now))

    @property
    def posts(self) -> list[Post]:
        return [action for action in self.done if isinstance(action, Post)]

    @property
    def post(self) -> Post:
        return self.posts[-1]

    @property
    def state(self) -> State:
        return self.client.state

    def token(self, scope: str = "registration") -> str | None:
        return self.client.token(self.now, scope)


def in_state(state: State) -> Run:
    run = Run() if state is State.REGISTERING else Run(KEPT)
    if state is not State.IDLE:
        run.server()
    if state is State.HOLDING:
        run.answer(200, granted())
    if state is State.WAITING:
        run.fail()
    assert run.state is state
    return run


def test_it_registers_gets_a_token_and_renews_it() -> None:
    run = Run()
    assert run.client.get_timer() is None
    run.server()
    assert run.post.url == "https://a/register"
    assert "Authorization" not in run.post.headers
    assert json.loads(run.post.body) == {
        "client_name": "box 7",
        "grant_types": ["client_credentials"],
        "response_types": ["none"],
        "scope": "registration events",
        "token_endpoint_auth_method": "client_secret_basic",
    }
    run.answer(201, REGISTERED)
    (keep,) = (action for action in run.done if isinstance(action, Keep))
    assert keep.registrations == (Registration("https://a", "the id", "s:c/t", "registration events"),)
    assert run.post.url == "https://a/token"
    assert parse_qs(run.post.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["registration events"]}
    secret = base64.b64decode(run.post.headers["Authorization"].removeprefix("Basic ")).decode()
    assert secret == "the+id:s%3Ac%2Ft"  # RFC 6749 section 2.3.1
    assert run.token() is None
    run.answer(200, granted())
    assert run.token() == run.token("events") == "one"
    assert run.token("query") is None
    assert run.client.get_timer() == 3600 - EARLY_S
    run.timer()
    assert run.token() == "one"
    run.answer(200, granted(token="two"))
    assert run.token() == "two"
    assert len(run.posts) == 3


def test_a_kept_registration_is_used() -> None:
    run = Run(KEPT)
    run.server()
    assert [post.url for post in run.posts] == ["https://a/token"]


@pytest.mark.parametrize(
    "kept",
    [
        Registration("https://b", "kept", "secret", "registration events"),
        Registration("https://a", "kept", "secret", "registration"),
        Registration("https://a", "kept", "secret", "registration events", expires=UTC - 1),
    ],
    ids=["another server", "other scopes", "expired"],
)
def test_a_registration_that_does_not_fit_is_made_anew(kept: Registration) -> None:
    run = Run(kept)
    run.server()
    assert run.post.url == "https://a/register"


def test_registered_by_hand() -> None:
    run = Run(client=("by hand", "pw"))
    run.server()
    assert run.post.url == "https://a/token"
    run.answer(401, b'{"error": "invalid_client"}')
    run.timer()
    assert [post.url for post in run.posts] == ["https://a/token"] * 2


def test_an_initial_token_is_for_registering() -> None:
    run = Run(initial_token="first")
    run.server()
    assert run.post.headers["Authorization"] == "Bearer first"


def test_a_server_that_wants_the_secret_in_the_body() -> None:
    run = Run()
    run.server(B)
    run.answer(200, json.dumps({"client_id": "i", "client_secret": "s"}).encode())
    form = parse_qs(run.post.body.decode())
    assert (form["client_id"], form["client_secret"]) == (["i"], ["s"])
    assert "Authorization" not in run.post.headers


def test_a_server_that_takes_no_secret() -> None:
    run = Run()
    run.server(NOBODY)
    assert not run.posts
    assert run.state is State.WAITING
    assert "secret" in run.client.last_error


def test_a_client_that_is_known_no_more_registers_again() -> None:
    run = Run(KEPT)
    run.server()
    run.answer(401, b'{"error": "invalid_client"}')
    assert Keep(()) in run.done
    run.timer()
    assert run.post.url == "https://a/register"


def test_the_life_of_a_short_token_is_halved() -> None:
    run = in_state(State.REQUESTING)
    run.answer(200, granted(30))
    assert run.client.get_timer() == 15


def test_a_token_is_used_to_its_end_while_no_other_can_be_had() -> None:
    run = in_state(State.HOLDING)
    run.timer()
    while run.now < 3599:
        assert run.token() == "one"
        run.fail()
        run.timer()
    run.now = 3600
    assert run.token() is None


def test_fewer_scopes_than_were_asked_for() -> None:
    run = in_state(State.REQUESTING)
    run.answer(200, granted(scope="events"))
    assert (run.token(), run.token("events")) == (None, "one")


def test_pauses_grow_and_complaints_are_made_once() -> None:
    run = in_state(State.REQUESTING)
    waits = []
    for _ in range(10):
        run.fail()
        due = run.client.get_timer()
        assert due is not None
        waits.append(due - run.now)
        run.timer()
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1, MAX_BACKOFF_S)
    assert len([action for action in run.done if isinstance(action, Say)]) == 1


def test_rejected_tokens_are_replaced_but_not_at_once_again() -> None:
    run = in_state(State.HOLDING)
    for _ in range(5):
        run.reject()
    assert len(run.posts) == 2
    run.answer(200, granted(token="two"))
    run.reject()
    assert len(run.posts) == 2
    run.now += REJECTED_AGAIN_S
    run.reject()
    assert len(run.posts) == 3


def test_what_is_late_is_ignored() -> None:
    run = in_state(State.REQUESTING)
    late = run.post
    run.server(B)
    assert not run.do(run.client.handle_answer(0, UTC, late.serial, 200, granted()))
    assert not run.do(run.client.handle_failure(0, late.serial, "late"))
    assert run.token() is None


def test_no_secret_is_in_what_a_log_would_have() -> None:
    run = in_state(State.REQUESTING)
    assert "secret" not in repr(run.post)
    assert "secret" not in repr(Applicant("box", (), ("id", "secret"), "secret"))


EVENTS: dict[str, Callable[[Run], None]] = {
    "the same server": lambda run: run.server(A if run.done else None),
    "another server": lambda run: run.server(B),
    "no server": lambda run: run.server(None),
    "registered": lambda run: run.answer(201, REGISTERED),
    "token": lambda run: run.answer(200, granted()),
    "refused": lambda run: run.answer(400, b'{"error": "invalid_scope"}'),
    "unknown client": lambda run: run.answer(401, b'{"error": "invalid_client"}'),
    "nonsense": lambda run: run.answer(200, b"<html>"),
    "failure": lambda run: run.fail(),
    "rejected": lambda run: run.reject(),
    "time": lambda run: run.timer(),
}
N, R, Q, H, W = State.IDLE, State.REGISTERING, State.REQUESTING, State.HOLDING, State.WAITING
TABLE = {
    # what each event, in the order above, leads to
    N: (N, R, N, None, None, None, None, None, None, N, None),
    R: (R, R, N, Q, W, W, W, W, W, R, None),
    Q: (Q, R, N, W, H, W, W, W, W, Q, None),
    H: (H, R, N, H, H, H, H, H, H, Q, Q),
    W: (W, R, N, W, W, W, W, W, W, W, Q),
}
"""``None``: it cannot happen there, for nothing was asked or no time is waited for."""


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("event", EVENTS)
def test_each_event_in_each_state(state: State, event: str) -> None:
    expected = TABLE[state][list(EVENTS).index(event)]
    run = in_state(state)
    if expected is None:
        assert run.client.get_timer() is None
        assert event == "time" or not run.posts
        return
    EVENTS[event](run)
    assert run.state is expected
    waits = run.client.get_timer() is not None
    assert waits is (expected in (H, W))
