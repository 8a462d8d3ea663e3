"""Which multicast group each leg of our senders has where its ``destination_ip`` is ``auto``.

The choice is network.pool's: from the pool, the same again after a reboot. This remembers what was given, so that two
of our own senders never share a group and asking again costs nothing, and moves away from groups that a peer uses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from appliance.errors import ApplianceError
from appliance.network.pool import pick


class Groups:
    """``known`` are the groups that peers are known to send to."""

    def __init__(self, pool: str, known: Callable[[], Collection[str]] = frozenset) -> None:
        self._pool = pool
        self._known = known
        self._given: dict[tuple[str, int], str] = {}

    def address(self, sender_id: str, leg: int) -> str:
        """The group for one leg; :class:`ApplianceError` where the pool is used up."""
        known = self._known()
        given = self._given.get((sender_id, leg))
        if given is not None and given not in known:
            return given
        others = {group for key, group in self._given.items() if key != (sender_id, leg)}
        picked = pick(self._pool, sender_id, leg, others.union(known))
        if picked is None:
            raise ApplianceError(f"every group of network.multicast_pool {self._pool} is in use")
        self._given[sender_id, leg] = picked
        return picked
