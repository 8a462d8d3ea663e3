"""Probing for a name in no time, over python-zeroconf's own cache and packets but without a socket."""

import asyncio
from typing import Any, cast

import pytest
from zeroconf import ServiceInfo, Zeroconf
from zeroconf._cache import DNSCache

from appliance.edge.mdns_probing import APART_S, PROBES, probe

TYPE = "_nmos-node._tcp.local."


class Network:
    """Others, who announce their names when they are asked so often."""

    def __init__(self, taken: dict[str, int]) -> None:
        self.cache = DNSCache()
        self.asked: list[str] = []
        self._taken = taken

    def generate_service_query(self, info: ServiceInfo) -> Any:
        return Zeroconf.generate_service_query(cast(Zeroconf, self), info)

    def async_send(self, out: Any) -> None:
        (wanted,) = out.authorities
        self.asked.append(str(wanted.alias).removesuffix(f".{TYPE}"))
        for name, after in self._taken.items():
            if self.asked.count(name) == after:
                self.cache.async_add_records(
                    [ServiceInfo(TYPE, f"{name}.{TYPE}", 80, server="other.local.").dns_pointer()]
                )


def probed(network: Network, name: str) -> tuple[str, list[float]]:
    """The name that it became, and the waits."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    info = ServiceInfo(TYPE, f"{name}.{TYPE}", 80, server="own.local.")
    asyncio.run(probe(cast(Zeroconf, network), info, wait))
    return info.name.removesuffix(f".{TYPE}"), waits


def test_a_free_name_is_asked_for_three_times() -> None:
    network = Network({})
    name, (first, *others) = probed(network, "box")
    assert name == "box"
    assert network.asked == ["box"] * PROBES
    assert 0 <= first <= APART_S
    assert others == [APART_S] * PROBES, "also after the last one: whoever has the name may answer that"


@pytest.mark.parametrize("answered", range(1, PROBES + 1))
def test_whichever_probe_is_answered_another_name_is_asked_for_from_the_beginning(answered: int) -> None:
    network = Network({"box": answered, "box-2": 1})
    name, _ = probed(network, "box")
    assert name == "box-3"
    assert network.asked == ["box"] * answered + ["box-2"] + ["box-3"] * PROBES


def test_a_name_that_was_heard_before_is_not_even_asked_for() -> None:
    network = Network({"box": 1})
    probed(network, "box")
    network.asked.clear()
    assert probed(network, "box")[0] == "box-2"
    assert network.asked == ["box-2"] * PROBES
