"""Whose addresses are known, the likeliest to be there first."""

from appliance.core.types import JSON
from appliance.discovery.neighbours import neighbours
from appliance.discovery.world import PeerStatus, SenderEntry, World


def receiving(source_ip: str | None, *, on: bool = True) -> JSON:
    return {"active": {"master_enable": on, "sender_id": None, "transport_params": [{"source_ip": source_ip}]}}


def test_sources_then_the_registry_then_peers_then_what_a_registry_names() -> None:
    world = World()
    world.set_peer(PeerStatus("gone", "gone", ("10.1.0.3",), lost_since=5))
    world.set_peer(PeerStatus("there", "there", ("10.1.0.4", "fd01::4")))
    node = {"href": "http://10.1.0.5:80/"}
    world.update("query", [SenderEntry("query", {"id": "a"}, node=node)])
    sending: JSON = {"active": {"master_enable": True, "receiver_id": None, "transport_params": [{"source_ip": "x"}]}}
    connections = {"1": receiving("10.1.0.1"), "2": receiving(None), "3": receiving("10.9.9.9", on=False), "4": sending}
    found = list(neighbours(connections, "http://10.1.0.2:8010", world))
    assert found == ["10.1.0.1", "10.1.0.2", "10.1.0.4", "fd01::4", "10.1.0.3", "10.1.0.5"]


def test_nothing_is_known_of_nobody() -> None:
    assert list(neighbours({}, None, World())) == []
    assert list(neighbours({}, "http://[", World())) == []
