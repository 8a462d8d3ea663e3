"""`Lan`: switches in a namespace of their own, and hosts that are cabled to them.

A switch is a bridge with a name ("red", "blue") and a subnet: 10.77.<switch>.0/24 and fd77:0:0:<switch>::/64. A
host is a namespace with ports ("eth0", "eth1"), each cabled to a switch by a veth pair. Nothing has a default or a
multicast route unless the test gives it one, as on a bare stage switch.

    with Lan() as lan:
        desk, box = lan.host("desk"), lan.host("box", RED_AND_BLUE)
        box.link_down("eth1")
"""

import ipaddress
import itertools
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.lan import http, proc_net
from tests.lan.namespace import Namespace, remove_abandoned
from tests.lan.proc_net import SourceFilter

RED = {"eth0": "red"}
RED_AND_BLUE = {"eth0": "red", "eth1": "blue"}

_PREFIX = "lan"
_MAX_LINK_NAME = 15  # IFNAMSIZ less its NUL
# A querying bridge filters only after one response interval, so that it has heard of every member by then.
_QUERY_RESPONSE_INTERVAL_S = 0.5
_runs = itertools.count(1)


class Lan:
    """A network of its own, with no server of any kind on it. Use it as a context manager; see the module."""

    def __init__(self, logs: Path | None = None) -> None:
        self.logs: dict[str, Path] = {}
        self._log_folder = logs
        self._name = f"{_PREFIX}{os.getpid()}-{next(_runs)}"
        self._switch_room = Namespace(f"{self._name}-switches")
        self._switches: dict[str, int] = {}
        self._hosts: dict[str, Host] = {}
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        remove_abandoned(_PREFIX)
        self._add(self._switch_room)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs on the hosts, the last started first, and delete every namespace. May be repeated."""
        self._cleanup.close()
        self._hosts.clear()
        self._switches.clear()

    def host(self, name: str, ports: Mapping[str, str] | None = None, *, multicast_route: str | None = None) -> "Host":
        """A new host with its ports cabled (port → switch; one port on "red" by default) and addressed.

        `multicast_route` names the port that 224.0.0.0/4 is routed to, where the test wants such a route.
        """
        host = self.isolated(name)
        for port, switch in (RED if ports is None else ports).items():
            self.plug(host, port, switch)
        if multicast_route:
            host.ip(f"route add 224.0.0.0/4 dev {multicast_route}")
        return host

    def isolated(self, name: str) -> "Host":
        """A new host that has loopback and nothing else."""
        if name in self._hosts:
            raise ValueError(f"there is a host {name} already")
        host = Host(self, name, f"{self._name}-{name}")
        self._add(host)
        self._hosts[name] = host
        host.number = len(self._hosts)
        # Addresses can be used at once: nobody else has them, so no second is spent on duplicate address detection.
        # And no more than the kernel's own default of reverse path filtering, whatever this machine's is.
        for scope in ("all", "default"):
            host.sysctl(f"net.ipv6.conf.{scope}.accept_dad", 0)
            host.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
        host.ip("link set lo up")
        return host

    def plug(self, host: "Host", port: str, switch: str, *, addressed: bool = True) -> None:
        """Give the host one more port, cabled to the switch: what hot-plugging looks like to it."""
        socket_on_switch = f"{host.label}-{port}"
        if len(socket_on_switch) > _MAX_LINK_NAME:
            raise ValueError(f"{socket_on_switch}: too long for the name of a link")
        number = self._switch(switch)
        self._switch_room.ip(
            f"link add {socket_on_switch} type veth peer name {port} netns {host.name}",
            f"link set {socket_on_switch} master {switch} up",
        )
        address, address6 = f"10.77.{number}.{host.number}", f"fd77:0:0:{number}::{host.number:x}"
        host.cables[port] = Cable(socket_on_switch, address, address6)
        host.ip(f"link set {port} up")
        if addressed:
            host.add_address(port, f"{host.address(port)}/24")
            host.add_address(port, f"{host.address6(port)}/64")

    def unplug(self, host: "Host", port: str) -> None:
        """Take the port out of the host altogether, as a USB adapter is pulled. See `Host.link_down` for a cable."""
        self.switch_ip(f"link delete {host.cables.pop(port).switch_end}")

    def querier(self, on: bool) -> None:
        """Make every switch ask who is a member of what (IGMP, MLD), and give groups to their members only.

        Without a querier a switch floods. Returns when the switches have heard the answers and begun to filter.
        """
        self.switch_ip(*(f"link set {switch} type bridge mcast_querier {int(on)}" for switch in self._switches))
        if on:
            time.sleep(2 * _QUERY_RESPONSE_INTERVAL_S)

    def mute(self, switch: str, on: bool) -> None:
        """Make a switch drop all multicast that no querier has told it of, mDNS too, as some in the field do."""
        flag = "off" if on else "on"
        self.switch_ip(
            *(f"link set {port} type bridge_slave mcast_flood {flag} bcast_flood on" for port in self._links_of(switch))
        )

    def switch_ip(self, *commands: str) -> None:
        """`ip` commands in the switches' namespace, for what this class has no word for."""
        self._switch_room.ip(*commands)

    def open_on_switch(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket in the switches' namespace."""
        return self._switch_room.open_socket(family, kind, protocol)

    def switch_of(self, switch_end: str) -> str:
        """The switch that this end of a cable is plugged into."""
        return next(switch for switch in self._switches if switch_end in self._links_of(switch))

    def silence(self, *links: str) -> None:
        """Have links in the switches' namespace say nothing of their own (IPv6 would)."""
        for link in links:
            self._switch_room.sysctl(f"net.ipv6.conf.{link}.disable_ipv6", 1)

    def log(self, name: str) -> Path:
        """The file that the output of the process called `name` goes to; shown when the test fails."""
        if self._log_folder is None:
            raise ValueError("this Lan was given no folder for logs")
        return self.logs.setdefault(name, self._log_folder / f"{name}.log")

    def enter(self, running: AbstractContextManager[object]) -> None:
        """Enter it now, and leave it when the Lan closes, before the hosts go."""
        self._cleanup.enter_context(running)

    def at_close(self, function: Callable[[], object]) -> None:
        """Call this when the Lan closes, before the hosts go."""
        self._cleanup.callback(function)

    def _add(self, namespace: Namespace) -> None:
        self._cleanup.callback(namespace.delete)
        namespace.create()

    def _switch(self, name: str) -> int:
        if name not in self._switches:
            self._switches[name] = len(self._switches) + 1
            self.switch_ip(
                "link set lo up",
                f"link add {name} type bridge stp_state 0 forward_delay 0 mcast_snooping 1 mcast_querier 0",
                f"link set {name} type bridge mcast_query_response_interval {round(_QUERY_RESPONSE_INTERVAL_S * 100)}",
                f"link set {name} up",
            )
        return self._switches[name]

    def _links_of(self, switch: str) -> list[str]:
        shown = self._switch_room.run(["ip", "-json", "link", "show", "master", switch]).stdout
        return [link["ifname"] for link in json.loads(shown or "[]")]


@dataclass(frozen=True, slots=True)
class Cable:
    """What a host's port was given: the other end of its veth pair, and its addresses."""

    switch_end: str
    address: str
    address6: str


class Host(Namespace):
    """A machine on the LAN. Made by `Lan.host`; what a `Namespace` can, it can: run, popen, call, open_socket, ..."""

    def __init__(self, lan: Lan, label: str, name: str) -> None:
        super().__init__(name)
        self.lan = lan
        self.label = label
        self.number = 0
        self.cables: dict[str, Cable] = {}

    def address(self, port: str = "eth0") -> str:
        """The IPv4 address that the port was given when it was plugged in."""
        return self.cables[port].address

    def address6(self, port: str = "eth0") -> str:
        """The unique local IPv6 address that the port was given when it was plugged in."""
        return self.cables[port].address6

    def link_local(self, port: str = "eth0") -> str:
        """The link-local IPv6 address of the port, without its zone."""
        for line in self.proc_net("if_inet6").splitlines():
            digits, _, _, _, _, device = line.split()
            address = ipaddress.IPv6Address(int(digits, 16))
            if device == port and address.is_link_local:
                return str(address)
        raise LookupError(f"{self.label} has no link-local address on {port}")

    def mac(self, port: str = "eth0") -> str:
        """The MAC address of the port, as 02:00:5e:00:53:01."""
        shown = subprocess.run(
            ["ip", "-n", self.name, "-json", "link", "show", port], check=True, capture_output=True, text=True
        ).stdout
        return str(json.loads(shown)[0]["address"])

    def link_down(self, port: str = "eth0") -> None:
        """Pull the cable: the port stays up and keeps its addresses, but loses its carrier."""
        self.lan.switch_ip(f"link set {self.cables[port].switch_end} down")

    def link_up(self, port: str = "eth0") -> None:
        """Plug the cable in again."""
        self.lan.switch_ip(f"link set {self.cables[port].switch_end} up")

    def add_address(self, port: str, address: str) -> None:
        """Give the port one more address, "10.77.1.9/24" or "fd77::9/64"; it can be used at once."""
        self.ip(f"address add {address} {_address_options(address)} dev {port}")

    def del_address(self, port: str, address: str) -> None:
        """Take an address, with its prefix length, from the port."""
        self.ip(f"address del {address} dev {port}")

    def memberships(self, port: str = "eth0") -> set[str]:
        """The multicast groups, IPv4 and IPv6, that the kernel is a member of on this port."""
        return {
            *proc_net.groups_v4(self.proc_net("igmp"), port),
            *proc_net.groups_v6(self.proc_net("igmp6"), port),
        }

    def source_filters(self, port: str = "eth0") -> set[SourceFilter]:
        """The sources that sockets asked for, or asked to be spared, on this port (source-specific multicast)."""
        return {
            *proc_net.filters_v4(self.proc_net("mcfilter"), port),
            *proc_net.filters_v6(self.proc_net("mcfilter6"), port),
        }

    def get(self, url: str, headers: Mapping[str, str] | None = None, timeout_s: float = 10.0) -> http.Answer:
        """An HTTP GET from this host."""
        return http.request(self, "GET", url, headers=headers, timeout_s=timeout_s)


def _address_options(address: str) -> str:
    interface = ipaddress.ip_interface(address)
    return "nodad" if interface.version == 6 else f"broadcast {interface.network.broadcast_address}"
