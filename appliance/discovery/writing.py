"""Writes peers into the world, and works off what is long, a slice at a time and each peer in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator

from appliance.core.types import Kind
from appliance.discovery.intake import entries, slices
from appliance.discovery.peer import Peer
from appliance.discovery.world import World

Work = Generator[None, None, None]


class Writer:
    """The only one who writes peers into ``world``. ``advance`` does one slice; ``pending`` says whether more waits."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._work: deque[tuple[Peer, Work]] = deque()
        self._serial = 0
        self._current: dict[str, int] = {}

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
            if peer.gone:
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
        if not peer.gone:
            self._world.set_peer(peer.status())

    def rebuild(self, peer: Peer) -> None:
        """Write all of its senders again; a later rebuild ends this one."""
        self._serial += 1
        self._current[peer.key] = self._serial
        peer.dirty = False
        self.add(peer, self._rebuilding(peer, self._serial))

    def remove(self, peer: Peer) -> None:
        self._current.pop(peer.key, None)
        self._world.remove_peer(peer.key)

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
