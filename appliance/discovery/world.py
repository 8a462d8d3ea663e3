"""The world as this box sees it: peers and what they send, in one in-process view.

Whatever feeds it (peers found by mDNS; a registry's Query API), the panel and every other reader look here. Entries
are frozen; a change replaces them and is told to the listeners once, with the ids it concerns.

Two peers may claim one sender (a node on two networks, a copied configuration). All claims are kept; shown is the
oldest one whose peer is there, else the oldest: so a sender that one peer loses lives on where another still has it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from appliance.core.types import JSON
from appliance.discovery.catalogue import Catalogue

SELF = "self"
"""The key of the peer that is this box."""

NETWORK = "query"
"""The key under which the world has what the network's Query API tells."""


@dataclass(frozen=True, slots=True)
class SenderEntry:
    """One sender somewhere on the network, with what belongs to it, in the API version that its node speaks.

    ``lost_since``: TAI ns since when its node no longer answers (``None``: it is there). ``confirmed``: seen in this
    process's life, not only remembered from before the last power-off. ``peer``: the key of the peer it came from.
    """

    peer: str
    sender: JSON
    flow: JSON | None = None
    source: JSON | None = None
    device: JSON | None = None
    node: JSON | None = None
    api_version: str = "v1.3"
    lost_since: int | None = None
    confirmed: bool = True

    @property
    def id(self) -> str:
        return str(self.sender["id"])


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """How it goes with one peer. Times are TAI ns; ``last_error`` is a sentence for people, empty while all is well.

    ``name`` is its instance name, ``label`` what its node calls itself, ``senders`` how many of its senders are in
    the world (also those that another peer claims too), ``left_out`` how many of its resources could not be used.
    """

    key: str
    name: str
    addresses: tuple[str, ...] = ()
    port: int = 0
    api_version: str | None = None
    node_id: str | None = None
    label: str = ""
    last_fetch: int | None = None
    last_error: str = ""
    senders: int = 0
    left_out: int = 0
    lost_since: int | None = None
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class WorldChange:
    """What one step changed: sender ids, and keys of peers whose status is new, different or gone."""

    added: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    peers: frozenset[str] = frozenset()


Listener = Callable[[WorldChange], None]


class World:
    """Senders by id and peers by key. Feeds write (``update``, ``set_peer``, ``remove_peer``); all others read.

    ``catalogue`` has the same feeds' resources one by one, of every kind. ``tai_ns`` tells the time for it.
    """

    def __init__(self, tai_ns: Callable[[], int] = lambda: 0) -> None:
        self.catalogue = Catalogue(tai_ns)
        self._entries: dict[str, SenderEntry] = {}
        self._peers: dict[str, PeerStatus] = {}
        self._claims: dict[str, dict[str, SenderEntry]] = {}
        self._ids: dict[str, set[str]] = {}
        self._listeners: list[Listener] = []

    # ---- reading

    @property
    def entries(self) -> Mapping[str, SenderEntry]:
        """Every sender by id, as it is shown."""
        return MappingProxyType(self._entries)

    @property
    def peers(self) -> Mapping[str, PeerStatus]:
        return MappingProxyType(self._peers)

    def claims(self, sender_id: str) -> tuple[SenderEntry, ...]:
        """What every peer that claims this sender says of it."""
        return tuple(self._claims.get(sender_id, {}).values())

    def ids_of(self, peer: str) -> frozenset[str]:
        """The senders that a peer claims."""
        return frozenset(self._ids.get(peer, ()))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every later change; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # ---- writing, by the feeds

    def update(
        self,
        peer: str,
        put: Iterable[SenderEntry] = (),
        remove: Collection[str] = (),
        status: PeerStatus | None = None,
    ) -> WorldChange:
        """Put and remove senders of one peer, and set its status, as one change. Equal entries are no change."""
        before: dict[str, SenderEntry | None] = {}
        for entry in put:
            self._claim(peer, entry, before)
        for sender_id in remove:
            self._disclaim(peer, sender_id, before)
        peers = frozenset((peer,)) if status is not None and self._peers.get(peer) != status else frozenset()
        if status is not None:
            self._peers[peer] = status
        return self._tell(before, peers)

    def set_peer(self, status: PeerStatus) -> WorldChange:
        """Say how it goes with a peer."""
        return self.update(status.key, status=status)

    def remove_peer(self, peer: str) -> WorldChange:
        """The peer is gone, and its senders with it."""
        before: dict[str, SenderEntry | None] = {}
        for sender_id in tuple(self._ids.get(peer, ())):
            self._disclaim(peer, sender_id, before)
        known = self._peers.pop(peer, None) is not None
        return self._tell(before, frozenset((peer,)) if known else frozenset())

    # ---- inside

    def _claim(self, peer: str, entry: SenderEntry, before: dict[str, SenderEntry | None]) -> None:
        claims = self._claims.setdefault(entry.id, {})
        if claims.get(peer) == entry:
            return
        before.setdefault(entry.id, self._entries.get(entry.id))
        claims[peer] = entry
        self._ids.setdefault(peer, set()).add(entry.id)
        self._entries[entry.id] = _shown(claims)

    def _disclaim(self, peer: str, sender_id: str, before: dict[str, SenderEntry | None]) -> None:
        claims = self._claims.get(sender_id, {})
        if peer not in claims:
            return
        before.setdefault(sender_id, self._entries.get(sender_id))
        del claims[peer]
        self._ids[peer].discard(sender_id)
        if claims:
            self._entries[sender_id] = _shown(claims)
        else:
            del self._claims[sender_id]
            del self._entries[sender_id]
        if not self._ids[peer]:
            del self._ids[peer]

    def _tell(self, before: Mapping[str, SenderEntry | None], peers: frozenset[str]) -> WorldChange:
        change = WorldChange(
            added=frozenset(id for id, was in before.items() if was is None and id in self._entries),
            changed=frozenset(
                id for id, was in before.items() if was is not None and self._entries.get(id, was) != was
            ),
            removed=frozenset(id for id, was in before.items() if was is not None and id not in self._entries),
            peers=peers,
        )
        if change != WorldChange():
            for listener in tuple(self._listeners):
                listener(change)
        return change


def _shown(claims: Mapping[str, SenderEntry]) -> SenderEntry:
    return next(
        (entry for entry in claims.values() if entry.lost_since is None and entry.confirmed),
        next((entry for entry in claims.values() if entry.lost_since is None), next(iter(claims.values()))),
    )
