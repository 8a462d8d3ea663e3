"""Registration at work: services, changes and answers go into the machine; its requests go to the registry.

registering = Registering(config.discovery, store, mdns, client, announcing.on_registered)
registering.start()
...
await registering.stop()      # unregisters
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from appliance.config.model import DiscoveryConfig, DiscoveryMode
from appliance.core.store import Change, Store
from appliance.discovery.registration.machine import HEARTBEAT_S, Registration
from appliance.discovery.registration.messages import Action, Answer, Cancel, Doubt, Request, Say, State, Status
from appliance.discovery.registration.services import Candidate, Place, headers_for, registration_types
from appliance.edge.browsing import ServiceBrowsing, api_services
from appliance.edge.client import Bounds, HttpClient, HttpFailure
from appliance.edge.mdns import Mdns
from appliance.edge.unicast_dns import UnicastDns
from appliance.nmos.is09.settings import SYSTEM, kept_settings

SCOPE = "registration"
CONNECT_S = 2.5
MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""A registry answers a POST with the resource itself."""

_log = logging.getLogger(__name__)


class Registering:
    """``on_registered`` hears when a registry has this node, and when none has any more.

    Idle unless ``discovery.mode`` wants a registry. A registry named in the config is the only one used.
    """

    def __init__(
        self,
        config: DiscoveryConfig,
        store: Store,
        mdns: Mdns,
        client: HttpClient,
        on_registered: Callable[[bool], None],
    ) -> None:
        self._config = config
        self._store = store
        self._client = client
        self._on_registered = on_registered
        self._machine = Registration(store, config.api_versions, random.random)
        self._services = api_services(config.api_versions, config, client, SCOPE)
        self._browsing = ServiceBrowsing(
            self._services,
            registration_types(config.api_versions),
            mdns,
            UnicastDns(config.domain),
            self._on_news,
        )
        self._candidates: tuple[Candidate, ...] = ()
        self._listeners: list[Callable[[], None]] = []
        self._told_registered = False
        self._request: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._end: Callable[[], None] | None = None
        self._left = asyncio.Event()

    def start(self) -> None:
        """Look for a registry, and register."""
        if self._config.mode not in (DiscoveryMode.AUTO, DiscoveryMode.REGISTERED):
            return
        self._end = self._store.subscribe(self._on_change)
        self._follow_interval()
        if self._config.registry is not None:
            self.look_again()
        else:
            self._browsing.start()

    async def stop(self) -> None:
        """Unregister, as far as the registry answers soon, and end."""
        if self._end is None:
            return
        self._end()
        self._end = None
        await self._browsing.stop()
        self._do(self._machine.handle_leave(self._now()))
        if self._request is not None and not self._machine.has_left:
            await asyncio.gather(self._request, return_exceptions=True)
        self._cancel()
        if self._timer is not None:
            self._timer.cancel()

    @property
    def registered(self) -> bool:
        return self._end is not None and self._machine.registered

    def status(self) -> Status:
        """For the panel; times are those of the loop's clock."""
        if self._end is None:
            return Status()
        return replace(self._machine.status(), unsuitable=self._services.unsuitable(self._own_places()))

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after every step, when ``status`` may say something new; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def look_again(self) -> None:
        """There may be a token now."""
        if self._end is not None:
            self._on_news(frozenset())

    # ---- in

    def _on_news(self, announced: frozenset[str]) -> None:
        if not self._client.may_ask(SCOPE) and not self._candidates:
            return  # whoever is asked without a token takes the node for a bad one
        named = self._config.registry
        if named is not None:
            self._candidates = (Candidate(named.rstrip("/"), None),)
        else:
            self._candidates = self._services.candidates(self._own_places())
        self._do(self._machine.handle_candidates(self._now(), self._candidates, announced))

    def _on_change(self, change: Change) -> None:
        if any(change.touches(SYSTEM)):
            self._follow_interval()
        if change.resources:
            self._do(self._machine.handle_change(self._now(), change))

    def _follow_interval(self) -> None:
        """IS-09 may say how often the system wants a heartbeat, also from before a restart."""
        settings = kept_settings(self._store)
        seconds = float(settings.heartbeat_interval_s) if settings else HEARTBEAT_S
        self._do(self._machine.handle_interval(self._now(), seconds))

    def _own_places(self) -> set[Place]:
        """Where this box itself answers: never a registry, whatever somebody announces."""
        if self._config.allow_local:
            return set()
        endpoints = self._store.node["api"]["endpoints"]
        return {(endpoint["host"], endpoint["port"]) for endpoint in endpoints}

    # ---- out

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Request():
                    self._cancel()
                    self._request = asyncio.create_task(self._exchange(action), name="registration")
                case Cancel():
                    self._cancel()
                case Say(level, text):
                    _log.log(level, "%s", text)
                case Doubt(instance):
                    self._browsing.reconfirm(instance)
        self._rearm()
        # While it stops nobody needs to know: the goodbye follows.
        if self._end is not None and self._machine.registered != self._told_registered:
            self._told_registered = self._machine.registered
            self._on_registered(self._told_registered)
        for listener in tuple(self._listeners):
            listener()

    async def _exchange(self, request: Request) -> None:
        bounds = Bounds(
            body_bytes=MAX_ANSWER_BYTES,
            connect_s=min(CONNECT_S, request.timeout_s),
            idle_s=request.timeout_s,
            total_s=request.timeout_s,
        )
        try:
            headers = headers_for(request.url, self._candidates) | self._client.proof(SCOPE, request.url)
            reply = await self._client.send(
                request.method, request.url, request.body, bounds, headers=headers, repeatable=True
            )
            self._client.check_taken(reply)  # else the node itself would seem to be refused
        except HttpFailure as failure:
            reason = f"{failure.reason} ({request.method} {urlsplit(request.url).path})"
            actions = self._machine.handle_failure(self._now(), request.serial, reason)
        else:
            answer = Answer(reply.status, reply.content_type, reply.headers.get("location"), reply.body)
            actions = self._machine.handle_answer(self._now(), request.serial, answer)
        self._request = None  # done: what follows is not to cancel this very task
        self._do(actions)

    def _cancel(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.cancel()

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (when := self._machine.get_timer()) is not None:
            self._timer = asyncio.get_running_loop().call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._do(self._machine.handle_timer(self._now()))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


__all__ = ["Registering", "State", "Status"]
