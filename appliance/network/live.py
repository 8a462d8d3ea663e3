"""The host's network as the Connection API asks for it: the state as last read, and the policy over live routes."""

from __future__ import annotations

from appliance.network.model import Network, NetworkState
from appliance.network.policy import Choice, Question, Refusal, choose


class LiveNetwork:
    """Answers from what ``network`` says now."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @property
    def state(self) -> NetworkState:
        return self._network.snapshot()

    def choose(self, question: Question) -> Choice | Refusal:
        return choose(question, self.state, self._network)
