"""Which MQTT broker to use where nobody has named one (IS-07 Transport - MQTT section 7, ``_nmos-mqtt._tcp``).

The announcement has no priority: the one that was used stays while it is there, else the first by name. One that fell
silent is the last choice, for perhaps it is only multicast that does not work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from appliance.config.model import BrokerConfig
from appliance.discovery.contact import ContactPolicy
from appliance.discovery.records import Announced, Event, Instance, Silent, Withdrawn
from appliance.discovery.txt import read_service_txt

MQTT_TYPE = "_nmos-mqtt._tcp.local."
MAX_BROKERS = 32


class Brokers:
    """A table of services as :class:`appliance.edge.browsing.ServiceBrowsing` keeps it up."""

    def __init__(self, *, allow_local: bool = False) -> None:
        self._policy = ContactPolicy(allow_local=allow_local)
        self._multicast: dict[str, Instance] = {}
        self._unicast: tuple[Instance, ...] = ()
        self._silent: set[str] = set()
        self._used: str | None = None

    def handle_event(self, event: Event) -> frozenset[str]:
        """What mDNS tells."""
        match event:
            case Announced(instance):
                key = instance.name.lower()
                if key in self._multicast or len(self._multicast) < MAX_BROKERS:
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
        self._unicast = tuple(instances)[:MAX_BROKERS]
        return frozenset()

    def has_unicast(self, _service_type: str) -> bool:
        return bool(self._unicast)

    def best(self) -> BrokerConfig | None:
        """The one to use, ``None`` where none is of use."""
        usable = dict(self._usable())
        if self._used not in usable or self._used in self._silent:
            self._used = min(usable, key=lambda name: (name in self._silent, name), default=None)
        return None if self._used is None else usable[self._used]

    def _usable(self) -> Iterator[tuple[str, BrokerConfig]]:
        for instance in self._unicast or self._multicast.values():
            txt = read_service_txt(instance.txt)
            host = self._host(instance, secure=txt.api_proto == "secure-mqtt")
            if host is not None and 0 < instance.port < 65_536:
                if txt.api_proto == "mqtt":
                    yield instance.name.lower(), BrokerConfig(host, instance.port, "mqtt", txt.api_auth)
                elif txt.api_proto == "secure-mqtt":
                    yield instance.name.lower(), BrokerConfig(host, instance.port, "secure-mqtt", txt.api_auth)

    def _host(self, instance: Instance, *, secure: bool) -> str | None:
        """An address; for TLS the name that its certificate will have, unless only mDNS knows that."""
        name = instance.server.rstrip(".")
        if secure and not name.lower().endswith(".local"):
            return name
        return next((ip for ip in instance.addresses if self._may_be_used(ip, instance.port)), None)

    def _may_be_used(self, ip: str, port: int) -> bool:
        return "%" not in ip and self._policy.permitted(ip, port)
