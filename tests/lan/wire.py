"""`Wire`: a cable that loses, delays, doubles and reorders frames, where the kernel has no netem.

The host's end of its cable is taken from the switch, and a thread of the test run, with packet sockets in the switches'
namespace, carries every frame between the two, by the `Weather` of the moment: whole Ethernet frames, so that TCP,
multicast and IGMP suffer alike. What offloading leaves to be done (checksums, segments) goes along in the header that
PACKET_VNET_HDR gives each frame.
"""

import heapq
import itertools
import random
import selectors
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from tests.lan.network import Host

_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_VNET_HDR = 263, 15  # linux/if_packet.h; the socket module has no names for them
_LARGEST = 65536 + 64
_BUFFER = 1 << 22
_MOST_WAITING = 20_000
_WAKE_S = 0.5


@dataclass(frozen=True, slots=True)
class Weather:
    """Shares of frames that are lost or come twice; how late each is, and how much later it may be by chance.

    A `jitter_s` above the time between two frames reorders them.
    """

    loss: float = 0.0
    double: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0


FAIR = Weather()


class Wire:
    """Between a host's port and its switch, until it is closed; set `weather` at any time."""

    def __init__(self, host: Host, port: str = "eth0", *, seed: int = 1) -> None:
        self.weather = FAIR
        self._chance = random.Random(seed)
        self._host, self._port = host, port
        self._switch = host.lan.switch_of(host.cables[port].switch_end)
        cable = host.cables[port].switch_end
        self._near, self._far = f"{cable}-n", f"{cable}-f"
        host.lan.switch_ip(
            f"link add {self._far} type veth peer name {self._near}",
            f"link set {cable} nomaster",
            f"link set {self._near} up",
            f"link set {self._far} master {self._switch} up",
        )
        host.lan.silence(cable, self._near)
        self._ends = [self._open(cable), self._open(self._near)]
        self._waiting: list[tuple[float, int, int, bytes]] = []  # when, a tie breaker, the end it leaves by, the frame
        self._count = itertools.count()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._carry, name=f"wire-{host.label}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The wire is cut; nothing comes through any more."""
        self._closing.set()
        self._thread.join()
        for end in self._ends:
            end.close()

    def _open(self, link: str) -> socket.socket:
        end = self._host.lan.open_on_switch(socket.AF_PACKET, socket.SOCK_RAW, 0)
        end.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            end.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        end.bind((link, _ETH_P_ALL))
        end.setblocking(False)
        return end

    def _carry(self) -> None:
        with selectors.DefaultSelector() as selector:
            for number, end in enumerate(self._ends):
                selector.register(end, selectors.EVENT_READ, 1 - number)
            while not self._closing.is_set():
                due = self._waiting[0][0] - time.monotonic() if self._waiting else _WAKE_S
                for key, _ in selector.select(max(0.0, min(due, _WAKE_S))):
                    self._take(self._ends[1 - key.data], key.data)
                self._deliver(time.monotonic())

    def _take(self, end: socket.socket, other: int) -> None:
        with suppress(OSError):  # nothing more to read; or a link that is down
            while True:
                frame, address = end.recvfrom(_LARGEST)
                if address[2] != socket.PACKET_OUTGOING:
                    self._expose(frame, other)

    def _expose(self, frame: bytes, other: int) -> None:
        weather, now = self.weather, time.monotonic()
        for _ in range(2 if self._chance.random() < weather.double else 1):
            if self._chance.random() >= weather.loss and len(self._waiting) < _MOST_WAITING:
                at = now + weather.delay_s + weather.jitter_s * self._chance.random()
                heapq.heappush(self._waiting, (at, next(self._count), other, frame))

    def _deliver(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, _, other, frame = heapq.heappop(self._waiting)
            with suppress(OSError):  # a link that is down, or no room: lost, as on a real one
                self._ends[other].send(frame)
