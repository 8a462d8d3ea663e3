"""The host's network as the Connection API asks for it: the state as last read, and the policy over live routes."""

from __future__ import annotations

from appliance.network.model import Network, NetworkState, Route, Routes, RpFilter
from appliance.network.policy import Choice, Question, Refusal, choose

MAX_REMEMBERED = 1024


class LiveNetwork:
    """Answers from what ``network`` says now."""

    def __init__(self, network: Network, rp_filter: RpFilter) -> None:
        self._network = network
        self._rp_filter = rp_filter
        self._routes = RememberedRoutes(network, network.snapshot())

    @property
    def state(self) -> NetworkState:
        return self._network.snapshot()

    def choose(self, question: Question) -> Choice | Refusal:
        state = self.state
        if self._routes.state is not state:
            self._routes = RememberedRoutes(self._network, state)
        return choose(question, state, self._routes, self._rp_filter)


class RememberedRoutes:
    """Routes of one state of the network, each asked of the kernel once: a salvo asks for the same few again and again.

    Every change of interfaces, addresses or routes makes another state (`NetworkState.routes`), so none gets stale.
    """

    def __init__(self, routes: Routes, state: NetworkState) -> None:
        self.state = state
        self._asked = routes
        self._known: dict[tuple[str, str | None], Route | None] = {}

    def lookup(self, destination: str, *, interface: str | None = None) -> Route | None:
        key = (destination, interface)
        if key not in self._known:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[key] = self._asked.lookup(destination, interface=interface)
        return self._known[key]
