"""Where a manifest_href may lead: to the hosts of its own node."""

import pytest

from appliance.core.types import Kind
from appliance.discovery.contact import ContactPolicy
from appliance.discovery.manifests import ManifestCache, manifest_href, registered_target, target, wants_token
from appliance.discovery.peer import Peer
from appliance.discovery.records import Instance
from appliance.discovery.txt import NodeTxt
from appliance.discovery.world import SenderEntry
from appliance.errors import ApplianceError, BadRequest, Forbidden, NotFound
from tests.unit.discovery.room import ME
from tests.unit.nmos.is05.boxes import multicast_sdp

POLICY = ContactPolicy(ME)


def peer() -> Peer:
    instance = Instance("desk._nmos-node._tcp.local.", "desk-1.local.", 80, ("10.0.0.2", "fe80::2%3"), b"")
    hosts = ("10.9.0.2", "desk.example.org", "127.0.0.1")
    endpoints = [{"host": host, "port": 80, "protocol": "http"} for host in hosts]
    node = {"id": "1", "href": "http://nmos-api.local:80/", "api": {"endpoints": endpoints}}
    return Peer("desk", instance, NodeTxt(), targets=("10.0.0.2",), tables={Kind.NODE: {"1": node}})


@pytest.mark.parametrize(
    ("url", "address", "port", "path"),
    [
        ("http://10.0.0.2/x.sdp", "10.0.0.2", 80, "/x.sdp"),
        ("http://10.0.0.2:8000/a/b?c=d", "10.0.0.2", 8000, "/a/b?c=d"),
        ("https://10.0.0.2", "10.0.0.2", 443, "/"),
        ("http://10.9.0.2:81/x", "10.9.0.2", 81, "/x"),
        ("http://[fe80::2]:81/x", "fe80::2%3", 81, "/x"),
        ("http://desk-1.local:81/x", "10.0.0.2", 81, "/x"),
        ("http://DESK-1.local./x", "10.0.0.2", 80, "/x"),
        ("http://desk.example.org/x", "10.0.0.2", 80, "/x"),
        ("http://nmos-api.local/x", "10.0.0.2", 80, "/x"),
    ],
)
def test_hosts_of_the_node(url: str, address: str, port: int, path: str) -> None:
    where = target(url, peer(), POLICY)
    assert (where.address, where.port, where.path) == (address, port, path)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://10.0.0.3/x", Forbidden),
        ("http://example.org/x", Forbidden),
        ("http://127.0.0.1/x", Forbidden),  # /self names it, and still
        ("http://10.0.0.1:80/x", Forbidden),
        ("http://[::1]/x", Forbidden),
        ("http://2130706433/x", Forbidden),
        ("ftp://10.0.0.2/x", BadRequest),
        ("file:///etc/passwd", BadRequest),
        ("http:///x", BadRequest),
        ("http://10.0.0.2:99999/x", BadRequest),
        ("http://[10.0.0.2/x", BadRequest),
        ("http://10.0.0.2/x y", BadRequest),
        ("http://10.0.0.2/\r\nHost: a", BadRequest),
        ("", BadRequest),
    ],
)
def test_anything_else(url: str, error: type[ApplianceError]) -> None:
    with pytest.raises(error, match="manifest_href"):
        target(url, peer(), POLICY)


def test_no_manifest() -> None:
    with pytest.raises(NotFound, match="manifest_href is null"):
        manifest_href(SenderEntry("desk", {"id": "1", "manifest_href": None}))


def test_kept_until_the_version_changes() -> None:
    cache = ManifestCache()
    entry = SenderEntry("desk", {"id": "1", "version": "1:0", "manifest_href": "http://10.0.0.2/x"})
    assert cache.get(entry) is None
    cache.put(entry, "v=0")
    assert cache.get(entry) == "v=0"
    assert cache.get(SenderEntry("desk", {**entry.sender, "version": "1:1"})) is None
    for number in range(300):
        cache.put(SenderEntry("desk", {**entry.sender, "id": str(number + 10)}), "v=0")
    assert cache.get(entry) is None


def test_the_groups_that_peers_send_to_are_known_from_their_files() -> None:
    cache = ManifestCache()
    entry = SenderEntry("desk", {"id": "1", "version": "1:0", "manifest_href": "http://10.0.0.2/x"})
    cache.put(entry, multicast_sdp("239.1.2.3"))
    cache.put(SenderEntry("desk", {**entry.sender, "id": "2"}), "rubbish")
    assert cache.groups == {"239.1.2.3"}
    for number in range(300):
        cache.put(SenderEntry("desk", {**entry.sender, "id": str(number + 10)}), "v=0")
    assert cache.groups == frozenset()


# ---- on the word of a Query API


def registered() -> dict[str, object]:
    node = peer().node
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://10.9.0.2:81/x", "10.9.0.2"),
        ("http://desk.example.org/x", "10.9.0.2"),
        ("http://nmos-api.local/x", "10.9.0.2"),
    ],
)
def test_hosts_of_a_registered_node(url: str, address: str) -> None:
    assert registered_target(url, registered(), POLICY).address == address


@pytest.mark.parametrize("url", ["http://10.0.0.2/x", "http://127.0.0.1/x", "http://10.0.0.1:80/x", "http://other/x"])
def test_other_hosts_than_those_of_a_registered_node(url: str) -> None:
    with pytest.raises(Forbidden):
        registered_target(url, registered(), POLICY)


def test_a_registered_node_that_names_no_address() -> None:
    node = {"href": "http://nmos-api.local:80/", "api": {"endpoints": []}}
    with pytest.raises(Forbidden):
        registered_target("http://nmos-api.local/x", node, POLICY)


@pytest.mark.parametrize(
    ("path", "control", "wants"),
    [
        ("/x-nmos/connection/v1.1/single/senders/1/transportfile", {"authorization": True}, True),
        ("/x-nmos/connection/v1.1/single/senders/1/transportfile", {"authorization": False}, False),
        ("/x-nmos/connection/v1.1/single/senders/1/transportfile", {}, False),
        ("/x-nmos/connection/v1.1/single/senders/1/transportfile", {"authorization": "yes"}, False),
        ("/sdp/1", {"authorization": True}, False),
    ],
)
def test_who_wants_a_token_for_a_transport_file(path: str, control: dict[str, object], wants: bool) -> None:
    controls = [{"type": "urn:x-nmos:control:sr-ctrl/v1.1", "href": "https://10.0.0.2/", **control}, 5]
    assert wants_token(SenderEntry("desk", {"id": "1"}, device={"controls": controls}), path) is wants
    assert not wants_token(SenderEntry("desk", {"id": "1"}), path)
