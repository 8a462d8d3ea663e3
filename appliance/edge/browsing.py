"""Keeps a table of services up: by unicast DNS where it knows any, else by mDNS (IS-04 Discovery, "Unicast vs.
Multicast DNS-SD")."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from appliance.config.model import DiscoveryConfig
from appliance.discovery.records import Event
from appliance.discovery.registration.services import Services
from appliance.discovery.service_table import ServiceTable
from appliance.edge.client import HttpClient
from appliance.edge.mdns import Mdns
from appliance.edge.unicast_dns import UnicastDns
from appliance.system.trouble import component

AGAIN_S = (10.0, 300.0)
"""Answers of unicast DNS are asked for again when their TTL is over, within these bounds."""
AGAIN_WITHOUT_S = 20.0

_log = logging.getLogger(__name__)


def api_services(versions: Sequence[str], config: DiscoveryConfig, client: HttpClient, scope: str) -> Services:
    """The table of an API that ``client`` is to use in one of these versions; ``scope`` is its name in tokens."""
    return Services(
        versions,
        random.random,
        development=config.development,
        allow_local=config.allow_local,
        tls_only=client.tls.only,
        authorized=lambda: client.tokens is not None and client.tokens.wants(scope),
    )


class ServiceBrowsing:
    """``on_news`` is called with the URLs that were announced, perhaps none, whenever the table has changed."""

    def __init__(
        self,
        services: ServiceTable,
        types: Sequence[str],
        mdns: Mdns,
        dns: UnicastDns,
        on_news: Callable[[frozenset[str]], None],
    ) -> None:
        self._services = services
        self._types = tuple(types)
        self._mdns = mdns
        self._dns = dns
        self._on_news = on_news
        self._by_mdns: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def start(self) -> None:
        """Look for services from now on."""
        if self._dns.open():
            self._task = component(self._ask(), "unicast DNS-SD")
        else:
            for service_type in self._types:
                self._browse(service_type)

    async def stop(self) -> None:
        self._stopped = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def reconfirm(self, instance: str) -> None:
        """Something was wrong with this instance: ask whether it is still there."""
        for service_type in self._by_mdns:
            if instance.lower().endswith(f".{service_type}"):
                self._mdns.reconfirm(service_type, instance)

    async def _ask(self) -> None:
        """Unicast DNS first. Only what it knows nothing of is looked for by mDNS."""
        while True:
            again_s = float("inf")
            for service_type in self._types:
                had = self._services.has_unicast(service_type)
                instances, ttl_s = await self._dns.browse(service_type)
                news = self._services.handle_unicast(service_type, instances)
                if instances:
                    again_s = min(again_s, max(AGAIN_S[0], min(ttl_s, AGAIN_S[1])))
                elif service_type not in self._by_mdns:
                    self._browse(service_type)
                if bool(instances) != had:
                    _log.info("unicast DNS (%s): %s %s", ", ".join(self._dns.domains),
                              len(instances) or "no more", service_type.removesuffix(".local."))  # fmt: skip
                if news or instances or had:
                    self._on_news(news)
            await asyncio.sleep(min(again_s, AGAIN_S[1]) if again_s < float("inf") else AGAIN_WITHOUT_S)

    def _browse(self, service_type: str) -> None:
        self._by_mdns.add(service_type)
        self._mdns.browse(service_type, self._on_event)

    def _on_event(self, event: Event) -> None:
        if not self._stopped:
            self._on_news(self._services.handle_event(event))
