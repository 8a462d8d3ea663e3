"""The parts list: what the box is made of, how it is wired, in which order it starts and stops.

Nothing here decides anything. Start: what was kept is read, the network is looked at, the store filled; then the Node
API answers. Only then the other parts are loaded and wired, each ``_wire_`` importing what it wires: to load all of the
box takes longer than anything else. What they are to answer waits for them. Then streams, mDNS and peers come up.
Stop is the reverse, with a time limit for each part. A part whose task dies takes the process down: systemd brings it
back with its state, and nobody has to guess what half a box would do.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.core.ids import Identities
from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.edge.connecting import ActivationTimer, WarmUp
from appliance.edge.files import StateDirectory, StateWriter
from appliance.edge.host_network import open_host_network
from appliance.edge.kernel_settings import rp_filter
from appliance.edge.lldp import Neighbours
from appliance.edge.process import environment
from appliance.edge.ptp import Ptp
from appliance.edge.serving import Serving
from appliance.edge.slices import Slices
from appliance.edge.tls import Tls
from appliance.errors import ApplianceError
from appliance.network.live import LiveNetwork
from appliance.network.model import NetworkState
from appliance.network.ranges import Ranges
from appliance.network.roles import all_addresses
from appliance.nmos.is04.build import Builder, Host
from appliance.nmos.is05.connections import Connections
from appliance.nmos.is05.endpoint import Endpoint, endpoints
from appliance.nmos.is05.groups import Groups
from appliance.nmos.is05.transportfile import TransportFiles
from appliance.system import collector
from appliance.system.allocator import Allocator
from appliance.system.board import serial_number
from appliance.system.clock import SystemClock
from appliance.system.stops import Stop, Stops
from appliance.system.turns import Turns
from appliance.web.site import Site

if TYPE_CHECKING:
    from appliance.discovery.brokers import Brokers
    from appliance.discovery.manifests import ManifestCache
    from appliance.edge.discovering import Home

log = logging.getLogger(__name__)

BREATH_S = 0.001
"""Between two of the parts that are loaded after the first: for who asks meanwhile."""


class Appliance:
    """One box. ``serve``, ``start`` and ``stop`` once; ``port`` is where it answers."""

    def __init__(
        self, config: Config, state_dir: Path, turns: Turns | None = None, load: Callable[[], Config] | None = None
    ) -> None:
        """``load`` reads the configuration again; without it the box has nothing to reload."""
        self._config = config
        self._load = load or (lambda: config)
        self._turns = turns
        self._stops = Stops()
        self.tls = Tls(config.tls)
        self.clock = SystemClock()
        self.store = Store(self.clock)
        self.site = Site()
        self.port = config.network.http_port
        self.by_id: dict[str, Endpoint] = {}
        self.configs: dict[str, SenderConfig | ReceiverConfig] = {}
        self._open(state_dir)
        self._wire_connections()
        self._wire_node()

    # ---- what it is made of

    def _open(self, state_dir: Path) -> None:
        """What was kept, and the network as it is now."""
        self.directory = StateDirectory(state_dir)
        kept = self.directory.open()
        assert kept.seed is not None
        self.identities = Identities(kept.seed)
        self.store.restore(kept.resources(), kept.aspects())
        self.writer = StateWriter(self.directory, self.store, kept.seed)
        self.network = open_host_network(self._config.network)
        self.ptp = Ptp(self._config.network.ptp_sockets)
        self.ptp.open()
        self.lldp = Neighbours(environment(os.environ))
        self.store.subscribe(self.writer.on_change)
        self.builder = Builder(self._config, self.identities, serial_number())
        self.rehoming, self.moving = Slices(), Slices(0.0)
        self._relabel = False
        self._populate("start")

    def _configured(self, endpoints: tuple[Endpoint, ...]) -> None:
        """The senders and receivers that there are now. The parts have these very tables, which a reload fills anew."""
        self.endpoints = endpoints
        self.by_id.clear()
        self.by_id.update({endpoint.id: endpoint for endpoint in self.endpoints})
        self.configs.clear()
        self.configs.update({endpoint.id: endpoint.config for endpoint in self.endpoints})

    def _wire_connections(self) -> None:
        config = self._config.network
        self.live = live = LiveNetwork(self.network, rp_filter)
        self.activations = ActivationTimer()
        self.brokers: Brokers | None = None
        self.manifests: ManifestCache | None = None
        self._configured(endpoints(self._config, self.identities))
        self.connections = Connections(
            self.store,
            self.endpoints,
            live,
            Groups(config.multicast_pool, lambda: self.manifests.groups if self.manifests else frozenset()),
            self.clock,
            self.activations.rearm,
            lambda: self._config.events.mqtt_broker or (self.brokers.best() if self.brokers else None),
            config.return_after_s,
        )
        self.connections.start()
        self.files = TransportFiles(
            self.store, self.connections, live, ttl=config.multicast_ttl, ptp_domain=self.ptp.domain
        )

    def _wire_node(self) -> None:
        self.serving = Serving(self._config, self.store, self.site, self._settled, self.tls)
        self.node, self.server = self.serving.node, self.serving.server

    # ---- what is loaded while the Node API answers

    def _wire_media(self) -> None:
        from appliance.edge.drivers import Drivers
        from appliance.edge.media import Media
        from appliance.edge.multicast import Memberships

        # Without a registry that can be written every start of a pipeline would look through all plugins again.
        seen = environment(os.environ, GST_REGISTRY=str(self.directory.path / "gstreamer-registry.bin"))
        self.drivers = Drivers(self._config, seen, lambda: self.reloading.again())  # noqa: PLW0108 - there is none yet
        self.media = Media(
            self._config,
            self.configs,
            self.store,
            self.network,
            Memberships(),
            self.drivers.engines,
            seen,
            lambda id: self.files.sdp_if_any(self.by_id[id]),
        )

    def _wire_panel(self) -> None:
        from appliance.discovery.world import World
        from appliance.edge.front import Front
        from appliance.edge.reloading import Reloading
        from appliance.system.service import Service

        self.world = World(self.clock.tai_ns)
        parts = (self.store, self.world, self.clock, self._later)
        self.front = Front(self._config.panel, self.configs, *parts)
        self.menu, self.events = self.front.menu, self.front.events
        self.menu.set_first(self._first_receiver())
        self.writer.on_problem = lambda problem: self.menu.set_problem("state", problem)
        self.writer.on_problem(self.writer.problem)
        self.service = Service(self.menu, lambda: self.port)
        self.reloading = Reloading(self._config, self._load, self._apply, self.menu, self.service, self.tls.renew)

    def _first_receiver(self) -> str | None:
        name = self._config.panel.receiver
        return None if name is None else self.identities.of(Kind.RECEIVER, name)

    def _wire_discovery(self) -> None:
        from appliance.discovery.brokers import Brokers
        from appliance.discovery.manifests import ManifestCache
        from appliance.edge.discovering import Discovering
        from appliance.edge.extras import Around, Extras
        from appliance.edge.takes import Takes

        self.brokers = Brokers(allow_local=self._config.discovery.allow_local)
        self.manifests = ManifestCache()
        discovery = self._config.discovery
        kept = (self.directory, self.writer)
        self.discovering = Discovering(
            discovery, self.store, self.world, self.clock, kept, self.manifests, self.menu.set_feed, self.tls
        )
        files = self.discovering.manifests
        self.discovering.allow(Ranges(self._config.access.contact))
        self.takes = Takes(self.store, self.world, self.connections, self.files, files.of, files.at, files.leg)
        parts = (self.store, self.identities, self.clock, self.configs, self.connections, self.brokers)
        around = Around(*parts, self.media, self.menu, self.takes, self.discovering, self.tls)
        self.extras = Extras(around, self._config, self.endpoints)

    def _wire_apis(self) -> None:
        from appliance.edge.lookout import Lookout
        from appliance.edge.meter_events import MeterEvents
        from appliance.edge.observing import Watched, declare
        from appliance.edge.panel_events import PATH as EVENTS_PATH
        from appliance.edge.reconfiguring import Parts, Reconfiguring
        from appliance.edge.static_files import static_files
        from appliance.nmos.is05.api import ConnectionApi
        from appliance.panel.explain import ExplainApi
        from appliance.panel.pages import declare_pages
        from appliance.panel.reload import ReloadApi

        ConnectionApi(self.connections, self.files).mount(self.site)
        host = (self.network, self.lldp, self.ptp)
        self.front.declare(self.site, self.takes.take, self._restore_labels, *host)
        ReloadApi(self.reloading.reload).declare(self.site)
        seen = (self.store, self.network, self.connections.commitments, self.media)
        self.lookout = Lookout(self._config, self.configs, *seen, self.menu, self.discovering)
        following = (self.store, self.identities, self.connections, self.media, self.extras, self.lookout, self.menu)
        self.reconfiguring = Reconfiguring(Parts(*following, self.site.ready, self._configured, self._host))
        ExplainApi(self.menu, self.store, self.by_id, self.live, self.lookout.inspector).declare(self.site)
        declare_pages(self.site, static_files())
        self.discovering.authorize(self._config.authorization, self.server, self.front, self.extras.eventing)
        self.server.stream(EVENTS_PATH, self.events.handle)
        self.extras.mount(self.site, self.server)
        self.meters = MeterEvents(self.store, self.clock, self.media).mount(self.site, self.server)
        parts = (self.store, self.world, self.menu, self.site, self.server, self.media, self.writer)
        declare(Watched(*parts, self.discovering, self.network, self._turns, self.tls, lambda: self.extras.eventing))

    # ---- its life

    async def serve(self) -> None:
        """Let the Node API answer, and make all other parts."""
        self._stops.append(("the state directory", self.directory.close))
        self._stops.append(("the network", self.network.close))
        self.port = await self._listen(self._config.network.http_port)
        if self.port != self._config.network.http_port:
            self._populate("port")
            self.connections.network_changed()
        self._started("the state writer", self.writer.start, self.writer.stop)
        self._stops.append(("the server", self.server.stop))
        for wire in (self._wire_media, self._wire_panel, self._wire_discovery, self._wire_apis):
            await asyncio.sleep(BREATH_S)
            wire()

    async def start(self) -> None:
        """Begin all that the box does by itself, then let the other APIs answer."""
        self.store.reset_counters()
        self._stops.append(("the panel's streams", self._close_streams))
        self.media.subscribe(self.menu.set_stream)
        self._started("the channel map", self.extras.start_channels, self.extras.stop_channels)
        self._started("the drivers", lambda: self.drivers.start(self._config), self.drivers.stop)
        self._started("the streams", self.media.start, self.media.stop)
        self._started("events", self.extras.start_events, self.extras.stop_events)
        self._started("scheduled activations", lambda: self.activations.start(self.connections), self.activations.stop)
        mapping = self.extras.channels.map.warm_up() if self.extras.channels else ()
        fetches = self.discovering.warm_up()
        warm_up = WarmUp(chain(self.site.warm_up(), self.connections.warm_up(), self.node.warm_up(), mapping, fetches))
        self._started("the first requests", warm_up.start, warm_up.stop)
        self._started("the network's events", self._follow_network, self._stay)
        self._started("traps", self.lookout.start, self.lookout.stop)
        routing = self.front.auto_routing(self.takes.take, self.discovering.manifests.of)
        self._started("auto-route", routing.start, routing.stop)
        self._started("the PTP clock", lambda: self.ptp.start(self._rehome), self.ptp.stop)
        self._started("the LLDP neighbours", lambda: self.lldp.start(self._rehome), self.lldp.stop)
        self._stops.append(("discovery", self.discovering.stop))
        await self.discovering.start(self._home())
        self._serve_query()
        self._started("the service manager", self.service.start, self.service.stop)
        self._started("certificates", lambda: self.tls.start(self.menu, self._readdress), self.tls.stop)
        self._started("reloading", self.reloading.start, self.reloading.stop)
        self.serving.open(self.front.guard, self.takes.target)
        self._stops.append(("the service manager's word", self.service.stopping))
        collector.work()
        memory = Allocator()
        self._started("giving memory back", memory.start, memory.stop)
        node = self.store.node
        log.info("nmos-appliance %s: %s (%s) answers at %s", __version__, node["label"], node["id"], node["href"])

    async def stop(self) -> None:
        await self._stops.stop()

    def _started(self, name: str, start: Callable[[], object], stop: Stop) -> None:
        start()
        self._stops.append((name, stop))

    async def _listen(self, port: int) -> int:
        try:
            return await self.server.listen(None, port)
        except OSError as error:
            raise ApplianceError(f"port {port} cannot be had: {error.strerror}; --http-port names another") from error

    def _serve_query(self) -> None:
        """Not before all else is there: loading it takes 20 ms, and the first answer is another one."""
        query = self.discovering.local_query(self.identities.of(Kind.NODE, "query"))
        self._started("the local Query API", lambda: query.mount(self.site, self.server), query.close)

    def _close_streams(self) -> None:
        self.events.close()
        self.meters.close()

    # ---- wires that are more than one name

    async def _apply(self, config: Config) -> None:
        """A reload."""
        self._config = config
        self.network.assign(config.network.interfaces, config.network.control)
        now = dict(self.by_id)
        self.builder = await self.reconfiguring.follow(config, self.drivers.offered, self.builder, now)
        await asyncio.sleep(0)  # a turn of the loop for each of what is left
        await self.extras.follow(self.endpoints)
        await asyncio.sleep(0)
        self.menu.set_first(self._first_receiver())
        self.serving.restrict(config.access)
        self.discovering.allow(Ranges(config.access.contact))
        if self._relabel:
            self._restore_labels()
        self._rehome()
        await asyncio.sleep(0)

    def _populate(self, cause: str) -> None:
        self.builder.populate(self.store, self._host(), cause)

    def _host(self) -> Host:
        state = self.network.snapshot()
        places = self.tls.places(all_addresses(state))
        seen = (self.ptp.clock, self.lldp.seen, self.tls.scheme)
        return Host(socket.gethostname(), places, self.port, state, *seen)

    def _home(self) -> Home:
        from appliance.edge.discovering import home_at

        return home_at(self.network.snapshot(), self.port)

    def _restore_labels(self) -> None:
        self._relabel = self.reconfiguring.midway
        if not self._relabel:
            self._populate("labels")

    def _follow_network(self) -> None:
        self.network.subscribe(self._on_network)
        self.network.watch()

    def _stay(self) -> None:
        self.moving.stop()
        self.rehoming.stop()

    def _rehome(self) -> None:
        if not self.reconfiguring.midway:  # it ends with this
            self.rehoming.run(self.builder.rehome(self.store, self._host(), "host"))

    def _on_network(self, _state: NetworkState) -> None:
        self._readdress()

    def _readdress(self) -> None:
        """Others have to call the box otherwise now: at other addresses, or as its new certificates do."""
        self.moving.run(self._move())

    def _move(self) -> Iterator[None]:
        """What follows from another network, a turn of the loop each: what the node has, what uses it, what is told."""
        yield
        self._rehome()
        yield
        self.connections.network_changed()
        yield
        self.discovering.network_changed(self._home())

    def _later(self, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(call)

    async def _settled(self, id: str) -> None:
        await self.media.settled(id, 1.0)
