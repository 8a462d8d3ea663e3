"""A configuration changed under a running box: what is new is there, what is bad is refused, what plays goes on."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import StartBox
from tests.lan.box import Box
from tests.lan.network import Lan
from tests.lan.observer import Observer
from tests.lan.waiting import eventually
from tests.support import audio

pytestmark = pytest.mark.root

OK, FORBIDDEN, NOT_FOUND, CONFLICT = 200, 403, 404, 409
TONE_HZ = 440.0
SOURCE = """
[[devices]]
name = "desk"
[[senders]]
name = "tone"
device = "desk"
label = "Stage"
input = { kind = "tone", frequency_hz = 440.0 }
"""
BOOTH = """
[node]
label = "Booth"
[[devices]]
name = "booth"
[[receivers]]
name = "recorder"
device = "booth"
label = "Recorder"
output = {{ kind = "file", path = "{wav}" }}
"""
ANOTHER = """
[[receivers]]
name = "second"
device = "booth"
label = "Second"
driver = "null"
output = { kind = "none" }
"""


def receivers(box: Box) -> dict[str, dict[str, Any]]:
    return {each["label"]: each for each in box.json("/panel/receivers")["receivers"]}


def running(box: Box, label: str) -> bool:
    return bool(receivers(box)[label]["stream"]["phase"] == "running")


def take(box: Box, receiver: str, sender: str | None) -> None:
    sources = {each["label"]: each["id"] for each in box.json("/panel/sources")["sources"]}
    wanted = sources[sender] if sender else None
    body = {"receiver_id": receivers(box)[receiver]["id"], "sender_id": wanted}
    assert box.post("/panel/take", body).status == OK


def listed(box: Box, label: str) -> bool:
    return label in {each["label"] for each in box.json("/panel/sources")["sources"]}


def children(box: Box) -> list[str]:
    return Path(f"/proc/{box.pid}/task/{box.pid}/children").read_text(encoding="ascii").split()


@pytest.mark.gstreamer
def test_a_stream_plays_on_without_a_wrong_sample(lan: Lan, start_box: StartBox, tmp_path: Path) -> None:
    start_box(lan.host("desk"), SOURCE, name="desk")
    wav = tmp_path / "heard.wav"
    config = BOOTH.format(wav=wav)
    booth = start_box(lan.host("booth"), config, name="booth")
    eventually(lambda: listed(booth, "Stage"), "the source on the menu")
    take(booth, "Recorder", "Stage")
    eventually(lambda: running(booth, "Recorder") and wav.exists() and wav.stat().st_size > 100_000, "sound")
    before, pipelines = booth.json(connection(booth, "Recorder")), children(booth)

    assert booth.reload(config + ANOTHER).json() == {"changed": "receiver second added"}
    take(booth, "Second", "Stage")
    assert booth.reload(config.replace("Booth", "Foyer") + ANOTHER).json() == {"changed": "node.label changed"}
    assert booth.reload(config).json() == {"changed": "receiver second removed; node.label changed"}

    assert booth.json(connection(booth, "Recorder")) == before
    assert children(booth) == pipelines
    heard = wav.stat().st_size
    eventually(lambda: wav.stat().st_size > heard + 200_000, "more sound")
    take(booth, "Recorder", None)
    eventually(lambda: not children(booth), "the end of the recording")
    for channel in (recording := audio.read(wav)).channels:
        samples = audio.sounding(channel)
        assert audio.pitch_hz(samples, recording.rate) == pytest.approx(TONE_HZ, abs=0.05)
        assert audio.interruptions(samples, TONE_HZ, recording.rate) == 0


def connection(box: Box, label: str) -> str:
    return f"/x-nmos/connection/v1.1/single/receivers/{receivers(box)[label]['id']}/active"


QUIET = BOOTH.format(wav="/nowhere.wav").replace('label = "Recorder"', 'label = "Recorder"\ndriver = "null"')


def test_others_on_the_network_hear_of_it(lan: Lan, start_box: StartBox) -> None:
    """The ver_ of each kind that changed moves by one, the others stay (IS-04 Discovery - Peer to Peer Operation)."""
    desk = lan.host("desk")
    box = start_box(lan.host("booth"), QUIET)
    lan.enter(observer := Observer(desk))
    instance = eventually(lambda: next(iter(observer.services()), None), "its announcement")
    before = observer.wait_for(instance, lambda service: "ver_rcv" in service.txt).txt
    assert box.reload(QUIET + ANOTHER).status == OK
    after = observer.wait_for(instance, lambda service: service.txt["ver_rcv"] != before["ver_rcv"]).txt
    assert {name for name in after if after[name] != before[name]} == {"ver_rcv", "ver_dvc"}
    assert sorted(each["label"] for each in box.json("/x-nmos/node/v1.3/receivers")) == ["Recorder", "Second"]


def test_a_bad_one_is_refused_and_named_and_the_old_one_goes_on(lan: Lan, start_box: StartBox) -> None:
    box = start_box(lan.host("booth"), QUIET)
    refused = box.reload(QUIET.replace("device", "devise") + ANOTHER)
    assert refused.status == CONFLICT
    assert "receivers[0].devise" in refused.json()["error"]
    assert list(receivers(box)) == ["Recorder"]
    assert any("refused" in problem for problem in box.json("/panel/status")["status"]["problems"])
    restart = box.reload(QUIET.replace("[[devices]]", "[discovery]\nmode = 'off'\n[[devices]]", 1) + ANOTHER)
    assert "discovery.mode: takes effect with a restart only" in restart.json()["error"]
    assert list(receivers(box)) == ["Recorder"]
    assert box.reload(QUIET).status == OK
    assert not box.json("/panel/status")["status"]["problems"]


def test_a_signal_does_it_and_so_does_the_command_on_the_box(lan: Lan, start_box: StartBox) -> None:
    desk, host = lan.host("desk"), lan.host("booth")
    box = start_box(host, QUIET)
    box.write(QUIET + ANOTHER)
    os.kill(box.pid, signal.SIGHUP)
    eventually(lambda: "Second" in receivers(box), "the other receiver")
    box.write(QUIET)
    command = [sys.executable, "-m", "appliance", "reload", "--url"]
    done = host.run([*command, f"http://127.0.0.1:{box.port}"])
    assert done.stdout == "reloaded: receiver second removed\n"
    elsewhere = desk.run([*command, box.url], check=False)
    assert elsewhere.returncode == 1
    assert "only the box itself" in elsewhere.stderr


def test_a_box_that_is_called_something_else_now_is_announced_once(lan: Lan, start_box: StartBox) -> None:
    """What was still to be said by its old name must not come after the goodbye."""
    desk = lan.host("desk")
    booth = start_box(lan.host("booth"), QUIET)
    lan.enter(observer := Observer(desk))
    observer.wait_for("Booth")
    assert booth.reload(QUIET.replace("Booth", "Foyer") + ANOTHER).status == OK
    observer.wait_for("Foyer")
    assert list(observer.services()) == ["Foyer"]


BUTTON = """
[[senders]]
name = "button"
device = "booth"
label = "Button"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
"""
FADER = """
[[senders]]
name = "fader"
device = "booth"
label = "Fader"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "number"
event = { min = 0, max = 10 }
"""
LAMP = """
[[receivers]]
name = "lamp"
device = "booth"
label = "Lamp"
format = "data"
transport = "websocket"
media_types = ["application/json"]
event_types = ["boolean"]
actions = [{ show = "On air" }]
"""


def tally(box: Box) -> dict[str, Any]:
    board: dict[str, Any] = box.json("/panel/tally")
    return board


def sources(box: Box) -> dict[str, Any]:
    return {each["label"]: each["value"] for each in tally(box)["sources"]}


def press(box: Box, label: str, value: object) -> None:
    (id,) = [each["id"] for each in tally(box)["sources"] if each["label"] == label]
    assert box.post("/panel/tally", {"source_id": id, "value": value}).status == OK


def test_events_come_change_and_go(lan: Lan, start_box: StartBox) -> None:
    box = start_box(lan.host("booth"), QUIET)
    assert "events/" not in box.json("/x-nmos/")
    assert box.reload(QUIET + BUTTON + LAMP).json() == {"changed": "sender button added; receiver lamp added"}
    assert "events/" in box.json("/x-nmos/")
    eventually(lambda: listed(box, "Button"), "the button on the menu")
    press(box, "Button", True)
    take(box, "Lamp", "Button")
    eventually(lambda: tally(box)["shown"] == ["On air"], "what the lamp heard")
    before = box.json("/x-nmos/events/v1.0/sources/")

    changed = LAMP.replace("On air", "Live")
    assert box.reload(QUIET + BUTTON + changed + FADER).status == OK
    assert tally(box)["shown"] == ["Live"]
    assert sources(box) == {"Button": True, "Fader": 0}
    assert before[0] in box.json("/x-nmos/events/v1.0/sources/")
    press(box, "Fader", 7)
    press(box, "Button", False)
    eventually(lambda: sources(box) == {"Button": False, "Fader": 7}, "both values")

    assert box.reload(QUIET + FADER).json() == {"changed": "sender button removed; receiver lamp removed"}
    assert sources(box) == {"Fader": 7}
    assert box.reload(QUIET).status == OK
    assert "events/" not in box.json("/x-nmos/")
    assert box.get("/x-nmos/events/v1.0/sources").status == NOT_FOUND


def test_channel_mapping_comes_changes_and_goes(lan: Lan, start_box: StartBox) -> None:
    box = start_box(lan.host("booth"), QUIET)
    base = "/x-nmos/channelmapping/v1.0"
    assert box.get(base).status == NOT_FOUND
    assert box.reload(QUIET + "[mapping]\n").json() == {"changed": "mapping changed"}
    assert box.json(f"{base}/inputs") == ["receiver-recorder/"]
    label = '[mapping]\ninputs = [{ id = "receiver-recorder", label = "Tape" }]\n'
    assert box.reload(QUIET + label + ANOTHER).status == OK
    assert box.json(f"{base}/inputs") == ["receiver-recorder/", "receiver-second/"]
    assert box.json(f"{base}/inputs/receiver-recorder/properties")["name"] == "Tape"
    assert box.reload(QUIET).json() == {"changed": "receiver second removed; mapping changed"}
    assert box.get(base).status == NOT_FOUND
    assert "channelmapping/" not in box.json("/x-nmos/")
    assert box.reload(QUIET + "[mapping]\n").status == OK
    assert box.json(f"{base}/inputs") == ["receiver-recorder/"]
