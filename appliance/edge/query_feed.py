"""The menu's feed at work: finds the network's Query API, subscribes to everything, and lets it take the peers' place.

Which of them feeds is decided in discovery/feed.py; what a Query API told becomes the world in network_view.py.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable, Iterable

from appliance.config.model import DiscoveryConfig, DiscoveryMode
from appliance.core.types import Clock, Kind
from appliance.discovery.contact import ContactPolicy
from appliance.discovery.feed import (
    Action,
    Connect,
    Disconnect,
    FeedMachine,
    FeedState,
    Forget,
    Say,
    UseNetwork,
    UsePeers,
)
from appliance.discovery.limits import DEFAULT_LIMITS
from appliance.discovery.network_view import NetworkView, Work
from appliance.discovery.peers import MENU_KINDS
from appliance.discovery.registration.services import Candidate, Place
from appliance.discovery.world import NETWORK, World
from appliance.edge.browsing import ServiceBrowsing, api_services
from appliance.edge.client import Bounds, HttpClient, HttpFailure
from appliance.edge.mdns import Mdns
from appliance.edge.peering import Peering
from appliance.edge.unicast_dns import UnicastDns
from appliance.edge.websocket import MESSAGE_BYTES, OpenedSocket, SocketClient, socket_url
from appliance.errors import BadRequest
from appliance.nmos.query import BASE
from appliance.system.trouble import component

QUERY_TYPE = "_nmos-query._tcp.local."
SCOPE = "query"
UPDATE_RATE_MS = 100
QUIET_S = 0.3
"""When every subscription has told something and then nothing for so long, it has told what there is."""
EMPTY_S = 1.0
"""A subscription to what there is none of tells nothing; so long is waited for it."""
TOLD_S = 5.0
"""On a network that is never quiet: so long after it was asked, it has told what there is."""
_BOUNDS = Bounds(connect_s=2.5, total_s=5.0)

_log = logging.getLogger(__name__)


class QueryFeed:
    """``on_switch`` hears whenever something else feeds, or the feed is in another state."""

    def __init__(
        self,
        config: DiscoveryConfig,
        world: World,
        clock: Clock,
        mdns: Mdns,
        client: HttpClient,
        peering: Peering,
        policy: Callable[[], ContactPolicy],
        on_switch: Callable[[], None],
    ) -> None:
        self._config = config
        self._world = world
        self._clock = clock
        self._client = client
        self._peering = peering
        self._policy = policy
        self._on_switch = on_switch
        self.sockets = SocketClient(client.tls)
        self._machine = FeedMachine(random.random)
        self._services = api_services(config.api_versions, config, client, SCOPE)
        self._browsing = ServiceBrowsing(self._services, (QUERY_TYPE,), mdns, UnicastDns(config.domain), self._on_news)
        self._told: tuple[FeedState, Candidate | None] = (FeedState.PEERS, None)
        self._attempts: dict[int, _Attempt] = {}
        self._view: NetworkView | None = None
        self._steps: asyncio.Queue[Callable[[], Work | None]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # ---- reading

    @property
    def active(self) -> bool:
        """Whether the network's Query API feeds, or went only just now."""
        return self._machine.state in (FeedState.NETWORK, FeedState.RETURNING)

    @property
    def candidate(self) -> Candidate | None:
        """The Query API that feeds."""
        return self._machine.candidate

    @property
    def last_error(self) -> str:
        """What is wrong with the Query API that feeds, or should; empty while all is well or there is none."""
        return self._machine.last_error

    # ---- life

    def start(self) -> None:
        """Look for Query APIs, where the configuration wants anything but peers."""
        if self._config.mode not in (DiscoveryMode.AUTO, DiscoveryMode.REGISTERED):
            return
        self._worker = component(self._work(), "query feed")
        self._browsing.start()

    async def stop(self) -> None:
        """End every connection. What was told stays in the world."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await self._browsing.stop()
            if self._timer is not None:
                self._timer.cancel()
            tasks = [worker, *(attempt.task for attempt in self._attempts.values())]
            self._attempts.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self.sockets.close()

    def look_again(self) -> None:
        """There may be a token now."""
        if self._worker is not None:
            self._on_news(frozenset())

    # ---- in

    def _on_news(self, announced: frozenset[str]) -> None:
        if not self._client.may_ask(SCOPE) and not self.active:
            return
        candidates = self._services.candidates(self._own_places())
        self._do(self._machine.handle_candidates(self._now(), candidates, announced))

    def _own_places(self) -> set[Place]:
        me = self._policy().me
        return set() if self._config.allow_local else {(ip, me.port) for ip in me.addresses}

    def _on_synced(self, attempt: int) -> None:
        self._do(self._machine.handle_synced(self._now(), attempt))

    def _on_lost(self, attempt: int, reason: str) -> None:
        ended = self._attempts.pop(attempt, None)
        if ended is None:
            return
        self._do(self._machine.handle_lost(self._now(), attempt, reason))
        if ended.candidate.instance is not None:
            self._browsing.reconfirm(ended.candidate.instance)

    def _on_timer(self) -> None:
        self._timer = None
        self._do(self._machine.handle_timer(self._now()))

    # ---- out

    def _do(self, actions: Iterable[Action]) -> None:
        if self._worker is None:
            return
        for action in actions:
            match action:
                case Connect(attempt, candidate):
                    self._attempts[attempt] = _Attempt(self, attempt, candidate)
                case Disconnect(attempt):
                    self._attempts.pop(attempt).task.cancel()
                case UseNetwork(attempt):
                    self._view = self._attempts[attempt].view
                    # First it is there, then the peers go: whoever is chosen stays.
                    self._steps.put_nowait(self._view.entering)
                    self._steps.put_nowait(self._peering.pause)
                case UsePeers():
                    self._steps.put_nowait(self._peering.resume)
                    self._steps.put_nowait(self._losing)
                case Forget():
                    self._steps.put_nowait(self._forget)
                case Say(level, text):
                    _log.log(level, "%s", text)
        self._rearm()
        now = self._machine.state, self._machine.candidate
        if now != self._told:
            self._told = now
            self._on_switch()

    def _losing(self) -> Work | None:
        return None if self._view is None else self._view.losing(self._clock.tai_ns())

    def _forget(self) -> None:
        self._view = None
        self._world.remove_peer(NETWORK)

    async def _work(self) -> None:
        """One step after the other, each in slices."""
        while True:
            step = await self._steps.get()
            work = step()
            if work is not None:
                for _ in work:
                    await asyncio.sleep(0)

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (when := self._machine.get_timer()) is not None:
            self._timer = asyncio.get_running_loop().call_at(when, self._on_timer)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    # ---- for the attempts

    async def connect(self, candidate: Candidate, version: str, kind: Kind) -> OpenedSocket:
        """Subscribe to a kind; :class:`HttpFailure` says why that does not work."""
        params = {} if version == "v1.0" else {"query.downgrade": "v1.0"}
        url = f"{candidate.url}{BASE}/{version}/subscriptions"
        headers = candidate.headers | self._client.proof(SCOPE, url)
        reply = await self._client.send("POST", url, _subscription(kind, params), _BOUNDS, headers=headers)
        if reply.status in (400, 501) and params:  # it does not know downgrades
            reply = await self._client.send("POST", url, _subscription(kind, {}), _BOUNDS, headers=headers)
        self._client.check_taken(reply)
        if reply.status not in (200, 201):
            raise HttpFailure(f"it answers {reply.status} to a subscription", reached=True)
        try:
            href = json.loads(reply.body)["ws_href"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise HttpFailure("its subscription has no ws_href", reached=True) from error
        where, headers = socket_url(href, candidate, self._policy())
        headers |= self._client.proof(SCOPE, where)
        return await self.sockets.connect(where, headers, MESSAGE_BYTES, _BOUNDS.connect_s)

    def new_view(self, candidate: Candidate, version: str) -> NetworkView:
        return NetworkView(self._world, candidate, version, DEFAULT_LIMITS)

    def tai_ns(self) -> int:
        return self._clock.tai_ns()

    def synced(self, attempt: int) -> None:
        self._on_synced(attempt)

    def lost(self, attempt: int, reason: str) -> None:
        self._on_lost(attempt, reason)


class _Attempt:
    """One connection to one Query API, a WebSocket for each kind, until any of them ends."""

    def __init__(self, feed: QueryFeed, number: int, candidate: Candidate) -> None:
        self.candidate = candidate
        self._feed = feed
        self._number = number
        self._version = candidate.version or "v1.3"
        self.view = feed.new_view(candidate, self._version)
        self._heard: set[Kind] = set()
        self._busy = 0
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._run(), name=f"query feed from {candidate.name}")

    async def _run(self) -> None:
        try:
            reason = await self._follow()
        except HttpFailure as failure:
            reason = failure.reason
        except BadRequest as error:
            reason = f"what it tells is no data Grain: {error.message}"
        self._feed.lost(self._number, reason)

    async def _follow(self) -> str:
        """Follow all subscriptions; why the first of them ended."""
        sockets: dict[Kind, OpenedSocket] = {}
        tasks: list[asyncio.Task[str | None]] = []
        try:
            for kind in MENU_KINDS:
                sockets[kind] = await self._feed.connect(self.candidate, self._version, kind)
                tasks.append(asyncio.create_task(self._read(kind, sockets[kind])))
            settling = asyncio.create_task(self._settle())
            tasks.append(settling)
            pending = set(tasks)
            while True:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if (reason := task.result()) is not None:
                        return reason
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(socket.close() for socket in sockets.values()))

    async def _read(self, kind: Kind, socket: OpenedSocket) -> str:
        async for text in socket.messages():
            self._busy += 1
            for _ in self.view.applying(kind, text, self._feed.tai_ns()):
                await asyncio.sleep(0)
            self._busy -= 1
            self._heard.add(kind)
            self._news.set()
        return socket.ending

    async def _settle(self) -> None:
        """Wait until what there is has been told."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TOLD_S
        while loop.time() < end:
            self._news.clear()
            quiet_s = QUIET_S if len(self._heard) == len(MENU_KINDS) else EMPTY_S
            try:
                async with asyncio.timeout(quiet_s):
                    await self._news.wait()
            except TimeoutError:
                if not self._busy:
                    break
        self._feed.synced(self._number)


def _subscription(kind: Kind, params: dict[str, str]) -> dict[str, object]:
    return {
        "max_update_rate_ms": UPDATE_RATE_MS,
        "persist": False,
        "resource_path": f"/{kind.plural}",
        "params": params,
    }
