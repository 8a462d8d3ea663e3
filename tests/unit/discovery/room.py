"""A room of fake peers in virtual time around a `PeerCache`: what it wants to fetch is answered by hand or at once."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from appliance.core.types import Kind
from appliance.discovery.contact import Myself
from appliance.discovery.limits import Limits
from appliance.discovery.moment import Moment
from appliance.discovery.peer import Abort, Action, Failure, Fetch, Reconfirm
from appliance.discovery.peers import PeerCache
from appliance.discovery.records import NODE_TYPE, Evidence, Instance
from appliance.discovery.txt import node_txt, pack
from appliance.discovery.world import World, WorldChange
from tests.lan.documents import Resources, peer_documents

ME = Myself("00000000-0000-4000-8000-000000000001", frozenset({"10.0.0.1", "fe80::1"}), 80)
ALL_VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3")
PATHS = ("self", "devices", "sources", "flows", "senders")
REFUSED = Failure("connection refused")
ERROR = Failure("it answers 500", reached=True)


class FakePeer:
    """What one node announces and would answer."""

    def __init__(self, room: "Room", name: str, address: str, *, senders: int = 2, versions: tuple[str, ...]) -> None:
        self.room = room
        self.name = f"{name}.{NODE_TYPE}"
        self.key = self.name.lower()
        self.addresses: tuple[str, ...] = (address,)
        self.port = 8000
        self.server = f"{name}.local."
        self.versions = versions
        self.api_proto = "http"
        self.counters: dict[Kind, int] | None = dict.fromkeys(Kind, 0)
        self.node_api: dict[str, Resources] = peer_documents(name, address, senders=senders, versions=versions).node_api

    @property
    def resources(self) -> Resources:
        return self.node_api[self.versions[-1]]

    def sender_ids(self) -> list[str]:
        return [sender["id"] for sender in self.resources["senders"]]

    def instance(self) -> Instance:
        txt = pack(node_txt(self.versions, self.counters, api_proto=self.api_proto))
        return Instance(self.name, self.server, self.port, self.addresses, txt)

    def announce(self, evidence: Evidence = Evidence.CHANGE) -> None:
        self.room.do(self.room.cache.handle_announced(self.room.now, self.instance(), evidence))

    def bump(self, *kinds: Kind) -> None:
        assert self.counters is not None
        for kind in kinds:
            self.counters[kind] = (self.counters[kind] + 1) % 256
        self.announce()

    def relabel(self, label: str, number: int = 0) -> None:
        self.resources["senders"][number] |= {"label": label, "version": f"1800000000:{self.room.serial()}"}

    def silent(self) -> None:
        self.room.do(self.room.cache.handle_silent(self.room.now, self.name))

    def withdraw(self) -> None:
        self.room.do(self.room.cache.handle_withdrawn(self.room.now, self.name))


class Room:
    """The cache under test. `fetches` are those under way; `asked` the paths of all, in order."""

    def __init__(self, *, limits: Limits | None = None, allow_local: bool = False, spread: float = 0.0) -> None:
        self.world = World()
        self.changes: list[WorldChange] = []
        self.world.subscribe(self.changes.append)
        self.cache = PeerCache(
            self.world, ALL_VERSIONS, lambda: spread, limits=limits or Limits(), allow_local=allow_local
        )
        self.now = Moment(1000.0, 1_800_000_000_000_000_000)
        self.fetches: list[Fetch] = []
        self.asked: list[tuple[str, str]] = []
        self.reconfirmed: list[str] = []
        self.aborted: list[int] = []
        self._peers: dict[str, FakePeer] = {}
        self._serial = 0
        self.do(self.cache.handle_myself(self.now, ME))

    def peer(self, name: str = "desk", address: str | None = None, **more: Any) -> FakePeer:
        address = address or f"10.0.0.{10 + len(self._peers)}"
        peer = FakePeer(self, name, address, **{"versions": ("v1.3",), **more})
        self._peers[peer.key] = peer
        return peer

    def known(self, name: str = "desk", **more: Any) -> FakePeer:
        """A peer that was announced and fetched."""
        peer = self.peer(name, **more)
        peer.announce()
        self.answer_all()
        self.asked.clear()
        self.changes.clear()
        self.advance(1.0)
        return peer

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Fetch():
                    self.fetches.append(action)
                    self.asked.append((action.peer, action.path))
                case Abort(id):
                    self.aborted.append(id)
                    self.fetches = [fetch for fetch in self.fetches if fetch.id != id]
                case Reconfirm(instance):
                    self.reconfirmed.append(instance)

    def paths(self) -> list[str]:
        """The last parts of what was asked for."""
        return [path.rpartition("/")[2] for _, path in self.asked]

    def body(self, fetch: Fetch) -> bytes:
        peer = self._peers[fetch.peer]
        _, version, path = fetch.path.rsplit("/", 2)
        return json.dumps(peer.node_api[version][path]).encode()

    def answer(self, fetch: Fetch, body: bytes | None = None) -> None:
        self.fetches.remove(fetch)
        self.do(self.cache.handle_answer(self.now, fetch.id, self.body(fetch) if body is None else body))
        self.work()

    def fail(self, fetch: Fetch, failure: Failure = REFUSED) -> None:
        self.fetches.remove(fetch)
        self.do(self.cache.handle_failure(self.now, fetch.id, failure))
        self.work()

    def answer_all(self, unless: Callable[[Fetch], bool] = lambda fetch: False) -> None:
        while ready := [fetch for fetch in self.fetches if not unless(fetch)]:
            self.answer(ready[0])

    def work(self) -> None:
        """Let what waits only for its turn be done."""
        while (when := self.cache.get_timer()) is not None and when <= self.now.s:
            self.do(self.cache.handle_timer(self.now))

    def advance(self, seconds: float) -> None:
        """Let time pass; timers are called when they are due. Fetches stay unanswered."""
        end = self.now.s + seconds
        while (when := self.cache.get_timer()) is not None and when <= end:
            self._to(max(when, self.now.s))
            self.do(self.cache.handle_timer(self.now))
        self._to(end)

    def _to(self, when: float) -> None:
        self.now = Moment(when, self.now.tai_ns + round((when - self.now.s) * 1e9))
