"""The product in a room: boxes on a switch without any server. One sends, another finds it, lists it and plays it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import StartBox, StartPeer
from tests.lan.avahi import Avahi
from tests.lan.box import Box
from tests.lan.documents import peer_documents
from tests.lan.network import RED_AND_BLUE, Lan
from tests.lan.observer import Observer
from tests.lan.peer import settle
from tests.lan.waiting import eventually
from tests.support.audio import pitch_hz, read, sounding

SOURCE = """
[node]
label = "Source"
[[devices]]
name = "stage"
label = "Stage"
[[senders]]
name = "low"
device = "stage"
label = "Low"
channels = 1
input = { kind = "tone", frequency_hz = 440 }
[[senders]]
name = "high"
device = "stage"
label = "High"
media_type = "audio/L16"
input = { kind = "tone", frequency_hz = 1700 }
"""


def display(wav: Path, driver: str = "gstreamer") -> str:
    return f"""
[node]
label = "Display"
[media]
driver = "{driver}"
[[devices]]
name = "foyer"
[[receivers]]
name = "speaker"
device = "foyer"
label = "Speaker"
output = {{ kind = "file", path = "{wav}" }}
"""


def sources(box: Box) -> dict[str, dict[str, Any]]:
    """The menu: what can be chosen, by label."""
    return {item["label"]: item for item in box.json("/panel/sources")["sources"]}


def receiver(box: Box) -> dict[str, Any]:
    [item] = box.json("/panel/receivers")["receivers"]
    return dict(item)


def listed(box: Box, label: str) -> dict[str, Any]:
    """The menu's item of that label, once it is there and confirmed."""

    def look() -> dict[str, Any] | None:
        item = sources(box).get(label)
        return item if item and item["confirmed"] and item["lost_since"] is None else None

    return eventually(look, f"{label} in the menu")


def take(box: Box, sender_id: str | None) -> dict[str, Any]:
    answer = box.post("/panel/take", {"receiver_id": receiver(box)["id"], "sender_id": sender_id})
    assert answer.status == 200, answer.body
    return dict(answer.json()["receiver"])


def group_of(box: Box, sender_id: str) -> str:
    active = box.json(f"/x-nmos/connection/v1.1/single/senders/{sender_id}/active")
    return str(active["transport_params"][0]["destination_ip"])


@pytest.mark.gstreamer
def test_a_tone_chosen_on_the_panel_is_heard_at_the_right_pitch(lan: Lan, start_box: StartBox, tmp_path: Path) -> None:
    wav = tmp_path / "heard.wav"
    source = start_box(lan.host("source"), SOURCE, name="source")
    box = start_box(lan.host("display"), display(wav), name="display")
    for label, frequency_hz in (("Low", 440), ("High", 1700)):
        shown = take(box, listed(box, label)["id"])
        assert shown["shows"] == label
        assert shown["why"], "the reason for the interface is kept and shown"
        eventually(lambda: receiver(box)["stream"]["phase"] == "running", "the stream to run")
        eventually(lambda: wav.exists() and wav.stat().st_size > 200_000, f"about a second of {label} in the file")
        off = take(box, None)
        assert not off["enabled"]
        eventually(lambda: receiver(box)["stream"]["phase"] == "idle", "the stream to end")
        heard = read(wav)
        assert pitch_hz(sounding(heard.channels[0]), heard.rate) == pytest.approx(frequency_hz, rel=0.01)
    assert source.stop() == 0
    assert box.stop() == 0


def test_the_join_is_on_the_interface_that_leads_to_the_source_and_not_on_the_other(
    lan: Lan, start_box: StartBox, tmp_path: Path
) -> None:
    blue = lan.host("source", {"eth0": "blue"})
    source = start_box(blue, SOURCE, name="source")
    host = lan.host("display", RED_AND_BLUE)
    box = start_box(host, display(tmp_path / "x.wav", "null"), name="display")
    sender_id = listed(box, "Low")["id"]
    group = group_of(source, sender_id)
    shown = take(box, sender_id)
    assert group in host.memberships("eth1")
    assert group not in host.memberships("eth0")
    assert (source.host.address(), group) in {(f.source, f.group) for f in host.source_filters("eth1")}
    assert shown["why"][0].startswith("eth1: ")
    active = box.json(f"/x-nmos/connection/v1.1/single/receivers/{shown['id']}/active")
    assert active["transport_params"][0]["interface_ip"] == host.address("eth1")
    take(box, None)
    assert group not in host.memberships("eth1")


def test_a_changed_label_reaches_the_menu_with_exactly_one_further_request(
    lan: Lan, start_box: StartBox, start_peer: StartPeer, tmp_path: Path
) -> None:
    host = lan.host("peer")
    peer = start_peer(host, "camera", peer_documents("camera", host.address(), senders=3))
    box = start_box(lan.host("display"), display(tmp_path / "x.wav", "null"), name="display")
    peer.announce()
    eventually(lambda: len(sources(box)) >= 3, "the peer's senders in the menu")
    settle(peer)
    peer.requests(forget=True)
    peer.relabel("senders", 1, "Renamed")
    listed(box, "Renamed")
    assert [request.path.rstrip("/").rpartition("/")[2] for request in settle(peer)] == ["senders"]


def test_a_box_that_renames_itself_is_followed(lan: Lan, start_box: StartBox, tmp_path: Path) -> None:
    source = start_box(lan.host("source"), SOURCE, name="source")
    box = start_box(lan.host("display"), display(tmp_path / "x.wav", "null"), name="display")
    sender_id = listed(box, "Low")["id"]
    assert source.post("/panel/label", {"id": sender_id, "label": "Choir"}).status == 200
    assert listed(box, "Choir")["id"] == sender_id
    source.restart()
    assert listed(box, "Choir")["id"] == sender_id, "labels and ids come back after power-on"


def test_a_source_that_lost_power_is_shown_as_lost_and_followed_when_it_returns(
    lan: Lan, start_box: StartBox, tmp_path: Path
) -> None:
    source = start_box(lan.host("source"), SOURCE, name="source")
    box = start_box(lan.host("display"), display(tmp_path / "x.wav", "null"), name="display")
    sender_id = listed(box, "Low")["id"]
    take(box, sender_id)
    source.kill()
    # A take of something that no longer answers is what makes a box look again at once.
    box.post("/panel/take", {"receiver_id": receiver(box)["id"], "sender_id": listed_id(box, "High")})
    eventually(lambda: sources(box)["Low"]["lost_since"] is not None, "Low shown as lost", patience_s=30)
    source.start()
    assert listed(box, "Low")["id"] == sender_id
    assert receiver(box)["sender_id"] == sender_id


def listed_id(box: Box, label: str) -> str:
    return str(sources(box)[label]["id"])


def test_a_peers_counter_may_wrap(lan: Lan, start_box: StartBox, start_peer: StartPeer, tmp_path: Path) -> None:
    host = lan.host("peer")
    peer = start_peer(host, "camera", peer_documents("camera", host.address()))
    box = start_box(lan.host("display"), display(tmp_path / "x.wav", "null"), name="display")
    peer.announce({**peer.txt, "ver_snd": "255"})
    eventually(lambda: len(sources(box)) == 1, "the peer's sender in the menu")
    peer.relabel("senders", 0, "After the wrap")
    listed(box, "After the wrap")


def test_our_own_counters_wrap_from_255_to_0(lan: Lan, start_box: StartBox) -> None:
    box = start_box(lan.host("source"), SOURCE, name="source")
    sender_id = box.json("/x-nmos/node/v1.3/senders")[0]["id"]
    staged = f"/x-nmos/connection/v1.1/single/senders/{sender_id}/staged"
    with Observer(lan.host("observer")) as observer:
        eventually(lambda: counter(observer), "the announcement")
        for expected in ("255", "0"):
            for _ in range((int(expected) - counted(box)) % 256):
                assert box.patch(staged, {"activation": {"mode": "activate_immediate"}}).status == 200
            eventually(lambda expected=expected: counter(observer) == expected, f"ver_snd {expected}")  # type: ignore[misc]


def counted(box: Box) -> int:
    """The counter as the box has it now, which the announcement follows within a second."""
    lines = box.get("/metrics").body.decode().splitlines()
    [line] = [line for line in lines if "ver_snd" in line and not line.startswith("#")]
    return int(float(line.rpartition(" ")[2]))


def counter(observer: Observer) -> str | None:
    """The ver_snd of the only node that the observer sees."""
    seen = [service.txt.get("ver_snd") for service in observer.services().values()]
    return seen[0] if seen else None


def test_both_boxes_work_beside_avahi(lan: Lan, start_box: StartBox, tmp_path: Path) -> None:
    hosts = {name: lan.host(name) for name in ("source", "display")}
    for name, host in hosts.items():
        lan.enter(Avahi(host, tmp_path / f"avahi-{name}", name=f"avahi-{name}"))
    start_box(hosts["source"], SOURCE, name="source")
    box = start_box(hosts["display"], display(tmp_path / "x.wav", "null"), name="display")
    take(box, listed(box, "Low")["id"])
    assert receiver(box)["shows"] == "Low"


def test_what_was_playing_comes_back_after_power_on(lan: Lan, start_box: StartBox, tmp_path: Path) -> None:
    source = start_box(lan.host("source"), SOURCE, name="source")
    host = lan.host("display")
    box = start_box(host, display(tmp_path / "x.wav", "null"), name="display")
    sender_id = listed(box, "Low")["id"]
    group = group_of(source, sender_id)
    take(box, sender_id)
    journal = box.state_dir / "state.journal"
    eventually(lambda: journal.exists() and sender_id.encode() in journal.read_bytes(), "the take on flash")
    eventually((box.state_dir / "peers.cbor").exists, "the menu on flash")
    before = box.json("/x-nmos/node/v1.3/self")
    source.kill()
    box.kill()
    assert group not in host.memberships()
    box.start()
    assert receiver(box)["sender_id"] == sender_id
    assert group in host.memberships()
    after = box.json("/x-nmos/node/v1.3/self")
    assert json.dumps(after) == json.dumps(before), "the same node, with the same version: nothing changed"
    remembered = eventually(lambda: sources(box).get("Low"), "the menu, a moment after power-on")
    assert not remembered["confirmed"]
    source.start()
    assert listed(box, "Low")["confirmed"]
