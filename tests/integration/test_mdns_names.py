"""Who has which name on the network, and how soon."""

import pytest

from tests.integration.conftest import StartBox, StartPeer
from tests.lan.network import Lan
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
