"""The edge of authorization with a clock of its own and a server in the place of the network: what it has when what
fails, and that it always goes on."""

import asyncio
import json
import time
from collections.abc import Coroutine, Iterable, Mapping
from functools import cache
from typing import Any, cast

import pytest

from appliance.config.authorization import AuthorizationConfig
from appliance.config.model import DiscoveryConfig
from appliance.discovery.records import Announced, Instance
from appliance.edge.authorizing import KEPT, Authorizing
from appliance.edge.client import HttpFailure, Reply
from appliance.errors import ApplianceError
from appliance.nmos.is10.errors import InvalidToken, KeysUnknown
from appliance.nmos.is10.guard import TokenGuard
from appliance.web.messages import Request
from tests.support.authorization_server import new_key
from tests.support.tokens import claims, signed
from tests.support.virtual_time import run_virtually

ISSUER = "https://auth.example.com"
METADATA, KEYS, TOKEN, REGISTER = ("/.well-known/oauth-authorization-server", "/keys", "/token", "/register")
HOUR = 3600.0


class Server:
    """The authorization server, and all between it and the box. ``answers``: what it says otherwise than usually."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, str]] = []
        self.urls: list[tuple[str, str]] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.reached = True
        self.life_s: Any = 100
        self.key = key(0)
        self.tokens = 0

    def count(self, path: str) -> int:
        return sum(asked == path for _, asked in self.asked)

    async def get(self, url: str, _bounds: object, *, headers: Mapping[str, str]) -> Reply:
        return self._reply(url, headers)

    async def post(self, url: str, _data: bytes, _bounds: object, *, headers: Mapping[str, str]) -> Reply:
        return self._reply(url, headers)

    def _reply(self, url: str, headers: Mapping[str, str]) -> Reply:
        path = "/" + url.split("/", 3)[3]
        self.asked.append((asyncio.get_running_loop().time(), path))
        self.urls.append((url, headers["Host"]))
        if not self.reached:
            raise HttpFailure("it does not answer", reached=False)
        status, body = self.answers.get(path) or (200, json.dumps(self._usual(path)).encode())
        return Reply(status, body, "application/json", {}, url)

    def _usual(self, path: str) -> Any:
        if path == METADATA:
            names = {"jwks_uri": KEYS, "token_endpoint": TOKEN, "registration_endpoint": REGISTER}
            return {"issuer": ISSUER} | {name: f"{ISSUER}{there}" for name, there in names.items()}
        if path == KEYS:
            return {"keys": [{"kty": "RSA", **self.key.as_dict(is_private=False)}]}
        if path == REGISTER:
            return {"client_id": "box", "client_secret": "s3cr3t"}
        self.tokens += 1
        return {"access_token": f"token{self.tokens}", "token_type": "Bearer", "expires_in": self.life_s}


@cache
def key(_number: int) -> Any:
    return new_key()


class Disk:
    """The state directory and its writer."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.aside: list[str] = []

    def read_file(self, name: str) -> bytes | None:
        return self.files.get(name)

    def set_aside(self, name: str, why: str) -> None:
        self.aside.append(name)

    async def replace(self, name: str, chunks: Iterable[bytes], *, private: bool) -> None:
        assert private
        self.files[name] = b"".join(chunks)


class Mdns:
    """Announces what it was given to whoever looks."""

    def __init__(self, *instances: Instance) -> None:
        self._instances = instances

    def browse(self, _service_type: str, on_event: Any) -> None:
        for instance in self._instances:
            on_event(Announced(instance))


class Box:
    """The edge, between the fakes. ``problem`` is what is shown, ``news`` how often there was another token."""

    def __init__(self, server: Server, disk: Disk | None = None, *found: Instance, search: bool = False) -> None:
        self.server, self.disk = server, disk or Disk()
        config = AuthorizationConfig(enabled=True, server=None if search else ISSUER)
        store = cast(Any, type("Store", (), {"node": {"id": "the-node", "tags": {}}}))
        kept = cast(Any, (self.disk, self.disk))
        parts = (store, cast(Any, Mdns(*found)), cast(Any, server), kept)
        # "local": the DNS of the machine that runs this is asked nothing
        self.edge = Authorizing(config, DiscoveryConfig(domain="local"), *parts)
        self.guard: TokenGuard = self.edge.guard(lambda: {"box.example.com"})
        self.problem: str | None = None
        self.edge.on_problem = self._on_problem
        self.news = 0
        self.edge.subscribe(self._on_news)

    def _on_problem(self, problem: str | None) -> None:
        self.problem = problem

    def _on_news(self) -> None:
        self.news += 1

    @property
    def token(self) -> str | None:
        return self.edge.headers("registration", "https://registry.example.com/").get("Authorization")

    def check(self, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self.guard.check(Request("GET", "/x-nmos/node/v1.3/self", headers=headers))


def live(box: Box, life: Coroutine[Any, Any, None]) -> None:
    """``life`` between the start and the stop, after which nothing is left."""

    async def whole() -> None:
        box.edge.start()
        await asyncio.sleep(1)
        try:
            await life
        finally:
            await box.edge.stop()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        asked = len(box.server.asked)
        await asyncio.sleep(2 * HOUR)
        assert len(box.server.asked) == asked

    run_virtually(whole())


def token_of(number: int) -> str:
    now = time.time()
    return signed(claims(iss=ISSUER, iat=None, exp=now + 600), key(number))


# ---- the server


def test_all_is_well() -> None:
    box = Box(Server())

    async def life() -> None:
        assert (box.token, box.problem, box.news) == ("Bearer token1", None, 1)
        assert box.edge.headers("registration", "http://registry.example.com/") == {}
        assert box.edge.headers("query", "https://registry.example.com/") == {}
        box.check(token_of(0))

    live(box, life())


def test_no_server_is_found() -> None:
    box = Box(Server(), search=True)

    async def life() -> None:
        await asyncio.sleep(HOUR)
        assert box.problem == "no authorization server is known, so nobody can use the NMOS APIs"
        assert not box.edge.has("registration")
        with pytest.raises(KeysUnknown):
            box.check(token_of(0))

    live(box, life())
    assert not box.server.asked


def test_one_that_is_announced_is_asked_at_its_address_by_its_name() -> None:
    txt = b"".join(bytes([len(entry)]) + entry for entry in (b"api_ver=v1.0", b"api_proto=https", b"pri=10"))
    name = "auth._nmos-auth._tcp.local."
    box = Box(Server(), None, Instance(name, "auth.example.com.", 443, ("192.0.2.7",), txt), search=True)

    async def life() -> None:
        assert box.token == "Bearer token1"
        assert box.server.urls[0] == (f"https://192.0.2.7:443{METADATA}", "auth.example.com:443")

    live(box, life())


def test_one_that_goes_by_another_name_than_the_configured_one_is_not_believed() -> None:
    box = Box(Server())
    usual = {"jwks_uri": f"{ISSUER}/keys", "token_endpoint": f"{ISSUER}/token", "registration_endpoint": f"{ISSUER}/r"}
    box.server.answers[METADATA] = (200, json.dumps({"issuer": "https://evil.example.com", **usual}).encode())

    async def life() -> None:
        assert "issuer: is https://evil.example.com, and authorization.server is https://auth" in (box.problem or "")
        assert box.server.count(KEYS) == 0
        with pytest.raises(KeysUnknown):
            box.check(token_of(0))
        box.server.answers.clear()
        await asyncio.sleep(61)
        assert box.problem is None
        box.check(token_of(0))

    live(box, life())


@pytest.mark.parametrize("path", [METADATA, KEYS])
@pytest.mark.parametrize(
    "answer",
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"\xff\xfe"),
        (200, b"[" * 5000),
        (200, b"{}"),
        (200, b'{"issuer": "http://plain", "keys": {}}'),
        (200, b'{"issuer": 5, "keys": [5, null, {"kty": "RSA", "n": "=", "e": []}]}'),
        (302, b""),
        (500, b"{}"),
    ],
)
def test_what_it_says_is_nonsense(path: str, answer: tuple[int, bytes]) -> None:
    box = Box(Server())
    box.server.answers[path] = answer

    async def life() -> None:
        await asyncio.sleep(HOUR)
        assert "auth.example.com" in (box.problem or "")
        assert not box.edge.has("registration")
        with pytest.raises(KeysUnknown):
            box.check(token_of(0))
        assert 60 <= box.server.count(METADATA) <= 150  # at first soon, then once in half a minute to a minute
        box.server.answers.clear()
        await asyncio.sleep(61)
        assert box.problem is None
        assert box.token is not None
        box.check(token_of(0))

    live(box, life())


# ---- this box as its client


def test_a_registration_is_kept_and_used_again() -> None:
    disk = Disk()

    async def life(box: Box) -> None:
        assert box.token is not None

    for registers in (1, 0):
        box = Box(Server(), disk)
        live(box, life(box))
        assert box.server.count(REGISTER) == registers
    assert b'"s3cr3t"' in disk.files[KEPT]


def test_what_was_kept_is_no_registration() -> None:
    for kept in (b"", b"[]", b'{"clients": 5}', b'{"clients": [5]}', b'{"clients": [{"issuer": 5}]}'):
        disk = Disk()
        disk.files[KEPT] = kept
        box = Box(Server(), disk)

        async def life(box: Box) -> None:
            assert box.token is not None

        live(box, life(box))
        assert disk.aside == [KEPT]


@pytest.mark.parametrize("path", [REGISTER, TOKEN])
@pytest.mark.parametrize(
    "answer",
    [
        (400, b'{"error": "invalid_client_metadata"}'),
        (401, b'{"error": "access_denied"}'),
        (500, b"<html>"),
        (200, b""),
        (200, b"[]"),
        (200, b'{"access_token": "a b", "token_type": "Bearer", "client_id": "", "client_secret": ""}'),
        (200, b'{"access_token": "x", "token_type": "Bearer", "expires_in": "soon", "client_id": 5}'),
    ],
)
def test_it_is_refused_or_answered_nonsense(path: str, answer: tuple[int, bytes]) -> None:
    box = Box(Server())
    box.server.answers[path] = answer

    async def life() -> None:
        await asyncio.sleep(HOUR)
        assert not box.edge.has("registration")
        assert "auth.example.com" in (box.problem or "")
        assert "s3cr3t" not in (box.problem or "")
        assert 60 <= box.server.count(path) <= 150
        box.check(token_of(0))  # others are served meanwhile
        box.server.answers.clear()
        await asyncio.sleep(61)
        assert box.problem is None
        assert box.token is not None

    live(box, life())


def test_numbers_that_no_float_can_hold() -> None:
    box = Box(Server())
    box.server.life_s = 10**400
    said = {"client_id": "box", "client_secret": "s3cr3t", "client_secret_expires_at": 10**400}
    box.server.answers[REGISTER] = (201, json.dumps(said).encode())

    async def life() -> None:
        assert box.token is not None
        await asyncio.sleep(25 * HOUR)
        assert box.server.tokens == 2

    live(box, life())


def test_a_server_that_knows_it_no_more_is_registered_with_anew() -> None:
    box = Box(Server())

    async def life() -> None:
        box.server.answers[TOKEN] = (401, b'{"error": "invalid_client"}')
        await asyncio.sleep(100)
        box.server.answers.clear()
        await asyncio.sleep(61)
        assert box.token is not None
        assert box.server.count(REGISTER) >= 2

    live(box, life())


def test_a_token_is_renewed_before_it_ends_and_used_no_longer_than_it_lives() -> None:
    box = Box(Server())
    problems: list[str | None] = []

    async def life() -> None:
        for _ in range(1000):
            await asyncio.sleep(1)
            assert box.token is not None
        assert 10 <= box.server.tokens <= 25
        assert box.news == box.server.tokens
        box.server.reached = False
        held = 0
        while box.edge.has("registration"):
            await asyncio.sleep(1)
            held += 1
        assert held <= 100
        problems.append(box.problem)
        box.server.reached = True
        await asyncio.sleep(61)
        assert box.token is not None
        problems.append(box.problem)

    live(box, life())
    assert problems == [f"the authorization server {ISSUER}: it does not answer", None]


def test_a_token_that_somebody_refuses_is_replaced_and_not_by_one_for_each_refusal() -> None:
    box = Box(Server())

    async def life() -> None:
        for _ in range(20):
            box.edge.rejected()
            await asyncio.sleep(0.1)
        assert (box.token, box.server.tokens) == ("Bearer token2", 2)

    live(box, life())


# ---- its keys


def test_other_keys_are_fetched_when_a_token_wants_them_and_the_old_ones_count_no_more() -> None:
    box = Box(Server())

    async def life() -> None:
        box.check(token_of(0))
        box.server.key = key(1)
        await asyncio.sleep(10)
        with pytest.raises(KeysUnknown):
            box.check(token_of(1))
        await asyncio.sleep(1)
        box.check(token_of(1))
        with pytest.raises(ApplianceError):
            box.check(token_of(0))
        asked = box.server.count(KEYS)
        for _ in range(100):  # by nobody's key: a flood of them is no flood at the server
            with pytest.raises((InvalidToken, KeysUnknown)):
                box.check(token_of(2))
            await asyncio.sleep(0.1)
        assert box.server.count(KEYS) <= asked + 3

    live(box, life())


def test_keys_stay_good_while_nobody_can_be_reached() -> None:
    box = Box(Server())

    async def life() -> None:
        box.server.reached = False
        await asyncio.sleep(5 * HOUR)
        box.check(token_of(0))

    live(box, life())


def test_a_stop_while_it_asks() -> None:
    class Silent(Server):
        async def get(self, url: str, _bounds: object, *, headers: Mapping[str, str]) -> Reply:
            await asyncio.sleep(HOUR)
            raise AssertionError

    async def life() -> None:
        await asyncio.sleep(1)

    live(Box(Silent()), life())
