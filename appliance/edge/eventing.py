"""Events and tally as one part of the box: sources, the transports that carry them, the Events API.

A box without senders or receivers of events has none of it, and loads none of it. A transport is carried by whoever is
in ``exchange.carriers`` under its name when ``start`` is called (see :class:`appliance.nmos.is07.exchange.Carrier`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.core.store import Store
from appliance.core.types import Clock
from appliance.media.engine import StreamStatus
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is07.api import EventsApi
from appliance.nmos.is07.exchange import Exchange
from appliance.nmos.is07.sources import Sources
from appliance.web.site import Site


class Eventing:
    """``on_status`` hears how each sender and receiver of events does."""

    def __init__(
        self,
        store: Store,
        endpoints: Sequence[Endpoint],
        clock: Clock,
        on_status: Callable[[str, StreamStatus], None],
    ) -> None:
        self.sources = Sources(endpoints, clock)
        self.exchange = Exchange(store, endpoints, self.sources)
        self.exchange.on_status(on_status)

    def mount(self, site: Site) -> None:
        if self.sources.all:
            EventsApi(self.sources).mount(site)

    def start(self) -> None:
        self.exchange.start()

    async def stop(self) -> None:
        """Say that the sources go, and end every connection."""
        self.sources.end("shutdown")
