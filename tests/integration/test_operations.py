"""What an administrator does with a box: watches it, asks for a report, moves it to other hardware, upgrades it."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import cbor2
from prometheus_client.parser import text_string_to_metric_families as parsed

from appliance.core import journal
from appliance.edge.files import JOURNAL
from tests.integration.conftest import StartBox
from tests.lan.box import CHECKOUT, Box
from tests.lan.network import Lan
from tests.lan.waiting import eventually

CONFIG = """
[network]
interfaces = ["eth0"]
[[devices]]
name = "box"
[[receivers]]
name = "speaker"
device = "box"
label = "Speaker"
driver = "null"
output = { kind = "none" }
"""
SELF = "/x-nmos/node/v1.3/self"


def command(*arguments: str | Path, code: int = 0) -> str:
    """One that only works on files: what it says on standard output, or on standard error where it fails."""
    called = [sys.executable, "-m", "appliance", *map(str, arguments)]
    ran = subprocess.run(called, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == code, ran.stderr
    return ran.stderr if code else ran.stdout


def metrics_of(box: Box) -> dict[str, float]:
    """By name and labels, as they are written."""
    answer = box.get("/metrics")
    assert answer.status == 200, answer.text
    return {
        f"{sample.name.removeprefix('nmos_appliance_')}{''.join(sorted(sample.labels.values()))}": sample.value
        for family in parsed(answer.text)
        for sample in family.samples
    }


def label_of(box: Box) -> str:
    (receiver,) = box.json("/panel/receivers")["receivers"]
    return str(receiver["label"])


def rename(box: Box, label: str) -> None:
    (receiver,) = box.json("/panel/receivers")["receivers"]
    assert box.post("/panel/label", {"id": receiver["id"], "label": label}).status == 200


def test_its_metrics_follow_what_it_does(lan: Lan, start_box: StartBox) -> None:
    box = start_box(lan.host("box"), CONFIG)
    before = metrics_of(box)
    rename(box, "Foyer")
    assert box.get("/nothing").status == 404
    for _ in range(3):
        assert box.get(SELF).status == 200
    after = metrics_of(box)
    assert after["commits_total"] == before["commits_total"] + 1
    assert after["announced_versionver_rcv"] == before["announced_versionver_rcv"] + 1
    assert after["http_answers_total404"] == 1
    assert after["http_answers_total200"] == before.get("http_answers_total200", 0) + 6
    assert after["http_kept_answers"] >= 1
    assert after["streamsidlereceiver"] == 1
    assert after["ptp_clocknone"] == 1
    assert after["loop_turn_seconds_count"] > before["loop_turn_seconds_count"]
    assert after["process_open_fds"] > 3
    eventually(lambda: metrics_of(box)["journal_writes_total"] > before["journal_writes_total"], "the journal")


def test_a_box_without_a_cable_is_off_duty(lan: Lan, start_box: StartBox) -> None:
    host = lan.host("box")
    box = start_box(host, CONFIG)
    healthy = box.get("/healthz")
    assert healthy.status == 200
    assert healthy.json() == {"status": "ok", "problems": []}
    lan.unplug(host, "eth0")
    eventually(lambda: box.get("/healthz").status == 503, "the box to say that it is off duty")
    assert "no media interface has a link" in box.get("/healthz").json()["off_duty"]
    lan.plug(host, "eth0", "red")
    eventually(lambda: box.get("/healthz").status == 200, "the box to be on duty again")


def test_a_report_of_a_running_box_tells_how_it_is(lan: Lan, start_box: StartBox, tmp_path: Path) -> None:
    host = lan.host("box")
    box = start_box(host, CONFIG)
    file = tmp_path / "report.tar.gz"
    arguments = ("report", file, "--state-dir", box.state_dir, "--url", f"http://127.0.0.1:{box.port}")
    reporting = host.popen(
        [sys.executable, "-m", "appliance", *map(str, arguments)], environment={"PYTHONPATH": str(CHECKOUT)}
    )
    assert reporting.wait(60) == 0
    with tarfile.open(file) as archive:
        parts = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive}
        found = {name: stream.read().decode() for name, stream in parts.items() if stream is not None}
    assert json.loads(found["status.json"])["status"]["health"] == "ok"
    assert json.loads(found["node/self.json"])["id"] == box.json(SELF)["id"]
    assert "nmos_appliance_commits_total" in found["metrics.txt"]
    assert "eth0" in found["network/addresses.txt"]
    assert "rp_filter" in found["network/kernel.txt"]
    assert found["explain.txt"].startswith("Speaker (")


def test_another_box_takes_over_who_it_is(lan: Lan, start_box: StartBox, tmp_path: Path) -> None:
    old = start_box(lan.host("old"), CONFIG, name="old")
    rename(old, "Foyer")
    kept = tmp_path / "box.backup"

    def backed_up() -> bool:
        command("backup", "--state-dir", old.state_dir, kept)
        return b"Foyer" in kept.read_bytes()

    eventually(backed_up, "the new label to be in a backup")
    node_id = old.json(SELF)["id"]
    old.kill()
    new = start_box(lan.host("new"), CONFIG, name="new")
    assert new.json(SELF)["id"] != node_id
    assert "systemctl stop" in command("restore", "--state-dir", new.state_dir, kept, code=1)
    assert new.stop() == 0
    command("restore", "--state-dir", new.state_dir, kept)
    new.start()
    assert new.json(SELF)["id"] == node_id
    assert label_of(new) == "Foyer"


def test_after_a_downgrade_it_is_still_the_same_box(lan: Lan, start_box: StartBox) -> None:
    """The newer version's state is set aside with a message, to be put back when that version is."""
    box = start_box(lan.host("box"), CONFIG)
    node = box.json(SELF)
    assert box.stop() == 0
    file = box.state_dir / JOURNAL
    seed = journal.read(file.read_bytes()).seed
    assert seed is not None
    newer = journal.frame(cbor2.dumps({"product": journal.PRODUCT, "schema": journal.SCHEMA + 1, "seed": seed.bytes}))
    newer += journal.frame(cbor2.dumps({"another": "shape"}))
    file.write_bytes(newer)
    (box.state_dir / "identity").unlink()
    box.start()
    assert box.json(SELF)["id"] == node["id"]
    (aside,) = box.state_dir.glob(f"{JOURNAL}.bad-*")
    assert aside.read_bytes() == newer
    assert f"written by a newer version of nmos-appliance (schema {journal.SCHEMA + 1}, this one reads up to" in box.log
    assert f"set aside as {aside.name}" in box.log
