"""The command driver with real programs: the example of the documentation, and some that misbehave."""

import json
import os
import signal
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_media_formats import receiving
from tests.integration.test_media_stream import GROUP, MediaProcess, off, sending
from tests.lan.network import Lan
from tests.lan.waiting import eventually

pytestmark = pytest.mark.root

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "ancillary.py"


def program(path: Path, script: str) -> dict[str, Any]:
    """What a sender or receiver has that is done by this shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"driver": "command", "command": {"argv": [str(path)], "ready": "go"}}


def test_the_example_sends_and_receives_ancillary_data(lan: Lan, tmp_path: Path) -> None:
    source, display, noted = lan.host("source"), lan.host("display"), tmp_path / "noted"
    data = {"format": "data", "driver": "command"}
    sender = MediaProcess(
        source,
        sender={
            **data,
            "media_type": "video/smpte291",
            "video": {"grain_rate": "50"},
            "command": {"argv": [str(EXAMPLE)], "ready": "running"},
        },
    )
    receiver = MediaProcess(
        display,
        receiver={
            **data,
            "media_types": ["video/smpte291"],
            "command": {"argv": [str(EXAMPLE), str(noted)], "ready": "running", "sockets": True},
        },
    )
    receiver.activate("receiver", receiving(display.address(), "smpte291/90000", kind="video"))
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address(), GROUP)))
    sender.until("sender", "running")
    eventually(lambda: noted.exists() and noted.read_text().count("\n") > 20, "packets")
    sender.activate("sender", off())
    receiver.activate("receiver", off())
    eventually(lambda: not sender.pipelines() + receiver.pipelines(), "the end of the programs")
    heard = [json.loads(line) for line in noted.read_text().splitlines()]
    first = heard[0]["number"]
    assert [line["number"] - first for line in heard] == list(range(len(heard)))
    assert {after["timestamp"] - before["timestamp"] for before, after in pairwise(heard)} == {1800}
    sender.stop()
    receiver.stop()


def test_one_that_crashes_comes_back_and_its_last_words_are_told(lan: Lan, tmp_path: Path) -> None:
    first = f"[ ! -e {tmp_path}/was-there ] && touch {tmp_path}/was-there && echo oh no >&2 && exit 3"
    script = f"{first}; echo go; exec sleep 300"
    process = MediaProcess(lan.isolated("box"), sender=program(tmp_path / "crash", script))
    process.activate("sender", sending(("127.0.0.1", "127.0.0.1")))
    assert process.until("sender", "fault")["detail"] == "crash ended with 3: oh no"
    assert process.until("sender", "running")["restarts"] == 1
    (running,) = process.pipelines()
    os.kill(running, signal.SIGKILL)
    assert process.until("sender", "fault")["detail"] == "crash was killed by signal 9"
    assert process.until("sender", "running")["restarts"] == 2
    process.stop()


def test_one_that_will_not_end_is_killed_with_all_that_it_started(lan: Lan, tmp_path: Path) -> None:
    trap = f"trap 'echo asked >> {tmp_path}/asked' TERM"
    script = f"{trap}; (trap '' TERM; exec sleep 300) & echo $! > {tmp_path}/child; echo go; while :; do wait; done"
    process = MediaProcess(lan.isolated("box"), sender=program(tmp_path / "deaf", script))
    process.activate("sender", sending(("127.0.0.1", "127.0.0.1")))
    process.until("sender", "running")
    child = int((tmp_path / "child").read_text())
    process.activate("sender", off())
    eventually(lambda: not process.pipelines(), "the end of the program")
    assert (tmp_path / "asked").read_text().startswith("asked")
    eventually(lambda: not Path(f"/proc/{child}").exists(), "the end of its child")
    process.stop()


def test_it_is_told_the_sdp(lan: Lan, tmp_path: Path) -> None:
    host = lan.host("box")
    script = f'cat > {tmp_path}/job; printf %s "$NMOS_SDP" > {tmp_path}/sdp; echo go; exec sleep 300'
    process = MediaProcess(host, receiver=program(tmp_path / "told", script))
    active = receiving(host.address(), "L24/48000/2", "a=ptime:1")
    process.activate("receiver", active)
    process.until("receiver", "running")
    sdp = active["transport_file"]["data"]
    assert (tmp_path / "sdp").read_bytes() == sdp.encode()
    job = json.loads((tmp_path / "job").read_text())
    assert (job["sdp"], job["legs"][0]["interface"]) == (sdp, "eth0")
    process.stop()
