"""The queries that were heard lately: do they explain what is announced now, or is its sender only beginning?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from appliance.discovery.query import Query

SOLICITED_S = 1.3
SOLICITED_UNICAST_S = 0.2
"""An answer may come so long after its question (RFC 6762 section 6: 500 ms; a second more if just multicast); after
one that wants it for itself, and gets it by multicast only if that was not so for long (section 5.4), it comes soon."""
COPIES_S = 0.3
"""An answer may come over each interface and in each address family, and from python-zeroconf once more."""
PROBE_S = 10.0
"""An announcement follows the probes for it within this time."""
MAX_NOTED = 5000

T = TypeVar("T")


class _Asked(NamedTuple):
    """When somebody asked for a name, until when an answer may come, and from which instances none will."""

    at: float
    until: float
    known: frozenset[str]


class Queries:
    """A bounded memory of who asked for what."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}
        self._probed: dict[str, float] = {}

    def note(self, now: float, query: Query, asked: Iterable[str], probed: Iterable[str]) -> None:
        """Remember those names of a query that matter."""
        until = now + (SOLICITED_UNICAST_S if query.unicast else SOLICITED_S)
        for name in asked:
            _put(self._asked, name.lower(), _Asked(now, until, query.known))
        for name in probed:
            _put(self._probed, name.lower(), now)

    def probed(self, now: float, name: str) -> bool:
        """Whether somebody was about to claim this name."""
        return self._probed.get(name.lower(), float("-inf")) > now - PROBE_S

    def forget_probe(self, name: str) -> None:
        """It was followed by its announcement."""
        self._probed.pop(name.lower(), None)

    def explain(self, now: float, names: Iterable[str], instance: str, heard_at: float) -> bool:
        """Whether somebody asked for one of the names just now, did not say that they knew it, and had no answer yet.

        ``heard_at``: when the instance was last heard of.
        """
        for name in names:
            asked = self._asked.get(name.lower())
            if asked is None or now >= asked.until or instance.lower() in asked.known:
                continue
            answered = asked.at < heard_at < now - COPIES_S
            if not answered:
                return True
        return False


def _put(noted: dict[str, T], key: str, value: T) -> None:
    """Remember, and forget the oldest once there is much."""
    noted.pop(key, None)
    noted[key] = value
    if len(noted) > MAX_NOTED:
        del noted[next(iter(noted))]
