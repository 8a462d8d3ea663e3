"""The front panel's parts, and what they are made of: the menu, its events, its API, auto-route."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping

from appliance.config.model import EndpointConfig
from appliance.config.panel import PanelConfig
from appliance.core.store import Store
from appliance.core.types import Clock
from appliance.discovery.naming import host_name
from appliance.discovery.world import World
from appliance.edge.lldp import Neighbours
from appliance.edge.panel_events import PanelEvents
from appliance.edge.routing import AutoRouting
from appliance.edge.salvo import together
from appliance.edge.secrets import Scrypt
from appliance.network.model import Network
from appliance.panel.annotations import AnnotationApi
from appliance.panel.api import PanelApi, Take
from appliance.panel.favourites import keep_favourites
from appliance.panel.guard import Guard
from appliance.panel.kept import Defaults
from appliance.panel.menu import MenuModel
from appliance.panel.network_api import NetworkApi, Ptp
from appliance.panel.operating import OperatingApi, forget_pin
from appliance.web.site import Site


class Front:
    """``configs`` are those of the senders and receivers by id, always as they are now."""

    def __init__(
        self,
        panel: PanelConfig,
        configs: Mapping[str, EndpointConfig],
        store: Store,
        world: World,
        clock: Clock,
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        self._store, self._world, self._clock = store, world, clock
        self._defaults = Defaults(panel.confirm, configs)
        if panel.forget_pin:
            forget_pin(store)
        self.menu = MenuModel(store, world, clock, later, defaults=self._defaults)
        keep_favourites(self.menu, store)
        self.events = PanelEvents(self.menu, clock)
        self._scrypt = Scrypt()
        self._panel = panel
        self.guard = Guard(
            lambda: _names(panel, store), lambda: self.menu.panel.locked, panel.password, self._scrypt, clock
        )

    def names(self) -> set[str]:
        """What tokens may call this box: as the panel is called, and as the node says that it is reached."""
        endpoints = self._store.node["api"]["endpoints"]
        return _names(self._panel, self._store) | {endpoint["host"] for endpoint in endpoints}

    def declare(
        self, site: Site, take: Take, restore_labels: Callable[[], None], network: Network, lldp: Neighbours, ptp: Ptp
    ) -> None:
        panel = PanelApi(self.menu, self._store, self._clock, take)
        panel.declare(site)
        self.guard.declare(site)
        AnnotationApi(self._store, restore_labels, panel.check_unlocked).declare(site)
        OperatingApi(self.menu, self._store, self._clock, self._defaults, panel, together, self._scrypt).declare(site)
        NetworkApi(network.snapshot, lambda: lldp.seen, ptp).declare(site)

    def auto_routing(self, take: Take, manifest_of: Callable[[str], Awaitable[str]]) -> AutoRouting:
        parts = (self.menu, self._store, self._world, self._clock, self._defaults)
        return AutoRouting(*parts, take, manifest_of)


def _names(panel: PanelConfig, store: Store) -> set[str]:
    """What the box is called: its host name, as it is and in mDNS, what it announces, and what is configured."""
    host = socket.gethostname()
    short = host.partition(".")[0]
    announced = host_name(host, store.node["id"]).removesuffix(".")
    told = (endpoint["host"] for endpoint in store.node["api"]["endpoints"])  # over TLS: the certificate's name
    return {host, short, f"{short}.local", announced, *told, *panel.names}
