"""Channel mapping and events: what a box has where its configuration says so, from the start or from a reload on.

A box without them has none of it, and loads none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.core.ids import Identities
from appliance.core.store import Store
from appliance.core.types import Clock
from appliance.discovery.brokers import Brokers
from appliance.edge.discovering import Discovering
from appliance.edge.media import Media
from appliance.edge.server import HttpServer
from appliance.edge.takes import Takes
from appliance.edge.tls import Tls
from appliance.nmos.is05.connections import Connections
from appliance.nmos.is05.endpoint import Endpoint
from appliance.panel.menu import MenuModel
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

if TYPE_CHECKING:
    from appliance.edge.channels import Channels
    from appliance.edge.eventing import Eventing


@dataclass(frozen=True, slots=True)
class Around:
    """What they are made of; ``configs`` by IS-04 id."""

    store: Store
    identities: Identities
    clock: Clock
    configs: Mapping[str, SenderConfig | ReceiverConfig]
    connections: Connections
    brokers: Brokers
    media: Media
    menu: MenuModel
    takes: Takes
    discovering: Discovering
    tls: Tls


class Extras:
    """Made for ``config`` and its ``endpoints``; mounted, then started and stopped with what depends on them."""

    def __init__(self, around: Around, config: Config, endpoints: Sequence[Endpoint]) -> None:
        self._around, self._config = around, config
        self._server: HttpServer | None = None
        self.channels = None if config.mapping is None else self._new_channels()
        self.eventing = self._new_eventing(endpoints) if _any_events(endpoints) else None

    @property
    def mapped(self) -> Channels | None:
        """Where channels were mapped, and still are to be."""
        return self.channels if self.channels and self.channels.on and self._config.mapping else None

    def mount(self, site: Site, server: HttpServer) -> None:
        self._site, self._server = site, server
        site.route("/x-nmos", get=self._apis)
        if self.channels is not None:
            self.channels.mount(site)
        if self.eventing is not None:
            self.eventing.mount(site)

    def start_channels(self) -> None:
        if self.channels is not None:
            self.channels.start()

    async def stop_channels(self) -> None:
        if self.channels is not None:
            await self.channels.stop()

    def start_events(self) -> None:
        if self.eventing is not None and self._server is not None:
            self.eventing.start(self._server)

    async def stop_events(self) -> None:
        if self.eventing is not None:
            await self.eventing.stop()

    # ---- a reload

    def leave(self, config: Config, endpoints: Sequence[Endpoint]) -> None:
        """Before anything goes: this is what will be there."""
        self._config = config
        if self.eventing is not None:
            self.eventing.leave(endpoints)

    async def follow(self, endpoints: Sequence[Endpoint]) -> None:
        """All else has followed."""
        await self._follow_channels()
        self._follow_events(endpoints)

    async def _follow_channels(self) -> None:
        wanted = self._config.mapping is not None
        if self.channels is None and wanted:
            self.channels = self._new_channels()
            self.channels.mount(self._site)
            self.channels.start()
        if self.channels is not None:
            self._around.media.patchbay = self.channels.patchbay if wanted else None
            await self.channels.turn(self._config)
            self._around.media.reconfigured()
            self._site.ready.forget_all()

    def _follow_events(self, endpoints: Sequence[Endpoint]) -> None:
        if self.eventing is not None:
            self.eventing.reconfigure(self._config, endpoints)
            self._find_broker(self.eventing)
        elif _any_events(endpoints):
            self.eventing = self._new_eventing(endpoints)
            self.eventing.mount(self._site)
            self.start_events()
        if self.eventing is not None:
            for id, status in self._around.media.statuses().items():
                self.eventing.tallying.on_stream(id, status)

    # ---- inside

    def _apis(self, request: Request) -> Answer:
        """The local Query API is for programs on this box; nobody else is told of it."""
        there = {
            "channelmapping": self.channels is not None and self.channels.on,
            "connection": True,
            "events": self.eventing is not None and bool(self.eventing.sources.all),
            "node": True,
            "query": request.local,
        }
        return Answer([f"{name}/" for name in there if there[name]])

    def _new_channels(self) -> Channels:
        from appliance.edge.channels import Channels

        around = self._around
        channels = Channels(self._config, around.identities, around.store, around.clock, around.configs)
        around.media.patchbay = channels.patchbay
        return channels

    def _new_eventing(self, endpoints: Sequence[Endpoint]) -> Eventing:
        from appliance.edge.eventing import Eventing
        from appliance.edge.reach import Reach

        around = self._around
        discovering = around.discovering
        reach = Reach(discovering.policy, discovering.addresses_of, around.tls, discovering.mdns.look_up)
        parts = (reach, around.menu, around.takes)
        eventing = Eventing(self._config, around.store, endpoints, around.clock, *parts)
        eventing.tokens = around.discovering.tokens
        around.media.subscribe(eventing.tallying.on_stream)
        self._find_broker(eventing)
        return eventing

    def _find_broker(self, eventing: Eventing) -> None:
        if eventing.wants_broker:
            self._around.discovering.look_for_brokers(self._around.brokers, self._around.connections.network_changed)


def _any_events(endpoints: Sequence[Endpoint]) -> bool:
    return any(not endpoint.transport.is_rtp for endpoint in endpoints)
