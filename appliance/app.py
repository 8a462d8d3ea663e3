"""The parts list: what the box is made of, how it is wired, in which order it starts and stops.

Nothing here decides anything. Start: what was kept is read, the network is looked at, the store filled; then the server
answers; then everything that needs longer (mDNS, pipelines, the panel's events) comes up, each by itself. Stop is the
reverse, with a time limit for each part. A part whose task dies takes the process down: systemd brings it back with its
state, and nobody has to guess what half of a box would do.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from appliance.config.model import Config
from appliance.core.ids import Identities
from appliance.core.store import Store
from appliance.core.types import Clock
from appliance.discovery.world import World
from appliance.edge.connecting import ActivationTimer
from appliance.edge.files import StateDirectory, StateWriter
from appliance.edge.host_network import open_host_network
from appliance.edge.server import HttpServer
from appliance.edge.takes import Takes
from appliance.errors import ApplianceError
from appliance.network.live import LiveNetwork
from appliance.network.model import NetworkState
from appliance.network.roles import all_addresses
from appliance.nmos.is04.api import NodeApi
from appliance.nmos.is04.build import Builder, Host
from appliance.nmos.is05.api import ConnectionApi
from appliance.nmos.is05.connections import Connections
from appliance.nmos.is05.endpoint import endpoints
from appliance.nmos.is05.groups import Groups
from appliance.nmos.is05.transportfile import TransportFiles
from appliance.system import logs
from appliance.system.clock import SystemClock
from appliance.system.systemd import Notifier
from appliance.web.messages import Answer
from appliance.web.site import Site

log = logging.getLogger(__name__)

STOP_LIMIT_S = 1.0
"""For each part; all of them together stay under the 5 s of the contract."""


class Appliance:
    """One box."""

    def __init__(self, config: Config, state_dir: Path, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._directory = StateDirectory(state_dir)
        self._notifier = Notifier()
        self._stops: list[tuple[str, Callable[[], Awaitable[None] | None]]] = []
        self.port = 0

    async def start(self) -> None:
        """Everything up to the first answer, then the rest."""
        config = self._config
        kept = self._directory.open()
        self._stops.append(("state directory", self._directory.close))
        assert kept.seed is not None
        identities = Identities(kept.seed)

        self._network = open_host_network(config.network)
        self._stops.append(("network", self._network.close))
        live = LiveNetwork(self._network)

        self._store = store = Store(self._clock)
        store.restore(kept.resources(), kept.aspects())
        self._builder = Builder(config, identities)
        self._timer = ActivationTimer()
        self._connections = Connections(
            store, endpoints(config, identities), live, Groups(config.network.multicast_pool), self._clock,
            self._timer.rearm,
        )  # fmt: skip
        files = TransportFiles(store, self._connections, live, ttl=config.network.multicast_ttl)
        writer = StateWriter(self._directory, store, kept.seed)
        store.subscribe(writer.on_change)

        world = World()
        takes = Takes(store, world, self._connections, files, _no_manifest, _no_manifest)
        site = Site()
        store.subscribe(site.ready.on_change)
        node_api = NodeApi(store, config.discovery.api_versions, takes.target)
        store.subscribe(node_api.on_change)
        site.route("/x-nmos", get=lambda request: Answer(["node/", "connection/"]))
        node_api.mount(site)
        ConnectionApi(self._connections, files).mount(site)

        self._populate("start")
        self._connections.start()
        store.reset_counters()

        server = HttpServer(site, self._settled)
        self.port = await server.listen(None, config.network.http_port)
        self._stops.append(("server", server.stop))
        if self.port != config.network.http_port:
            self._populate("port")
        writer.start()
        self._stops.insert(2, ("state", writer.stop))
        self._timer.start(self._connections)
        self._stops.append(("activations", self._timer.stop))
        self._network.watch()
        self._network.subscribe(self._on_network)
        self._notifier.ready()

    async def stop(self) -> None:
        self._notifier.stopping()
        for name, stop in reversed(self._stops):
            try:
                async with asyncio.timeout(STOP_LIMIT_S):
                    result = stop()
                    if result is not None:
                        await result
            except TimeoutError:
                log.warning("%s did not stop within %g s", name, STOP_LIMIT_S)
        self._notifier.close()

    def _populate(self, cause: str) -> None:
        state = self._network.snapshot()
        port = self.port or self._config.network.http_port
        self._builder.populate(self._store, Host(socket.gethostname(), all_addresses(state), port, state), cause)

    def _on_network(self, state: NetworkState) -> None:
        self._populate("network")
        self._connections.network_changed()

    async def _settled(self, id: str) -> None:
        return None


async def _no_manifest(name: str) -> str:
    raise ApplianceError("no")


def run(config: Config, *, http_port: int | None, state_dir: Path, interfaces: Sequence[str]) -> int:
    """Run a box until SIGTERM or SIGINT; the exit code."""
    logs.set_up()
    network = replace(
        config.network,
        http_port=config.network.http_port if http_port is None else http_port,
        interfaces=tuple(interfaces) or config.network.interfaces,
    )
    return asyncio.run(_run(Appliance(replace(config, network=network), state_dir)))


async def _run(box: Appliance) -> int:
    loop = asyncio.get_running_loop()
    leave = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave.set)
    try:
        await box.start()
        await leave.wait()
    finally:
        await box.stop()
    return 0
