"""Finds out whether others' mDNS comes through (discovery/hearing.py says how), without asking anybody for nothing.

A test is made once an interface has been quiet for a while and somebody has named a neighbour on it, and when one that
was there falls silent: one packet to the neighbour, and if it answers, one to all.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable

from appliance.discovery.hearing import Hearing
from appliance.edge.mdns import Mdns
from appliance.edge.mdns_asking import ask_directly
from appliance.network.model import Network, NetworkState, needs_zone

PATIENCE_S = 3.0
"""An answer to all may be held back for half a second, and a busy host may need more."""
_SOON_S = 1.0


class MdnsHearing:
    """``neighbours`` names addresses of others, the likeliest to be there first; ``on_change``: `traps` is another."""

    def __init__(
        self, network: Network, mdns: Mdns, neighbours: Callable[[], Iterable[str]], on_change: Callable[[], None]
    ) -> None:
        self._network, self._mdns = network, mdns
        self._neighbours, self._on_change = neighbours, on_change
        self._hearing = Hearing()
        self._names: dict[int, str] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tests: set[asyncio.Task[None]] = set()
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._unsubscribe = self._network.subscribe(self._moved)
        self._mdns.on_heard = self._heard
        self._moved(self._network.snapshot())

    async def stop(self) -> None:
        self._unsubscribe()
        self._mdns.on_heard = lambda ip, index: None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        tests = tuple(self._tests)
        for test in tests:
            test.cancel()
        await asyncio.gather(*tests, return_exceptions=True)

    def traps(self) -> tuple[str, ...]:
        return self._hearing.traps()

    def named(self) -> None:
        """Somebody may have named a neighbour."""
        if any(self._hearing.curious(name) for name in self._names.values()):
            self._arm(_SOON_S)

    def fell_silent(self, addresses: Iterable[str]) -> None:
        """Who was there with these addresses is heard of no more."""
        for name, _ in self._placed(addresses):
            self._hearing.doubt(name, self._now())
        self._rearm()

    def _moved(self, state: NetworkState) -> None:
        spoken = [state.interfaces.get(name) for name in dict.fromkeys((*state.media, *filter(None, (state.control,))))]
        self._names = {i.index: i.name for i in spoken if i and i.usable and not i.loopback}
        if self._hearing.observe(self._names.values(), self._now()):
            self._on_change()
        self._rearm()

    def _heard(self, ip: str, index: int) -> None:
        name = self._names.get(index)
        if name is None or self._hearing.has_heard(name) or self._network.snapshot().owner_of(ip.partition("%")[0]):
            return
        if self._hearing.heard(name):
            self._on_change()

    def _rearm(self) -> None:
        due = self._hearing.due(self._now())
        if due is not None:
            self._arm(due - self._now())

    def _arm(self, delay_s: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._try)

    def _try(self) -> None:
        self._timer = None
        neighbours: dict[str, list[str]] = {}
        for name, ip in self._placed(self._neighbours()):
            neighbours.setdefault(name, []).append(ip)
        for name, ip in self._hearing.to_try(neighbours, self._now()):
            test = asyncio.ensure_future(self._test(name, ip))
            self._tests.add(test)
            test.add_done_callback(self._tests.discard)
        self._rearm()

    async def _test(self, interface: str, neighbour: str) -> None:
        services = await ask_directly(neighbour)
        if not services or self._hearing.has_heard(interface):
            return
        kind = "PTR" if services[0].startswith("_") else "SRV"
        if not self._mdns.ask_all(services[0], kind):
            return
        await asyncio.sleep(PATIENCE_S)
        if self._hearing.unheard(interface, neighbour):
            self._on_change()

    def _placed(self, addresses: Iterable[str]) -> Iterable[tuple[str, str]]:
        """(interface, address) of those that are others' and in a subnet of ours."""
        state = self._network.snapshot()
        for ip in dict.fromkeys(addresses):
            if not _is_host(ip) or state.owner_of(ip):
                continue
            for name in self._names.values():
                interface = state.interfaces.get(name)
                if interface and any(address.reaches(ip) for address in interface.addresses):
                    yield name, ip

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _is_host(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or address.is_loopback or needs_zone(text))
