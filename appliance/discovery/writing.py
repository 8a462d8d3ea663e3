"""Writes peers into the world, and works off what is long, a slice at a time and each peer in turn.

While something else feeds the world, the peers are hidden: they are known as before, but not in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable

from appliance.core.types import Kind
from appliance.discovery.intake import entries, slices
from appliance.discovery.peer import Peer
from appliance.discovery.world import World

Work = Generator[None, None, None]


class Writer:
    """The only one who writes peers into ``world``. ``advance`` does one slice; ``pending`` says whether more waits."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._work: deque[tuple[Peer | None, Work]] = deque()
        self._serial = 0
        self._current: dict[str, int] = {}
        self._owners: dict[str, str] = {}
        self._hidden = False

    @property
    def pending(self) -> bool:
        return bool(self._work)

    def add(self, peer: Peer, work: Work) -> None:
        """Work on behalf of a peer: given up when it is gone."""
        self._work.append((peer, work))

    def advance(self) -> None:
        """Work until the end of one slice."""
        while self._work:
            peer, work = self._work.popleft()
            if peer is not None and peer.gone:
                work.close()
                continue
            try:
                next(work)
            except StopIteration:
                continue
            self._work.append((peer, work))
            return

    def show(self, peer: Peer) -> None:
        """Write how it goes with the peer."""
        if not peer.gone and not self._hidden:
            self._world.set_peer(peer.status())

    def rebuild(self, peer: Peer) -> None:
        """Write all of it again; a later rebuild ends this one."""
        if self._hidden:
            return
        self._serial += 1
        self._current[peer.key] = self._serial
        peer.dirty = False
        self.add(peer, self._rebuilding(peer, self._serial))

    def remove(self, peer: Peer) -> None:
        self._current.pop(peer.key, None)
        self._world.remove_peer(peer.key)
        # The name may come back while this is worked off, and is then another owner.
        if (owner := self._owners.pop(peer.key, None)) is not None:
            dropping = self._world.catalogue.dropping(owner)
            if next(dropping, "done") is None:
                self._work.append((None, dropping))

    def hide(self, peers: Iterable[Peer]) -> None:
        """Take them all out of the world, one after the other, and let none in until ``reveal``."""
        self._hidden = True
        self._work.append((None, self._hiding(list(peers))))

    def reveal(self) -> None:
        """Whoever is rebuilt from now on is in the world again."""
        self._hidden = False

    def _hiding(self, peers: list[Peer]) -> Work:
        for peer in peers:
            if not self._hidden:  # what comes back meanwhile is not to be taken out again
                return
            peer.shown = set()
            self.remove(peer)
            yield

    def _rebuilding(self, peer: Peer, serial: int) -> Work:
        if self._current.get(peer.key) != serial:
            return
        ids = set(peer.tables.get(Kind.SENDER, {}))
        chunks = slices(entries(peer))
        chunk = next(chunks)
        for following in chunks:
            peer.shown |= {entry.id for entry in chunk}
            self._world.update(peer.key, put=chunk)
            chunk = following
            yield
            if self._current.get(peer.key) != serial:
                return
        outdated, peer.shown = peer.shown - ids, ids
        self._world.update(peer.key, put=chunk, remove=outdated, status=peer.status())
        there = peer.confirmed and peer.lost_since is None
        owner = self._owners.setdefault(peer.key, f"{peer.key}#{serial}")
        for kind in Kind:
            table = peer.tables.get(kind, {}) if there else {}
            for _ in self._world.catalogue.replacing(owner, kind, table, peer.api_version or "v1.0"):
                yield
                if self._current.get(peer.key) != serial:
                    return
