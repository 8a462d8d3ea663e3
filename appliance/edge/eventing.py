"""Events and tally as one part of the box: sources, the transports that carry them, the Events API.

A box without senders or receivers of events has none of it, and loads none of it. A transport is carried by whoever is
in ``exchange.carriers`` under its name when ``start`` is called (see :class:`appliance.nmos.is07.exchange.Carrier`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from appliance.config.model import Config, Transport
from appliance.core.store import Store
from appliance.core.types import Clock
from appliance.edge.ending import ending
from appliance.edge.reach import Reach
from appliance.edge.server import HttpServer
from appliance.edge.takes import Takes
from appliance.edge.tallying import Faces, Tallying
from appliance.errors import Locked, NotFound
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is07.api import EventsApi
from appliance.nmos.is07.exchange import Exchange
from appliance.nmos.is07.sources import Sources
from appliance.panel.kept import IS_LOCKED
from appliance.panel.menu import MenuModel
from appliance.web.site import Site

if TYPE_CHECKING:
    from appliance.edge.authorizing import Authorizing
    from appliance.edge.events_websocket import WebSocketCarrier
    from appliance.edge.mqtt import MqttCarrier


class Eventing:
    """``reach``: whom it may contact, and how; ``menu`` shows how it goes, and ``takes`` does what actions ask for."""

    def __init__(
        self,
        config: Config,
        store: Store,
        endpoints: Sequence[Endpoint],
        clock: Clock,
        reach: Reach,
        menu: MenuModel,
        takes: Takes,
    ) -> None:
        self._clock = clock
        self._reach = reach
        self._broker = config.events.mqtt_broker
        self._server: HttpServer | None = None
        self._mqtt: MqttCarrier | None = None
        self._websocket: WebSocketCarrier | None = None
        self.tokens: Authorizing | None = None
        """Where there is authorization, set before the start."""
        self._menu, self._takes = menu, takes
        self._learn(endpoints)
        self.sources = Sources(self._endpoints, clock)
        self.exchange = Exchange(store, self._endpoints, self.sources)
        self.exchange.on_status(menu.set_stream)
        faces = Faces(self._take, menu.set_problem, menu.tally_changed, self._check_unlocked)
        self.tallying = Tallying(config, store, endpoints, self.exchange, clock, faces)
        menu.tally = self.tallying.board.to_json

    def _learn(self, endpoints: Sequence[Endpoint]) -> None:
        self._receivers = {endpoint.name: endpoint.id for endpoint in endpoints if not endpoint.is_sender}
        self._endpoints = [endpoint for endpoint in endpoints if not endpoint.transport.is_rtp]
        self._transports = {endpoint.transport for endpoint in self._endpoints}

    @property
    def wants_broker(self) -> bool:
        """Something goes by MQTT, and the configuration names no broker."""
        return Transport.MQTT in self._transports and self._broker is None

    @property
    def clients(self) -> int:
        """How many programs hear the events of this box over WebSocket."""
        return 0 if self._websocket is None else self._websocket.clients

    def mount(self, site: Site) -> None:
        EventsApi(self.sources).mount(site)
        self.tallying.declare(site)

    def start(self, server: HttpServer) -> None:
        """Carry what is active already, and follow what becomes so. The server has its paths from now on."""
        self._server = server
        self._carry()
        self.exchange.start()
        self.tallying.start()

    def leave(self, endpoints: Sequence[Endpoint]) -> None:
        """Before a reload: sources that are not among these any more say that they go."""
        self.sources.end("shutdown", self.sources.all.keys() - {endpoint.source_id for endpoint in endpoints})

    def reconfigure(self, config: Config, endpoints: Sequence[Endpoint]) -> None:
        """A reload, which the store has followed already: what did not change goes on."""
        before = {id: (source, self.sources.state(id)) for id, source in self.sources.all.items()}
        self._broker = config.events.mqtt_broker
        self._learn(endpoints)
        self.sources.reconfigure(endpoints)
        begun = [
            id for id, source in self.sources.all.items()
            if id not in before or before[id][0].config.event != source.config.event
            or before[id][1] is not self.sources.state(id)
        ]  # fmt: skip
        self._carry()
        self.exchange.reconfigure(endpoints)
        for id in begun:
            if id in before and before[id][1] is not self.sources.state(id):
                self.sources.say(id)
        self.tallying.reconfigure(config, endpoints, begun)

    def _carry(self) -> None:
        """By every transport that something goes by."""
        if Transport.WEBSOCKET in self._transports and self._server is not None:
            self._carry_websocket(self._server)
        if Transport.MQTT in self._transports:
            self._carry_mqtt()

    async def stop(self) -> None:
        """Say that the sources go, and whether they come back, and end every connection."""
        if self.sources.all:
            self.sources.end(await ending(os.environ))
        await self.tallying.stop()
        await asyncio.gather(*(carrier.close() for carrier in self.exchange.carriers.values()))

    def _check_unlocked(self) -> None:
        if self._menu.panel.locked:
            raise Locked(IS_LOCKED)

    async def _take(self, receiver: str, source: str | None) -> None:
        """A take that an action asks for: the source by its id, or by a label that only it has."""
        sender_id = None
        if source is not None:
            named = [item.id for item in self._menu.sources() if item.label == source and not item.absent]
            if self._menu.source(source) is None and len(named) != 1:
                raise NotFound(f"{'no source is' if not named else f'{len(named)} sources are'} called {source[:60]}")
            sender_id = source if self._menu.source(source) is not None else named[0]
        await self._takes.take(self._receivers[receiver], sender_id)

    def _carry_mqtt(self) -> None:
        from appliance.edge.mqtt import MqttCarrier

        if self._mqtt is None:
            self._mqtt = MqttCarrier(self.exchange, self._broker, self._reach)
            self.exchange.carriers[Transport.MQTT] = self._mqtt
        self._mqtt.configure(self._broker)

    def _carry_websocket(self, server: HttpServer) -> None:
        from appliance.edge.events_server import PREFIX
        from appliance.edge.events_websocket import WebSocketCarrier

        devices = frozenset(e.device_id for e in self._endpoints if e.is_sender and e.transport is Transport.WEBSOCKET)
        if self._websocket is None:
            self._websocket = carrier = WebSocketCarrier(self.exchange, devices, self._clock, self._reach)
            self.exchange.carriers[Transport.WEBSOCKET] = carrier
            if server.tokens is not None:
                carrier.sockets.may_hear = server.tokens.may_hear
            if self.tokens is not None:
                carrier.authorize(self.tokens)
            server.sockets(PREFIX, carrier.sockets.handle)
        self._websocket.serve(devices)
