"""Whether mDNS of others comes through, interface by interface.

Silence says nothing: a box may be alone. It is a filter that keeps multicast away (a switch, mostly) where a neighbour
that is there, and answers mDNS when it is asked directly (RFC 6762 section 5.5), is still not heard when everybody is
asked. So an interface on which nobody was heard for a while is *quiet*; its neighbours, as far as others name any, are
to be tried, each once; and one that answered only directly makes the interface *deaf*, until anybody is heard there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

QUIET_S = 10.0
"""Others' announcements and the answers to our first questions come within a few seconds."""
MAX_TRIES = 3
"""Neighbours that are tried on an interface after each change of the network."""


class Hearing:
    """Interfaces by name, neighbours by address."""

    def __init__(self) -> None:
        self._quiet_since: dict[str, float] = {}
        self._tried: dict[str, set[str]] = {}
        self._heard: set[str] = set()
        self._deaf: dict[str, str] = {}

    def observe(self, interfaces: Iterable[str], now: float) -> bool:
        """mDNS is spoken on these now. Says whether one less is deaf."""
        there = set(interfaces)
        gone = set(self._deaf) - there
        self._quiet_since = {name: self._quiet_since.get(name, now) for name in there}
        self._tried = {name: tried for name, tried in self._tried.items() if name in there}
        self._heard &= there
        for name in gone:
            del self._deaf[name]
        return bool(gone)

    def heard(self, interface: str) -> bool:
        """Somebody else spoke there. Says whether it was thought to be deaf."""
        self._heard.add(interface)
        return self._deaf.pop(interface, None) is not None

    def curious(self, interface: str) -> bool:
        """Whether one neighbour more there would be worth a try."""
        settled = interface in self._heard or interface in self._deaf
        return not settled and len(self._tried.get(interface, ())) < MAX_TRIES

    def has_heard(self, interface: str) -> bool:
        return interface in self._heard

    def doubt(self, interface: str, now: float) -> None:
        """A neighbour fell silent that was heard there before."""
        if interface in self._quiet_since:
            self._heard.discard(interface)
            self._tried.pop(interface, None)
            self._quiet_since[interface] = now

    def due(self, now: float) -> float | None:
        """When the next interface will have been quiet for long enough, if it stays so."""
        ends = (since + QUIET_S for name, since in self._quiet_since.items() if name not in self._heard)
        return min((end for end in ends if end > now), default=None)

    def to_try(self, neighbours: Mapping[str, Sequence[str]], now: float) -> tuple[tuple[str, str], ...]:
        """(interface, neighbour) of those to be tried now. ``neighbours``: by interface, the likeliest first."""
        found: list[tuple[str, str]] = []
        for name, addresses in neighbours.items():
            if name in self._heard or name in self._deaf or now < self._quiet_since.get(name, now) + QUIET_S:
                continue
            tried = self._tried.setdefault(name, set())
            fresh = [ip for ip in dict.fromkeys(addresses) if ip not in tried][: MAX_TRIES - len(tried)]
            tried.update(fresh)
            found += [(name, ip) for ip in fresh]
        return tuple(found)

    def unheard(self, interface: str, neighbour: str) -> bool:
        """This neighbour answers when asked directly, and was not heard when all were asked. Whether that is news."""
        if interface in self._heard or interface in self._deaf or interface not in self._quiet_since:
            return False
        self._deaf[interface] = neighbour
        return True

    def traps(self) -> tuple[str, ...]:
        """A sentence for each interface that is deaf."""
        return tuple(
            f"{name}: mDNS does not come through: {ip} answers when asked directly, but nothing that anybody says to "
            "all arrives; a switch filters multicast there (224.0.0.251, ff02::fb), so this box and others may not "
            "find each other"
            for name, ip in self._deaf.items()
        )
