"""When a box cannot do its job, and when it only has a problem."""

import pytest

from appliance.media.engine import Phase, StreamStatus
from appliance.network.model import Address, Interface, NetworkState
from appliance.panel.duty import NO_INTERFACE, off_duty


def network(*, carrier: bool = True, address: bool = True) -> NetworkState:
    addresses = (Address("192.0.2.1", 24),) if address else ()
    port = Interface("eth0", 2, "02:00:00:00:00:01", True, carrier, False, True, 1500, None, addresses)
    return NetworkState({"eth0": port}, ("eth0",))


def streams(*phases: Phase) -> list[StreamStatus]:
    return [StreamStatus(phase, "the sound card is gone" if phase == "fault" else "") for phase in phases]


@pytest.mark.parametrize(
    "phases", [(), ("idle",), ("running", "fault"), ("starting", "fault"), ("idle", "running")], ids=str
)
def test_it_works_while_a_stream_does_or_none_should(phases: tuple[Phase, ...]) -> None:
    assert off_duty(network(), streams(*phases)) == ""


def test_it_does_not_work_where_every_stream_has_a_fault() -> None:
    only = off_duty(network(), streams("fault", "idle"))
    assert only == "the only stream that should run has a fault: the sound card is gone"
    assert off_duty(network(), streams("fault", "fault")).startswith("each of the 2 streams that should run")


@pytest.mark.parametrize("state", [network(carrier=False), network(address=False), NetworkState({}, ("eth0",))])
def test_it_does_not_work_without_a_usable_interface(state: NetworkState) -> None:
    assert off_duty(state, streams("running")) == NO_INTERFACE
