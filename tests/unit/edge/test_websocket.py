"""Where a Query API's ``ws_href`` may lead."""

import pytest

from appliance.discovery.contact import ContactPolicy, Myself
from appliance.discovery.registration.services import Candidate
from appliance.edge.client import HttpFailure
from appliance.edge.websocket import socket_url

POLICY = ContactPolicy(Myself("id", frozenset({"10.0.0.1"}), 80))
REGISTRY = Candidate("http://10.0.0.8:8010", "v1.3")


@pytest.mark.parametrize(
    ("href", "url", "headers"),
    [
        ("ws://10.0.0.8:8011/ws/?uid=5%2C6", "ws://10.0.0.8:8011/ws/?uid=5%2C6", {}),
        ("ws://10.0.0.9/x", "ws://10.0.0.9:80/x", {}),
        ("ws://10.0.0.8", "ws://10.0.0.8:80/", {}),
        ("ws://[fd00::8]:81/x", "ws://[fd00::8]:81/x", {}),
        ("ws://registry.local:8011/x", "ws://10.0.0.8:8011/x", {"Host": "registry.local:8011"}),
    ],
)
def test_where_it_leads(href: str, url: str, headers: dict[str, str]) -> None:
    assert socket_url(href, REGISTRY, POLICY) == (url, headers)


@pytest.mark.parametrize(
    "href",
    [
        None,
        5,
        "",
        "http://10.0.0.8/x",
        "wss://10.0.0.8/x",
        "ws:///x",
        "ws://10.0.0.8:99999/x",
        "ws://[::/x",
        "ws://10.0.0.8/ x",
        "ws://10.0.0.8/\r\nx",
        "ws://127.0.0.1:22/",
        "ws://[::1]/",
        "ws://10.0.0.1:80/",
        "ws://239.0.0.1/",
        "ws://0.0.0.0/",
    ],
)
def test_where_it_must_not_lead(href: object) -> None:
    with pytest.raises(HttpFailure):
        socket_url(href, REGISTRY, POLICY)
