"""Where the transport file comes from that a controller's PUT /target names: nobody is asked whom nobody named."""

from typing import cast

import pytest

from appliance.discovery.manifests import ManifestCache
from appliance.edge.client import Bounds, HttpClient, Reply
from appliance.edge.manifests import Manifests
from appliance.errors import BadRequest, Forbidden
from tests.support.leaks import run
from tests.unit.discovery.room import Room
from tests.unit.nmos.is05.boxes import multicast_sdp

CONTROLLER = "10.0.0.50"
STRANGER = "33333333-3333-4333-8333-333333333333"


class Client:
    """Notes what is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def get(self, url: str, bounds: Bounds, **more: object) -> Reply:
        self.asked.append(url)
        return Reply(200, multicast_sdp("239.1.1.1").encode(), "application/sdp", {}, url)


def asked_for(href: str, sender_id: str | None, remote: str = CONTROLLER) -> list[str]:
    """What is requested for this; ``sender_id`` ``None`` is that of a sender of a peer at 10.0.0.2."""
    room = Room()
    peer = room.known("desk", address="10.0.0.2")
    client = Client()
    manifests = Manifests(room.world, room.cache, cast("HttpClient", client), ManifestCache())
    run(manifests.at(href, sender_id or peer.sender_ids()[0], remote))
    return client.asked


@pytest.mark.parametrize(
    ("href", "sender_id", "asked"),
    [
        ("http://10.0.0.2:8000/x", None, "http://10.0.0.2:8000/x"),
        ("http://desk.local:8000/x", None, "http://10.0.0.2:8000/x"),  # no DNS is asked
        (f"http://{CONTROLLER}/x", None, f"http://{CONTROLLER}:80/x"),
        (f"http://{CONTROLLER}:81/x", STRANGER, f"http://{CONTROLLER}:81/x"),
        (f"http://[::ffff:{CONTROLLER}]:81/x", STRANGER, f"http://[::ffff:{CONTROLLER}]:81/x"),
    ],
)
def test_its_own_node_and_who_asks_are_named(href: str, sender_id: str | None, asked: str) -> None:
    assert asked_for(href, sender_id) == [asked]


def test_a_name_is_known_from_its_announcement() -> None:
    assert asked_for("http://desk.local:8000/x", STRANGER, "10.0.0.2") == ["http://10.0.0.2:8000/x"]


@pytest.mark.parametrize(
    ("href", "sender_id", "remote"),
    [
        ("http://10.0.0.3/x", None, CONTROLLER),  # a third
        ("http://10.0.0.2:8000/x", STRANGER, CONTROLLER),  # a peer, but not for this sender
        ("http://169.254.169.254/latest/", STRANGER, CONTROLLER),
        ("http://169.254.169.254/latest/", STRANGER, "169.254.169.254"),
        ("http://127.0.0.1:631/", STRANGER, "127.0.0.1"),
        ("http://localhost:631/", STRANGER, "127.0.0.1"),  # whatever it resolves to
        ("http://10.0.0.1:80/x", None, "10.0.0.1"),  # this box
        ("http://[::1]/", None, "::1"),
    ],
)
def test_nobody_else_is_asked(href: str, sender_id: str | None, remote: str) -> None:
    with pytest.raises(Forbidden, match="manifest_href"):
        asked_for(href, sender_id, remote)


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(BadRequest):
        asked_for("gopher://10.0.0.2/x", None)
