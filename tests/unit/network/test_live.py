"""Routes are asked of the kernel once for each state of the network."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from appliance.network.live import MAX_REMEMBERED, LiveNetwork, RememberedRoutes
from appliance.network.model import NetworkState, Role, Route, StateListener
from appliance.network.policy import Choice, Question
from tests.unit.network.hosts import host, interface

STATE = host(interface("eth0", "10.0.0.1/24", index=2), interface("eth1", "10.1.0.1/24", index=3))


class CountedNetwork:
    """A network on paper that counts what it is asked."""

    def __init__(self) -> None:
        self.state = STATE
        self.route: Route | None = Route("eth1", "10.1.0.1")
        self.asked: list[tuple[str, str | None]] = []

    def open(self) -> None: ...
    def watch(self) -> None: ...
    def close(self) -> None: ...

    def snapshot(self) -> NetworkState:
        return self.state

    def refresh(self) -> NetworkState:
        return self.state

    def assign(self, media: Sequence[str], control: str | None) -> None: ...

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        return lambda: None

    def lookup(self, destination: str, *, interface: str | None = None) -> Route | None:
        self.asked.append((destination, interface))
        return self.route


def chosen(live: LiveNetwork) -> str:
    answer = live.choose(Question(role=Role.RECEIVER, destination="239.1.2.3", source="10.9.0.9"))
    assert isinstance(answer, Choice)
    return answer.interface


def test_a_salvo_asks_once() -> None:
    network = CountedNetwork()
    live = LiveNetwork(network, lambda _: None)
    assert [chosen(live) for _ in range(50)] == ["eth1"] * 50
    assert len(network.asked) == len(set(network.asked))


def test_another_state_is_asked_anew() -> None:
    network = CountedNetwork()
    live = LiveNetwork(network, lambda _: None)
    assert chosen(live) == "eth1"
    network.route = Route("eth0", "10.0.0.1")
    assert chosen(live) == "eth1"
    network.state = replace(STATE, routes=STATE.routes + 1)
    assert chosen(live) == "eth0"


def test_that_there_is_no_route_is_remembered_too_and_not_without_end() -> None:
    network = CountedNetwork()
    network.route = None
    routes = RememberedRoutes(network, STATE)
    for _ in range(3):
        assert routes.lookup("10.0.0.9") is None
    assert network.asked == [("10.0.0.9", None)]
    for number in range(MAX_REMEMBERED):
        routes.lookup(f"10.0.{number >> 8}.{number & 255}", interface="eth0")
    routes.lookup("10.0.0.9")
    assert network.asked.count(("10.0.0.9", None)) == 2
