"""The server as it is from the first moment on, when all of the box's APIs but the Node API are still being made."""

from __future__ import annotations

from collections.abc import Awaitable

from appliance.config.access import AccessConfig
from appliance.config.model import Config
from appliance.core.store import Store
from appliance.edge.server import HttpServer, Settled
from appliance.edge.tls import Tls
from appliance.errors import Forbidden
from appliance.nmos.is04.api import NodeApi, Target
from appliance.panel.guard import LOGIN, Guard
from appliance.web.access import Access
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

_NODE_API = "/x-nmos/node/"


class Serving:
    """GETs of the Node API are answered as soon as ``server`` listens, all else from :meth:`open` on. Where not all may
    ask, everything waits: who checks that is one of those who come later."""

    def __init__(self, config: Config, store: Store, site: Site, settled: Settled, tls: Tls) -> None:
        self._public = config.access == AccessConfig() and not config.authorization.enabled
        self._guard: Guard | None = None
        self._target: Target | None = None
        self.node = NodeApi(store, config.discovery.api_versions, self._take)
        self.node.mount(site)
        store.subscribe(site.ready.on_change)
        store.subscribe(self.node.on_change)
        self.server = HttpServer(site, settled, check=self._check, first=self._is_first, tls=tls)
        self.restrict(config.access)

    def restrict(self, access: AccessConfig) -> None:
        """Who may ask is said anew."""
        self.server.restrict(Access(access, self._check_name, frozenset({LOGIN})))

    def open(self, guard: Guard, target: Target) -> None:
        """All is there: the guard of the panel, and what does a PUT /target too."""
        self._guard, self._target = guard, target
        self.server.open()

    def _is_first(self, request: Request) -> bool:
        return self._public and request.method in ("GET", "HEAD") and request.path.startswith(_NODE_API)

    def _check(self, request: Request) -> None:
        if self._guard is not None:
            self._guard.check(request)

    def _check_name(self, host: str) -> None:
        if self._guard is None:  # nothing is kept for those whom nobody can check; what they ask waits for open
            raise Forbidden("this box is still starting")
        self._guard.check_name(host)

    def _take(self, id: str, request: Request) -> Answer | Awaitable[Answer]:
        assert self._target is not None
        return self._target(id, request)
