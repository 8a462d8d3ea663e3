"""`Observer`: what python-zeroconf sees from a host of the LAN. Its sockets and threads live in that namespace."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from zeroconf import (  # type: ignore[attr-defined]  # the record is in every release, not in its __all__
    DNSText,
    IPVersion,
    ServiceBrowser,
    ServiceInfo,
    ServiceStateChange,
    Zeroconf,
)

from tests.lan.network import Host
from tests.lan.peer import NODE_TYPE
from tests.lan.waiting import PATIENCE_S, eventually

_TXT, _IN = 16, 1


@dataclass(frozen=True, slots=True)
class Announced:
    """One service instance as it stands in the observer's cache."""

    instance: str
    server: str
    addresses: tuple[str, ...]
    port: int
    txt: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that the browser was told; `at` is monotonic time."""

    at: float
    change: str  # "Added", "Updated", "Removed"
    instance: str


class Observer:
    """Browses one type of service until it is closed. `sightings` is the history, `services` the state."""

    def __init__(self, host: Host, service_type: str = NODE_TYPE, *, port: str = "eth0", family: int = 4) -> None:
        """`family` is the IP version it listens and asks with: 4 or 6."""
        self.sightings: list[Sighting] = []
        self._type = service_type
        address = host.address(port) if family == 4 else host.link_local(port)
        version = IPVersion.V4Only if family == 4 else IPVersion.V6Only
        self._zeroconf: Zeroconf = host.call(lambda: Zeroconf(interfaces=[address], ip_version=version))
        self._browser = ServiceBrowser(self._zeroconf, service_type, handlers=[self._on_change])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._browser.cancel()
        loop = self._zeroconf.loop
        self._zeroconf.close()
        if loop and not loop.is_closed():
            loop.close()  # zeroconf 0.47 only stops it

    def services(self) -> dict[str, Announced]:
        """What is there now, by instance name; of what is announced only in part, nothing."""
        changes = {sighting.instance: sighting.change for sighting in list(self.sightings)}
        present = [instance for instance, change in changes.items() if change != "Removed"]
        return {instance: service for instance in present if (service := self._cached(instance))}

    def wait_for(
        self,
        instance: str,
        where: Callable[[Announced], bool] = lambda _: True,
        patience_s: float = PATIENCE_S,
    ) -> Announced:
        """The instance, as soon as it is there and `where` holds for it."""

        def look() -> Announced | None:
            service = self.services().get(instance)
            assert service is None or where(service), service
            return service

        return eventually(look, f"{instance} on mDNS", patience_s)

    def wait_gone(self, instance: str, patience_s: float = PATIENCE_S) -> None:
        """Return as soon as the instance is not there any more."""
        eventually(lambda: instance not in self.services(), f"{instance} to leave mDNS", patience_s)

    def _cached(self, instance: str) -> Announced | None:
        info = ServiceInfo(self._type, f"{instance}.{self._type}")
        if not info.load_from_cache(self._zeroconf) or info.port is None:
            return None
        addresses = tuple(info.parsed_addresses(IPVersion.All))
        return Announced(instance, info.server or "", addresses, info.port, _text(self._latest_txt(info).properties))

    def _latest_txt(self, info: ServiceInfo) -> ServiceInfo:
        """With the TXT record that was heard last: two that came within a second are both kept (RFC 6762 10.2)."""
        heard = self._zeroconf.cache.get_all_by_details(info.name, _TXT, _IN)
        if not heard:
            return info
        # One that is flushed is given a last second, from the moment at which the new one came.
        latest = max(heard, key=lambda record: (record.created, record.ttl))
        assert isinstance(latest, DNSText)
        return ServiceInfo(self._type, info.name, properties=latest.text)

    def _on_change(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        instance = name.removesuffix(f".{service_type}")
        self.sightings.append(Sighting(time.monotonic(), state_change.name, instance))


def _text(properties: dict[bytes, bytes | None]) -> dict[str, str | None]:
    return {
        key.decode("utf-8", "surrogateescape"): None if value is None else value.decode("utf-8", "surrogateescape")
        for key, value in properties.items()
    }
