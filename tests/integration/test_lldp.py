"""LLDP with lldpd on both ends of a cable: what the box says of what it is attached to."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.integration.conftest import StartBox
from tests.lan.box import Box
from tests.lan.lldpd import PACKAGES, Lldpd
from tests.lan.network import Host, Lan
from tests.lan.waiting import eventually
from tests.support.environment import unavailable
from tests.support.specs import problems

BOX = """
[media]
driver = "null"

[[devices]]
name = "box"

[[senders]]
name = "tone"
device = "box"
"""


def cabled(lan: Lan) -> tuple[Host, Host]:
    """Two hosts at the two ends of one cable: a bridge between them would keep LLDP for itself."""
    if not shutil.which("lldpd"):
        unavailable(f"{', '.join(PACKAGES)} not installed")
    stage, switch = lan.host("stage"), lan.isolated("switch")
    stage.ip(f"link add eth1 type veth peer name eth9 netns {switch.name}", "link set eth1 up")
    switch.ip("link set eth9 up")
    return stage, switch


def interface(box: Box, name: str) -> Any:
    return next(i for i in box.json("/x-nmos/node/v1.3/self")["interfaces"] if i["name"] == name)


def watching(lldpd: Lldpd) -> list[int]:
    """The processes that watch this lldpd."""
    asked = f"lldpcli\0-u\0{lldpd.socket}\0-f\0json0\0watch\0"
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            found += [int(entry.parent.name)] if entry.read_text(encoding="utf-8").endswith(asked) else []
    return found


def mac(host: Host, port: str) -> str:
    return host.mac(port).replace(":", "-")


def test_both(lan: Lan, start_box: StartBox) -> None:
    """The neighbour comes, a cable is pulled, and lldpd dies: the box follows, also a box that was there before it."""
    stage, switch = cabled(lan)
    ours, theirs = Lldpd(stage, "eth0,eth1"), Lldpd(switch, "eth9")
    box = start_box(stage, BOX, environment={"PATH": ours.path})
    assert "attached_network_device" not in interface(box, "eth1")
    with theirs, ours:
        expected = {"chassis_id": mac(switch, "eth9"), "port_id": mac(switch, "eth9")}
        eventually(lambda: interface(box, "eth1").get("attached_network_device") == expected, "the neighbour", 45.0)
        assert "attached_network_device" not in interface(box, "eth0")
        chassis = {interface(box, name)["chassis_id"] for name in ("eth0", "eth1")}
        assert chassis <= {mac(stage, "eth0"), mac(stage, "eth1")}
        assert len(chassis) == 1
        node = box.json("/x-nmos/node/v1.3/self")
        assert not problems("is-04", "v1.3", "node.json", node)
        assert "attached_network_device" not in box.json("/x-nmos/node/v1.2/self")["interfaces"][1]

        switch.ip("link set eth9 down")
        eventually(lambda: "attached_network_device" not in interface(box, "eth1"), "the neighbour to go")
        assert box.json("/x-nmos/node/v1.3/self")["version"] != node["version"]
        switch.ip("link set eth9 up")
        eventually(lambda: "attached_network_device" in interface(box, "eth1"), "the neighbour to come back", 30.0)
        ours.kill()
        eventually(lambda: "attached_network_device" not in interface(box, "eth1"), "lldpd to be missed", 30.0)
    assert box.stop() == 0


def test_kill_9_of_the_box_leaves_no_lldpcli(lan: Lan, start_box: StartBox) -> None:
    stage, _ = cabled(lan)
    with Lldpd(stage, "eth0,eth1") as ours:
        box = start_box(stage, BOX, environment={"PATH": ours.path})
        eventually(lambda: watching(ours), "the box to watch")
        box.kill()
        eventually(lambda: not watching(ours), "lldpcli to end")
