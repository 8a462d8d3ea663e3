"""Who has which name on the network, and how soon."""

import time
from pathlib import Path
from typing import Any

import pytest
from zeroconf import DNSPointer  # type: ignore[attr-defined]  # public since ever, yet not in __all__

from appliance.discovery.advertiser import MIN_INTERVAL_S
from tests.integration.conftest import StartBox, StartPeer
from tests.lan.box import Box
from tests.lan.capture import Capture
from tests.lan.network import Host, Lan
from tests.lan.observer import Observer
from tests.lan.waiting import eventually

CONFIG = '[node]\nlabel = "Stage"\n[media]\ndriver = "null"\n'


def test_a_name_that_a_peer_has_is_left_to_it(lan: Lan, start_box: StartBox, start_peer: StartPeer) -> None:
    peer = start_peer(lan.host("peer"), "Stage")
    peer.announce()
    with Observer(lan.host("desk")) as observer:
        observer.wait_for("Stage")
        start_box(lan.host("box"), CONFIG)
        other = observer.wait_for("Stage-2", lambda service: "ver_snd" in service.txt)
        assert other.server != observer.services()["Stage"].server
        assert not [each for each in observer.sightings if each.change == "Removed"]


@pytest.mark.parametrize("boxes", [3])
def test_boxes_of_one_name_that_are_switched_on_together_end_up_with_names_of_their_own(
    lan: Lan, start_box: StartBox, boxes: int
) -> None:
    with Observer(lan.host("desk")) as observer:
        hosts = [lan.host(f"box{number}") for number in range(boxes)]
        for host in hosts:
            start_box(host, CONFIG, name=host.label)
        servers = eventually(
            lambda: found if len(found := {s.server for s in observer.services().values()}) == boxes else None,
            "every box under a name of its own",
        )
        assert len(servers) == len(observer.services()) == boxes


OUT_OF_THE_CARTON = """
[media]
driver = "null"
[[devices]]
name = "stage"
[[senders]]
name = "desk"
device = "stage"
input = { kind = "tone", frequency_hz = 440 }
"""


def switch_on(lan: Lan, folder: Path, hosts: list[Host]) -> list[Box]:
    """Boxes that nobody has named yet, started in the same moment."""
    boxes = [Box(host, folder / host.label, OUT_OF_THE_CARTON, name=host.label) for host in hosts]
    for box in boxes:
        lan.at_close(box.kill)
        box.launch()
    return [box.ready() for box in boxes]


def node(box: Box) -> dict[str, Any]:
    return dict(box.json("/x-nmos/node/v1.3/self"))


def others_of(box: Box) -> dict[str, tuple[str, str]] | None:
    """The other nodes that it lists: name and label by id. ``None`` while there is one that it has not read, or one
    twice."""
    listed = box.json("/panel/peers")["peers"]
    by_id = {peer["id"]: (peer["name"], peer["label"]) for peer in listed if peer["id"] and not peer["lost_since"]}
    return by_id if len(by_id) == len(listed) else None


def test_a_box_that_is_named_after_a_start_with_others_of_its_name_is_listed_once(lan: Lan, tmp_path: Path) -> None:
    desk = lan.host("desk")
    with Capture(desk) as capture:
        named, other = switch_on(lan, tmp_path, [lan.host("one"), lan.host("two")])
        me = node(named)
        before = eventually(lambda: (others_of(other) or {}).get(me["id"]), "the one box at the other")[0]
        eventually(lambda: (others_of(named) or {}).get(node(other)["id"]), "the other box at the one")
        assert named.post("/panel/label", {"id": me["id"], "label": "Foyer"}).status == 200
        eventually(lambda: others_of(other) == {me["id"]: ("Foyer", "Foyer")}, "the box under its new name alone")
        assert len(other.json("/x-nmos/query/v1.3/nodes")) == 2
        said = [record for packet in list(capture.mdns) if packet.is_response for record in packet.records()]
    ttls = [record.ttl for record in said if isinstance(record, DNSPointer) and record.alias.startswith(f"{before}._")]
    assert 0 in ttls
    assert not any(ttls[ttls.index(0) :]), "the old name is not said after its goodbye"


def test_boxes_that_take_a_name_in_the_same_moment_are_each_listed_once(
    lan: Lan, start_box: StartBox, tmp_path: Path
) -> None:
    """As if neither had heard the other's probes: the one that keeps the name is believed by all."""
    hosts = [lan.host("one"), lan.host("two"), lan.host("three")]
    lan.mute("red", True)
    third = start_box(hosts[2], '[node]\nlabel = "Third"\n', name="three")
    with Capture(hosts[0], direction="out") as one, Capture(hosts[1], direction="out") as two:
        boxes = switch_on(lan, tmp_path, hosts[:2])
        eventually(lambda: said_all(one) and said_all(two), "both boxes to have the name")
    # The lesser id keeps the name. It speaks first: to whoever heard that, its repetitions are nothing new.
    keeper, loser = sorted(boxes, key=lambda box: str(node(box)["id"]))
    hear(lan, keeper.host, third.host)
    for box in (keeper, loser):
        id = box.json("/x-nmos/node/v1.3/senders")[0]["id"]
        assert box.post("/panel/label", {"id": id, "label": "Desk"}).status == 200
    hear(lan, loser.host)
    kept, lost = node(keeper)["id"], node(loser)["id"]
    eventually(lambda: (others_of(third) or {}).keys() == {kept, lost}, "each box once at a third")
    eventually(lambda: lost in (others_of(keeper) or {}), "the one that gave way, once at the one that did not")
    eventually(lambda: kept in (others_of(loser) or {}), "the one that did not, once at the one that gave way")


def said_all(capture: Capture) -> bool:
    """It has announced itself, and nothing more for so long that the next news go out at once."""
    said = [packet.at for packet in list(capture.mdns) if packet.is_response]
    return bool(said) and time.time() > said[-1] + MIN_INTERVAL_S + 0.3


def hear(lan: Lan, *hosts: Host) -> None:
    """A muted switch lets these hear all multicast."""
    ends = [host.cables["eth0"].switch_end for host in hosts]
    lan.switch_ip(*(f"link set {end} type bridge_slave mcast_flood on" for end in ends))
