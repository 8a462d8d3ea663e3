"""Each rule by which a port is chosen, with real streams: on which wire the packets are is what counts."""

import ctypes
import socket
import struct
import subprocess
from collections.abc import Iterator
from fcntl import ioctl
from os import O_RDWR, close
from os import open as open_file
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import StartBox
from tests.lan.box import Box
from tests.lan.network import RED_AND_BLUE, Host, Lan
from tests.lan.waiting import eventually
from tests.support.environment import unavailable

pytestmark = [pytest.mark.gstreamer]

GROUP, GROUP_2 = "239.1.2.3", "239.1.2.4"
SENDER, RECEIVER = ("/x-nmos/connection/v1.1/single/{}/{}".format(kind, "{}") for kind in ("senders", "receivers"))
NODE = "/x-nmos/node/v1.3"
NETWORK = '[network]\nreturn_after_s = 1\n[[devices]]\nname = "one"\n'
OUT = f"""
[[senders]]
name = "out"
device = "one"
input = {{ kind = "tone" }}
legs = [{{ destination_ip = "{GROUP}" }}]
"""
PAIR = f"""
[[senders]]
name = "pair"
device = "one"
input = {{ kind = "tone" }}
legs = [{{ destination_ip = "{GROUP}" }}, {{ destination_ip = "{GROUP_2}" }}]
"""
IN = """
[[receivers]]
name = "in"
device = "one"
output = {{ kind = "file", path = "{}" }}
"""
SOME_SOUND = 48_000 * 2 * 3
"""A second of it, in bytes."""


@pytest.fixture(autouse=True)
def gstreamer() -> None:
    if subprocess.run(["gst-launch-1.0", "--version"], check=False, capture_output=True).returncode:
        unavailable("GStreamer is not installed")


class Ear:
    """Hears a group on the one port of a host."""

    def __init__(self, host: Host, group: str = GROUP) -> None:
        self._socket = host.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((group, 5004))
        member = socket.inet_aton(group) + socket.inet_aton(host.address())
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self._socket.setblocking(False)

    def hears(self, source: str) -> bool:
        """Whether that one sends, from now on."""
        self._drain()
        return bool(eventually(lambda: source in self._drain() or None, f"packets from {source}"))

    def close(self) -> None:
        self._socket.close()

    def _drain(self) -> set[str]:
        sources = set()
        while True:
            try:
                sources.add(self._socket.recvfrom(2048)[1][0])
            except BlockingIOError:
                return sources


@pytest.fixture
def ears(lan: Lan) -> Iterator[dict[str, Ear]]:
    """One on each switch."""
    found = {switch: Ear(lan.host(f"{switch}ear", {"eth0": switch})) for switch in ("red", "blue")}
    yield found
    for ear in found.values():
        ear.close()


def endpoint(box: Box, path: str) -> str:
    kind = path.split("/")[5]
    [id] = box.json(f"/x-nmos/connection/v1.1/single/{kind}/")
    return path.format(id.strip("/"))


def activate(box: Box, path: str, *legs: dict[str, Any], **more: Any) -> None:
    body = {"transport_params": list(legs), "activation": {"mode": "activate_immediate"}, **more}
    answer = box.patch(f"{endpoint(box, path)}/staged", body)
    assert answer.status == 200, answer.body


def legs(box: Box, path: str, name: str = "source_ip") -> list[str]:
    active = box.json(f"{endpoint(box, path)}/active")
    return [leg[name] for leg in active["transport_params"]]


def test_a_sender_goes_by_order_route_and_what_is_asked_for(
    lan: Lan, start_box: StartBox, ears: dict[str, Ear]
) -> None:
    host = lan.host("box", RED_AND_BLUE)
    box = start_box(host, NETWORK + OUT)
    red, blue = host.address("eth0"), host.address("eth1")
    assert ears["red"].hears(red)
    host.ip(f"route add {GROUP} dev eth1")
    assert ears["blue"].hears(blue)
    activate(box, SENDER, {"source_ip": red})
    assert ears["red"].hears(red)
    activate(box, SENDER, {"source_ip": "auto"})
    assert ears["blue"].hears(blue)


def test_a_sender_leaves_a_dead_port_at_once_and_returns_when_that_is_good(
    lan: Lan, start_box: StartBox, ears: dict[str, Ear]
) -> None:
    host = lan.host("box", RED_AND_BLUE)
    box = start_box(host, NETWORK + OUT)
    assert ears["red"].hears(host.address("eth0"))
    host.link_down("eth0")
    assert ears["blue"].hears(host.address("eth1"))
    host.link_up("eth0")
    assert ears["red"].hears(host.address("eth0"))
    assert legs(box, SENDER) == [host.address("eth0")]


def test_the_legs_of_a_pair_are_on_two_ports_while_there_are_two(
    lan: Lan, start_box: StartBox, ears: dict[str, Ear]
) -> None:
    host = lan.host("box", RED_AND_BLUE)
    box = start_box(host, NETWORK + PAIR)
    red, blue = host.address("eth0"), host.address("eth1")
    second = Ear(lan.host("second", {"eth0": "blue"}), GROUP_2)
    assert ears["red"].hears(red)
    assert second.hears(blue)
    host.link_down("eth0")
    assert ears["blue"].hears(blue)
    assert second.hears(blue)
    host.link_up("eth0")
    assert ears["red"].hears(red)
    assert second.hears(blue)
    assert legs(box, SENDER) == [red, blue]
    second.close()


def test_a_receiver_listens_where_its_source_is_and_goes_on_when_its_address_changes(
    lan: Lan, start_box: StartBox, tmp_path: Path
) -> None:
    """The other box sees the new address in its menu; the stream comes in again without anybody's doing."""
    stage, hall = lan.host("stage", {"eth0": "blue"}), lan.host("hall", RED_AND_BLUE)
    recording = tmp_path / "recording.wav"
    source = start_box(stage, NETWORK + OUT, name="stage")
    box = start_box(hall, '[node]\nlabel = "Hall"\n' + NETWORK + IN.format(recording), name="hall")
    file = eventually(lambda: sdp(source), "a transport file")
    activate(box, RECEIVER, {}, transport_file={"data": file, "type": "application/sdp"}, master_enable=True)
    assert legs(box, RECEIVER, "interface_ip") == [hall.address("eth1")]
    assert GROUP in hall.memberships("eth1")
    assert GROUP not in hall.memberships("eth0")
    grows(recording)
    eventually(lambda: "Hall" in source.get("/panel/peers").text, "the hall in the other's menu")
    hall.del_address("eth1", f"{hall.address('eth1')}/24")
    hall.add_address("eth1", "10.77.1.222/24")
    eventually(lambda: legs(box, RECEIVER, "interface_ip") == ["10.77.1.222"], "the leg to have the new address")
    eventually(lambda: "10.77.1.222" in source.get("/panel/peers").text, "the new address in the other's menu")
    assert GROUP in hall.memberships("eth1")
    grows(recording)


def sdp(box: Box) -> str | None:
    answer = box.get(f"{endpoint(box, SENDER)}/transportfile")
    return answer.text if answer.status == 200 else None


def grows(recording: Path) -> None:
    """More of the stream is recorded from now on."""

    def size() -> int:
        return recording.stat().st_size if recording.exists() else 0

    before = size()
    eventually(lambda: size() > before + SOME_SOUND or None, "more sound in the recording")


def test_a_port_without_room_gives_way_and_too_much_is_told(lan: Lan, start_box: StartBox) -> None:
    """A link of 25 Mbit/s has room for two streams of 9.8."""
    host = lan.host("box", {"eth1": "blue"})
    with SlowPort(host, "tap0", 25):
        host.add_address("tap0", "10.78.0.1/24")
        senders = "".join(
            f'[[senders]]\nname = "{name}"\ndevice = "one"\nchannels = 8\ninput = {{ kind = "silence" }}\n'
            for name in ("a", "b", "c")
        )
        config = NETWORK.replace("[[dev", 'interfaces = ["tap0", "eth1"]\n[media]\ndriver = "null"\n[[dev', 1)
        box = start_box(host, config + senders)
        ids = [id.strip("/") for id in box.json("/x-nmos/connection/v1.1/single/senders/")]
        own = [box.json(f"{SENDER.format(id)}/active")["transport_params"][0]["source_ip"] for id in ids]
        assert sorted(own) == ["10.77.1.1", "10.78.0.1", "10.78.0.1"]
        assert "room" not in str(box.json("/panel/status")["status"]["problems"])
        elsewhere = ids[own.index("10.77.1.1")]
        pinned = {"transport_params": [{"source_ip": "10.78.0.1"}], "activation": {"mode": "activate_immediate"}}
        assert box.patch(f"{SENDER.format(elsewhere)}/staged", pinned).status == 200, "what is asked for always wins"
        said = eventually(lambda: str(box.json("/panel/status")["status"]["problems"]) or None, "a word of it")
        eventually(
            lambda: (
                "tap0: more is sent there than there is room for (29.5 of 25 Mbit/s taken)"
                in str(box.json("/panel/status")["status"]["problems"])
            ),
            f"the full port to be told of, not {said}",
        )


class SlowPort:
    """A port of a speed of one's choice, while this is entered; what is sent there goes nowhere."""

    def __init__(self, host: Host, name: str, mbit: int) -> None:
        self._host, self._name, self._mbit = host, name, mbit

    def __enter__(self) -> None:
        self._descriptor = self._host.call(self._open)
        self._host.ip(f"link set {self._name} up")

    def __exit__(self, *_: object) -> None:
        close(self._descriptor)

    def _open(self) -> int:
        descriptor = open_file("/dev/net/tun", O_RDWR)
        name = self._name.encode().ljust(16, b"\0")
        ioctl(descriptor, _TUNSETIFF, name + struct.pack("=H14x", _IFF_TAP | _IFF_NO_PI))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            # struct ethtool_cmd: the command, what is supported and advertised, the speed, duplex full
            command = bytearray(struct.pack("=IIIHB27x", _ETHTOOL_SSET, 0, 0, self._mbit, 1))
            address = (ctypes.c_char * len(command)).from_buffer(command)
            ioctl(control, _SIOCETHTOOL, name + struct.pack("@P8x", ctypes.addressof(address)))
        return descriptor


_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x2, 0x1000  # linux/if_tun.h
_SIOCETHTOOL, _ETHTOOL_SSET = 0x8946, 0x2  # linux/sockios.h, linux/ethtool.h
