"""IS-10 at work: finds the authorization server, has its keys, guards the NMOS APIs, and keeps a token for this box.

authorizing = Authorizing(config.authorization, config.discovery, store, mdns, client, kept)
server.tokens = authorizing.guard(names); authorizing.start(); ... await authorizing.stop()
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from appliance.config.authorization import AuthorizationConfig
from appliance.config.model import DiscoveryConfig
from appliance.core.store import Store
from appliance.edge.browsing import ServiceBrowsing
from appliance.edge.client import Bounds, HttpClient, HttpFailure
from appliance.edge.files import StateDirectory, StateWriter
from appliance.edge.jose import Jose
from appliance.edge.mdns import Mdns
from appliance.edge.unicast_dns import UnicastDns
from appliance.errors import BadRequest
from appliance.nmos.is10.client import Action, Applicant, Client, Keep, Post, Say
from appliance.nmos.is10.documents import (
    Registration,
    read_metadata,
    registration_as_json,
    registration_from_json,
    well_known,
)
from appliance.nmos.is10.guard import TokenGuard
from appliance.nmos.is10.keyring import Fetch, Key, KeyRing, Server
from appliance.nmos.is10.servers import AUTH_TYPE, AuthServers, addresses_of
from appliance.web.messages import Request

KEPT = "authorization.json"
"""In the state directory, for nobody else's eyes: it has the client's secret."""
BOUNDS = Bounds(body_bytes=256 * 1024, connect_s=2.5, idle_s=5.0, total_s=10.0)
PART = "authorization"

log = logging.getLogger(__name__)


class Authorizing:
    """One for the box. ApplianceError where the library for it is missing.

    ``on_problem`` hears, in a sentence, what is wrong; ``None`` when it is well again."""

    def __init__(
        self,
        config: AuthorizationConfig,
        discovery: DiscoveryConfig,
        store: Store,
        mdns: Mdns,
        client: HttpClient,
        kept: tuple[StateDirectory, StateWriter],
    ) -> None:
        self._config = config
        self._http = client
        self._directory, self._writer = kept
        self._jose = Jose()
        self._ring = KeyRing(random.random)
        self._client = Client(_applicant(config, store), self._read_kept(), random.random)
        self._services = AuthServers(
            random.random, development=discovery.development, allow_local=discovery.allow_local
        )
        self._browsing = ServiceBrowsing(
            self._services, (AUTH_TYPE,), mdns, UnicastDns(discovery.domain), lambda _: self._on_news()
        )
        self._addresses: Mapping[str, str] = {}
        self._guard: TokenGuard | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[Callable[[], None]] = []
        self._started = False
        self._problem: str | None = None
        self._had: str | None = None
        self.on_problem: Callable[[str | None], None] = lambda problem: None

    # ---- this box as a resource server

    def guard(self, names: Callable[[], Collection[str]]) -> TokenGuard:
        """``names``: what this box is called, beside what the configuration adds."""

        def all_names() -> set[str]:
            return {name.lower() for name in (*names(), *self._config.audience)}

        clocks = (time.time, time.monotonic)
        self._guard = TokenGuard(self, self._jose.is_signed, all_names, *clocks, log_all=self._config.log_all)
        return self._guard

    def keys(self, issuer: str, key_id: str | None) -> Sequence[Key]:
        return self._ring.keys(self._now(), issuer, key_id)

    def missing(self, issuer: str) -> bool:
        wait, fetches = self._ring.handle_missing(self._now(), issuer)
        self._fetch(fetches)
        return wait

    # ---- this box as a client

    def wants(self, scope: str) -> bool:
        """Whether a token is asked for with which that API can be used."""
        return scope in self._config.scopes

    def headers(self, scope: str, url: str) -> dict[str, str]:
        """What a request to another host carries; nothing where that would be in the clear."""
        token = self._client.token(self._now(), scope) if urlsplit(url).scheme in ("https", "wss") else None
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def has(self, scope: str) -> bool:
        """Whether there is a token for it now."""
        return self._client.token(self._now(), scope) is not None

    def rejected(self) -> None:
        """Somebody answered 401 to the token."""
        self._act(self._client.handle_rejected(self._now(), time.time()))

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Called whenever there is another token."""
        self._listeners.append(listener)

    # ---- life

    def start(self) -> None:
        """Look for the authorization server, or ask the one that is configured."""
        self._started = True
        if self._config.server is None:
            self._browsing.start()
        elif (url := well_known(self._config.server)) is not None:
            self._fetch(self._ring.handle_places(self._now(), (url,)))
        self._tell()

    async def stop(self) -> None:
        if not self._started:
            return
        self._started = False
        await self._browsing.stop()
        for timer in self._timers.values():
            timer.cancel()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- servers and keys

    def _on_news(self) -> None:
        if self._started:
            places = self._services.places()
            self._addresses = addresses_of(places)
            self._fetch(self._ring.handle_places(self._now(), [place.url for place in places]))

    def _fetch(self, fetches: Iterable[Fetch]) -> None:
        for fetch in fetches:
            self._run(self._fetch_one(fetch), "authorization server")
        self._rearm("keys", self._ring.get_timer(), lambda: self._fetch(self._ring.handle_timer(self._now())))

    async def _fetch_one(self, fetch: Fetch) -> None:
        try:
            metadata = read_metadata(await self._get(fetch.url), self._expected(fetch.url))
            jwks = Request("", "", body=await self._get(metadata.jwks_uri)).json_object()
            server = Server(metadata, self._jose.read_keys(jwks))
        except (HttpFailure, BadRequest) as error:
            host = urlsplit(fetch.url).netloc
            reason = f"{host}: {error.reason if isinstance(error, HttpFailure) else error.message}"
            log.log(logging.INFO if reason != self._ring.last_error else logging.DEBUG, "no keys from %s", reason)
            self._fetch(self._ring.handle_failure(self._now(), fetch.serial, reason))
        else:
            self._fetch(self._ring.handle_server(self._now(), fetch.serial, server))
            if self._guard is not None:
                self._guard.forget()
            main = self._ring.main
            self._act(self._client.handle_server(self._now(), time.time(), main.metadata if main else None))
        self._tell()

    def _expected(self, url: str) -> str | None:
        """Who must be there: whom the configuration names. An announcement names a host only."""
        server = self._config.server
        return server if server is not None and url == well_known(server) else None

    async def _get(self, url: str) -> bytes:
        reply = await self._http.get(*self._at(url), BOUNDS, headers=self._host(url))
        if reply.status != 200:
            raise HttpFailure(f"it answers {reply.status} ({urlsplit(url).path[:100]})", reached=True)
        return reply.body

    def _at(self, url: str) -> tuple[str]:
        """The URL with the address that was announced for its host, which proves itself by its name all the same."""
        parts = urlsplit(url)
        address = self._addresses.get(parts.hostname or "")
        if address is None:
            return (url,)
        host = f"[{address}]" if ":" in address else address
        return (parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}").geturl(),)

    def _host(self, url: str) -> dict[str, str]:
        return {"Host": urlsplit(url).netloc}

    # ---- the token

    def _act(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Post():
                    self._run(self._post(action), "access token")
                case Keep(registrations):
                    self._run(self._keep(registrations), "client registration")
                case Say(level, text):
                    log.log(level, "%s", text)
        self._rearm("token", self._client.get_timer(), self._on_client_timer)
        token = self._client.token(self._now(), self._config.scopes[0])
        if token != self._had:
            self._had = token
            for listener in tuple(self._listeners):
                listener()
        self._tell()

    def _on_client_timer(self) -> None:
        self._act(self._client.handle_timer(self._now(), time.time()))

    async def _post(self, post: Post) -> None:
        headers = {**post.headers, **self._host(post.url)}
        try:
            reply = await self._http.post(*self._at(post.url), post.body, BOUNDS, headers=headers)
        except HttpFailure as failure:
            actions = self._client.handle_failure(self._now(), post.serial, failure.reason)
        else:
            actions = self._client.handle_answer(self._now(), time.time(), post.serial, reply.status, reply.body)
        self._act(actions)

    def _read_kept(self) -> list[Registration]:
        data = self._directory.read_file(KEPT)
        if data is None:
            return []
        try:
            return [registration_from_json(one) for one in Request("", "", body=data).json_object()["clients"]]
        except (BadRequest, KeyError, TypeError, AttributeError):
            self._directory.set_aside(KEPT, "it has no registrations that can be read")
            return []

    async def _keep(self, registrations: Sequence[Registration]) -> None:
        data = json.dumps({"clients": [registration_as_json(one) for one in registrations]}).encode()
        try:
            await self._writer.replace(KEPT, [data], private=True)
        except OSError as error:
            log.error("the registration with the authorization server could not be kept: %s", error.strerror)

    # ---- both

    def _tell(self) -> None:
        if (main := self._ring.main) is None:
            problem = self._ring.last_error or "no authorization server is known, so nobody can use the NMOS APIs"
        else:
            why = self._client.last_error
            problem = f"the authorization server {main.metadata.issuer}: {why}" if why else ""
        if (problem or None) != self._problem and self._started:
            self._problem = problem or None
            self.on_problem(self._problem)

    def _run(self, work: object, name: str) -> None:
        assert asyncio.iscoroutine(work)
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _rearm(self, what: str, when: float | None, then: Callable[[], None]) -> None:
        if (timer := self._timers.pop(what, None)) is not None:
            timer.cancel()
        if when is not None and self._started:
            self._timers[what] = asyncio.get_running_loop().call_at(when, then)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _applicant(config: AuthorizationConfig, store: Store) -> Applicant:
    """Called as IS-10 recommends (Clients, "Client Registration"): who made it, what it is, which one."""
    node = store.node
    said = (node["tags"].get(f"urn:x-nmos:tag:asset:{part}/v1.0", []) for part in ("manufacturer", "product"))
    name = " ".join(text for values in said for text in values[:1])
    client = None
    if config.client_id is not None and config.client_secret is not None:
        client = config.client_id, config.client_secret
    return Applicant(f"{name} {node['id']}".strip(), config.scopes, client, config.initial_token)
