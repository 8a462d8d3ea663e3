"""The local Query API as one part of the box: its routes, its WebSockets, and the way through to the network's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from appliance.core.types import Clock
from appliance.discovery.catalogue import Catalogue
from appliance.discovery.contact import ContactPolicy
from appliance.edge.client import HttpClient
from appliance.edge.query_proxy import QueryProxy, Upstream
from appliance.edge.query_sockets import QuerySockets, patiently
from appliance.edge.server import HttpServer
from appliance.edge.websocket import SocketClient
from appliance.nmos.query import BASE
from appliance.nmos.query.api import QueryApi
from appliance.nmos.query.subscriptions import Subscriptions
from appliance.web.site import Site


class LocalQuery:
    """``source_id`` is what its grains say who they are from."""

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        source_id: str,
        versions: Sequence[str],
        client: HttpClient,
        sockets: SocketClient,
        upstream: Upstream,
        policy: Callable[[], ContactPolicy],
    ) -> None:
        self._upstream = upstream
        self._was_active = False
        self._subscriptions = Subscriptions(catalogue, source_id, lambda: str(uuid.uuid4()), clock.tai_ns)
        self._proxy = QueryProxy(client, sockets, upstream, policy)
        self._api = QueryApi(catalogue, self._subscriptions, versions, clock, patiently, self._proxy)
        self._sockets = QuerySockets(self._subscriptions, clock, self._proxy.socket)

    def mount(self, site: Site, server: HttpServer) -> None:
        self._api.mount(site)
        server.sockets(f"{BASE}/", self._sockets.handle)

    def switched(self) -> None:
        """Something else may feed the world: whoever has a WebSocket to what fed it before has to come again."""
        if self._upstream.active and not self._was_active:
            self._subscriptions.end_followers()
        elif self._was_active and not self._upstream.active:
            self._proxy.close()
        self._was_active = self._upstream.active

    def close(self) -> None:
        """End every WebSocket."""
        self._sockets.close()
        self._proxy.close()
