"""Which services of a kind are announced: the table beneath registries and other APIs, brokers, authorization servers.

What unicast DNS says of a type takes the place of what mDNS says (IS-04 Discovery, "Unicast vs. Multicast DNS-SD").
What fell silent stays, as a last choice: perhaps it is only multicast that does not work. What an announcement is
worth, and which is the best, is for those who know the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Protocol, TypeVar

from appliance.discovery.records import Announced, Event, Instance, Silent, Withdrawn
from appliance.discovery.txt import read_service_txt

MAX_ADDRESSES = 4
"""Of one instance; each is a place to try."""


class HasUrl(Protocol):
    @property
    def url(self) -> str: ...


P = TypeVar("P", bound=HasUrl)


class ServiceTable:
    """:class:`appliance.edge.browsing.ServiceBrowsing` keeps it up."""

    def __init__(self, most: int) -> None:
        """``most``: how many each of mDNS and, per type, unicast DNS may fill in."""
        self._most = most
        self._multicast: dict[str, Instance] = {}
        self._unicast: dict[str, tuple[Instance, ...]] = {}
        self._silent: set[str] = set()

    def handle_event(self, event: Event) -> frozenset[str]:
        """What mDNS tells; returns the URLs that are announced by it."""
        match event:
            case Announced(instance):
                key = instance.name.lower()
                if key not in self._multicast and len(self._multicast) >= self._most:
                    return frozenset()
                self._multicast[key] = instance
                self._silent.discard(key)
                return _urls(instance)
            case Silent(name) if name.lower() in self._multicast:
                self._silent.add(name.lower())
            case Withdrawn(name):
                self._multicast.pop(name.lower(), None)
                self._silent.discard(name.lower())
        return frozenset()

    def handle_unicast(self, service_type: str, instances: Sequence[Instance]) -> frozenset[str]:
        """All that unicast DNS knows of a type, named as mDNS names it; returns the URLs that are new."""
        before = {url for instance in self._unicast.get(service_type, ()) for url in _urls(instance)}
        self._unicast[service_type] = kept = tuple(instances)[: self._most]
        return frozenset(url for instance in kept for url in _urls(instance)) - before

    def has_unicast(self, service_type: str) -> bool:
        """Whether unicast DNS has an answer, so that mDNS is not to be used."""
        return bool(self._unicast.get(service_type))

    def instances(self) -> list[Instance]:
        """Those that count, in the order in which they came."""
        answered = tuple(f".{service_type}" for service_type in self._unicast if self.has_unicast(service_type))
        by_mdns = [instance for name, instance in self._multicast.items() if not name.endswith(answered)]
        return by_mdns + [instance for instances in self._unicast.values() for instance in instances]

    def is_silent(self, instance: Instance) -> bool:
        return instance.name.lower() in self._silent


class Lots:
    """Ties are broken at random; each place draws once, so that they stay as they fell."""

    def __init__(self, random: Callable[[], float], most: int) -> None:
        """``random`` gives numbers in [0, 1)."""
        self._random = random
        self._most = most
        self._drawn: dict[str, float] = {}

    def of(self, place: str) -> float:
        if len(self._drawn) > self._most:
            self._drawn.clear()
        return self._drawn.setdefault(place, self._random())


def best_first(ranked: Iterable[tuple[tuple[Any, ...], P]]) -> tuple[P, ...]:
    """By rank, the lowest first. A place that is announced more than once counts once, with the best of its ranks."""
    found: dict[str, P] = {}
    for _, place in sorted(ranked, key=itemgetter(0)):
        found.setdefault(place.url, place)
    return tuple(found.values())


def url_of(ip: str, port: int, scheme: str) -> str:
    """``http://10.0.0.1:80``, ``https://[fd00::1]:443``."""
    host = f"[{ip}]" if ":" in ip else ip
    return f"{scheme}://{host}:{port}"


def _urls(instance: Instance) -> frozenset[str]:
    scheme = read_service_txt(instance.txt).api_proto
    return frozenset(url_of(ip, instance.port, scheme) for ip in instance.addresses[:MAX_ADDRESSES])
