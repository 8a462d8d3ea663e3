"""Access tokens (IS-10, BCP-003-02) between real processes over TLS: who gets in, and what the box shows of itself."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import StartBox
from tests.lan.box import Box
from tests.lan.network import Lan
from tests.lan.plant import Plant
from tests.lan.waiting import eventually
from tests.support.authority import Authority

pytestmark = pytest.mark.root

CONFIG = """
authorization.enabled = true
[tls]
certificates = ["{certificate}"]
keys = ["{key}"]
ca = "{ca}"
[media]
driver = "null"
[[devices]]
name = "desk"
[[senders]]
name = "button"
device = "desk"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
[[receivers]]
name = "lamp"
device = "desk"
format = "data"
transport = "websocket"
media_types = ["application/json"]
event_types = ["boolean"]
"""
NODE, CONNECTION = "/x-nmos/node/v1.3", "/x-nmos/connection/v1.1"


@pytest.fixture
def plant(lan: Lan, tmp_path: Path) -> Plant:
    plant = Plant(lan.host("plant"), "plant", Authority(tmp_path / "authority"))
    lan.enter(plant)
    return plant


@pytest.fixture
def box(lan: Lan, start_box: StartBox, plant: Plant, tmp_path: Path) -> Box:
    host = lan.host("booth")
    authority = plant.authority
    certificate, key = authority.certify("booth", "booth.local", host.address())
    return start_box(host, CONFIG.format(certificate=certificate, key=key, ca=authority.ca))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def ask(box: Box, path: str, token: str, method: str = "GET", body: Any = None) -> int:
    data = None if body is None else json.dumps(body).encode()
    return box.raw(method, path, data, {**bearer(token), "Content-Type": "application/json"}).status


def once_known(box: Box, path: str, token: str) -> None:
    """Keys are fetched after they were missed, and not again at once."""
    eventually(lambda: ask(box, path, token) == 200, "the token to be taken")


def test_a_box_among_strangers_with_and_without_tokens(box: Box, plant: Plant) -> None:
    refused = box.get(f"{NODE}/self")
    assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer realm="nmos-appliance"')
    early = box.get(f"{NODE}/self", headers=bearer(plant.token("node")))
    assert early.status == 503
    assert early.headers["retry-after"].isdigit()
    assert box.get("/x-nmos/").status == box.get("/panel/menu").status == 200

    plant.announce()
    good = plant.token("node", aud=["https://booth.local"])
    once_known(box, f"{NODE}/self", good)
    node = box.get(f"{NODE}/self", headers=bearer(good)).json()
    assert all(endpoint["authorization"] for endpoint in node["api"]["endpoints"])
    assert ask(box, f"{NODE}/self", plant.token("node", aud=["other.local"])) == 403
    assert ask(box, f"{NODE}/self", plant.token("node", exp=1)) == 401
    assert ask(box, f"{CONNECTION}/single", good) == 403
    assert box.raw("OPTIONS", f"{NODE}/self").status == 200

    registered = eventually(lambda: plant.held().get("receiver"), "the box to register")
    assert len(registered) == 1
    assert {client for _, client in plant.clients()} == {"client-0"}

    _hears_its_own_button(box, plant)

    plant.new_key()
    once_known(box, f"{NODE}/self", plant.token("node"))
    assert ask(box, f"{NODE}/self", good) in (401, 503)

    _remembers_and_tells_no_secret(box, plant)


def _hears_its_own_button(box: Box, plant: Plant) -> None:
    token = plant.token("connection")
    sender, receiver = (
        box.get(f"{CONNECTION}/single/{kind}/", headers=bearer(token)).json()[0] for kind in ("senders", "receivers")
    )
    (leg,) = box.get(f"{CONNECTION}/single/senders/{sender}active", headers=bearer(token)).json()["transport_params"]
    assert leg["connection_uri"].startswith("wss://")
    assert leg["connection_authorization"] is True
    wanted = {name: leg[name] for name in ("connection_uri", "ext_is_07_source_id", "ext_is_07_rest_api_url")}
    # Nobody here knows names; the certificate has the address, too.
    wanted["connection_uri"] = wanted["connection_uri"].replace("booth.local", box.host.address())
    patch = {
        "master_enable": True,
        "transport_params": [{**wanted, "connection_authorization": "auto"}],
        "activation": {"mode": "activate_immediate"},
    }
    path = f"{CONNECTION}/single/receivers/{receiver}"
    assert (
        ask(box, f"{path}staged", plant.token("connection", **{"x-nmos-connection": {"read": ["*"]}}), "PATCH", patch)
        == 403
    )
    assert ask(box, f"{path}staged", token, "PATCH", patch) == 200
    (heard,) = box.get(f"{path}active", headers=bearer(token)).json()["transport_params"]
    assert heard["connection_authorization"] is True
    eventually(lambda: _phase(box) == "running", "the lamp to hear the button")


def _phase(box: Box) -> Any:
    (lamp,) = box.json("/panel/receivers")["receivers"]
    return lamp["stream"]["phase"]


def _remembers_and_tells_no_secret(box: Box, plant: Plant) -> None:
    kept = box.state_dir / "authorization.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    box.restart()
    once_known(box, f"{NODE}/self", plant.token("node"))
    eventually(lambda: len([one for one in plant.asked() if one.startswith("token")]) > 1, "another token")
    assert [one for one in plant.asked() if one.startswith("register")] == ["register registration events"]
    assert "secret of" not in box.log
    counted = box.get("/metrics").text
    assert "secret of" not in counted
    assert "authorization_allowed_total" in counted
    assert 'authorization_refused_total{reason="no_token"}' in counted
