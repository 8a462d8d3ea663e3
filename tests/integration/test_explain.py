"""Traps that a real kernel sets, and what the box says of them: at the panel, in its log and when asked to explain."""

import json
import sys
from typing import Any

from tests.integration.conftest import StartBox, StartPeer
from tests.lan.box import CHECKOUT, Box
from tests.lan.documents import peer_documents
from tests.lan.network import RED_AND_BLUE, Host, Lan
from tests.lan.waiting import eventually

BOX = """
[media]
driver = "null"

[[devices]]
name = "box"

[[receivers]]
name = "speaker"
device = "box"
label = "Foyer speaker"
max_channels = 16
"""


def sdp(source: str, channels: int = 2) -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {source}\r\ns=Organ\r\nt=0 0\r\nm=audio 5004 RTP/AVP 97\r\n"
        f"c=IN IP4 239.1.2.3/32\r\na=source-filter: incl IN IP4 239.1.2.3 {source}\r\n"
        f"a=rtpmap:97 L24/48000/{channels}\r\na=ptime:1\r\n"
    )


def connect(box: Box, file: str, interface_ip: str = "auto") -> str:
    """Give the receiver a stream; its id."""
    id = str(box.json("/x-nmos/connection/v1.1/single/receivers/")[0].strip("/"))
    body = {
        "master_enable": True,
        "transport_file": {"data": file, "type": "application/sdp"},
        "transport_params": [{"interface_ip": interface_ip}],
        "activation": {"mode": "activate_immediate"},
    }
    answer = box.patch(f"/x-nmos/connection/v1.1/single/receivers/{id}/staged", body)
    assert answer.status == 200, answer.body
    return id


def explained(host: Host, *more: str) -> str:
    command = [sys.executable, "-m", "appliance", "explain", "foyer speaker", *more]
    return host.run(["env", f"PYTHONPATH={CHECKOUT}", *command]).stdout


def problems(box: Box) -> Any:
    return box.json("/panel/status")["status"]["problems"]


def test_what_is_shown_by_which_interface_and_why(lan: Lan, start_box: StartBox) -> None:
    stage = lan.host("stage", RED_AND_BLUE)
    box = start_box(stage, BOX)
    assert explained(stage).startswith("Foyer speaker is off.\n")
    connect(box, sdp("10.77.1.9"))
    said = explained(stage).splitlines()
    assert said[0] == "Foyer speaker shows Organ."
    reason = "eth0: the kernel routes the source 10.77.1.9 there"
    assert said[1] == f"It takes 239.1.2.3 port 5004 from 10.77.1.9 on {reason}."
    assert said[2].startswith("eth1 could be used too: ")
    assert "the kernel routes the source 10.77.1.9 to eth0" in said[2]
    assert said[3].startswith("Foyer speaker can take: L24, 48 kHz, up to 16 channels")
    assert said[4].startswith("Hint: there is no multicast route for 239.1.2.3")
    assert len(said) == 5
    assert json.loads(explained(stage, "--json"))["sentences"] == said
    stage.link_down("eth1")
    eventually(lambda: "eth1 cannot be used: it has no carrier." in explained(stage), "the cable to be missed")
    assert box.get("/panel/explain").status == 400
    assert box.get("/panel/explain?receiver=nobody").status == 404
    assert problems(box) == []


def test_reverse_path_filter(lan: Lan, start_box: StartBox) -> None:
    """A stream that a pinned interface will not get is told of before anybody wonders."""
    stage = lan.host("stage", RED_AND_BLUE)
    stage.sysctl("net.ipv4.conf.eth1.rp_filter", 1)
    box = start_box(stage, BOX)
    id = connect(box, sdp("10.77.1.9"), stage.address("eth1"))
    trap = "eth1: the kernel routes the source 10.77.1.9 to eth0, and its reverse path filter (rp_filter 1) drops"
    assert f"Trap: {trap}" in explained(stage)
    (problem,) = eventually(lambda: problems(box), "the problem to be shown")
    assert problem.startswith(f"Foyer speaker: {trap}")
    (receiver,) = [r for r in box.json("/panel/receivers")["receivers"] if r["id"] == id]
    assert receiver["why"][1].startswith(f"trap: {trap}")
    assert box.json("/panel/status")["status"]["health"] == "warning"
    connect(box, sdp("10.77.1.9"), stage.address("eth1"))
    connect(box, sdp("10.77.2.9"), stage.address("eth1"))
    eventually(lambda: not problems(box), "the problem to go")
    assert box.log.count(trap) == 1


def test_packets_that_are_too_long_and_two_ports_in_one_subnet(lan: Lan, start_box: StartBox) -> None:
    stage = lan.host("stage", RED_AND_BLUE)
    box = start_box(stage, BOX)
    connect(box, sdp("10.77.1.9", channels=16))
    stage.add_address("eth1", "10.77.1.200/24")
    assert len(eventually(lambda: problems(box) if len(problems(box)) == 2 else None, "both problems")) == 2
    said = explained(stage)
    assert "Trap: eth0: the stream's packets of 2344 bytes cannot come in whole, as the MTU is 1500" in said
    assert "Trap: eth0 and eth1 are both in 10.77.1.0/24" in said
    stage.del_address("eth1", "10.77.1.200/24")
    eventually(lambda: len(problems(box)) == 1, "the subnet to be forgotten")


def test_a_switch_that_filters_mdns_is_told_of_until_it_does_not(
    lan: Lan, start_box: StartBox, start_peer: StartPeer
) -> None:
    """Known by its stream, and deaf to it: the desk answers who asks it directly."""
    stage, host = lan.host("stage"), lan.host("desk")
    lan.mute("red", True)
    desk = start_peer(host, "desk", peer_documents("desk", host.address()))
    desk.announce()
    box = start_box(stage, BOX)
    assert "mDNS" not in str(problems(box)), "there may be nobody"
    connect(box, sdp(host.address()))

    def trap() -> bool:
        return any(
            f"eth0: mDNS does not come through: {host.address()} answers" in problem for problem in problems(box)
        )

    eventually(trap, "the filter to be found", patience_s=60)
    assert "Trap: eth0: mDNS does not come through" in explained(stage)
    lan.mute("red", False)
    desk.relabel("senders", 0, "Now you hear me")
    eventually(lambda: not trap(), "the desk to be heard")
