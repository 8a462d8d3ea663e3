"""Who may reach a box, and for whose pages, from other hosts on the wire; changed while it runs."""

import http.client
from collections.abc import Callable

import pytest

from tests.integration.conftest import StartBox
from tests.lan import http as lan_http
from tests.lan.box import Box
from tests.lan.network import Host, Lan
from tests.lan.waiting import eventually
from tests.lan.websocket import WebSocket

pytestmark = pytest.mark.root

BUTTON = """
[discovery]
mode = "off"
[[devices]]
name = "desk"
[[senders]]
name = "button"
device = "desk"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
"""
ACCESS = '[access]\nread = ["{viewer}/32"]\nchange = ["{controller}"]\norigins = ["https://control.example.com"]\n'
NODE = "/x-nmos/node/v1.3/self"
READ = ("/", "/panel/status", "/metrics", "/healthz", NODE, "/x-nmos/connection/v1.1/single/senders/")


def statuses(box: Box, host: Host, *paths: str) -> set[int]:
    return {host.get(f"{box.url}{path}").status for path in paths}


def staged(box: Box, host: Host) -> int:
    sender = box.json("/x-nmos/node/v1.3/senders")[0]["id"]
    url = f"{box.url}/x-nmos/connection/v1.1/single/senders/{sender}/staged"
    return lan_http.request(host, "PATCH", url, b"{}", {"Content-Type": "application/json"}).status


def events_url(box: Box) -> str:
    device = box.json("/x-nmos/node/v1.3/devices")[0]["id"]
    return f"{box.url.replace('http', 'ws')}/x-nmos/events/v1.0/devices/{device}"


def upgraded(box: Box, host: Host) -> int:
    with WebSocket(host, events_url(box)) as socket:
        return socket.status


def test_viewers_controllers_strangers_and_a_reload(lan: Lan, start_box: StartBox) -> None:
    viewer, controller, stranger = (lan.host(name) for name in ("viewer", "controller", "stranger"))
    box = start_box(lan.host("box"), BUTTON)
    everybody = (viewer, controller, stranger)
    assert [statuses(box, host, *READ) for host in everybody] == [{200}] * 3
    assert [staged(box, host) for host in everybody] == [200] * 3
    assert [upgraded(box, host) for host in everybody] == [101] * 3

    access = ACCESS.format(viewer=viewer.address(), controller=controller.address())
    stream = lan_http.streaming(stranger, f"{box.url}/panel/events")
    with stream as told, WebSocket(stranger, events_url(box)) as heard:
        assert told.readline()
        assert box.reload(access + BUTTON).status == 200
        assert ends(told.readline)
        assert ends(heard.receive)
    assert [statuses(box, host, *READ) for host in everybody] == [{200}, {200}, {403}]
    assert [staged(box, host) for host in everybody] == [403, 200, 403]
    assert [upgraded(box, host) for host in everybody] == [101, 101, 403]
    refusal = stranger.get(box.url + NODE).json()
    assert set(refusal) == {"code", "error", "debug"}
    assert "in none of the networks" in refusal["error"]
    assert staged(box, box.host) == 200  # by its own address
    assert "was turned away: it is in no network of [access]" in box.log

    pages = {
        origin: lan_http.request(viewer, "GET", box.url + NODE, headers={"Origin": origin}).headers
        for origin in ("https://control.example.com", "https://evil.example")
    }
    for origin, headers in pages.items():
        allowed = origin if "control" in origin else None
        assert (headers["vary"], headers.get("access-control-allow-origin")) == ("Origin", allowed)
    assert viewer.get(box.url + NODE, headers={"Host": "evil.example"}).status == 403

    assert box.reload(BUTTON).status == 200
    eventually(lambda: statuses(box, stranger, *READ) == {200}, "all to be let in again")
    assert viewer.get(box.url + NODE, headers={"Origin": "x"}).headers["access-control-allow-origin"] == "*"


def ends(read: Callable[[], object]) -> bool:
    """Whether there is an end to what can be read; else the time is up, which is an error."""
    try:
        while read():
            pass
    except (ConnectionError, http.client.HTTPException):
        pass
    return True
