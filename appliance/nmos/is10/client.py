"""This box as a client: it registers with the authorization server, gets a token, and another before that one expires.

Grant: client credentials, for a node is a confidential client without a user; by BCP-003-02 that is for the
Registration API and for IS-07's WebSockets, so these are the scopes that are asked for unless the configuration says
more. It proves itself by its secret (IS-10 Clients, "Client Credentials": ``private_key_jwt`` is recommended there, not
required).

Strategy: one request at a time. A failure of any kind leads to WAITING, longer each time; a token that is still good
stays in use throughout. A server that does not know this client any more (``invalid_client``) is registered with anew.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote_plus, urlencode

from appliance.errors import BadRequest
from appliance.nmos.is10.documents import (
    BASIC,
    Granted,
    Metadata,
    Registration,
    read_error,
    read_granted,
    read_registration,
)

FIRST_BACKOFF_S = 1.0
MAX_BACKOFF_S = 60.0
EARLY_S = 60.0
"""A token is renewed so long before it expires, or at half of its life (IS-10 Clients: 15 s at least)."""
REJECTED_AGAIN_S = 10.0
FORM = "application/x-www-form-urlencoded"


class State(Enum):
    IDLE = "no authorization server is known"
    REGISTERING = "it registers as a client"
    REQUESTING = "it asks for a token"
    HOLDING = "it has a token"
    WAITING = "it waits before the next try"


@dataclass(frozen=True, slots=True)
class Post:
    """A request to the authorization server; its headers and body are secret."""

    serial: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Post({self.serial}, {self.url!r})"


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep these registrations over a restart."""

    registrations: tuple[Registration, ...]


@dataclass(frozen=True, slots=True)
class Say:
    level: int
    text: str


Action = Post | Keep | Say


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who asks. ``client`` is configured by hand: (id, secret); ``initial_token`` is for registering (RFC 7591)."""

    name: str
    scopes: tuple[str, ...]
    client: tuple[str, str] | None = None
    initial_token: str | None = None

    def __repr__(self) -> str:
        return f"Applicant({self.name!r})"


class Client:
    """Inputs are ``handle_*``: ``now`` in monotonic, ``utc`` in UTC seconds; each gives what is to be done."""

    def __init__(self, applicant: Applicant, kept: Iterable[Registration], random: Callable[[], float]) -> None:
        self._applicant = applicant
        self._scope = " ".join(applicant.scopes)
        self._random = random
        self._kept = {one.issuer: one for one in kept if one.scope == self._scope}
        self._server: Metadata | None = None
        self._granted: Granted | None = None
        self._expires = float("-inf")
        self._rejected_at = float("-inf")
        self._serial = 0
        self._failures = 0
        self._due: float | None = None
        self.state = State.IDLE
        self.last_error = ""

    # ---- reading

    def token(self, now: float, scope: str) -> str | None:
        """The token to send where ``scope`` is wanted, while it is good."""
        if self._granted is None or now >= self._expires:
            return None
        scopes = self._applicant.scopes if self._granted.scopes is None else self._granted.scopes
        return self._granted.token if scope in scopes else None

    def get_timer(self) -> float | None:
        return self._due

    # ---- what happens

    def handle_server(self, now: float, utc: float, server: Metadata | None) -> Iterator[Action]:
        """This is the server to use now, or none is known."""
        if server == self._server:
            return
        if server is None or self._server is None or server.issuer != self._server.issuer:
            self._failures = 0
        self._server = server
        if server is None:
            self._stop(State.IDLE, None)
        else:
            yield from self._go_on(now, utc)

    def handle_answer(self, now: float, utc: float, serial: int, status: int, body: bytes) -> Iterator[Action]:
        """``serial`` is that of the Post; what is late is ignored."""
        if serial != self._serial or self._server is None:
            return
        try:
            if self.state is State.REGISTERING:
                yield from self._registered(now, utc, status, body)
            elif self.state is State.REQUESTING:
                yield from self._answered(now, status, body)
        except BadRequest as error:
            yield from self._fail(now, f"what it answers cannot be used: {error.message[:200]}")

    def handle_failure(self, now: float, serial: int, reason: str) -> Iterator[Action]:
        if serial == self._serial and self.state in (State.REGISTERING, State.REQUESTING):
            yield from self._fail(now, reason)

    def handle_timer(self, now: float, utc: float) -> Iterator[Action]:
        if self._due is not None and now >= self._due:
            yield from self._go_on(now, utc)

    def handle_rejected(self, now: float, utc: float) -> Iterator[Action]:
        """Somebody who should take it does not (401): it may have been revoked early."""
        if self.state is State.HOLDING and now >= self._rejected_at + REJECTED_AGAIN_S:
            self._rejected_at = now
            yield from self._go_on(now, utc)

    # ---- inside

    def _go_on(self, now: float, utc: float) -> Iterator[Action]:
        registration = self._registration(utc)
        if registration is not None:
            yield self._request(registration)
        elif not self._methods():
            yield from self._fail(now, "it takes no client secret, and this box has nothing else")
        else:
            yield self._register()

    def _registration(self, utc: float) -> Registration | None:
        assert self._server is not None
        if self._applicant.client is not None:
            method = next(iter(self._methods()), BASIC)
            return Registration(self._server.issuer, *self._applicant.client, self._scope, method)
        kept = self._kept.get(self._server.issuer)
        return kept if kept is not None and (not kept.expires or kept.expires > utc) else None

    def _methods(self) -> tuple[str, ...]:
        return self._server.methods if self._server is not None else ()

    def _register(self) -> Post:
        """RFC 7591 section 3.1."""
        assert self._server is not None
        body = {
            "client_name": self._applicant.name,
            "grant_types": ["client_credentials"],
            "response_types": ["none"],
            "scope": self._scope,
            "token_endpoint_auth_method": self._methods()[0],
        }
        headers = {"Content-Type": "application/json"}
        if self._applicant.initial_token is not None:
            headers["Authorization"] = f"Bearer {self._applicant.initial_token}"
        return self._post(State.REGISTERING, self._server.registration_endpoint, headers, json.dumps(body).encode())

    def _request(self, registration: Registration) -> Post:
        """RFC 6749 sections 4.4.2 and 2.3.1."""
        assert self._server is not None
        form = {"grant_type": "client_credentials", "scope": self._scope}
        headers = {"Content-Type": FORM}
        if registration.method == BASIC:
            pair = f"{quote_plus(registration.client_id)}:{quote_plus(registration.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": registration.client_id, "client_secret": registration.client_secret}
        return self._post(State.REQUESTING, self._server.token_endpoint, headers, urlencode(form).encode())

    def _registered(self, now: float, utc: float, status: int, body: bytes) -> Iterator[Action]:
        if status not in (200, 201):
            yield from self._fail(now, f"it answers {status} {read_error(body)} to the registration")
            return
        assert self._server is not None
        registration = read_registration(body, self._server.issuer, self._scope, self._methods()[0])
        self._kept[registration.issuer] = registration
        yield Keep(tuple(self._kept.values()))
        yield Say(logging.INFO, f"registered with {registration.issuer} as the client {registration.client_id[:100]}")
        yield from self._go_on(now, utc)

    def _answered(self, now: float, status: int, body: bytes) -> Iterator[Action]:
        if status != 200:
            error = read_error(body)
            if error == "invalid_client" and self._kept.pop(self._issuer, None) is not None:
                yield Keep(tuple(self._kept.values()))
            yield from self._fail(now, f"it answers {status} {error} to the request for a token")
            return
        first = self._granted is None or now >= self._expires
        self._granted = granted = read_granted(body)
        self._expires = now + granted.life_s
        early = min(granted.life_s / 2, EARLY_S * (0.5 + 0.5 * self._random()))
        self._failures, self.last_error = 0, ""
        self._stop(State.HOLDING, self._expires - early)
        if first:
            yield Say(logging.INFO, f"{self._issuer} gave an access token for {granted.life_s:g} s")

    @property
    def _issuer(self) -> str:
        return self._server.issuer if self._server is not None else ""

    def _post(self, state: State, url: str, headers: Mapping[str, str], body: bytes) -> Post:
        self._stop(state, None)
        return Post(self._serial, url, headers, body)

    def _fail(self, now: float, reason: str) -> Iterator[Action]:
        wait_s = min(FIRST_BACKOFF_S * 2.0**self._failures, MAX_BACKOFF_S) * (0.5 + 0.5 * self._random())
        self._failures = min(self._failures + 1, 10)
        self._stop(State.WAITING, now + wait_s)
        if reason != self.last_error:
            self.last_error = reason
            yield Say(logging.WARNING, f"the authorization server {self._issuer}: {reason}")

    def _stop(self, state: State, due: float | None) -> None:
        """Whatever was asked before is not waited for any more."""
        self._serial += 1
        self.state, self._due = state, due
