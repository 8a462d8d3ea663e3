"""A box where there is no netlink, as on a developer's laptop: netifaces tells where it lives."""

import sys
from pathlib import Path

from tests.integration.conftest import StartPeer
from tests.lan.box import Box
from tests.lan.documents import group_address, peer_documents, resource_id
from tests.lan.network import RED_AND_BLUE, Lan
from tests.lan.observer import Observer
from tests.lan.waiting import eventually

CONFIG = """
[node]
label = "Laptop"
[media]
driver = "null"
[[devices]]
name = "one"
[[senders]]
name = "out"
device = "one"
[[receivers]]
name = "in"
device = "one"
output = { kind = "none" }
"""


class WithoutNetlink(Box):
    """The same program, on a platform whose sockets have no AF_NETLINK."""

    def command(self) -> list[str]:
        _, _, _, *arguments = super().command()
        script = "import socket; del socket.AF_NETLINK; from appliance.cli import main; raise SystemExit(main())"
        return [sys.executable, "-c", script, *arguments]


def test_it_is_found_finds_others_and_takes_by_the_right_port(lan: Lan, start_peer: StartPeer, tmp_path: Path) -> None:
    host, desk_host = lan.host("laptop", RED_AND_BLUE), lan.host("desk", {"eth0": "blue"})
    desk = start_peer(desk_host, "desk", peer_documents("desk", desk_host.address()))
    desk.announce()
    with Observer(desk_host) as observer, WithoutNetlink(host, tmp_path / "box", CONFIG) as box:
        announced = observer.wait_for("Laptop")
        assert host.address("eth1") in announced.addresses
        node = box.json("/x-nmos/node/v1.3/self")
        assert node["href"] == f"http://{host.address('eth0')}:8080/"
        ports = {interface["name"]: interface["port_id"].replace("-", ":") for interface in node["interfaces"]}
        assert ports == {port: host.mac(port) for port in RED_AND_BLUE}
        source = resource_id("desk", "sender 1")
        eventually(lambda: source in box.get("/panel/sources").text, "the desk in the menu")
        [receiver] = box.json("/panel/receivers")["receivers"]
        assert box.post("/panel/take", {"receiver_id": receiver["id"], "sender_id": source}).status == 200
        assert group_address("desk", 1) in host.memberships("eth1")
        assert group_address("desk", 1) not in host.memberships("eth0")
        assert box.stop() == 0
        assert "Traceback" not in box.log
