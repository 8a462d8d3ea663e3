"""IS-09 at work: finds the System API, and keeps what it says in the store.

system = SystemApi(config.discovery, store, mdns, client); system.start(); ... await system.stop()
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable

from appliance.config.model import DiscoveryConfig, DiscoveryMode
from appliance.core.store import Store
from appliance.discovery.contact import ContactPolicy
from appliance.discovery.registration.messages import Action, Answer, Doubt, Request, Say
from appliance.discovery.registration.services import SYSTEM_TYPE, Candidate, headers_for
from appliance.discovery.registration.system import SYSTEM_VERSIONS, SystemSearch
from appliance.edge.browsing import ServiceBrowsing, api_services
from appliance.edge.client import Bounds, HttpClient, HttpFailure
from appliance.edge.mdns import Mdns
from appliance.edge.remote_log import RemoteLog
from appliance.edge.unicast_dns import UnicastDns
from appliance.nmos.is09.settings import differences, keep, kept_settings

SCOPE = "system"
MAX_ANSWER_BYTES = 256 * 1024

_log = logging.getLogger(__name__)


class SystemApi:
    """Idle where ``discovery.mode`` wants no servers of any kind."""

    def __init__(self, config: DiscoveryConfig, store: Store, mdns: Mdns, client: HttpClient) -> None:
        self._mode = config.mode
        self._store = store
        self._client = client
        self._search = SystemSearch(random.random)
        self._services = api_services(SYSTEM_VERSIONS, config, client, SCOPE)
        self._browsing = ServiceBrowsing(self._services, (SYSTEM_TYPE,), mdns, UnicastDns(config.domain), self._on_news)
        self._log = RemoteLog(store, ContactPolicy(allow_local=config.allow_local))
        self._started = False
        self._candidates: tuple[Candidate, ...] = ()
        self._request: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look for a System API."""
        if self._mode in (DiscoveryMode.AUTO, DiscoveryMode.REGISTERED):
            self._started = True
            self._log.start()
            self._browsing.start()

    async def stop(self) -> None:
        if not self._started:
            return
        self._started = False
        await self._browsing.stop()
        if self._timer is not None:
            self._timer.cancel()
        if self._request is not None:
            self._request.cancel()
            await asyncio.gather(self._request, return_exceptions=True)
        await self._log.stop()

    def look_again(self) -> None:
        """There may be a token now."""
        self._on_news(frozenset())

    def _on_news(self, announced: frozenset[str]) -> None:
        if self._started and self._client.may_ask(SCOPE):
            self._candidates = self._services.candidates()
            self._do(self._search.handle_candidates(self._now(), self._candidates, announced))

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Request():
                    self._request = asyncio.create_task(self._ask(action), name="System API")
                case Say(level, text):
                    _log.log(level, "%s", text)
                case Doubt(instance):
                    self._browsing.reconfirm(instance)
        if found := self._search.take_found():
            before = kept_settings(self._store)
            after = keep(self._store, found.document)
            if news := ", ".join(differences(before, after)):
                _log.info("the System API at %s says: %s", self._search.source, news)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (when := self._search.get_timer()) is not None:
            self._timer = asyncio.get_running_loop().call_at(when, self._on_timer)

    async def _ask(self, request: Request) -> None:
        bounds = Bounds(MAX_ANSWER_BYTES, request.timeout_s, request.timeout_s, request.timeout_s)
        try:
            headers = headers_for(request.url, self._candidates) | self._client.proof(SCOPE, request.url)
            reply = await self._client.get(request.url, bounds, headers=headers)
            self._client.check_taken(reply)
        except HttpFailure as failure:
            actions = self._search.handle_failure(self._now(), request.serial, failure.reason)
        else:
            answer = Answer(reply.status, reply.content_type, None, reply.body)
            actions = self._search.handle_answer(self._now(), request.serial, answer)
        self._request = None
        self._do(actions)

    def _on_timer(self) -> None:
        self._timer = None
        self._do(self._search.handle_timer(self._now()))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
