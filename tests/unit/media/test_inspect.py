"""What is looked at of a sender or receiver that a reload has brought to some parts already, and to others not yet."""

from typing import Any

from appliance.media.inspect import Inspector, Senses
from appliance.network.model import NetworkState
from tests.unit.nmos.is05.boxes import TWO_PORTS, Box


class Network:
    def snapshot(self) -> NetworkState:
        return TWO_PORTS


def test_one_that_is_not_there_yet_has_no_traps() -> None:
    box, network = Box(), Network()
    nothing: Any = lambda *_: None  # noqa: E731
    senses = Senses(nothing, nothing, nothing, nothing)
    inspector = Inspector(box.config, {}, box.store, network, nothing, senses)  # type: ignore[arg-type]
    id = next(iter(box.store.aspects("connection")))
    assert inspector.traps(id) == ()
    assert inspector.hints(id) == ()
