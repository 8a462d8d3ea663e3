"""TLS (BCP-003-01) between boxes: found by mDNS, verified by name, renewed while they run; strangers are told apart."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.edge.certificates import read_certificate
from tests.integration.conftest import StartBox
from tests.integration.test_events import active, endpoint, heard, lit, press, status
from tests.integration.test_two_boxes import listed
from tests.lan.box import Box
from tests.lan.network import Host, Lan
from tests.lan.waiting import eventually
from tests.lan.websocket import WebSocket
from tests.support.authority import Authority

pytestmark = pytest.mark.root

TLS = """
[tls]
certificates = ["{certificate}"]
keys = ["{key}"]
ca = "{ca}"
[node]
label = "{label}"
[media]
driver = "null"
[[devices]]
name = "box"
"""
DESK = """
[[senders]]
name = "tone"
label = "Tone"
device = "box"
[[senders]]
name = "button"
label = "Button"
device = "box"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
"""
STAGE = """
[[events.lamps]]
name = "tally"
[[receivers]]
name = "speaker"
label = "Speaker"
device = "box"
output = { kind = "none" }
[[receivers]]
name = "lamp"
label = "Lamp"
device = "box"
format = "data"
transport = "websocket"
media_types = ["application/json"]
event_types = ["boolean"]
actions = [{ lamp = "tally" }]
"""

ETH_P_ALL = 0x0003
CLIENT_HELLO = b"\x16\x03\x01"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def secured(host: Host, start_box: StartBox, authority: Authority, more: str) -> Box:
    """A box whose certificate has its name and nothing else."""
    name = host.label
    certificate, key = authority.certify(name, f"{name}.local")
    config = TLS.format(certificate=certificate, key=key, ca=authority.ca, label=name)
    return start_box(host, config + more, name=name)


def shown_certificate(host: Host, box: Box) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(host.connect(box.host.address(), box.port)) as shaken:
        return shaken.getpeercert(binary_form=True) or b""


def in_file(certificate: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))


def take(box: Box, receiver: str, sender_id: str) -> None:
    chosen = {"receiver_id": endpoint(box, "receivers", receiver), "sender_id": sender_id}
    answer = box.post("/panel/take", chosen)
    assert answer.status == 200, answer.body


def peer_error(box: Box, label: str) -> str:
    found = (peer["error"] for peer in box.json("/panel/peers")["peers"] if peer["name"].startswith(label))
    return str(next(found, ""))


def metric(box: Box, name: str) -> float:
    """Of the one there is of this name."""
    lines = [line for line in box.get("/metrics").text.splitlines() if line.startswith(f"nmos_appliance_{name}")]
    assert len(lines) == 1, lines
    return float(lines[0].rpartition(" ")[2])


def frames(wire: socket.socket) -> Iterator[bytes]:
    wire.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            yield wire.recv(65536)


def test_boxes_of_one_authority_and_one_of_another(
    lan: Lan, start_box: StartBox, authority: Authority, tmp_path: Path
) -> None:
    phone = lan.host("phone")
    hosts = {name: lan.host(name) for name in ("desk", "stage", "stranger")}
    wire = hosts["stranger"].open_socket(socket.AF_PACKET, socket.SOCK_RAW)
    with wire:
        wire.bind(("eth0", ETH_P_ALL))
        stranger = secured(hosts["stranger"], start_box, Authority(tmp_path / "another"), DESK)
        desk = secured(hosts["desk"], start_box, authority, DESK)
        stage = secured(hosts["stage"], start_box, authority, STAGE)

        take(stage, "Speaker", listed(stage, "Tone")["id"])
        take(stage, "Lamp", listed(stage, "Button")["id"])
        eventually(lambda: status(stage, "Lamp")["phase"] == "running", "the lamp to hear the button")
        press(desk, "Button", True)
        eventually(lambda: lit(stage) == {"tally"}, "the lamp to be lit")

        eventually(lambda: "cannot be trusted" in peer_error(stage, "stranger"), "the reason why it is not asked")
        assert {item["label"] for item in stage.json("/panel/sources")["sources"]} == {"Tone", "Button"}
        assert len(stage.json("/panel/sources")["sources"]) == 2
        seen = list(frames(wire))
        assert any(CLIENT_HELLO in frame for frame in seen)
        assert not [frame for frame in seen if b" HTTP/1." in frame]
        assert stranger.alive
        assert metric(stranger, "tls_failed_handshakes_total") > 0

    _renewed_while_it_runs(phone, desk, stage, authority)


def _renewed_while_it_runs(phone: Host, desk: Box, stage: Box, authority: Authority) -> None:
    before = active(desk, "Button")
    trusting = ssl.create_default_context(cafile=str(authority.ca))
    with WebSocket(phone, before["connection_uri"], tls=trusting, address=desk.host.address()) as program:
        program.say({"command": "subscription", "sources": [before["ext_is_07_source_id"]]})
        assert program.receive()["payload"] == {"value": True}

        certificate, key = authority.certify("desk", "console.local")
        kept = key.read_bytes()
        key.write_text("no key", encoding="ascii")
        old = shown_certificate(phone, desk)
        refused = desk.post("/panel/reload", {})
        assert refused.status == 409
        assert "tls.keys[0]" in refused.text
        assert shown_certificate(phone, desk) == old

        key.write_bytes(kept)
        assert desk.post("/panel/reload", {}).json() == {
            "changed": "certificates renewed; configuration: nothing changed"
        }
        assert shown_certificate(phone, desk) == in_file(certificate) != old
        assert metric(desk, "certificate_expiry_timestamp_seconds") == read_certificate(str(certificate)).ends
        uri = before["connection_uri"].replace("desk.local", "console.local")
        eventually(lambda: active(desk, "Button")["connection_uri"] == uri, "the name to be the new one")

        press(desk, "Button", False)
        said = iter(lambda: program.receive()["payload"]["value"], False)
        assert set(said) <= {True}  # the state may be told again, as the sender is somewhere else
        eventually(lambda: lit(stage) == set(), "the lamp to be out")
        assert heard(stage, "Lamp") is False
