"""The peer cache: what the other nodes send, kept by fetching only what their announcements say has changed.

Strategy (IS-04 Discovery - Peer to Peer Operation, Client Interaction Procedure): everything once; then only the
resource types whose ``ver_*`` counter moved; nothing on a timer. Counters live as long as the other process, so after
a restart, a return or an announcement without a reason they prove nothing and /self, or everything, is fetched again.
Each peer has a set of *stale* resource types and at most one fetch under way; FetchQueue says whose turn it is. A
fetch that finds nobody makes the peer doubtful: it is reconfirmed once by mDNS, tried again with backoff while it is
announced, and shown as lost if it does not answer soon. Answers are worked off in slices (intake.py).

Time is an argument. Every input returns actions; after each, wake ``handle_timer`` at ``get_timer()``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from appliance.core.types import JSON, Kind
from appliance.discovery.contact import ContactPolicy, Myself
from appliance.discovery.fetching import FetchQueue
from appliance.discovery.intake import read_table
from appliance.discovery.limits import DEFAULT_LIMITS, Limits, spread_s
from appliance.discovery.moment import Moment
from appliance.discovery.news import what_is_stale
from appliance.discovery.peer import MAX_ROUND, Abort, Action, Failure, Fetch, LeftOut, Peer, Reconfirm, Table
from appliance.discovery.records import Evidence, Instance
from appliance.discovery.txt import highest_common, read_node_txt
from appliance.discovery.world import World
from appliance.discovery.writing import Work, Writer
from appliance.errors import BadRequest

MENU_KINDS = (Kind.NODE, Kind.DEVICE, Kind.SOURCE, Kind.FLOW, Kind.SENDER)
"""What a menu of senders needs."""
LOST_AFTER_S = 5.0
"""A peer that a fetch did not find is shown as lost so long after, if nothing else reached it."""
RETRY_NEWS_S = 1.0
"""A failing peer that announces something new is tried again, but not sooner after its last failure than this."""
REMEMBERED_LOST_S = 60.0
REMEMBERED_FORGOTTEN_S = 4500.0
"""What is only remembered from before the last power-off is lost, and forgotten, as if its PTR record expired."""
SILENT = "its mDNS records expired without a goodbye"


class PeerCache:
    """All peers but this one, written into ``world``. ``random`` gives numbers in [0, 1)."""

    def __init__(
        self,
        world: World,
        api_versions: Sequence[str],
        random: Callable[[], float],
        *,
        limits: Limits = DEFAULT_LIMITS,
        allow_local: bool = False,
        kinds: Iterable[Kind] = MENU_KINDS,
    ) -> None:
        self.refused = 0
        self.limits = limits
        self.policy = ContactPolicy(allow_local=allow_local)
        self._writer = Writer(world)
        self._api_versions = tuple(api_versions)
        self._random = random
        self._kinds = frozenset(kinds)
        self._peers: dict[str, Peer] = {}
        self._fetches: dict[int, tuple[Peer, Fetch]] = {}
        self._queue = FetchQueue(limits.concurrent, limits.concurrent_doubtful)
        self._serial = 0
        self._paused = False
        self._doubts: dict[str, float] = {}
        self._remembered: dict[str, float] = {}

    # ---- reading

    def peer(self, key: str) -> Peer | None:
        return self._peers.get(key)

    def peers(self) -> tuple[Peer, ...]:
        return tuple(self._peers.values())

    # ---- who we are

    def handle_myself(self, now: Moment, me: Myself) -> list[Action]:
        """This box has another address, port or id than before: some peers may be itself, or may no longer be."""
        self.policy = replace(self.policy, me=me)
        actions: list[Action] = []
        for peer in self.peers():
            if self._is_me(peer):
                actions += self._forget(peer)
            elif peer.standing == "announced":
                actions += self._consider(now, peer)
        return actions + self._start(now)

    # ---- mDNS

    def handle_announced(self, now: Moment, instance: Instance, evidence: Evidence = Evidence.CHANGE) -> list[Action]:
        """A node announces itself, for the first time or again."""
        key = instance.name.lower()
        peer = self._peers.get(key)
        if self.policy.is_me(instance.addresses, instance.port):
            return self._forget(peer) if peer else []
        txt = read_node_txt(instance.txt)
        if peer is None:
            if len(self._peers) >= self.limits.peers:
                self.refused += 1
                return []
            peer = self._peers[key] = Peer(key, instance, txt)
            stale, checking = self._kinds, False
        else:
            stale, checking = what_is_stale(peer, instance, txt, evidence, self._kinds)
        peer.instance, peer.txt, peer.standing = instance, txt, "announced"
        self._remembered.pop(key, None)
        peer.stale |= stale
        peer.checking |= checking
        for kind in stale:
            peer.retry_at.pop(kind, None)
        actions = self._consider(now, peer)
        self._writer.show(peer)
        return actions + self._start(now)

    def handle_silent(self, now: Moment, name: str) -> list[Action]:
        """Its SRV or address record expired, or it did not answer when asked: shown as lost."""
        if peer := self._peers.get(name.lower()):
            peer.silence = peer.silence or SILENT
            self._lose(now, peer)
            self._writer.advance()
        return self._start(now)

    def handle_withdrawn(self, now: Moment, name: str) -> list[Action]:
        """It said goodbye, or its PTR record expired."""
        peer = self._peers.get(name.lower())
        actions = self._forget(peer) if peer else []
        return actions + self._start(now)

    # ---- HTTP

    def handle_answer(self, now: Moment, fetch_id: int, body: bytes) -> list[Action]:
        """A fetch was answered 200 with this body."""
        if (finished := self._finished(fetch_id)) is not None:
            peer, fetch = finished
            self._writer.add(peer, self._take_in(now, peer, fetch, body))
            self._writer.advance()
        return self._start(now)

    def handle_failure(self, now: Moment, fetch_id: int, failure: Failure) -> list[Action]:
        """A fetch came to nothing."""
        actions: list[Action] = []
        if (finished := self._finished(fetch_id)) is not None:
            peer, fetch = finished
            actions += self._note_failure(now, peer, fetch.kind, failure)
            self._go_on(now, peer, fetch)
            self._writer.advance()
        return actions + self._start(now)

    def handle_doubt(self, now: Moment, key: str, reason: str) -> list[Action]:
        """Somebody else (a take) did not reach this peer: is it there?"""
        peer = self._peers.get(key)
        if peer is None or peer.refusal or peer.standing == "remembered":
            return []
        peer.silence = peer.silence or reason
        actions = self._doubt(now, peer)
        if peer.fetching is None:
            peer.stale.add(Kind.NODE)
            peer.retry_at.pop(Kind.NODE, None)
            self._schedule(now, peer)
        self._writer.show(peer)
        return actions + self._start(now)

    # ---- time

    def get_timer(self) -> float | None:
        """When to call ``handle_timer``; a time gone by means at once."""
        if self._writer.pending:
            return float("-inf")
        due = None if self._paused else self._queue.get_timer()
        whens = (due, *self._doubts.values(), *self._remembered.values())
        return min((when for when in whens if when is not None), default=None)

    def handle_timer(self, now: Moment) -> list[Action]:
        actions: list[Action] = []
        for key in [key for key, when in self._doubts.items() if when <= now.s]:
            self._lose(now, self._peers[key])
        for key in [key for key, when in self._remembered.items() if when <= now.s]:
            actions += self._forget(self._peers[key])
        self._writer.advance()
        return actions + self._start(now)

    # ---- somebody else feeds the world

    def pause(self) -> list[Action]:
        """Until ``resume`` nothing is fetched and no peer is in the world; what is announced is still taken note of."""
        self._paused = True
        actions = [action for peer in self.peers() for action in self._abort(peer)]
        self._writer.hide(self.peers())
        return actions

    def resume(self, now: Moment) -> list[Action]:
        """Show what was known, and fetch what changed meanwhile: of a peer without counters, everything."""
        self._paused = False
        self._writer.reveal()
        for peer in self.peers():
            if not peer.txt.counters:
                peer.stale |= self._kinds
            if peer.stale and not peer.refusal and peer.standing == "announced":
                self._schedule(now, peer)
            self._writer.rebuild(peer)
        self._writer.advance()
        return self._start(now)

    # ---- memory

    def restore(self, now: Moment, peer: Peer) -> None:
        """Take back a peer that was known before the last power-off, as not yet confirmed."""
        if peer.key in self._peers or len(self._peers) >= self.limits.peers:
            return
        peer.standing, peer.confirmed = "remembered", False
        self._peers[peer.key] = peer
        self._doubts[peer.key] = now.s + REMEMBERED_LOST_S
        self._remembered[peer.key] = now.s + REMEMBERED_FORGOTTEN_S
        self._writer.rebuild(peer)

    # ---- what is to be fetched

    def _consider(self, now: Moment, peer: Peer) -> list[Action]:
        """After an announcement: may it be contacted, in which version, and when?"""
        before = peer.api_version
        peer.api_version = highest_common(self._api_versions, peer.txt.api_ver)
        permitted = tuple(ip for ip in peer.instance.addresses if self.policy.permitted(ip, peer.instance.port))
        if set(permitted) != set(peer.targets):
            peer.targets = permitted
        peer.refusal = self._refusal(peer)
        if peer.refusal:
            self._queue.drop(peer.key)
            if peer.tables:
                self._lose(now, peer)
            return self._abort(peer)
        if before not in (None, peer.api_version):
            peer.stale |= self._kinds
            peer.dirty = True
        if peer.stale and peer.fetching is None:
            self._schedule(now, peer)
        return []

    def _refusal(self, peer: Peer) -> str:
        if not peer.targets:
            named = ", ".join(peer.instance.addresses)
            return f"it names only addresses that this box does not contact for others ({named})"
        if peer.api_version is None:
            theirs = ", ".join(peer.txt.api_ver) or "none"
            return f"no common API version: it speaks {theirs}, this box {', '.join(self._api_versions)}"
        return ""

    def _schedule(self, now: Moment, peer: Peer) -> None:
        """There is something new to fetch: soon, but not in step with every other box."""
        due = now.s + self._random() * spread_s(len(self._peers))
        due = max(due, now.s + RETRY_NEWS_S if peer.doubtful else peer.rest_until)
        peer.due = due if peer.due is None else min(due, peer.due)
        self._queue.put(peer.key, peer.due, doubtful=peer.doubtful)

    def _start(self, now: Moment) -> list[Action]:
        """Begin every fetch that is due and has a place."""
        actions: list[Action] = []
        while not self._paused and (key := self._queue.take(now.s)) is not None:
            peer = self._peers[key]
            kind = peer.next_kind(now.s)
            if kind is None or peer.api_version is None:
                self._queue.release(key)
                self._wait(now, peer)
                continue
            if peer.round_fetches == 0:
                peer.round_began = now.s
            peer.round_fetches += 1
            actions.append(self._fetch(peer, kind, peer.api_version))
        return actions

    def _fetch(self, peer: Peer, kind: Kind, api_version: str) -> Fetch:
        self._serial += 1
        peer.stale.discard(kind)
        peer.fetching = fetch = Fetch(
            id=self._serial,
            peer=peer.key,
            kind=kind,
            scheme=peer.txt.api_proto,
            address=peer.targets[0],
            port=peer.instance.port,
            path=f"/x-nmos/node/{api_version}/{kind.path}",
            host=peer.host_to_prove,
            authorization=peer.txt.api_auth,
        )
        self._fetches[fetch.id] = peer, fetch
        return fetch

    def _finished(self, fetch_id: int) -> tuple[Peer, Fetch] | None:
        """Give its place back; ``None`` for what was aborted."""
        finished = self._fetches.pop(fetch_id, None)
        if finished is not None:
            self._queue.release(finished[0].key)
        return finished

    def _go_on(self, now: Moment, peer: Peer, fetch: Fetch) -> None:
        """After a fetch: the next one at once, or the round is over and what it brought is shown."""
        if peer.gone or peer.fetching is not fetch:
            return
        peer.fetching = None
        more = not peer.doubtful and peer.round_fetches < MAX_ROUND and peer.next_kind(now.s) is not None
        if more:
            self._queue.put(peer.key, now.s if peer.due is None else peer.due, doubtful=False)
            return
        peer.end_round(now.s)
        self._wait(now, peer)
        if peer.dirty:
            self._writer.rebuild(peer)
        else:
            self._writer.show(peer)

    def _wait(self, now: Moment, peer: Peer) -> None:
        """Nothing more to do now; perhaps later."""
        peer.due = peer.next_due(now.s)
        if peer.due is None:
            self._queue.drop(peer.key)
        else:
            self._queue.put(peer.key, peer.due, doubtful=peer.doubtful)

    # ---- what came of it

    def _take_in(self, now: Moment, peer: Peer, fetch: Fetch, body: bytes) -> Work:
        kind = fetch.kind
        try:
            table, left_out = yield from read_table(kind, body, peer.tables.get(kind, {}), self.limits)
        except BadRequest as error:
            self._note_failure(now, peer, kind, Failure(error.message, reached=True))
        else:
            self._note_success(now, peer, kind, table, left_out)
        self._go_on(now, peer, fetch)

    def _note_success(self, now: Moment, peer: Peer, kind: Kind, table: Table, left_out: LeftOut | None) -> None:
        if kind is Kind.NODE:
            node = next(iter(table.values()))
            if node["id"] == self.policy.me.node_id:
                self._forget(peer)
                return
            self._compare_node(peer, node)
        peer.last_fetch = now.tai_ns
        peer.note_answer()
        peer.note_table(kind, table, left_out)
        self._doubts.pop(peer.key, None)

    def _compare_node(self, peer: Peer, node: JSON) -> None:
        """A fetched /self may show that this is somebody else than before, or that it began anew."""
        before, checking = peer.node, peer.checking
        peer.checking = False
        if before is None or before == node:
            return
        if before["id"] != node["id"]:
            peer.tables, peer.dirty = {}, True
        elif not checking:
            return
        peer.stale |= self._kinds - {Kind.NODE}

    def _note_failure(self, now: Moment, peer: Peer, kind: Kind, failure: Failure) -> list[Action]:
        peer.note_failure(now.s, kind, failure)
        if not failure.reached:
            return self._doubt(now, peer)
        self._doubts.pop(peer.key, None)
        return []

    def _doubt(self, now: Moment, peer: Peer) -> list[Action]:
        """It was not found: reconfirmed once, and shown as lost if nothing is heard of it soon."""
        if peer.lost_since is not None or peer.key in self._doubts:
            return []
        self._doubts[peer.key] = now.s + LOST_AFTER_S
        return [Reconfirm(peer.instance.name)]

    def _lose(self, now: Moment, peer: Peer) -> None:
        self._doubts.pop(peer.key, None)
        if peer.lost_since is None:
            peer.lost_since = now.tai_ns
            self._writer.rebuild(peer)

    def _is_me(self, peer: Peer) -> bool:
        node = peer.node
        return self.policy.is_me(peer.instance.addresses, peer.instance.port) or (
            node is not None and node["id"] == self.policy.me.node_id
        )

    def _forget(self, peer: Peer) -> list[Action]:
        actions = self._abort(peer)
        peer.gone = True
        del self._peers[peer.key]
        self._doubts.pop(peer.key, None)
        self._remembered.pop(peer.key, None)
        self._queue.drop(peer.key)
        self._writer.remove(peer)
        return actions

    def _abort(self, peer: Peer) -> list[Action]:
        fetch, peer.fetching = peer.fetching, None
        if fetch is None:
            return []
        peer.stale.add(fetch.kind)
        return [Abort(fetch.id)] if self._finished(fetch.id) else []
