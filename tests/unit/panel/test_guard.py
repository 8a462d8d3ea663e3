"""Who may ask anything of the panel: its own name, its password, the lock."""

import asyncio

import pytest

from appliance.errors import ApplianceError, Forbidden, Locked, TooManyAttempts, Unauthorized
from appliance.panel.guard import COOKIE, MAX_SESSIONS, SESSION_S, Guard
from appliance.web.messages import Request
from tests.support.clock import FakeClock

PASSWORD = "hunter2"
JSON_TYPE = {"content-type": "application/json"}


class Keys:
    """Tokens in a row; passwords as they are."""

    def __init__(self) -> None:
        self.made = 0

    async def is_right(self, secret: str, hashed: str) -> bool:
        return secret == hashed

    def token(self) -> str:
        self.made += 1
        return f"token{self.made}"


class Gate:
    def __init__(self, password: str | None = None) -> None:
        self.clock = FakeClock()
        self.locked = False
        self.guard = Guard(lambda: {"Studio", "studio.local"}, lambda: self.locked, password, Keys(), self.clock)

    def ask(self, path: str = "/panel/status", method: str = "GET", *, local: bool = False, **headers: str) -> None:
        self.guard.check(Request(method, path, {}, {"host": "192.0.2.1:8080", **headers}, local=local))

    def log_in(self, password: str = PASSWORD, remote: str = "192.0.2.9") -> str:
        body = b'{"password": "%s"}' % password.encode()
        request = Request("POST", "/panel/login", {}, JSON_TYPE, body, remote=remote)

        async def story() -> str:
            return (await self.guard.login(request)).headers["Set-Cookie"]

        return asyncio.run(story())


@pytest.mark.parametrize(
    "host",
    ["192.0.2.1", "192.0.2.1:80", "[fd00::1]", "[fd00::1]:80", "localhost:80", "studio", "STUDIO.local:80",
     "studio.local.", ""],
)  # fmt: skip
def test_its_own_names_and_any_address(host: str) -> None:
    Gate().ask(host=host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "studio.evil.example", "1.2.3.4.evil", "[x]", "a:b:c"]
)
def test_a_name_that_is_not_its_own_is_refused_below_the_panel_only(host: str) -> None:
    gate = Gate()
    with pytest.raises(Forbidden, match="Host:"):
        gate.ask(host=host)
    with pytest.raises(Forbidden, match="Host:"):
        gate.ask("/panel/events", host=host, local=True)
    gate.ask("/x-nmos/node/", host=host)
    gate.ask("/", host=host)


def test_without_a_password_all_may_ask() -> None:
    gate = Gate()
    gate.ask()
    gate.ask("/panel/take", "POST")


def test_with_a_password_only_those_who_gave_it_and_the_box_itself() -> None:
    gate = Gate(PASSWORD)
    for path in ("/panel/status", "/panel/events", "/panel/take"):
        with pytest.raises(Unauthorized):
            gate.ask(path)
        gate.ask(path, local=True)
    gate.ask("/panel/login", "POST")
    gate.ask("/x-nmos/node/")
    cookie = gate.log_in()
    assert cookie == f"panel=token1; Path=/panel/; Max-Age={SESSION_S}; HttpOnly; SameSite=Strict"
    gate.ask(cookie=f"other=1; {COOKIE}=token1")
    for wrong in (f"{COOKIE}=", f"{COOKIE}=token2", "token1", "a" * 5000, f"{COOKIE}=token1x", '"\x00'):
        with pytest.raises(Unauthorized):
            gate.ask(cookie=wrong)
    gate.clock.advance(SESSION_S + 1)
    with pytest.raises(Unauthorized):
        gate.ask(cookie=f"{COOKIE}=token1")


def test_a_wrong_password_many_times() -> None:
    gate = Gate(PASSWORD)
    for _ in range(3):
        with pytest.raises(Forbidden, match="password: is wrong"):
            gate.log_in("x")
    with pytest.raises(TooManyAttempts):
        gate.log_in()
    gate.log_in(remote="192.0.2.10")  # others are not shut out by it
    gate.clock.advance(2)
    gate.log_in()


def test_a_host_has_many_addresses_in_ipv6_and_one_count() -> None:
    gate = Gate(PASSWORD)
    for number in range(3):
        with pytest.raises(Forbidden):
            gate.log_in("x", remote=f"2001:db8::{number}%eth0")
    with pytest.raises(TooManyAttempts):
        gate.log_in(remote="2001:db8::99")
    gate.log_in(remote="2001:db8:0:1::99")
    for _ in range(3):
        with pytest.raises(Forbidden):
            gate.log_in("x", remote="::ffff:192.0.2.1")
    gate.log_in(remote="::ffff:192.0.2.2")


def test_sessions_are_bounded() -> None:
    gate = Gate(PASSWORD)
    for _ in range(MAX_SESSIONS + 1):
        gate.log_in()
    with pytest.raises(Unauthorized):
        gate.ask(cookie=f"{COOKIE}=token1")
    gate.ask(cookie=f"{COOKIE}=token{MAX_SESSIONS + 1}")


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "text/plain"}, {**JSON_TYPE, "origin": "http://evil.example"}]
)
def test_no_other_site_can_log_in(headers: dict[str, str]) -> None:
    with pytest.raises(ApplianceError):
        Gate(PASSWORD).guard.login(Request("POST", "/panel/login", {}, headers, b'{"password": "hunter2"}'))


def test_while_locked_nothing_is_done_whoever_put_it_there() -> None:
    gate = Gate()
    gate.locked = True
    for path in ("/panel/take", "/panel/tally", "/panel/whatever/comes"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(Locked):
                gate.ask(path, method)
        gate.ask(path)
    gate.ask("/panel/unlock", "POST")
    gate.ask("/x-nmos/connection/v1.1/bulk/receivers", "POST")
