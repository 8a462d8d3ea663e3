"""A box among fake peers: its menu follows what they announce, with no request more than that takes."""

from typing import Any

import pytest

from tests.integration.conftest import StartBox, StartPeer
from tests.lan.box import Box
from tests.lan.documents import Documents, peer_documents
from tests.lan.network import RED_AND_BLUE, Host, Lan
from tests.lan.observer import Observer
from tests.lan.peer import Fault, Peer, settle
from tests.lan.waiting import eventually

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
"""
EVERYTHING = ["self", "devices", "sources", "flows", "senders", "receivers"]


def documents(host: Host, name: str, **more: Any) -> Documents:
    return peer_documents(name, host.address(), **more)


def menu(box: Box) -> dict[str, dict[str, Any]]:
    """The sources that can be chosen, by id."""
    return {item["id"]: item for item in box.json("/panel/sources")["sources"]}


def shown(box: Box, label: str) -> dict[str, Any]:
    """The item of that label, once it is in the menu and its peer is there."""

    def look() -> dict[str, Any] | None:
        found = [item for item in menu(box).values() if item["label"] == label and item["lost_since"] is None]
        return found[0] if found else None

    return eventually(look, f"{label} in the menu")


def labels(box: Box) -> set[str]:
    return {item["label"] for item in menu(box).values()}


def sender_labels(peer: Peer) -> set[str]:
    return {sender["label"] for resources in peer.documents.node_api.values() for sender in resources["senders"]}


def _until_announced(host: Host) -> None:
    """Until the box has ended to probe: what others say meanwhile may be answers to it."""
    with Observer(host) as observer:
        observer.wait_for("Display")


def asked(peer: Peer) -> list[str]:
    """The last parts of the paths that were requested, once no more come."""
    return [request.path.rstrip("/").rpartition("/")[2] for request in settle(peer)]


@pytest.fixture
def room(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> tuple[Box, Peer]:
    """A box that has made itself known, and a peer in its menu, whose requests are counted from now on."""
    host = lan.host("desk")
    desk = start_peer(host, "desk", documents(host, "desk", senders=2))
    box = start_box(lan.host("display"), DISPLAY)
    _until_announced(host)
    desk.announce()
    eventually(lambda: labels(box) == sender_labels(desk), "the peer's senders in the menu")
    assert asked(desk) == EVERYTHING
    desk.requests(forget=True)
    return box, desk


def test_a_label_reaches_the_menu_with_one_request(room: tuple[Box, Peer]) -> None:
    box, desk = room
    desk.relabel("senders", 0, "Talkback")
    shown(box, "Talkback")
    assert asked(desk) == ["senders"]


def test_counters_wrap(room: tuple[Box, Peer]) -> None:
    box, desk = room
    desk.set_txt(ver_snd="200")
    asked(desk)
    desk.set_txt(ver_snd="255")
    asked(desk)
    desk.requests(forget=True)
    desk.relabel("senders", 0, "After the wrap")
    assert desk.txt["ver_snd"] == "0"
    shown(box, "After the wrap")
    assert asked(desk) == ["senders"]


def test_power_lost_and_back_with_the_same_counters(room: tuple[Box, Peer]) -> None:
    box, desk = room
    desk.relabel("senders", 0, "As before the restart")
    desk.set_txt(ver_snd="0")
    shown(box, "As before the restart")
    asked(desk)  # longer than the second for which python-zeroconf hears nothing that it has just heard
    desk.documents.node_api["v1.3"]["self"]["version"] = "1900000000:0"
    desk.documents.node_api["v1.3"]["senders"][0]["label"] = "Changed while it was off"
    desk.restart()
    shown(box, "Changed while it was off")


def test_a_probe_before_equal_counters_is_a_restart(room: tuple[Box, Peer]) -> None:
    box, desk = room
    desk.vanish()
    desk.documents.node_api["v1.3"]["senders"][0]["label"] = "Only this changed"
    desk.serve(desk.documents)
    desk.announce(probe=True)
    shown(box, "Only this changed")


def test_said_again_for_no_reason_costs_one_look_at_self(room: tuple[Box, Peer]) -> None:
    _, desk = room
    desk.reannounce()
    assert asked(desk) == ["self"]


def test_a_flicker_drops_nothing(room: tuple[Box, Peer]) -> None:
    box, desk = room
    before = menu(box)
    with box.stream("/panel/events") as events:
        desk.flicker()
        assert asked(desk) == ["self"]
        box.post("/panel/label", {"id": box.json("/panel/receivers")["receivers"][0]["id"], "label": "Marker"})
        told = ""
        while "Marker" not in told:
            told += events.readline().decode()
    assert "removed" not in told or all(id not in told.partition("Marker")[0] for id in before)
    assert menu(box) == before


def test_a_goodbye_empties_the_menu(room: tuple[Box, Peer]) -> None:
    box, desk = room
    desk.withdraw()
    eventually(lambda: not menu(box), "the menu to be empty")
    assert asked(desk) == []


def test_who_is_not_reached_is_lost_soon_and_comes_back(room: tuple[Box, Peer]) -> None:
    box, desk = room
    desk.refuse()
    desk.relabel("senders", 0, "Unheard of")
    eventually(lambda: all(item["lost_since"] for item in menu(box).values()), "all shown as lost")
    desk.accept()
    shown(box, "Unheard of")


def test_a_frozen_peer_delays_no_other(room: tuple[Box, Peer], lan: Lan, start_peer: StartPeer) -> None:
    box, desk = room
    desk.fault(Fault.hang())
    desk.bump("senders")
    other_host = lan.host("other")
    other = start_peer(other_host, "other", documents(other_host, "other"))
    other.announce()
    eventually(lambda: sender_labels(other) <= labels(box), "the other peer in the menu")


FAULTS = {
    "an error": (Fault.error(500), "it answers 500"),
    "a page": (Fault.html(), "it answers 'text/html' instead of JSON"),
    "no list": (Fault.body("{}"), "a list is expected"),
    "half of it": (Fault.truncated(), "/senders: "),
    "cut off": (Fault.cut(), "in the middle of the answer"),
    "endless": (Fault.endless(), "more than"),
    "elsewhere": (Fault.redirect("http://127.0.0.1:8080/x-nmos/node/v1.3/senders"), "redirects elsewhere"),
    "no JSON": (Fault.body("[NaN]"), "no JSON"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_bad_answers_are_bounded_and_named(room: tuple[Box, Peer], name: str) -> None:
    box, desk = room
    fault, reason = FAULTS[name]
    before = menu(box)
    desk.fault(fault, "*/senders")
    desk.relabel("senders", 0, "Good again")
    eventually(lambda: reason in box.log, f"{reason!r} in the log")
    assert box.log.count("peer 'desk'") == 1
    assert {id: item["lost_since"] for id, item in menu(box).items()} == dict.fromkeys(before)
    desk.heal()
    shown(box, "Good again")


def test_json_under_another_type_is_read(room: tuple[Box, Peer]) -> None:
    box, desk = room
    desk.fault(Fault.typed("text/plain"), "*/senders")
    desk.relabel("senders", 0, "Plain")
    shown(box, "Plain")


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v1.2"])
def test_older_peers(lan: Lan, start_box: StartBox, start_peer: StartPeer, version: str) -> None:
    host = lan.host("desk")
    desk = start_peer(host, "desk", documents(host, "desk", versions=(version,)))
    box = start_box(lan.host("display"), DISPLAY)
    desk.announce()
    eventually(lambda: labels(box) == sender_labels(desk), "its senders in the menu")
    assert {request.path.split("/")[3] for request in settle(desk)} == {version}


def test_a_peer_without_counters_is_fetched_when_it_announces(
    lan: Lan, start_box: StartBox, start_peer: StartPeer
) -> None:
    host = lan.host("desk")
    desk = start_peer(host, "desk", documents(host, "desk"))
    box = start_box(lan.host("display"), DISPLAY)
    _until_announced(host)
    desk.announce({"api_proto": "http", "api_ver": "v1.3", "api_auth": "false"})
    eventually(lambda: labels(box) == sender_labels(desk), "its senders in the menu")
    assert asked(desk) == EVERYTHING
    desk.documents.node_api["v1.3"]["senders"][0]["label"] = "Later"
    desk.serve(desk.documents)
    desk.reannounce()
    shown(box, "Later")


def test_a_peer_with_ipv6_only(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> None:
    host = lan.host("desk")
    desk = start_peer(host, "desk", documents(host, "desk"), families=(6,))
    box = start_box(lan.host("display"), DISPLAY)
    desk.announce()
    eventually(lambda: labels(box) == sender_labels(desk), "its senders in the menu")


def test_hostile_announcements(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> None:
    """No request to loopback, nor to the box itself, on a peer's word; rubbish in TXT is survived."""
    host = lan.host("desk")
    display = lan.host("display")
    box = start_box(display, DISPLAY)
    loopback = start_peer(host, "loopback", documents(host, "loopback"), port=8101)
    loopback.announce(addresses=["127.0.0.1"], port=9)
    yourself = start_peer(host, "yourself", documents(host, "yourself"), port=8102)
    yourself.announce(addresses=[display.address()], port=9)
    rubbish = start_peer(host, "rubbish", documents(host, "rubbish"), port=8200)
    rubbish.announce({"api_ver": "v1.3,\udcff,,", "ver_snd": "-1", "ver_flw": None, "=": "x", "a" * 200: "b"})
    eventually(lambda: labels(box) == sender_labels(rubbish), "the one that can be used in the menu")
    eventually(lambda: box.log.count("does not contact") == 2, "the others named in the log")


def test_a_peer_on_two_networks_outlives_one_of_them(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> None:
    host = lan.host("desk", RED_AND_BLUE)
    desk = start_peer(host, "desk", documents(host, "desk"))
    display = lan.host("display", RED_AND_BLUE)
    box = start_box(display, DISPLAY)
    desk.announce()
    eventually(lambda: labels(box) == sender_labels(desk), "its senders in the menu")
    assert len(menu(box)) == 1
    asked(desk)
    display.link_down("eth0")
    desk.relabel("senders", 0, "By the other way")
    shown(box, "By the other way")


def test_the_network_comes_later(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> None:
    host = lan.host("desk")
    desk = start_peer(host, "desk", documents(host, "desk"))
    desk.announce()
    display = lan.isolated("display")
    box = start_box(display, DISPLAY)
    assert menu(box) == {}
    lan.plug(display, "eth0", "red")
    eventually(lambda: labels(box) == sender_labels(desk), "its senders in the menu")
    assert "Traceback" not in box.log


def test_what_a_hostile_manifest_leads_to_is_not_asked(room: tuple[Box, Peer], lan: Lan, start_peer: StartPeer) -> None:
    box, desk = room
    victim = start_peer(lan.host("victim"), "victim")
    desk.documents.node_api["v1.3"]["senders"][0]["manifest_href"] = f"http://{victim.host.address()}:8000/x.sdp"
    desk.relabel("senders", 0, "Lure")
    sender = shown(box, "Lure")
    receiver_id = box.json("/panel/receivers")["receivers"][0]["id"]
    answer = box.post("/panel/take", {"receiver_id": receiver_id, "sender_id": sender["id"]})
    assert answer.status == 403, answer.body
    assert "neither the announcement nor /self" in answer.json()["error"]
    assert asked(victim) == []
