"""The test LAN itself: that what other tests lean on holds."""

import http.client
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import StartBox, StartPeer
from tests.lan.avahi import PACKAGES, Avahi
from tests.lan.capture import Capture, Membership, dissect
from tests.lan.documents import VERSIONS, group_address, peer_documents, recorded_peer
from tests.lan.namespace import Namespace
from tests.lan.network import RED_AND_BLUE, Host, Lan
from tests.lan.observer import Observer
from tests.lan.peer import Fault, Peer, settle
from tests.lan.proc_net import SourceFilter
from tests.lan.waiting import eventually
from tests.support.environment import unavailable
from tests.support.specs import problems

GROUP = "239.1.2.3"
SSM_GROUP = "232.1.2.3"
GROUP6 = "ff3e::1234"
PORT = 5004
IP_ADD_SOURCE_MEMBERSHIP = 39  # linux/in.h; in Python from 3.12
IP_MULTICAST_ALL = 49  # linux/in.h
ETH_P_IP = 0x0800

SCHEMAS = {
    "self": "node",
    "devices": "devices",
    "sources": "sources",
    "flows": "flows",
    "senders": "senders",
    "receivers": "receivers",
}


def listener(host: Host, port: str = "eth0") -> socket.socket:
    """A socket of the host that is a member of GROUP on the port, and hears no other port."""
    sock = host.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
    sock.bind((GROUP, PORT))
    membership = socket.inet_aton(GROUP) + socket.inet_aton(host.address(port))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    return sock


def send(host: Host, payload: bytes, to: str = GROUP) -> None:
    with host.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host.address()))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        sock.sendto(payload, (to, PORT))


def reaches(sender: Host, bystander: Host, payload: bytes) -> bool:
    """Whether a datagram to GROUP comes to the port of a host that did not join; a unicast one sent after it does."""
    with bystander.open_socket(socket.AF_PACKET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(5)
        wire.bind(("eth0", ETH_P_IP))
        send(sender, payload)
        send(sender, b"fence", bystander.address())
        while not (packet := wire.recv(2048)).endswith(b"fence"):
            if packet.endswith(payload):
                return True
    return False


def interfaces_of(host: Host) -> dict[str, str]:
    """Port → "UP", "DOWN", as the host's own `ip` says."""
    shown = json.loads(host.run(["ip", "-json", "link"]).stdout)
    return {link["ifname"]: link["operstate"] for link in shown}


# The network


def test_hosts_hear_each_other_by_multicast(lan: Lan) -> None:
    a, b = lan.host("a"), lan.host("b")
    with listener(a) as ear_a, listener(b) as ear_b:
        send(a, b"ping")
        payload, (sender, _) = ear_b.recvfrom(100)
        assert (payload, sender) == (b"ping", a.address())
        send(b, b"pong")
        payload, (sender, _) = ear_a.recvfrom(100)
        assert (payload, sender) == (b"pong", b.address())


def test_switches_are_apart(lan: Lan) -> None:
    box, red, blue = lan.host("box", RED_AND_BLUE), lan.host("red"), lan.host("blue", {"eth0": "blue"})
    with listener(box, "eth0") as red_ear, listener(box, "eth1") as blue_ear:
        send(blue, b"on blue")
        assert blue_ear.recv(100) == b"on blue"
        send(red, b"on red")
        assert red_ear.recv(100) == b"on red"


def test_memberships_are_those_of_the_port(lan: Lan) -> None:
    box = lan.host("box", RED_AND_BLUE)
    with listener(box, "eth1"):
        assert GROUP in box.memberships("eth1")
        assert GROUP not in box.memberships("eth0")
    assert GROUP not in box.memberships("eth1")


def test_ipv6_memberships_and_addresses(lan: Lan) -> None:
    a = lan.host("a")
    index = a.call(lambda: socket.if_nametoindex("eth0"))
    with a.open_socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        membership = socket.inet_pton(socket.AF_INET6, GROUP6) + struct.pack("@I", index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
        assert GROUP6 in a.memberships()
        sock.bind((a.address6(), 0))
    assert a.link_local().startswith("fe80::")


def test_source_filters_are_seen(lan: Lan) -> None:
    a, b = lan.host("a"), lan.host("b")
    with Capture(a) as capture, a.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        addresses = (SSM_GROUP, a.address(), b.address())
        sock.setsockopt(socket.IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, b"".join(map(socket.inet_aton, addresses)))
        assert a.source_filters() == {SourceFilter(SSM_GROUP, b.address(), "include")}
        assert capture.wait_for_join(SSM_GROUP).sources == (b.address(),)


def test_a_cable_can_be_pulled_and_put_back(lan: Lan) -> None:
    box = lan.host("box", RED_AND_BLUE)
    box.link_down("eth1")
    eventually(lambda: interfaces_of(box)["eth1"] == "DOWN", "the carrier to be lost")
    assert interfaces_of(box)["eth0"] == "UP"
    box.link_up("eth1")
    eventually(lambda: interfaces_of(box)["eth1"] == "UP", "the carrier to be back")


def test_ports_and_addresses_come_and_go(lan: Lan) -> None:
    box = lan.host("box")
    lan.plug(box, "eth1", "blue")
    box.add_address("eth1", "10.77.9.9/24")
    box.add_address("eth1", "fd77:9::9/64")
    assert "10.77.9.9" in (shown := box.run(["ip", "address", "show", "eth1"]).stdout)
    assert "fd77:9::9" in shown
    box.del_address("eth1", "10.77.9.9/24")
    assert "10.77.9.9" not in box.run(["ip", "address", "show", "eth1"]).stdout
    lan.unplug(box, "eth1")
    assert "eth1" not in interfaces_of(box)


def test_an_isolated_host_has_loopback_only(lan: Lan) -> None:
    alone = lan.isolated("alone")
    assert list(interfaces_of(alone)) == ["lo"]
    with alone.call(lambda: socket.create_server(("127.0.0.1", 0))) as server:
        alone.connect(*server.getsockname()).close()


def test_a_querier_gives_groups_to_members_only(lan: Lan) -> None:
    a, member, bystander = lan.host("a"), lan.host("member"), lan.host("bystander")
    with listener(member) as ear:
        assert reaches(a, bystander, b"flooded")
        lan.querier(True)
        assert not reaches(a, bystander, b"for members")
        assert [ear.recv(100), ear.recv(100)] == [b"flooded", b"for members"]
    lan.querier(False)


def test_a_muted_switch_drops_multicast(lan: Lan) -> None:
    a, b = lan.host("a"), lan.host("b")
    with listener(b) as ear:
        lan.mute("red", True)
        send(a, b"lost")
        lan.mute("red", False)
        send(a, b"heard")
        assert ear.recv(100) == b"heard"


@pytest.mark.root
def test_lans_beside_each_other_do_not_collide(tmp_path: Path) -> None:
    with Lan(tmp_path) as one, Lan(tmp_path) as two:
        assert one.host("a").name != two.host("a").name
    left = [path.name for path in Path("/run/netns").glob(f"lan{os.getpid()}-*")]
    assert left == []


def test_what_a_killed_run_left_is_removed(lan: Lan, tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    abandoned = Namespace(f"lan{int(dead.stdout)}-1-switches")
    abandoned.create()
    with Lan(tmp_path):
        assert not Path("/run/netns", abandoned.name).exists()


def test_children_die_with_the_lan(tmp_path: Path, lan: Lan) -> None:
    a = lan.host("a")
    child = a.popen(["sleep", "1000"])
    grandchild_file = tmp_path / "grandchild"
    a.popen(["sh", "-c", f"sleep 1000 & echo $! > {grandchild_file}; wait"])
    eventually(lambda: grandchild_file.exists() and grandchild_file.read_text(), "the shell to fork")
    lan.close()
    assert child.returncode == -9
    grandchild = Path("/proc", grandchild_file.read_text().strip(), "stat")
    eventually(lambda: not grandchild.exists() or ") Z" in grandchild.read_text(), "the grandchild to end")


# The box

STUB = """
import argparse, http.server, signal, sys
parser = argparse.ArgumentParser()
parser.add_argument("command")
parser.add_argument("--config", type=argparse.FileType())
parser.add_argument("--http-port", type=int)
parser.add_argument("--state-dir")
parser.add_argument("--interface", action="append")
told = parser.parse_args()
if told.config.read() == "bad":
    sys.exit("refused")
print("on", told.interface)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"method": "%s"}' % self.command.encode())
    do_PATCH = do_GET

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(("", told.http_port), Handler).serve_forever()
"""


@pytest.fixture
def stub(tmp_path: Path) -> dict[str, str]:
    """The environment in which `python -m appliance` is a program that keeps just the contract that `Box` needs."""
    package = tmp_path / "stub" / "appliance"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STUB, encoding="utf-8")
    return {"PYTHONPATH": str(package.parent)}


def test_a_box_starts_answers_and_stops(lan: Lan, start_box: StartBox, stub: dict[str, str]) -> None:
    host, other = lan.host("a"), lan.host("b")
    box = start_box(host, "good", interfaces=["eth0"], environment=stub)
    assert box.json("/") == {"method": "GET"}
    assert box.patch("/", {}).json() == {"method": "PATCH"}
    assert other.get(box.url + "/").status == 200
    assert box.stop() == 0
    box.restart()
    box.kill()
    assert not box.alive
    assert box.log.count("on ['eth0']") == 2


def test_a_box_that_refuses_says_why(lan: Lan, start_box: StartBox, stub: dict[str, str]) -> None:
    with pytest.raises(ChildProcessError, match="refused"):
        start_box(lan.host("a"), "bad", environment=stub)


# The fake peer


@pytest.fixture
def desk(lan: Lan, start_peer: StartPeer) -> Peer:
    """A fake peer with two senders, silent, on a host of its own; a host "b" is beside it."""
    a = lan.host("a")
    return start_peer(a, "desk", peer_documents("desk", a.address(), senders=2, versions=VERSIONS))


def senders_url(peer: Peer) -> str:
    return f"http://{peer.host.address()}:{peer.port}/x-nmos/node/v1.3/senders/"


@pytest.mark.parametrize("version", VERSIONS)
def test_made_documents_are_valid(version: str) -> None:
    documents = peer_documents("desk", "10.77.1.1", senders=2, receivers=1, versions=VERSIONS)
    for kind, schema in SCHEMAS.items():
        assert problems("is-04", version, schema, documents.node_api[version][kind]) == []


def test_recorded_documents_are_found() -> None:
    assert all(recorded_peer().node_api[version]["senders"] for version in VERSIONS)


def test_a_peer_is_announced_changed_and_withdrawn(lan: Lan, desk: Peer) -> None:
    with Observer(lan.host("b")) as observer:
        desk.announce()
        seen = observer.wait_for("desk")
        assert (seen.addresses, seen.port) == ((desk.host.address(),), desk.port)
        assert seen.txt == desk.txt
        desk.relabel("senders", 0, "Talkback")
        observer.wait_for("desk", lambda service: service.txt["ver_snd"] == "1")
        desk.flicker()
        eventually(
            lambda: [s.change for s in observer.sightings][-2:] == ["Removed", "Added"], "the flicker to be seen"
        )
        desk.withdraw()
        observer.wait_gone("desk")


def test_a_peer_is_announced_over_ipv6(lan: Lan, start_peer: StartPeer) -> None:
    a, b = lan.host("a"), lan.host("b")
    peer = start_peer(a, "desk", families=(6,))
    with Observer(b, family=6) as observer, Observer(b, family=4) as deaf:
        peer.announce()
        assert set(observer.wait_for("desk").addresses) == {a.address6(), a.link_local()}
        assert deaf.services() == {}
    assert b.get(f"http://[{a.address6()}]:{peer.port}/x-nmos/").json() == ["node/"]
    assert b.get(f"http://[{a.link_local()}%25eth0]:{peer.port}/x-nmos/").json() == ["node/"]


def test_counters_wrap(desk: Peer) -> None:
    desk.announce({**desk.txt, "ver_snd": "255"})
    desk.bump("senders", "devices")
    assert (desk.txt["ver_snd"], desk.txt["ver_dvc"]) == ("0", "1")


def test_a_peer_that_vanishes_says_no_goodbye(lan: Lan, desk: Peer) -> None:
    b = lan.host("b")
    with Capture(b) as capture, Observer(b) as observer:
        desk.announce()
        observer.wait_for("desk")
        desk.vanish()
        assert "desk" in observer.services()
        assert b.get(senders_url(desk)).status == 200
        from_desk = [packet for packet in capture.mdns if packet.sender == desk.host.address()]
        assert all(record.ttl for packet in from_desk for record in packet.records())
        desk.restart()
        observer.wait_for("desk")


def test_a_peer_serves_its_documents_and_keeps_count(lan: Lan, desk: Peer) -> None:
    b = lan.host("b")
    senders = b.get(senders_url(desk)).json()
    assert [sender["label"] for sender in senders] == ["desk 1", "desk 2"]
    assert group_address("desk", 1) in b.get(senders[0]["manifest_href"]).text
    assert [request.path for request in desk.requests("*/senders/")] == ["/x-nmos/node/v1.3/senders/"]
    assert len(settle(desk, quiet_s=0.1)) == len(desk.requests(forget=True)) == 2
    assert desk.requests() == []
    desk.announce()
    desk.relabel("senders", 1, "Talkback")
    assert b.get(senders_url(desk)).json()[1]["label"] == "Talkback"
    assert b.get(f"http://{desk.host.address()}:{desk.port}/x-nmos/node/v1.9/self").status == 404


@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [
        (Fault.delay(0.1), 200, "application/json"),
        (Fault.error(503), 503, "application/json"),
        (Fault.html(), 200, "text/html"),
        (Fault.typed("text/plain"), 200, "text/plain"),
        (Fault.body("[1"), 200, "application/json"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_faults_that_answer(lan: Lan, desk: Peer, fault: Fault, status: int, content_type: str) -> None:
    desk.fault(fault, "*/senders*", times=1)
    b = lan.host("b")
    answer = b.get(senders_url(desk))
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (status, content_type)
    assert len(b.get(senders_url(desk)).json()) == 2


def test_a_truncated_body_is_half_of_it(lan: Lan, desk: Peer) -> None:
    b = lan.host("b")
    whole = b.get(senders_url(desk)).body
    desk.fault(Fault.truncated())
    assert b.get(senders_url(desk)).body == whole[: len(whole) // 2]
    desk.heal()
    assert b.get(senders_url(desk)).body == whole


def test_a_redirect_leads_elsewhere(lan: Lan, desk: Peer) -> None:
    desk.fault(Fault.redirect("http://10.77.1.99/"))
    answer = lan.host("b").get(senders_url(desk))
    assert (answer.status, answer.headers["location"]) == (302, "http://10.77.1.99/")


def test_a_cut_connection(lan: Lan, desk: Peer) -> None:
    desk.fault(Fault.cut())
    with pytest.raises(http.client.IncompleteRead):
        lan.host("b").get(senders_url(desk))


@pytest.mark.parametrize("fault", [Fault.hang(), Fault.trickle(10)], ids=lambda fault: fault.kind)
def test_an_answer_that_does_not_come(lan: Lan, desk: Peer, fault: Fault) -> None:
    desk.fault(fault)
    with pytest.raises(TimeoutError):
        lan.host("b").get(senders_url(desk), timeout_s=0.5)
    assert len(desk.requests()) == 1


def test_an_endless_body(lan: Lan, desk: Peer) -> None:
    desk.fault(Fault.endless())
    with pytest.raises(AssertionError, match="goes on"):
        lan.host("b").get(senders_url(desk))


def test_a_refused_connection(lan: Lan, desk: Peer) -> None:
    b = lan.host("b")
    desk.refuse()
    with pytest.raises(ConnectionRefusedError):
        b.get(senders_url(desk))
    desk.accept()
    assert b.get(senders_url(desk)).status == 200


# What others see


def test_the_capture_sees_joins_leaves_and_mdns(lan: Lan, desk: Peer) -> None:
    b = lan.host("b")
    with Capture(b) as capture:
        with listener(b):
            join = capture.wait_for_join(GROUP)
            assert (join.sender, join.kind) == (b.address(), "to_exclude")
        capture.wait_for_leave(GROUP)
        desk.announce()
        packet = capture.wait_for_mdns(lambda packet: packet.is_response, "an announcement")
        assert packet.sender == desk.host.address()
        assert "desk._nmos-node._tcp.local." in {record.name for record in packet.records()}


def test_the_capture_survives_short_frames() -> None:
    ethernet = bytes(12) + b"\x08\x00"
    ip = b"\x46\x00\x00\x2c" + bytes(5) + b"\x02" + bytes(2) + b"\x0a\x4d\x01\x01" + b"\xe0\x00\x00\x16" + bytes(4)
    report = b"\x22\x00\x00\x00\x00\x00\x00\x01" + b"\x04\x00\x00\x00" + socket.inet_aton(GROUP)
    whole = ethernet + ip + report
    assert dissect(whole, 1.0) == [Membership(1.0, "10.77.1.1", "to_exclude", GROUP)]
    assert all(dissect(whole[:length], 1.0) == [] for length in range(len(whole)))


def test_avahi_sees_the_peer_and_publishes(lan: Lan, desk: Peer, tmp_path: Path) -> None:
    if not (shutil.which("avahi-daemon") and shutil.which("avahi-browse") and shutil.which("dbus-daemon")):
        unavailable(f"needs the Debian packages {' '.join(PACKAGES)}")
    b = lan.host("b")
    with Avahi(b, tmp_path) as avahi, Observer(desk.host) as observer:
        desk.announce()
        seen = eventually(lambda: avahi.resolve("desk"), "avahi to see the peer")
        assert (seen.address, seen.port, seen.txt) == (desk.host.address(), desk.port, desk.txt)
        desk.bump("senders")
        eventually(lambda: [s for s in avahi.browse() if s.txt["ver_snd"] == "1"], "avahi to see the new TXT")

        avahi.publish("Küche 1 & 2", 8080, {"api_ver": "v1.3"})
        published = observer.wait_for("Küche 1 & 2")
        assert (published.port, published.txt) == (8080, {"api_ver": "v1.3"})
        avahi.withdraw("Küche 1 & 2")
        observer.wait_gone("Küche 1 & 2")
