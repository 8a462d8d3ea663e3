"""Which authorization servers are announced (IS-10 Discovery, ``_nmos-auth._tcp``), in which order to ask them.

Only ``https``, and only by the name that the certificate must have: what announces itself is nobody until it has proved
that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.discovery.contact import ContactPolicy
from appliance.discovery.service_table import Lots, ServiceTable, best_first
from appliance.discovery.txt import DEVELOPMENT_PRIORITY, highest_common, read_service_txt
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


class AuthServers(ServiceTable):
    """``places`` are those to ask."""

    def __init__(self, random: Callable[[], float], *, development: bool = False, allow_local: bool = False) -> None:
        super().__init__(MAX_SERVERS)
        self._lots = Lots(random, 10 * MAX_SERVERS)
        self._policy = ContactPolicy(allow_local=allow_local)
        self._development = development

    def places(self) -> tuple[Place, ...]:
        """Best first: by ``pri``, equal ones as the lots fell."""
        return best_first(self._ranked())

    def _ranked(self) -> Iterator[tuple[tuple[bool, int, float], Place]]:
        for instance in self.instances():
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
                addresses = tuple(ip for ip in instance.addresses if self._policy.permitted(ip, instance.port))
                place = Place(f"https://{host}:{instance.port}{WELL_KNOWN}{path}", host, addresses)
                yield (self.is_silent(instance), txt.priority, self._lots.of(place.url)), place


def addresses_of(places: Sequence[Place]) -> Mapping[str, str]:
    """The address of each host that was announced with one."""
    return {place.host: place.addresses[0] for place in reversed(places) if place.addresses}
