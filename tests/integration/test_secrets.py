"""Secrets of the configuration and of the panel, planted in a running box and looked for wherever others may look."""

import json
import os
import sys
import tarfile
from pathlib import Path

import pytest

from tests.integration.conftest import StartBox
from tests.integration.test_operations import command
from tests.lan.box import CHECKOUT, Box
from tests.lan.network import Lan
from tests.lan.waiting import eventually
from tests.support.authority import Authority
from tests.unit.config.test_secret_keys import secret_keys

pytestmark = pytest.mark.root

PIN = "830172946153"
CONFIG = """
[network]
interfaces = ["eth0"]
[panel]
password = "{panel_password}"
[events.mqtt_broker]
host = "{host}"
authorization = true
username = "box"
password = "{events_mqtt_broker_password}"
[tls]
certificates = ["{certificate}"]
keys = ["{key}"]
[authorization]
client_id = "box"
client_secret = "{authorization_client_secret}"
initial_token = "{authorization_initial_token}"
[[devices]]
name = "box"
[[senders]]
name = "button"
device = "box"
format = "data"
transport = "mqtt"
media_type = "application/json"
event_type = "boolean"
[[receivers]]
name = "speaker"
device = "box"
label = "Speaker"
driver = "command"
command = {{ argv = ["sleep", "600"] }}
output = {{ kind = "none" }}
[[senders]]
name = "player"
device = "box"
driver = "command"
command = {{ argv = ["sleep", "600"] }}
"""
PATHS = (
    *("/metrics", "/healthz", "/panel/status", "/panel/settings", "/panel/receivers", "/panel/sources", "/panel/peers"),
    *("/panel/streams", "/panel/network", "/panel/events", "/x-nmos/node/v1.3/self", "/x-nmos/node/v1.3/senders"),
    *(
        "/x-nmos/connection/v1.1/single/senders/{sender}/active",
        "/x-nmos/connection/v1.1/single/senders/{sender}/staged",
    ),
    "/panel/explain?receiver={receiver}",
)
COMMANDS = ("status", "sources", "receivers", "explain Speaker", "status --json", "preset list", "auto-route", "events")


def planted() -> dict[str, str]:
    """What stands in the configuration for each key that holds a secret."""
    named = {key: key.replace(".", "_") for key in sorted(secret_keys())}
    return {key: f"planted-{name}-7q" for key, name in named.items() if f"{{{name}}}" in CONFIG}


def said_by(box: Box) -> dict[str, str]:
    """All that the box answers and the commands print, by what was asked."""
    receiver, sender = (box.json(f"/x-nmos/node/v1.3/{kind}")[0]["id"] for kind in ("receivers", "senders"))
    said = {}
    for path in PATHS:
        where = path.format(receiver=receiver, sender=sender)
        if path == "/panel/events":
            with box.stream(path) as stream:
                said[path] = "".join(stream.readline().decode() for _ in range(3))
        else:
            answer = box.get(where)
            assert answer.status in (200, 503), where
            said[path] = answer.text
    for line in COMMANDS:
        ran = box.host.popen(
            [sys.executable, "-m", "appliance", *line.split(), "--url", f"http://127.0.0.1:{box.port}"],
            environment={"PYTHONPATH": str(CHECKOUT)},
            log=box.state_dir.parent / "said",
        )
        assert ran.wait(60) == 0, line
    said["commands"] = (box.state_dir.parent / "said").read_text(encoding="utf-8")
    return said


def processes(box: Box) -> dict[str, str]:
    """The command lines of the box and of its children, and the environment of the children."""
    children = Path(f"/proc/{box.pid}/task/{box.pid}/children").read_text(encoding="ascii").split()
    files = [f"{pid}/cmdline" for pid in (str(box.pid), *children)] + [f"{pid}/environ" for pid in children]
    return {file: (Path("/proc") / file).read_text(encoding="utf-8", errors="replace") for file in files}


def packed(file: Path) -> str:
    with tarfile.open(file) as archive:
        parts = [archive.extractfile(member) for member in archive]
        return "\n".join(part.read().decode("utf-8", "replace") for part in parts if part is not None)


def test_what_is_planted_is_found_nowhere(lan: Lan, start_box: StartBox, tmp_path: Path) -> None:
    secrets = planted()
    host = lan.host("box")
    values = {key.replace(".", "_"): value for key, value in secrets.items()}
    certificate, key = Authority(tmp_path / "authority").certify("box", "box.local")
    files = {"certificate": str(certificate), "key": str(key)}
    config = CONFIG.format(host=lan.host("broker").address(), **files, **values)
    box = start_box(host, config, environment={"NMOS_APPLIANCE_PASSWORD": secrets["panel.password"]})
    assert box.post("/panel/pin", {"pin": PIN}).status == 200
    headers = {"Content-Type": "application/json"}
    login = box.raw("POST", "/panel/login", json.dumps({"password": secrets["panel.password"]}).encode(), headers)
    secrets |= {"the PIN": PIN, "a session": login.headers["set-cookie"].partition(";")[0].partition("=")[2]}
    assert box.raw("POST", "/panel/login", b'{"password":"planted-wrong-one"}', headers).status == 403
    secrets["the private key"] = key.read_text(encoding="ascii").splitlines()[2]
    secrets["a wrong password"] = "planted-wrong-one"

    eventually(lambda: len(processes(box)) > 1, "the program to run")
    found = said_by(box) | processes(box)
    broken = config.replace(f'"{secrets["panel.password"]}"', f'["{secrets["panel.password"]}"]')
    refused = box.reload(broken)
    assert refused.status == 409
    found["a refused reload"] = refused.text
    box.write(config)
    report, backup = tmp_path / "report.tar.gz", tmp_path / "backup"
    for arguments in (
        ("report", report, "--config", box.state_dir.parent / "appliance.toml", "--state-dir", box.state_dir),
        ("backup", backup, "--state-dir", box.state_dir),
    ):
        command(*arguments)
    found |= {"report": packed(report), "backup": backup.read_bytes().decode("latin-1")}
    os.kill(box.pid, 6)  # a crash, as the kernel has it
    eventually(lambda: not box.alive, "the end of the box")
    found |= {
        "log": box.log,
        "journal": "".join(file.read_bytes().decode("latin-1") for file in box.state_dir.rglob("*") if file.is_file()),
    }
    assert all(value in config for value in values.values())
    leaks = [(where, what) for where, text in found.items() for what, secret in secrets.items() if secret in text]
    assert leaks == []


def test_every_key_that_holds_a_secret_is_planted() -> None:
    assert set(planted()) == secret_keys()


def test_no_core_is_left_of_a_crash() -> None:
    units = (Path(CHECKOUT) / "systemd").glob("*.service")
    assert all("\nLimitCORE=0\n" in unit.read_text(encoding="utf-8") for unit in units)
