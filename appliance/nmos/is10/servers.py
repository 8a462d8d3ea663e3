"""Which authorization servers are announced (IS-10 Discovery, ``_nmos-auth._tcp``), in which order to ask them.

Only ``https``, and only by the name that the certificate must have: what announces itself is nobody until it has proved
that. What unicast DNS says takes the place of what mDNS says; what fell silent is the last choice.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.discovery.records import Announced, Event, Instance, Silent, Withdrawn
from appliance.discovery.registration.services import DEVELOPMENT_PRIORITY
from appliance.discovery.txt import highest_common, read_service_txt
from appliance.nmos.is10.documents import WELL_KNOWN

AUTH_TYPE = "_nmos-auth._tcp.local."
VERSIONS = ("v1.0",)
MAX_SERVERS = 32
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*", re.IGNORECASE)
_SELECTOR = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
"""A path as it is in a URL, without escapes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where metadata is: a URL by name, and the addresses that were announced for it."""

    url: str
    host: str
    addresses: tuple[str, ...]


class AuthServers:
    """A table of services as :class:`appliance.edge.browsing.ServiceBrowsing` keeps it up."""

    def __init__(self, random: Callable[[], float], *, development: bool = False, allow_local: bool = False) -> None:
        self._random = random
        self._allow_local = allow_local
        self._development = development
        self._multicast: dict[str, Instance] = {}
        self._unicast: tuple[Instance, ...] = ()
        self._silent: set[str] = set()
        self._lots: dict[str, float] = {}

    def handle_event(self, event: Event) -> frozenset[str]:
        """What mDNS tells."""
        match event:
            case Announced(instance):
                key = instance.name.lower()
                if key in self._multicast or len(self._multicast) < MAX_SERVERS:
                    self._multicast[key] = instance
                    self._silent.discard(key)
            case Silent(name) if name.lower() in self._multicast:
                self._silent.add(name.lower())
            case Withdrawn(name):
                self._multicast.pop(name.lower(), None)
                self._silent.discard(name.lower())
        return frozenset()

    def handle_unicast(self, _service_type: str, instances: Sequence[Instance]) -> frozenset[str]:
        """All that unicast DNS knows."""
        self._unicast = tuple(instances)[:MAX_SERVERS]
        return frozenset()

    def has_unicast(self, _service_type: str) -> bool:
        return bool(self._unicast)

    def places(self) -> tuple[Place, ...]:
        """Best first: by ``pri``, equal ones as the lots fell."""
        known = self._unicast or tuple(self._multicast.values())
        self._lots = {one.name: self._lots.get(one.name, self._random()) for one in known}
        ranked = sorted(self._ranked(known), key=lambda entry: entry[0])
        return tuple({place.url: place for _, place in reversed(ranked)}.values())[::-1]

    def _ranked(self, known: Sequence[Instance]) -> Iterator[tuple[tuple[bool, int, float], Place]]:
        for instance in known:
            txt = read_service_txt(instance.txt)
            host = instance.server.rstrip(".").lower()
            selector = txt.selector.strip("/")
            usable = (
                txt.api_proto == "https"
                and highest_common(VERSIONS, txt.api_ver) is not None
                and (txt.priority < DEVELOPMENT_PRIORITY or self._development)
                and _HOST.fullmatch(host)
                and _SELECTOR.fullmatch(selector)
                and 0 < instance.port < 65_536
            )
            if usable:
                path = f"/{selector}" if selector else ""
                place = Place(f"https://{host}:{instance.port}{WELL_KNOWN}{path}", host, self._usable(instance))
                yield (instance.name.lower() in self._silent, txt.priority, self._lots[instance.name]), place

    def _usable(self, instance: Instance) -> tuple[str, ...]:
        found = [(ip, ipaddress.ip_address(ip.partition("%")[0])) for ip in instance.addresses]
        return tuple(
            ip
            for ip, address in found
            if not (address.is_multicast or address.is_unspecified) and (self._allow_local or not address.is_loopback)
        )


def addresses_of(places: Sequence[Place]) -> Mapping[str, str]:
    """The address of each host that was announced with one."""
    return {place.host: place.addresses[0] for place in reversed(places) if place.addresses}
