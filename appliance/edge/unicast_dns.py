"""DNS-SD by unicast DNS (RFC 6763), which python-zeroconf cannot do: with dnspython, where it is installed.

The preferred way to announce a registry (IS-04 Discovery - Registered Operation). Only needed where the host has a DNS
server and a search domain, or the config names one; without dnspython such a box says so once and uses mDNS.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from appliance.discovery.records import Instance

if TYPE_CHECKING:
    import dns.asyncresolver

LOOKUP_S = 2.0
MAX_INSTANCES = 32
MAX_DOMAINS = 6
_AT_ONCE = 4
_LOCAL = "local."

_log = logging.getLogger(__name__)


class UnicastDns:
    """``browse`` asks in each of the ``domains``: the one that is configured, else the host's search domains."""

    def __init__(self, domain: str | None = None) -> None:
        self._configured = domain
        self._resolver: dns.asyncresolver.Resolver | None = None
        self.domains: tuple[str, ...] = ()

    def open(self) -> bool:
        """Read the host's DNS configuration; whether there is anywhere to ask."""
        try:
            import dns.asyncresolver
            import dns.resolver
        except ImportError:
            if self._configured:
                _log.warning("discovery.domain needs dnspython (python3-dnspython), which is not installed: not used")
            return False
        try:
            self._resolver = dns.asyncresolver.Resolver()
        except (dns.resolver.NoResolverConfiguration, OSError) as error:
            _log.info("no unicast DNS: %s", error)
            return False
        names = [self._configured] if self._configured else _search_domains(self._resolver)
        self.domains = tuple(dict.fromkeys(_dotted(name) for name in names if _dotted(name) != _LOCAL))[:MAX_DOMAINS]
        return bool(self.domains)

    async def browse(self, service_type: str) -> tuple[list[Instance], float]:
        """The instances of a type (``_nmos-register._tcp.local.``), named as mDNS would, and how long that holds.

        Empty where there is no answer, whatever the reason.
        """
        found: dict[str, Instance] = {}
        ttl_s = float("inf")
        service = service_type.removesuffix(_LOCAL)
        for domain in self.domains:
            names, ttl = await self.lookup(f"{service}{domain}", "PTR")
            ttl_s = min(ttl_s, ttl)
            gate = asyncio.Semaphore(_AT_ONCE)
            lookups = (self._instance(record.target, service_type, gate) for record in names[:MAX_INSTANCES])
            for instance, ttl in await asyncio.gather(*lookups):
                if instance is not None:
                    found[instance.name] = instance
                    ttl_s = min(ttl_s, ttl)
        return list(found.values()), ttl_s

    async def _instance(self, name: Any, service_type: str, gate: asyncio.Semaphore) -> tuple[Instance | None, float]:
        """What is behind a PTR record; ``None`` where any of it is missing."""
        async with gate:
            services, ttl = await self.lookup(name, "SRV")
            if not services:
                return None, ttl
            service = services[0]
            texts, txt_ttl = await self.lookup(name, "TXT")
            v4, v4_ttl = await self.lookup(service.target, "A")
            v6, _ = await self.lookup(service.target, "AAAA")
        addresses = tuple(record.address for record in (*v4, *v6))
        if not addresses:
            return None, ttl
        label = name.labels[0].decode("utf-8", "replace").replace(".", "-")
        txt = b"".join(bytes([len(string)]) + string for string in (texts[0].strings if texts else ()))
        server = service.target.to_text()
        return Instance(f"{label}.{service_type}", server, service.port, addresses, txt), min(ttl, txt_ttl, v4_ttl)

    async def lookup(self, name: Any, rtype: str) -> tuple[list[Any], float]:
        """The records of a name, and their TTL; none, for ever, where there is no answer."""
        import dns.exception

        assert self._resolver is not None
        try:
            answer = await self._resolver.resolve(name, rtype, search=False, lifetime=LOOKUP_S)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            _log.debug("DNS: %s %s: %s", name, rtype, error)
            return [], float("inf")
        return list(answer), float(answer.rrset.ttl if answer.rrset is not None else 0)


async def address_of(name: str) -> str | None:
    """The first IPv4 address of a host, else its first IPv6 address; ``None`` where DNS knows none."""
    hosts = UnicastDns(name)
    if hosts.open():
        for rtype in ("A", "AAAA"):
            records, _ = await hosts.lookup(_dotted(name), rtype)
            if records:
                return str(records[0].address)
    return None


def _search_domains(resolver: dns.asyncresolver.Resolver) -> Sequence[str]:
    return [name.to_text() for name in (resolver.search or [resolver.domain]) if len(name.labels) > 1]


def _dotted(domain: str) -> str:
    return domain.lower().rstrip(".") + "."
