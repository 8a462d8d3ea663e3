"""Events and tally as one part of the box: sources, the transports that carry them, the Events API.

A box without senders or receivers of events has none of it, and loads none of it. A transport is carried by whoever is
in ``exchange.carriers`` under its name when ``start`` is called (see :class:`appliance.nmos.is07.exchange.Carrier`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.config.model import Transport
from appliance.core.store import Store
from appliance.core.types import Clock
from appliance.discovery.contact import ContactPolicy
from appliance.edge.server import HttpServer
from appliance.media.engine import StreamStatus
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is07.api import EventsApi
from appliance.nmos.is07.exchange import Exchange
from appliance.nmos.is07.sources import Sources
from appliance.web.site import Site


class Eventing:
    """``policy``: whom this box may contact. ``on_status`` hears how each sender and receiver of events does."""

    def __init__(
        self,
        store: Store,
        endpoints: Sequence[Endpoint],
        clock: Clock,
        policy: Callable[[], ContactPolicy],
        on_status: Callable[[str, StreamStatus], None],
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._endpoints = [endpoint for endpoint in endpoints if not endpoint.transport.is_rtp]
        self._transports = {endpoint.transport for endpoint in self._endpoints}
        self.sources = Sources(self._endpoints, clock)
        self.exchange = Exchange(store, self._endpoints, self.sources)
        self.exchange.on_status(on_status)

    def mount(self, site: Site) -> None:
        if self.sources.all:
            EventsApi(self.sources).mount(site)

    def start(self, server: HttpServer) -> None:
        """Carry what is active already, and follow what becomes so. The server has its paths from now on."""
        if Transport.WEBSOCKET in self._transports:
            self._carry_websocket(server)
        self.exchange.start()

    async def stop(self) -> None:
        """Say that the sources go, and end every connection."""
        self.sources.end("shutdown")
        for carrier in self.exchange.carriers.values():
            await carrier.close()

    def _carry_websocket(self, server: HttpServer) -> None:
        from appliance.edge.events_server import PREFIX
        from appliance.edge.events_websocket import WebSocketCarrier

        devices = frozenset(e.device_id for e in self._endpoints if e.is_sender and e.transport is Transport.WEBSOCKET)
        carrier = WebSocketCarrier(self.exchange, devices, self._clock, self._policy)
        self.exchange.carriers[Transport.WEBSOCKET] = carrier
        server.sockets(PREFIX, carrier.sockets.handle)
