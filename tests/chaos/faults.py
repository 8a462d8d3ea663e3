"""What goes wrong around a box, and with its machine: each a context that begins it and ends it.

A fault says nothing of what the box should do meanwhile; what it should be afterwards says the oracle.
"""

import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.chaos.room import PATIENCE_S, Room, pause
from tests.chaos.voice import GHOST, Voice, instance, rubbish
from tests.lan.namespace import Namespace
from tests.lan.peer import COUNTERS, NODE_TYPE, Fault, node_txt
from tests.lan.waiting import eventually
from tests.lan.websocket import WebSocket
from tests.lan.wire import FAIR, Weather

Begin = Callable[[Room, random.Random], AbstractContextManager[None]]
IDLE_CONNECTIONS = 1000
SLOW_CONNECTIONS = 300
FLOOD_PACKETS = 2000
LIES = (
    *(Fault.html(), Fault.error(500), Fault.error(404), Fault.cut(), Fault.truncated(), Fault.endless(), Fault.hang()),
    *(Fault.body("[]"), Fault.body("{}"), Fault.body('[{"id": 7}]'), Fault.body("[" * 9000), Fault.trickle(0.2)),
    *(Fault.delay(1.5), Fault.redirect("http://127.0.0.1:8080/"), Fault.body('{"id": "\\ud800"}'), Fault.typed("x/y")),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault by its name. `alone`: nothing can be done to the box meanwhile. `registry`: there is one, and it is that.

    `deadly`: the box may end, to be started again.
    """

    name: str
    begin: Begin
    alone: bool = False
    registry: bool = False
    deadly: bool = False

    def __str__(self) -> str:
        return self.name


# ---- the cable


@contextmanager
def weather(room: Room, weather: Weather) -> Iterator[None]:
    room.wire.weather = weather
    try:
        yield
    finally:
        room.wire.weather = FAIR


def loss(room: Room, chance: random.Random) -> AbstractContextManager[None]:
    return weather(room, Weather(loss=chance.uniform(0.05, 0.3)))


def delay_and_reordering(room: Room, chance: random.Random) -> AbstractContextManager[None]:
    return weather(room, Weather(delay_s=chance.uniform(0, 0.2), jitter_s=chance.uniform(0.1, 0.4)))


def duplication(room: Room, chance: random.Random) -> AbstractContextManager[None]:
    return weather(room, Weather(double=chance.uniform(0.3, 1.0), jitter_s=0.02))


def everything_at_once(room: Room, chance: random.Random) -> AbstractContextManager[None]:
    return weather(room, Weather(loss=0.1, double=0.3, delay_s=0.05, jitter_s=0.2))


@contextmanager
def silent_cut(room: Room, chance: random.Random) -> Iterator[None]:
    """Nothing comes through, and the port's lamp is on: a switch between that restarts."""
    with weather(room, Weather(loss=1.0)):
        pause(chance.uniform(1, 3))
        yield


@contextmanager
def flapping(room: Room, chance: random.Random) -> Iterator[None]:
    for _ in range(8):
        room.box.host.link_down()
        pause(chance.uniform(0, 0.3))
        room.box.host.link_up()
        pause(chance.uniform(0, 0.3))
    yield


# ---- the disk


@contextmanager
def disk_full(room: Room, chance: random.Random) -> Iterator[None]:
    room.volume.fill()
    try:
        yield
    finally:
        room.volume.clear()


@contextmanager
def disk_read_only(room: Room, chance: random.Random) -> Iterator[None]:
    room.volume.writable(False)
    try:
        yield
    finally:
        room.volume.writable(True)


# ---- the machine


@contextmanager
def limited(room: Room, what: str, amount: int) -> Iterator[None]:
    """Give the process a smaller limit (a name of prlimit), and its old one back."""
    pid = str(room.box.pid)
    old = subprocess.run(
        ["prlimit", "--pid", pid, f"--{what}", "--noheadings", "--raw", "-o", "SOFT"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    subprocess.run(["prlimit", "--pid", pid, f"--{what}={amount}:"], check=True)
    try:
        yield
    finally:
        if room.box.alive:
            subprocess.run(["prlimit", "--pid", pid, f"--{what}={old}:"], check=False)


@contextmanager
def no_descriptors(room: Room, chance: random.Random) -> Iterator[None]:
    """Not one more can be opened, and somebody takes the last: accept, fetch and save all fail."""
    last = max(int(path.name) for path in room.open_files())
    with ExitStack() as stack, limited(room, "nofile", last + chance.randrange(1, 4)):
        connections(room, stack, 30, b"")
        yield


@contextmanager
def no_memory(room: Room, chance: random.Random) -> Iterator[None]:
    """Almost nothing more can be allocated, while large things are asked for."""
    with limited(room, "as", room.address_space() + chance.randrange(1, 8) * 262_144):
        for _ in range(5):
            with suppress(OSError, EOFError):
                room.box.raw("POST", "/panel/take", b'{"x": "' + b"x" * 900_000 + b'"}')
        yield


@contextmanager
def frozen(room: Room, chance: random.Random) -> Iterator[None]:
    """As if the machine slept: time has passed, and all of it comes at once."""
    room.signal(signal.SIGSTOP)
    pause(chance.uniform(1, 6))
    room.signal(signal.SIGCONT)
    yield


# ---- those who ask


def connections(room: Room, stack: ExitStack, count: int, said: bytes, source: Namespace | None = None) -> None:
    """Open so many to the box, and say this on each."""

    def open_all() -> list[socket.socket]:
        opened = []
        for _ in range(count):
            with suppress(OSError):
                opened.append(socket.create_connection((room.box.host.address(), room.box.port), timeout=2.0))
        return opened

    for one in (source or room.stranger).call(open_all):
        stack.callback(one.close)
        with suppress(OSError):
            one.sendall(said)


@contextmanager
def slowloris(room: Room, chance: random.Random) -> Iterator[None]:
    with ExitStack() as stack:
        connections(room, stack, SLOW_CONNECTIONS, b"GET /x-nmos/ HTTP/1.1\r\nHost: box\r\nX-a: ")
        begun = b"POST /panel/take HTTP/1.1\r\nHost: box\r\nContent-Length: 99999\r\n\r\n{"
        connections(room, stack, SLOW_CONNECTIONS, begun)
        yield


@contextmanager
def idle_connections(room: Room, chance: random.Random) -> Iterator[None]:
    with ExitStack() as stack:
        connections(room, stack, IDLE_CONNECTIONS, b"")
        yield


@contextmanager
def unread_streams(room: Room, chance: random.Random) -> Iterator[None]:
    """Many follow the panel and none reads."""
    with ExitStack() as stack:
        connections(room, stack, 100, b"GET /panel/events HTTP/1.1\r\nHost: 10.77.1.1\r\n\r\n")
        yield


@contextmanager
def half_open_websockets(room: Room, chance: random.Random) -> Iterator[None]:
    """Clients of events whose host is cut off, so that the box never hears of their end."""
    host = room.lan.host(f"gone{room.next_number()}")
    url = room.events_url()
    with ExitStack() as stack:
        with suppress(OSError):  # where it is not the only thing that goes wrong
            for _ in range(20):
                stack.enter_context(WebSocket(host, url))
        host.link_down()
    yield


# ---- those who announce


@contextmanager
def flood(room: Room, chance: random.Random) -> Iterator[None]:
    """Thousands of packets: rubbish, nodes that are not there, questions."""
    with Voice(room.stranger) as voice:
        names = [f"{GHOST}{number}" for number in range(400)]
        for number in range(FLOOD_PACKETS):
            match chance.randrange(4):
                case 0:
                    voice.shout(rubbish(chance))
                case 1:
                    voice.ask(NODE_TYPE)
                case _:
                    name = chance.choice(names)
                    voice.say(*instance(name, f"{name}.local.", "10.77.1.250"))
            if number % 50 == 0:
                pause(0.02)
        yield
        eventually(lambda: gone(room, voice, names), "the ghosts to have left", PATIENCE_S)


def gone(room: Room, voice: Voice, names: list[str]) -> bool:
    """Say their goodbyes, as long as the box has not heard each."""
    listed = {peer["name"] for peer in room.box.json("/panel/peers?limit=500")["peers"]} & set(names)
    for number, name in enumerate(listed):
        voice.say(*instance(name, f"{name}.local.", "10.77.1.250", ttl=0))
        if number % 20 == 0:
            pause(0.05)
    pause(0.5)
    return not listed


@contextmanager
def forged_goodbyes_of_a_peer(room: Room, chance: random.Random) -> Iterator[None]:
    """Somebody else says that the neighbour has left; it has not, and does not know."""
    with Voice(room.stranger) as voice:
        for _ in range(3):
            records = instance("desk", "desk.local.", room.desk.host.address(), room.desk.port, ttl=0)
            voice.say(*chance.sample(records, chance.randrange(1, 5)))
            voice.say(records[0])
            pause(chance.uniform(0.1, 1))
        yield


@contextmanager
def forged_goodbyes_of_the_box(room: Room, chance: random.Random) -> Iterator[None]:
    """Somebody else says that the box has left. Who was there before must have it in its list all the time after."""
    with Voice(room.stranger) as voice:
        for _ in range(3):
            said = room.service_said()
            name = said.name.removesuffix(f".{NODE_TYPE}")
            for record in instance(name, said.server, room.box.host.address(), ttl=0):
                voice.say(record)
            pause(chance.uniform(0.1, 1))
        yield


@contextmanager
def a_rival_for_every_name(room: Room, chance: random.Random) -> Iterator[None]:
    """Somebody announces each name that the box takes as his own, with a host name that wins. Then he goes."""
    with Voice(room.stranger) as voice:
        taken: set[str] = set()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            taken.add(room.service_said().name.removesuffix(f".{NODE_TYPE}"))
            for each in taken:
                voice.say(*instance(each, "a.local.", room.stranger.address()))
            pause(0.2)
        yield
        for _ in range(3):
            for each in taken:
                voice.say(*instance(each, "a.local.", room.stranger.address(), ttl=0))
            pause(0.3)


@contextmanager
def counters_that_lie(room: Room, chance: random.Random) -> Iterator[None]:
    """The neighbour's counters jump, go back and are no numbers, all the time."""
    for _ in range(60):
        values = ("0", "255", "256", "-1", "x", "", "1e9", str(chance.randrange(256)))
        room.desk.set_txt(**{counter: chance.choice(values) for counter in COUNTERS.values()})
        pause(chance.uniform(0, 0.1))
    yield
    room.desk.set_txt(**{counter: str(chance.randrange(256)) for counter in COUNTERS.values()})


@contextmanager
def lists_that_lie(room: Room, chance: random.Random) -> Iterator[None]:
    """The neighbour's Node API answers anything."""
    for _ in range(4):
        room.desk.fault(chance.choice(LIES), chance.choice(("*", "*/senders*", "*/self*", "*/flows*", "*/devices*")))
    for _ in range(5):
        room.desk.bump(*chance.sample(sorted(COUNTERS), 3))
        pause(chance.uniform(0, 0.5))
    try:
        yield
    finally:
        room.desk.heal()


@contextmanager
def power_of_the_peer(room: Room, chance: random.Random) -> Iterator[None]:
    room.desk.kill()
    pause(chance.uniform(0, 1))
    yield
    room.desk.start()
    room.desk.announce(node_txt(room.desk.documents))


# ---- the registry


@contextmanager
def registry_talks_nonsense(room: Room, chance: random.Random) -> Iterator[None]:
    """It answers anything but what it should, for a while."""
    answers: tuple[dict[str, Any], ...] = (
        {"kind": "answer", "status": 200, "text": "<html>Log in</html>", "content_type": "text/html"},
        {"kind": "answer", "status": 201, "text": "", "match": "POST *"},
        {"kind": "answer", "status": 201, "text": "[]", "match": "POST *"},
        {"kind": "answer", "status": 409, "text": "{}"},
        {"kind": "answer", "status": 500, "text": "{}"},
        {"kind": "answer", "status": 503, "match": "*health*"},
        {"kind": "answer", "status": 404, "match": "*health*"},
        {"kind": "answer", "status": 302, "text": "elsewhere"},
        {"kind": "answer", "status": 204, "match": "POST *"},
        {"kind": "garbage"},
        {"kind": "garbage", "match": "*health*"},
        {"kind": "cut"},
    )
    given = chance.sample(answers, 3)
    for answer in given:
        room.registry.fault(**answer, times=chance.choice((1, 2, 5, 20)))
    room.registry.withdraw()
    room.registry.announce()
    pause(2.0)
    try:
        yield
    finally:
        room.registry.heal()
        if any(answer.get("status") in (201, 204) for answer in given):
            room.registry.forget()  # who said yes to what it did not keep; nobody can see which of all that was
        room.registry.withdraw()
        room.registry.announce()


@contextmanager
def registry_forgets(room: Room, chance: random.Random) -> Iterator[None]:
    room.registry.forget()
    yield


@contextmanager
def registry_frozen(room: Room, chance: random.Random) -> Iterator[None]:
    room.registry.freeze()
    try:
        yield
        pause(chance.uniform(1, 4))
    finally:
        room.registry.thaw()


@contextmanager
def registry_gone(room: Room, chance: random.Random) -> Iterator[None]:
    """Killed without a goodbye, and back with nothing in it."""
    room.registry.kill()
    pause(chance.uniform(0, 3))
    yield
    room.registry.start()
    room.registry.announce()


WEATHERS = (
    Trouble("loss", loss),
    Trouble("delay and reordering", delay_and_reordering),
    Trouble("duplication", duplication),
    Trouble("everything at once", everything_at_once),
    Trouble("silent cut", silent_cut),
    Trouble("flapping", flapping),
)
DISKS = (Trouble("disk full", disk_full), Trouble("disk read only", disk_read_only))
MACHINE = (
    Trouble("no descriptors", no_descriptors, alone=True),
    Trouble("no memory", no_memory, alone=True, deadly=True),
    Trouble("frozen", frozen, alone=True),
)
CLIENTS = (
    Trouble("slowloris", slowloris),
    Trouble("idle connections", idle_connections),
    Trouble("unread streams", unread_streams),
    Trouble("half-open websockets", half_open_websockets),
)
NEIGHBOURS = (
    Trouble("flood", flood),
    Trouble("forged goodbyes of a peer", forged_goodbyes_of_a_peer),
    Trouble("forged goodbyes of the box", forged_goodbyes_of_the_box),
    Trouble("a rival for every name", a_rival_for_every_name),
    Trouble("counters that lie", counters_that_lie),
    Trouble("lists that lie", lists_that_lie),
    Trouble("power of the peer", power_of_the_peer, alone=True),
)
REGISTRIES = (
    Trouble("registry talks nonsense", registry_talks_nonsense, registry=True),
    Trouble("registry forgets", registry_forgets, registry=True),
    Trouble("registry frozen", registry_frozen, registry=True),
    Trouble("registry gone", registry_gone, registry=True),
)
TROUBLES = (*WEATHERS, *DISKS, *MACHINE, *CLIENTS, *NEIGHBOURS, *REGISTRIES)
