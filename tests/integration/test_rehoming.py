"""The network changes under a running box: addresses come, go and move, cables are pulled, ports are hot-plugged.

Its hrefs, endpoints, interfaces, streams and announcement follow, without a restart and without being told.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import ne
from pathlib import Path
from typing import Any

import pytest

from tests.lan.box import Box
from tests.lan.capture import Capture
from tests.lan.documents import group_address, peer_documents, resource_id
from tests.lan.http import Answer
from tests.lan.network import RED, RED_AND_BLUE, Host, Lan
from tests.lan.observer import Announced, Observer
from tests.lan.peer import NODE_TYPE, Peer
from tests.lan.waiting import eventually

CONFIG = """
[node]
label = "Nomad"
[media]
driver = "null"
[[devices]]
name = "one"
[[senders]]
name = "out"
device = "one"
label = "Out"
input = { kind = "silence" }
[[receivers]]
name = "in"
device = "one"
output = { kind = "none" }
"""
NODE = "/x-nmos/node/v1.3"
Start = Callable[..., Box]


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    with Lan(tmp_path_factory.mktemp("lan")) as lan:
        yield lan


@pytest.fixture(scope="module")
def desk(lan: Lan) -> Peer:
    """A peer on the red switch, which sends."""
    host = lan.host("desk")
    desk = Peer(host, "desk", peer_documents("desk", host.address()))
    lan.enter(desk)
    desk.announce()
    return desk


@pytest.fixture(scope="module")
def red(desk: Peer) -> Iterator[Observer]:
    with Observer(desk.host) as observer:
        yield observer


@pytest.fixture(scope="module")
def watcher(lan: Lan) -> Host:
    return lan.host("watcher", {"eth0": "blue"})


@pytest.fixture(scope="module")
def blue(watcher: Host) -> Iterator[Observer]:
    with Observer(watcher) as observer:
        yield observer


@pytest.fixture
def start(lan: Lan, red: Observer, tmp_path: Path) -> Iterator[Start]:
    """`start("name", cables)`: a box of that name on a host of its own; the same process to the end of the test."""
    boxes: list[Box] = []

    def start(name: str, cables: Mapping[str, str] = RED_AND_BLUE) -> Box:
        box = Box(lan.host(name, cables), tmp_path / name, CONFIG.replace("Nomad", name), name=name)
        boxes.append(box)
        box.start()
        red.wait_for(name)
        return box

    yield start
    for box in boxes:
        assert box.alive
        assert box.stop() == 0
        assert "Traceback" not in box.log


def home(box: Box) -> dict[str, Any]:
    """Everything that says where the box lives."""
    node = box.json(f"{NODE}/self")
    [device] = box.json(f"{NODE}/devices")
    [sender] = box.json(f"{NODE}/senders")
    return {
        "href": node["href"],
        "endpoints": {endpoint["host"] for endpoint in node["api"]["endpoints"]},
        "interfaces": {interface["name"] for interface in node["interfaces"]},
        "controls": {control["href"] for control in device["controls"]},
        "manifest": sender["manifest_href"],
        "bindings": sender["interface_bindings"],
        "source_ip": leg_of(box, "senders")["source_ip"],
    }


def leg_of(box: Box, kind: str) -> dict[str, Any]:
    [resource] = box.json(f"{NODE}/{kind}")
    active = box.json(f"/x-nmos/connection/v1.1/single/{kind}/{resource['id']}/active")
    return dict(active["transport_params"][0])


def versions(box: Box) -> dict[str, str]:
    [device], [sender] = box.json(f"{NODE}/devices"), box.json(f"{NODE}/senders")
    return {"self": box.json(f"{NODE}/self")["version"], "device": device["version"], "sender": sender["version"]}


def fetched(host: Host, url: str) -> Answer:
    """What somebody else gets there, as soon as he gets anything."""

    def look() -> Answer | None:
        try:
            return host.get(url, timeout_s=1.0)
        except OSError:
            return None

    return eventually(look, f"an answer from {url}")


def has(*addresses: str) -> Any:
    return lambda announced: all(address in announced.addresses for address in addresses)


def lacks(address: str) -> Any:
    return lambda announced: address not in announced.addresses


def source_constraint(box: Box) -> list[str]:
    [sender] = box.json(f"{NODE}/senders")
    constraints = box.json(f"/x-nmos/connection/v1.1/single/senders/{sender['id']}/constraints")
    return list(constraints[0]["source_ip"]["enum"])


def counters(announced: Announced) -> tuple[str | None, ...]:
    return tuple(announced.txt[key] for key in ("ver_slf", "ver_dvc"))


def test_an_address_that_comes_and_goes_is_listed_and_announced_as_long_as_it_is_there(
    start: Start, desk: Peer, red: Observer
) -> None:
    box, more = start("Adder"), "10.77.1.200"
    before, was, said = home(box), versions(box), counters(red.wait_for("Adder"))
    box.host.add_address("eth0", f"{more}/24")
    eventually(lambda: more in home(box)["endpoints"], "the new endpoint")
    after = home(box)
    assert after["href"] == before["href"]
    assert after["source_ip"] == before["source_ip"]
    assert any(href.startswith(f"http://{more}:8080/x-nmos/connection/v1.1") for href in after["controls"])
    announced = red.wait_for("Adder", has(more))
    assert announced.port == 8080
    eventually(lambda: all(map(ne, counters(red.wait_for("Adder")), said)), "ver_slf and ver_dvc to move")
    assert fetched(desk.host, f"http://{more}:8080/x-nmos/").status == 200
    assert versions(box)["self"] > was["self"]
    assert versions(box)["device"] > was["device"]
    assert more in source_constraint(box)
    box.host.del_address("eth0", f"{more}/24")
    eventually(lambda: home(box) == before, "all as before")
    red.wait_for("Adder", lacks(more))
    assert more not in source_constraint(box)


def test_a_box_that_gets_another_address_lives_there(start: Start, desk: Peer, red: Observer) -> None:
    """As when a lease ends and the server gives another: everything that names the old one names the new one."""
    box, new = start("Leaser", RED), "10.77.1.77"
    old, was = box.host.address("eth0"), versions(box)
    box.host.del_address("eth0", f"{old}/24")  # first, as a DHCP client does: with it go all of its subnet
    box.host.add_address("eth0", f"{new}/24")
    eventually(lambda: home(box)["href"] == f"http://{new}:8080/", "the href to move")
    after = eventually(lambda: home(box) if home(box)["source_ip"] == new else None, "the sender to move")
    assert old not in str(after)
    assert after["manifest"].startswith(f"http://{new}:8080/")
    assert after["bindings"] == ["eth0"]
    sdp = fetched(desk.host, after["manifest"]).text
    assert f" {new}\r\n" in sdp
    assert old not in sdp
    assert versions(box)["sender"] > was["sender"]
    red.wait_for("Leaser", has(new))
    red.wait_for("Leaser", lacks(old))
    assert fetched(desk.host, f"http://{new}:8080{NODE}/self").json()["label"] == "Leaser"


def test_a_pulled_cable_moves_the_box_to_its_other_port(start: Start, watcher: Host, blue: Observer) -> None:
    box = start("Puller")
    first, second = box.host.address("eth0"), box.host.address("eth1")
    blue.wait_for("Puller")
    assert home(box)["href"] == f"http://{first}:8080/"
    box.host.link_down("eth0")
    eventually(lambda: home(box)["href"] == f"http://{second}:8080/", "the href to move to the other port")
    eventually(lambda: home(box)["source_ip"] == second, "the sender to move to the other port")
    assert home(box)["bindings"] == ["eth1"]
    assert fetched(watcher, home(box)["manifest"]).status == 200
    assert home(box)["interfaces"] >= {"eth0", "eth1"}, "the port is there, its cable is not"
    box.host.link_up("eth0")
    eventually(lambda: home(box)["href"] == f"http://{first}:8080/", "the href to move back")


def test_with_a_cable_that_comes_back_discovery_begins_anew(start: Start) -> None:
    """Whoever is there now has heard nothing of the box: it asks for its name, announces itself and asks."""
    box = start("Cabled", RED)
    instance = f"Cabled.{NODE_TYPE}"

    box.host.link_down()
    eventually(lambda: "no media interface has a cable" in box.log, "the cable to be missed")
    with Capture(box.host, direction="out") as capture:
        box.host.link_up()
        probe = capture.wait_for_mdns(lambda it: it.is_probe and instance in it.instances(), "a probe")
        capture.wait_for_mdns(lambda it: NODE_TYPE in it.asked() and not it.is_probe, "a question for the others")
        said = capture.wait_for_mdns(lambda it: it.is_response and instance in it.instances(), "the announcement")
    assert said.at > probe.at


def test_a_port_that_is_pulled_out_and_plugged_in_again_comes_back(start: Start, lan: Lan, blue: Observer) -> None:
    box = start("Plugger")
    second, mac = box.host.address("eth1"), box.host.mac("eth1")
    blue.wait_for("Plugger", has(second))
    lan.unplug(box.host, "eth1")
    eventually(lambda: "eth1" not in home(box)["interfaces"], "the interface to go")
    eventually(lambda: second not in str(home(box)), "its address to go from everywhere")
    lan.plug(box.host, "eth1", "blue")
    eventually(lambda: "eth1" in home(box)["interfaces"], "the interface to come")
    eventually(lambda: second in home(box)["endpoints"], "its address to come")
    [port] = [i["port_id"] for i in box.json(f"{NODE}/self")["interfaces"] if i["name"] == "eth1"]
    assert port == box.host.mac("eth1").replace(":", "-")
    assert box.host.mac("eth1") != mac, "it is another adapter"
    blue.wait_for("Plugger", has(second))


def test_a_port_that_was_never_there_is_used_when_it_comes(start: Start, lan: Lan) -> None:
    box, guest = start("Grower", RED), lan.host("guest", {"eth0": "green"})
    with Observer(guest) as green:
        lan.plug(box.host, "eth1", "green")
        more = box.host.address("eth1")
        eventually(lambda: more in home(box)["endpoints"], "the new port's address")
        green.wait_for("Grower", has(more))
        assert fetched(guest, f"http://{more}:8080/x-nmos/").status == 200
        lan.unplug(box.host, "eth1")
        eventually(lambda: more not in str(home(box)), "it to go again")


def test_a_receiver_joins_again_where_its_source_is_when_its_port_returns(start: Start, lan: Lan, desk: Peer) -> None:
    box, source, group = start("Joiner"), resource_id("desk", "sender 1"), group_address("desk", 1)

    def joined(port: str = "eth0") -> bool:
        return group in box.host.memberships(port)

    eventually(lambda: source in box.get("/panel/sources").text, "the desk in the menu")
    [receiver] = box.json("/panel/receivers")["receivers"]
    assert box.post("/panel/take", {"receiver_id": receiver["id"], "sender_id": source}).status == 200
    assert joined()
    address = box.host.address("eth0")
    box.host.link_down("eth0")
    eventually(lambda: leg_of(box, "receivers")["interface_ip"] != address, "the leg to leave the dead port")
    box.host.link_up("eth0")
    eventually(joined, "the group to be joined where the source is")
    assert not joined("eth1")
    lan.unplug(box.host, "eth0")
    eventually(lambda: "eth0" not in home(box)["interfaces"], "the port to go")
    lan.plug(box.host, "eth0", "red")
    eventually(joined, "the group to be joined on the new port")
    eventually(lambda: leg_of(box, "receivers")["interface_ip"] == address, "the leg to say so")
    assert not joined("eth1")
    desk.relabel("senders", 0, "Still here")
    eventually(lambda: "Still here" in box.get("/panel/sources").text, "a change of the peer in the menu")
    assert box.post("/panel/take", {"receiver_id": receiver["id"], "sender_id": None}).status == 200
    eventually(lambda: not joined(), "the group to be left")


def test_without_a_network_at_first_it_says_so_once_and_announces_itself_when_it_can(
    lan: Lan, desk: Peer, red: Observer, tmp_path: Path
) -> None:
    host = lan.isolated("hermit")
    lan.plug(host, "eth0", "red", addressed=False)
    host.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    with Box(host, tmp_path / "box", CONFIG.replace("Nomad", "Hermit"), name="Hermit") as box:
        said = eventually(lambda: complaints(box), "a word of it in the log")
        assert len(said) == 1
        assert "multicast" in box.json("/panel/status")["status"]["empty"] + str(box.json("/panel/status"))
        host.add_address("eth0", f"{host.address()}/24")
        red.wait_for("Hermit", has(host.address()))
        eventually(lambda: desk.name in box.get("/panel/peers").text, "the peers to be found")
        assert box.json("/panel/status")["status"]["problems"] == []
        assert home(box)["href"] == f"http://{host.address()}:8080/"
        assert complaints(box) == said
        eventually(lambda: "multicast works now" in box.log, "the log to say so")
        assert box.stop() == 0
        assert "Traceback" not in box.log


def complaints(box: Box) -> list[str]:
    return [line for line in box.log.splitlines() if "multicast does not work" in line]


def test_a_vlan_that_comes_is_used_and_left_when_it_goes(start: Start) -> None:
    """Where this kernel has no VLANs, with what is like one."""
    box = start("Tagger", RED)
    host, more = box.host, "10.79.0.1"
    add = ["ip", "link", "add", "link", "eth0", "name", "eth0.10", "type"]
    if host.run([*add, "vlan", "id", "10"], check=False).returncode:
        host.run([*add, "macvlan", "mode", "bridge"])
    host.ip("link set eth0.10 up")
    host.add_address("eth0.10", f"{more}/24")
    eventually(lambda: more in home(box)["endpoints"] and "eth0.10" in home(box)["interfaces"], "the VLAN's address")
    [sender] = box.json(f"{NODE}/senders")
    staged = f"/x-nmos/connection/v1.1/single/senders/{sender['id']}/staged"
    pinned = {"transport_params": [{"source_ip": more}], "activation": {"mode": "activate_immediate"}}
    assert box.patch(staged, pinned).status == 200
    assert home(box)["bindings"] == ["eth0.10"]
    loose = {"transport_params": [{"source_ip": "auto"}], "activation": {"mode": "activate_immediate"}}
    assert box.patch(staged, loose).status == 200
    host.ip("link delete eth0.10")
    eventually(lambda: more not in str(home(box)), "the VLAN to go")
    assert home(box)["bindings"] == ["eth0"]


def test_a_box_that_has_ipv6_only_lives_there_and_follows_it(lan: Lan, tmp_path: Path) -> None:
    host = lan.isolated("sixer")
    lan.plug(host, "eth0", "red", addressed=False)
    host.add_address("eth0", f"{host.address6()}/64")
    config = CONFIG.replace("Nomad", "Sixer") + '[network]\nmulticast_pool = "ff15::/112"\n'
    guest = lan.host("fellow")
    with Box(host, tmp_path / "box", config, name="Sixer") as box:
        eventually(lambda: home(box)["source_ip"] == host.address6(), "the sender to have its address")
        assert home(box)["href"] == f"http://[{host.address6()}]:8080/"
        sdp = fetched(guest, home(box)["manifest"]).text
        assert "c=IN IP6 ff15::" in sdp
        assert f"IN IP6 {host.address6()}\r\n" in sdp
        fellow = Box(guest, tmp_path / "fellow", CONFIG.replace("Nomad", "Fellow"), name="Fellow")
        lan.enter(fellow)
        eventually(lambda: host.address6() in fellow.get("/panel/peers").text, "the box in the other's menu")
        eventually(lambda: "Fellow" in box.get("/panel/peers").text, "the other in the box's menu")
        new = "fd77:0:0:1::beef"
        host.del_address("eth0", f"{host.address6()}/64")
        host.add_address("eth0", f"{new}/64")
        eventually(lambda: home(box)["href"] == f"http://[{new}]:8080/", "the href to move")
        eventually(lambda: home(box)["source_ip"] == new, "the sender to move")
        eventually(lambda: new in fellow.get("/panel/peers").text, "the new address in the other's menu")
        assert box.stop() == 0
        assert "Traceback" not in box.log
