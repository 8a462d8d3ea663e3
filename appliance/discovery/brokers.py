"""Which MQTT broker to use where nobody has named one (IS-07 Transport - MQTT section 7, ``_nmos-mqtt._tcp``).

The announcement has no priority: the one that was used stays while it is there, else the first by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from appliance.config.model import BrokerConfig
from appliance.discovery.contact import ContactPolicy
from appliance.discovery.records import Instance
from appliance.discovery.service_table import ServiceTable
from appliance.discovery.txt import read_service_txt

MQTT_TYPE = "_nmos-mqtt._tcp.local."
MAX_BROKERS = 32


class Brokers(ServiceTable):
    """``best`` is the one to use."""

    def __init__(self, *, allow_local: bool = False) -> None:
        super().__init__(MAX_BROKERS)
        self._policy = ContactPolicy(allow_local=allow_local)
        self._used: str | None = None

    def best(self) -> BrokerConfig | None:
        """The one to use, ``None`` where none is of use."""
        usable = dict(self._usable())
        silent = {instance.name.lower() for instance in self.instances() if self.is_silent(instance)}
        if self._used not in usable or self._used in silent:
            self._used = min(usable, key=lambda name: (name in silent, name), default=None)
        return None if self._used is None else usable[self._used]

    def _usable(self) -> Iterator[tuple[str, BrokerConfig]]:
        for instance in self.instances():
            txt = read_service_txt(instance.txt)
            if txt.api_proto in ("mqtt", "secure-mqtt"):
                secure = txt.api_proto == "secure-mqtt"
                host = self._host(instance, secure=secure)
                if host is not None and 0 < instance.port < 65_536:
                    protocol: Literal["mqtt", "secure-mqtt"] = "secure-mqtt" if secure else "mqtt"
                    yield instance.name.lower(), BrokerConfig(host, instance.port, protocol, txt.api_auth)

    def _host(self, instance: Instance, *, secure: bool) -> str | None:
        """An address; for TLS the name that its certificate will have."""
        name = instance.server.rstrip(".")
        address = next((ip for ip in instance.addresses if self._may_be_used(ip, instance.port)), None)
        if secure and (address is not None or not name.lower().endswith(".local")):
            return name
        return address

    def _may_be_used(self, ip: str, port: int) -> bool:
        return "%" not in ip and self._policy.permitted(ip, port)
