"""Auto-route, presets and the lock on real boxes: a source is lost, replaced, comes back; the power goes in between."""

from typing import Any

from tests.integration.conftest import StartBox
from tests.lan.box import Box
from tests.lan.network import Lan
from tests.lan.waiting import eventually

PIN = "471108"


def sender(label: str, name: str) -> str:
    return f"""
[node]
label = "{label} box"
[media]
driver = "null"
[[devices]]
name = "stage"
[[senders]]
name = "{name}"
device = "stage"
label = "{label}"
"""


DISPLAY = """
[node]
label = "Display"
[media]
driver = "null"
[[devices]]
name = "foyer"
[[receivers]]
name = "speaker"
device = "foyer"
label = "Speaker"
[receivers.auto_route]
mode = "follow"
hold_s = 0.5
rules = [{ label = "Main*" }, { label = "Spare" }]
[[receivers]]
name = "recorder"
device = "foyer"
label = "Recorder"
"""


def receiver(box: Box, label: str = "Speaker") -> dict[str, Any]:
    items = {item["label"]: item for item in box.json("/panel/receivers")["receivers"]}
    found: dict[str, Any] = items[label]
    return found


def shows(box: Box, label: str = "Speaker") -> str | None:
    item = receiver(box, label)
    return item["shows"] if item["enabled"] else None


def post(box: Box, path: str, **body: Any) -> Any:
    answer = box.post(path, body)
    assert answer.status == 200, answer.body
    return answer.json()


def source_id(box: Box, label: str) -> str:
    def found() -> str:
        return next((item["id"] for item in box.json("/panel/sources")["sources"] if item["label"] == label), "")

    return eventually(found, f"{label} in the menu")


def test_lost_replaced_back_and_returned_to(lan: Lan, start_box: StartBox) -> None:
    spare = start_box(lan.host("b"), sender("Spare", "s"), name="spare")
    box = start_box(lan.host("display"), DISPLAY, name="display")
    eventually(lambda: shows(box) == "Spare", "the second rule, while nothing of the first is there")
    main = start_box(lan.host("a"), sender("Main", "m"), name="main")
    eventually(lambda: shows(box) == "Main", "the first rule")
    assert "rule 1" in receiver(box)["route"]["note"]

    # Gone without a word, as if its power was cut; and there again.
    assert main.stop() == 0
    eventually(lambda: shows(box) == "Spare", "the spare one")
    assert "Main was lost" in receiver(box)["route"]["note"]
    main.start()
    eventually(lambda: shows(box) == "Main", "back")
    eventually(lambda: "auto-route took Main is back" in box.log, "the log to say so")
    assert spare.alive

    # A controller's choice wins, over the loss of its source, and over a power cut.
    item = receiver(box)
    transport_file = spare.json("/x-nmos/connection/v1.1/single/senders")
    sdp = spare.get(f"/x-nmos/connection/v1.1/single/senders/{transport_file[0]}transportfile").body.decode()
    staged = f"/x-nmos/connection/v1.1/single/receivers/{item['id']}/staged"
    patched = box.patch(
        staged,
        {
            "sender_id": source_id(box, "Spare"),
            "master_enable": True,
            "activation": {"mode": "activate_immediate"},
            "transport_file": {"data": sdp, "type": "application/sdp"},
        },
    )
    assert patched.status == 200
    assert receiver(box)["route"]["manual"]
    box.restart()
    assert receiver(box)["route"]["manual"]
    source_id(box, "Main")
    assert shows(box) == "Spare"
    post(box, "/panel/route", receiver_id=item["id"], release=True)
    eventually(lambda: shows(box) == "Main", "released, it follows again")


def test_a_source_that_comes_back_with_another_stream_is_connected_to_anew(lan: Lan, start_box: StartBox) -> None:
    source = start_box(lan.host("a"), sender("Mic", "m"), name="source")
    box = start_box(lan.host("display"), DISPLAY, name="display")
    mic = source_id(box, "Mic")
    recorder = receiver(box, "Recorder")["id"]
    post(box, "/panel/take", receiver_id=recorder, sender_id=mic)
    active = f"/x-nmos/connection/v1.1/single/receivers/{recorder}/active"
    before = box.json(active)["transport_params"][0]["multicast_ip"]
    staged = f"/x-nmos/connection/v1.1/single/senders/{mic}/staged"
    moved = {"transport_params": [{"destination_ip": "239.99.0.9"}], "activation": {"mode": "activate_immediate"}}
    assert source.patch(staged, moved).status == 200
    assert before != "239.99.0.9"
    eventually(lambda: box.json(active)["transport_params"][0]["multicast_ip"] == "239.99.0.9", "the new group")
    assert "its stream has changed" in receiver(box, "Recorder")["route"]["note"]
    activated = box.json(active)["activation"]
    assert source.patch(staged, {"activation": {"mode": "activate_immediate"}}).status == 200  # the same once more
    post(box, "/panel/label", id=recorder, label="Tape")
    assert box.json(active)["activation"] == activated


def test_a_preset_a_pin_and_favourites_come_back_after_a_power_cut(lan: Lan, start_box: StartBox) -> None:
    start_box(lan.host("a"), sender("Mic", "m"), name="source")
    box = start_box(lan.host("display"), DISPLAY, name="display")
    mic, recorder = source_id(box, "Mic"), receiver(box, "Recorder")["id"]
    post(box, "/panel/take", receiver_id=recorder, sender_id=mic)
    post(box, "/panel/presets/save", name="Show")
    post(box, "/panel/favourite", id=mic, favourite=True)
    post(box, "/panel/take", receiver_id=recorder, sender_id=None)
    done = post(box, "/panel/presets/recall", name="Show")
    assert (done["taken"], done["failed"]) == (1, [])
    assert shows(box, "Recorder") == "Mic"
    post(box, "/panel/pin", pin=PIN)
    post(box, "/panel/lock")
    assert box.stop() == 0
    kept = b"".join(file.read_bytes() for file in box.state_dir.rglob("*") if file.is_file())
    assert b"Show" in kept
    assert PIN.encode() not in kept
    box.start()
    panel = box.json("/panel/settings")["panel"]
    assert (panel["locked"], panel["has_pin"], panel["favourites"]) == (True, True, [mic])
    assert box.post("/panel/take", {"receiver_id": recorder, "sender_id": None}).status == 423
    assert [box.post("/panel/unlock", {"pin": "0000"}).status for _ in range(4)] == [403, 403, 403, 429]
    eventually(lambda: box.post("/panel/unlock", {"pin": PIN}).status == 200, "the right one, a while later")
    post(box, "/panel/take", receiver_id=recorder, sender_id=None)
    assert PIN not in box.log
