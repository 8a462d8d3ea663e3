"""Discovery as one part of the box: announced, registered, looking for peers, and re-homed when the network changes."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from appliance.config.model import DiscoveryConfig, DiscoveryMode
from appliance.core.store import Change, Store
from appliance.core.types import Clock, Kind
from appliance.discovery.brokers import MQTT_TYPE, Brokers
from appliance.discovery.contact import Myself
from appliance.discovery.limits import DEFAULT_LIMITS
from appliance.discovery.manifests import ManifestCache
from appliance.discovery.names import addresses_of
from appliance.discovery.naming import host_name, instance_label
from appliance.discovery.own import OwnSenders
from appliance.discovery.peers import PeerCache
from appliance.discovery.world import World
from appliance.edge.announcing import Announcing, Identity
from appliance.edge.browsing import ServiceBrowsing
from appliance.edge.client import HttpClient
from appliance.edge.files import StateDirectory, StateWriter
from appliance.edge.manifests import Manifests
from appliance.edge.mdns import Mdns
from appliance.edge.peer_file import PeerFile
from appliance.edge.peering import Peering
from appliance.edge.query_feed import QueryFeed
from appliance.edge.registering import Registering
from appliance.edge.slices import Slices
from appliance.edge.system_api import SystemApi
from appliance.edge.tls import Tls
from appliance.edge.unicast_dns import UnicastDns
from appliance.network.model import NetworkState
from appliance.network.ranges import Ranges
from appliance.network.roles import announced_addresses, multicast_addresses, multicast_links
from appliance.panel.health import Feed
from appliance.system.lean import loading_client

if TYPE_CHECKING:
    from appliance.config.authorization import AuthorizationConfig
    from appliance.edge.authorizing import Authorizing
    from appliance.edge.eventing import Eventing
    from appliance.edge.front import Front
    from appliance.edge.query_local import LocalQuery
    from appliance.edge.server import HttpServer

log = logging.getLogger(__name__)

NO_MULTICAST = "multicast does not work on this box's network now, so nobody finds it and it finds nobody"


@dataclass(frozen=True, slots=True)
class Home:
    """Where the box lives just now: its host name, port, the addresses that others reach it by (the control address
    first), those it is reached by at all, and those of the interfaces on which mDNS is spoken. ``links`` names those of
    these that have a cable."""

    hostname: str
    port: int
    announced: tuple[str, ...]
    all: tuple[str, ...]
    multicast: tuple[str, ...]
    links: frozenset[str] = frozenset()


def home_at(state: NetworkState, port: int) -> Home:
    return Home(
        hostname=socket.gethostname(),
        port=port,
        announced=announced_addresses(state),
        all=tuple(address.ip for interface in state.interfaces.values() for address in interface.addresses),
        multicast=multicast_addresses(state),
        links=multicast_links(state),
    )


class Discovering:
    """``on_feed`` hears what fills the menu, whenever that changes."""

    def __init__(
        self,
        config: DiscoveryConfig,
        store: Store,
        world: World,
        clock: Clock,
        kept: tuple[StateDirectory, StateWriter],
        manifests: ManifestCache,
        on_feed: Callable[[Feed], None],
        tls: Tls,
    ) -> None:
        self._config, self._tls = config, tls
        self._store = store
        self.world = self._world = world
        self._clock = clock
        self._on_feed = on_feed
        limits = replace(DEFAULT_LIMITS, peers=config.max_peers, resources_per_peer=config.max_resources_per_peer)
        cache = PeerCache(
            world, config.api_versions, random.random, limits=limits, allow_local=config.allow_local, kinds=Kind
        )
        self.policy = lambda: cache.policy
        self.addresses_of = partial(addresses_of, cache)
        self._cache = cache
        self._client = HttpClient(tls)
        self.mdns = self._mdns = Mdns(self._on_usable)
        self._announcing = Announcing(store, self._mdns, config.mode, config.api_versions, tls.scheme)
        self._peering = Peering(world, cache, self._mdns, self._client, clock)
        self.registering = Registering(config, store, self._mdns, self._client, self._announcing.on_registered)
        self.system = SystemApi(config, store, self._mdns, self._client)
        self._renewing = Slices()
        self._own = OwnSenders(store, world, self._renewing.run)
        self._kept = kept
        self._file = PeerFile(*kept, world, cache)
        self.query_feed = QueryFeed(
            config, world, clock, self._mdns, self._client, self._peering, self.policy, self._on_switch
        )
        self._on_switched: Callable[[], None] = lambda: None
        self._browsing_brokers: ServiceBrowsing | None = None
        self._usable = True
        self._feed = Feed()
        self.manifests = Manifests(world, cache, self._client, manifests, self._peering.doubt)
        self._home: Home | None = None
        self.tokens: Authorizing | None = None
        """Where there is authorization."""
        self._moving: set[asyncio.Task[None]] = set()
        self._unsubscribe: Callable[[], None] = lambda: None

    def authorize(
        self, config: AuthorizationConfig, server: HttpServer, front: Front, eventing: Eventing | None
    ) -> None:
        """Before the start: want tokens of others, and get one, where the configuration has it so."""
        if not config.enabled:
            return
        from appliance.edge.authorizing import PART, Authorizing

        parts = (self._mdns, self._client, self._kept)
        self.tokens = self._client.tokens = tokens = Authorizing(config, self._config, self._store, *parts)
        server.tokens = tokens.guard(front.names)
        if eventing is not None:
            eventing.tokens = tokens
        tokens.on_problem = lambda problem: front.menu.set_problem(PART, problem)
        for part in (self.registering, self.system, self.query_feed):
            tokens.subscribe(part.look_again)
        self._announcing.authorize()

    def local_query(self, source_id: str) -> LocalQuery:
        """The local Query API over what this discovers; to be mounted once. What it needs is loaded now."""
        from appliance.edge.query_local import LocalQuery

        local = LocalQuery(
            self._world.catalogue,
            self._clock,
            source_id,
            self._config.api_versions,
            self._client,
            self.query_feed.sockets,
            self.query_feed,
            self.policy,
        )
        self._on_switched = local.switched
        return local

    def allow(self, contact: Ranges) -> None:
        """Where controllers may send this box from now on."""
        self._cache.policy = replace(self._cache.policy, contact=contact)

    def look_for_brokers(self, brokers: Brokers, on_news: Callable[[], None]) -> None:
        """Keep this table up, from the start on. ``on_news``: another may be the best now."""
        if self._browsing_brokers is not None:
            return
        self._browsing_brokers = ServiceBrowsing(
            brokers, (MQTT_TYPE,), self._mdns, UnicastDns(self._config.domain), lambda _: on_news()
        )
        if self._home is not None and self._config.mode is not DiscoveryMode.OFF:
            self._browsing_brokers.start()

    @property
    def fetches(self) -> tuple[int, int]:
        """How many times a peer was asked for a list, with and without success."""
        return self._peering.fetches_answered, self._peering.fetches_failed

    def warm_up(self) -> Iterator[None]:
        """What the first fetch would wait for."""
        return iter(()) if self._config.mode is DiscoveryMode.OFF else loading_client()

    async def start(self, home: Home) -> None:
        """Announce this box and look for others, as far as the configuration wants it."""
        self._home = home
        self._own.start()
        if self._client.tokens is not None:
            self._client.tokens.start()
        if self._config.mode is DiscoveryMode.OFF:
            self._on_feed(Feed("off"))
            return
        await self._file.load(self._peering.restore)
        self._file.start()
        self._announcing.start(self._identity(home))
        self._peering.start(self._myself(home))
        self._unsubscribe = self._store.subscribe(self._on_change)
        self.system.start()
        self.registering.subscribe(self._tell_feed)
        self.registering.start()
        self.query_feed.start()
        if self._browsing_brokers is not None:
            self._browsing_brokers.start()
        await self._mdns.start(home.multicast, home.links)

    async def stop(self) -> None:
        """Say goodbye on the network and end every request."""
        self._unsubscribe()
        self._own.stop()
        self._renewing.stop()
        if self._browsing_brokers is not None:
            await self._browsing_brokers.stop()
        await self.query_feed.stop()
        await self.registering.stop()
        await self.system.stop()
        await self._file.stop()
        self._announcing.stop()
        for task in tuple(self._moving):
            task.cancel()
        await asyncio.gather(*self._moving, return_exceptions=True)
        await self._peering.stop()
        if self._client.tokens is not None:
            await self._client.tokens.stop()
        await self._mdns.stop()
        await self._client.close()

    def network_changed(self, home: Home) -> None:
        """Addresses came or went: announced, listened on and kept from oneself are the new ones. Or a cable came."""
        before, self._home = self._home, home
        if before == home or self._config.mode is DiscoveryMode.OFF:
            return
        self._peering.myself_changed(self._myself(home))
        self._announcing.identity_changed(self._identity(home))
        moving = asyncio.ensure_future(self._mdns.network_changed(home.multicast, home.links))
        self._moving.add(moving)
        moving.add_done_callback(self._moving.discard)

    def _on_change(self, change: Change) -> None:
        if self._home is not None and Kind.NODE in change.kinds():
            self._announcing.identity_changed(self._identity(self._home))

    def _on_usable(self, usable: bool) -> None:
        self._announcing.on_usable(usable)
        self._usable = usable
        self._tell_feed()

    def _on_switch(self) -> None:
        self._on_switched()
        self._tell_feed()

    def _tell_feed(self) -> None:
        """How this node is announced, and what feeds the menu: two things that do not depend on each other."""
        mode = "registered" if self.registering.registered else "peer-to-peer"
        if self.query_feed.active:
            candidate = self.query_feed.candidate
            source = f"Query API {candidate.name}" if candidate else "Query API"
            feed = Feed(mode, source, self.query_feed.last_error)
        else:
            feed = Feed(mode, "mDNS", "" if self._usable else NO_MULTICAST)
        if feed != self._feed:
            self._feed = feed
            self._on_feed(feed)

    def _identity(self, home: Home) -> Identity:
        return Identity(instance_label(self._store.node["label"]), self._server(home), home.port, home.announced)

    def _myself(self, home: Home) -> Myself:
        return Myself(self._store.node["id"], frozenset(home.all), home.port, self._server(home))

    def _server(self, home: Home) -> str:
        # A name of the certificate (BCP-003-01 DNS-SD: Server); nobody can verify another.
        return f"{self._tls.name}." if self._tls.name else host_name(home.hostname, self._store.node["id"])
