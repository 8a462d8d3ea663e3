"""Older versions as projections: AMWA's schemas of each version accept what the newest form becomes."""

import itertools
from typing import Any

import pytest

from appliance.core.types import JSON, Kind
from appliance.nmos.is04.project import VERSIONS, expressible, project
from tests.support.specs import problems, recorded_documents

Resources = dict[Kind, dict[str, JSON]]


def nmos_cpp() -> Resources:
    documents = recorded_documents("nmos-cpp-node", "node", "v1.3")
    found: Resources = {Kind.NODE: {documents["self"]["id"]: documents["self"]}}
    for kind in Kind:
        if kind is not Kind.NODE:
            found[kind] = {body["id"]: body for body in documents[kind.plural]}
    return found


def lookup(resources: Resources) -> Any:
    return lambda kind, id: resources[kind].get(id)


@pytest.mark.parametrize(("kind", "version"), list(itertools.product(Kind, VERSIONS)))
def test_a_real_nodes_resources_are_valid_in_every_version(kind: Kind, version: str) -> None:
    resources = nmos_cpp()
    shown = [
        projected
        for body in resources[kind].values()
        if (projected := project(kind, body, version, lookup(resources))) is not None
    ]
    assert shown
    for body in shown:
        assert problems("is-04", version, kind.value, body) == []


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_the_recorded_node_says_the_same_of_itself(version: str) -> None:
    """Which keys and which resources each version shows agrees with another vendor's node (its v1.3 as our source).

    Not v1.0, where that node shows a mux flow and its sender, for which v1.0's schemas have no format.
    """
    resources = nmos_cpp()
    theirs = recorded_documents("nmos-cpp-node", "node", version)
    for kind in (Kind.SENDER, Kind.RECEIVER):
        ours = [b for b in resources[kind].values() if expressible(kind, b, version, lookup(resources))]
        rtp = [body for body in theirs[kind.plural] if ".rtp" in body["transport"] or ":rtp" in body["transport"]]
        assert {body["id"] for body in ours} >= {body["id"] for body in rtp}
        for body in rtp:
            source = resources[kind][body["id"]]
            projected = project(kind, source, version, lookup(resources))
            assert projected is not None
            assert set(projected) == set(body)


NODE: JSON = {"id": "n", "api": {"versions": [], "endpoints": [{"host": "h", "authorization": False}]},
              "interfaces": [{"name": "eth0", "attached_network_device": {}}]}  # fmt: skip
WEBSOCKET: JSON = {"id": "w", "transport": "urn:x-nmos:transport:websocket", "flow_id": None, "subscription": {}}
RTP: JSON = {"id": "r", "transport": "urn:x-nmos:transport:rtp.mcast", "flow_id": "m",
             "subscription": {"receiver_id": None, "active": True}, "interface_bindings": ["eth0"]}  # fmt: skip
MUX: JSON = {"id": "m", "format": "urn:x-nmos:format:mux"}
DEVICE: JSON = {"id": "d", "senders": ["w", "r"], "receivers": ["x"]}
RECEIVER: JSON = {
    "id": "x",
    "transport": "urn:x-nmos:transport:rtp",
    "subscription": {"sender_id": "w", "active": True},
}
WORLD: Resources = {
    Kind.NODE: {"n": NODE}, Kind.DEVICE: {"d": DEVICE}, Kind.SENDER: {"w": WEBSOCKET, "r": RTP},
    Kind.FLOW: {"m": MUX}, Kind.SOURCE: {}, Kind.RECEIVER: {"x": RECEIVER},
}  # fmt: skip


def shown(kind: Kind, body: JSON, version: str) -> JSON | None:
    return project(kind, body, version, lookup(WORLD))


def test_the_newest_version_is_the_resource_itself() -> None:
    assert shown(Kind.NODE, NODE, "v1.3") is NODE


def test_nested_keys_of_later_versions_are_left_out() -> None:
    assert shown(Kind.NODE, NODE, "v1.2") == {
        "id": "n", "api": {"versions": [], "endpoints": [{"host": "h"}]}, "interfaces": [{"name": "eth0"}],
    }  # fmt: skip
    assert "interfaces" not in (shown(Kind.NODE, NODE, "v1.1") or {})
    assert (shown(Kind.RECEIVER, RECEIVER, "v1.1") or {})["subscription"] == {"sender_id": "w"}


def test_what_a_version_cannot_express_is_left_out_with_every_reference_to_it() -> None:
    assert shown(Kind.SENDER, WEBSOCKET, "v1.2") is None
    assert (shown(Kind.DEVICE, DEVICE, "v1.2") or {})["senders"] == ["r"]
    assert (shown(Kind.RECEIVER, RECEIVER, "v1.2") or {})["subscription"] == {"sender_id": None, "active": True}
    assert shown(Kind.FLOW, MUX, "v1.0") is None
    assert shown(Kind.SENDER, RTP, "v1.0") is None, "its flow is a mux, which v1.0 does not know"
    assert (shown(Kind.DEVICE, DEVICE, "v1.0") or {})["senders"] == []
