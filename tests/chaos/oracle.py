"""`Oracle`: whether a box that has been through something is as if it had not.

It compares the box with its twin (see `room`), with the kernel, with the wire, with its registry and with its disk, and
waits until all agree. What it costs the box (descriptors, threads, memory) may not have grown.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.core import journal
from appliance.edge.files import JOURNAL
from tests.chaos.room import PATIENCE_S, Room
from tests.chaos.voice import GHOST
from tests.lan.box import Box
from tests.lan.observer import Observer

KINDS = ("devices", "sources", "flows", "senders", "receivers")
COUNTERS = {"ver_slf", "ver_src", "ver_flw", "ver_dvc", "ver_snd", "ver_rcv"}
MEMORY_MIB = 12
"""What may stay of all faults together: arenas that the allocator keeps, caches that are bounded. It is some 7."""
DESCRIPTORS = 4
"""Connections of the moment: a poll of a peer, the one that asks."""
BUGS = ("Traceback", "never retrieved", "never awaited", "Exception in callback")
_LOOK_AGAIN_S = 0.25
_OWN_ADDRESSES = re.compile(r"fe80::[0-9a-f:]+|([0-9a-f]{2}[-:]){5}[0-9a-f]{2}")
_NAMES = re.compile(r"Box(-\d+)?")  # whoever was given another name by a rival keeps it
_TRACEBACK = r"^ *Traceback.*\n(?: .*\n)*? *"
_OUT_OF_MEMORY = re.compile(
    rf"{_TRACEBACK}MemoryError\n"
    # aiohttp's parser in C knows no other way to say that it got none
    rf"(?: *\n *The above exception was the direct cause.*\n *\n{_TRACEBACK}SystemError:.*\n)?",
    re.MULTILINE,
)
_MOVING = {"version", "activation_time", "now", "last_fetch", "mode"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process holds of the machine."""

    descriptors: int
    threads: int
    memory_mib: float

    @classmethod
    def of(cls, box: Box) -> "Cost":
        status = Path(f"/proc/{box.pid}/status").read_text(encoding="ascii")
        number = {line.partition(":")[0]: line.split()[1] for line in status.splitlines() if len(line.split()) > 1}
        descriptors = sum(1 for _ in Path(f"/proc/{box.pid}/fd").iterdir())
        return cls(descriptors, int(number["Threads"]), int(number["VmRSS"]) / 1024)


class Oracle:
    """Asked after each fault. It knows how things were at the beginning, and what it saw last."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._versions: dict[str, tuple[int, int]] = {}
        self._log_read = 0
        self._begin()

    def _begin(self) -> None:
        self.pid, self.cost = self._room.box.pid, Cost.of(self._room.box)

    def restarted(self) -> None:
        """The process is another now, as was wanted: its costs are counted from here, and its log is read from here."""
        self._begin()
        self._log_read = len(self._room.box.log)

    def check(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until the box is as it should be; AssertionError says what is not."""
        room = self._room
        assert room.box.alive, f"the box ended:\n{room.box.log[-4000:]}"
        assert room.box.pid == self.pid
        # Nothing on mDNS is acknowledged: what was lost is made good by what is said next.
        label = room.label()
        heard = room.relabel()
        with Observer(room.eye) as observer:
            deadline = time.monotonic() + patience_s
            while wrong := list(self._wrong(observer, label, heard)):
                assert time.monotonic() < deadline, "\n".join(
                    ["after all, the box is not as it should be:", *wrong, "it said last:", room.box.log[-3000:]]
                )
                time.sleep(_LOOK_AGAIN_S)
        self._check_log()

    def _wrong(self, observer: Observer, label: str, heard: str) -> Iterator[str]:
        """Everything that is not as it should be, in sentences."""
        try:
            mine, twins = views(self._room.box), views(self._room.twin)
        except (OSError, AssertionError) as error:
            yield f"it does not answer: {error}"
            return
        for name, should in twins.items():
            if mine[name] != should:
                yield f"{name}: {_difference(mine[name], should)}"
        texts = json.dumps(mine, ensure_ascii=False)
        for text in (label, heard):
            if text not in texts:
                yield f"{text!r} is nowhere"
        yield from self._wrong_versions()
        yield from self._wrong_memberships()
        yield from self._wrong_announcement(observer)
        yield from self._wrong_announcement(self._room.watcher)
        yield from self._wrong_registry()
        yield from self._wrong_state()
        yield from self._wrong_cost()

    def _wrong_versions(self) -> Iterator[str]:
        """They never go back, not even with a clock or a power cut."""
        for bodies in node_api(self._room.box).values():
            for id, body in bodies.items():
                seconds, _, nanoseconds = body["version"].partition(":")
                version = int(seconds), int(nanoseconds)
                if version < self._versions.get(id, version):
                    yield f"{id}: version {version} after {self._versions[id]}"
                self._versions[id] = version

    def _wrong_memberships(self) -> Iterator[str]:
        box = self._room.box
        wanted = {"224.0.0.1", "224.0.0.251"}
        for active in views(box)["active"].values():
            legs = active["transport_params"]
            wanted |= {leg["multicast_ip"] for leg in legs if active["master_enable"] and leg.get("multicast_ip")}
        joined = {group for group in box.host.memberships() if ":" not in group}
        if joined != wanted:
            yield f"memberships: {_difference(joined, wanted)}"

    def _wrong_announcement(self, observer: Observer) -> Iterator[str]:
        """What a stranger who has just come hears."""
        room = self._room
        services = {
            name: service
            for name, service in observer.services().items()
            if not name.startswith(GHOST) and name not in room.names_lost
        }
        names = [name for name in services if _NAMES.fullmatch(name)]
        if len(names) != 1 or len(services) != 2 or "desk" not in services:
            yield f"announced: {sorted(services)}"
        for box in map(services.__getitem__, names):
            host = room.box.host
            if (set(box.addresses), box.port) != ({host.address(), host.address6()}, room.box.port):
                yield f"announced at {box.addresses} port {box.port}"
            counters = {key: str(value) for key, value in box.txt.items() if key in COUNTERS}
            expected = {} if room.registered else counters_of(room.box)
            if counters != expected:
                yield f"announced counters: {_difference(counters, expected)}"

    def _wrong_registry(self) -> Iterator[str]:
        if not self._room.registered:
            return
        held, expected = self._room.registry.held(), node_api(self._room.box)
        if held != expected:
            yield f"registry: {_difference(held, expected)}"

    def _wrong_state(self) -> Iterator[str]:
        """What the box would find if its power went now."""
        file = self._room.volume.seen / JOURNAL
        kept = journal.read(file.read_bytes()) if file.exists() else journal.Kept()
        if kept.problem or kept.torn:
            yield f"journal: {kept.problem or 'torn'}"
        for kind, bodies in node_api(self._room.box).items():
            found = kept.tables.get(f"resource/{kind}", {})
            if found != bodies:
                yield f"journal, {kind}: {_difference(found, bodies)}"
        left = {path.name for path in self._room.volume.seen.iterdir() if ".bad-" in path.name or ".new" in path.name}
        if left:
            yield f"on the disk: {left}"

    def _wrong_cost(self) -> Iterator[str]:
        now, first = Cost.of(self._room.box), self.cost
        if now.descriptors > first.descriptors + DESCRIPTORS:
            yield f"{now.descriptors} descriptors, {first.descriptors} at first"
        if now.threads > first.threads + 1:  # what awaits fsync and what looks up names may come late
            yield f"{now.threads} threads, {first.threads} at first"
        if now.memory_mib > first.memory_mib + MEMORY_MIB:
            yield f"{now.memory_mib:.0f} MiB, {first.memory_mib:.0f} MiB at first"

    def _check_log(self) -> None:
        log = self._room.box.log
        new, self._log_read = log[self._log_read :], len(log)
        new = _OUT_OF_MEMORY.sub("", new)  # the boundaries say where it was, and go on
        assert not any(bug in new for bug in BUGS), f"the box had a bug:\n{new[-6000:]}"


def node_api(box: Box) -> dict[str, dict[str, Any]]:
    """What the Node API shows, by type and id, as a registry holds it."""
    base = "/x-nmos/node/v1.3"
    shown = {"node": [box.json(f"{base}/self")]} | {kind[:-1]: box.json(f"{base}/{kind}") for kind in KINDS}
    return {kind: {body["id"]: body for body in bodies} for kind, bodies in shown.items() if bodies}


def views(box: Box) -> dict[str, Any]:
    """All that the box shows, but for what must differ between twins."""
    api = node_api(box)
    sides = [(kind, id) for kind in ("sender", "receiver") for id in api[kind]]
    status = box.json("/panel/status")["status"]
    shown = {
        "node api": api,
        "staged": {id: box.json(f"/x-nmos/connection/v1.1/single/{kind}s/{id}/staged") for kind, id in sides},
        "active": {id: box.json(f"/x-nmos/connection/v1.1/single/{kind}s/{id}/active") for kind, id in sides},
        "menu": {source["id"]: source for source in box.json("/panel/sources")["sources"]},
        "peers": {peer["name"]: peer for peer in box.json("/panel/peers")["peers"]},
        "status": {key: status[key] for key in ("node", "feed", "health", "problems", "peers", "sources", "lost")},
        "health": [box.get("/healthz").status, box.json("/healthz")],
        "map": box.json("/x-nmos/"),
    }
    return {name: _settled(view) for name, view in shown.items()}


def counters_of(box: Box) -> dict[str, str]:
    """The counters as the box says it announces them, by /metrics."""
    pairs = re.findall(r'announced_version\{counter="(ver_\w+)"\} (\d+)', box.get("/metrics").text)
    return dict(pairs)


def _settled(value: Any) -> Any:
    """Without what moves by itself or differs between hosts."""
    if isinstance(value, dict):
        return {key: _settled(each) for key, each in value.items() if key not in _MOVING}
    if isinstance(value, list):
        return [_settled(each) for each in value]
    return _OWN_ADDRESSES.sub("its own", value) if isinstance(value, str) else value


def _difference(found: Any, expected: Any, path: str = "") -> str:
    """Where two values differ first."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in [*expected, *found]:
            if key not in found or key not in expected:
                return f"{path}/{key}: {'missing' if key in expected else 'too much'}"
            if found[key] != expected[key]:
                return _difference(found[key], expected[key], f"{path}/{key}")
    return f"{path}: {str(found)[:300]} and not {str(expected)[:300]}"
