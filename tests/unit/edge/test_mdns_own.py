"""Our own service over a python-zeroconf that does not manage it at first, in virtual time."""

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from zeroconf import NotRunningException, ServiceInfo
from zeroconf._cache import DNSCache
from zeroconf.asyncio import AsyncZeroconf

from appliance.edge.mdns_own import Announcement, OwnService
from tests.support.virtual_time import run_virtually

TYPE = "_nmos-node._tcp.local."
BOX = Announcement(TYPE, "box", "box.local.", 80, ("10.0.0.1",), {"ver_slf": "0"})


class BusyZeroconf:
    """Fails so many times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.registered: list[str] = []
        self.zeroconf = SimpleNamespace(cache=DNSCache(), generate_service_query=id, async_send=id)

    async def async_register_service(self, info: ServiceInfo, **_: Any) -> Awaitable[None]:
        if self.failures:
            self.failures -= 1
            raise NotRunningException
        self.registered.append(info.name)
        return asyncio.sleep(0)


def test_it_tries_until_it_is_announced_and_complains_once(caplog: pytest.LogCaptureFixture) -> None:
    """What is wanted by then is what is announced."""
    busy = BusyZeroconf(3)

    async def main() -> str | None:
        own = OwnService()
        own.attach(cast(AsyncZeroconf, busy))
        own.announce(BOX)
        await asyncio.sleep(60)
        return own.name

    assert run_virtually(main())[0] == f"box.{TYPE}"
    assert busy.registered == [f"box.{TYPE}"]
    assert caplog.text.count("could not be announced as 'box', trying again: NotRunningException") == 1


def test_what_is_taken_back_meanwhile_is_not_announced() -> None:
    busy = BusyZeroconf(1)

    async def main() -> None:
        own = OwnService()
        own.attach(cast(AsyncZeroconf, busy))
        own.announce(BOX)
        await asyncio.sleep(1.5)
        await own.withdraw()
        await asyncio.sleep(60)

    run_virtually(main())
    assert busy.registered == []
