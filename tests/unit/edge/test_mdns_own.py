"""Our own service over a python-zeroconf that does not manage it at first, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
from zeroconf import NotRunningException, ServiceInfo
from zeroconf._cache import DNSCache
from zeroconf.asyncio import AsyncZeroconf

from appliance.discovery.records import Address, Ptr, Record, Srv, Txt
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


@dataclass(frozen=True, slots=True)
class Said:
    at: float
    name: str
    goodbye: bool = False


@dataclass
class Wire:
    """Says everything three times, as python-zeroconf does; to register takes a while."""

    register_s: float = 1.0
    said: list[Said] = field(default_factory=list)

    def __post_init__(self) -> None:
        registry = SimpleNamespace(async_remove=id)
        self.zeroconf = SimpleNamespace(cache=DNSCache(), generate_service_query=id, async_send=id, registry=registry)

    async def async_register_service(self, info: ServiceInfo, **_: Any) -> Awaitable[None]:
        await asyncio.sleep(self.register_s)
        return await self.async_update_service(info)

    async def async_update_service(self, info: ServiceInfo) -> Awaitable[None]:
        return asyncio.ensure_future(self._say(info.name, 0.225))

    async def async_unregister_service(self, info: ServiceInfo) -> Awaitable[None]:
        return asyncio.ensure_future(self._say(info.name, 0.125, goodbye=True))

    async def _say(self, name: str, apart_s: float, *, goodbye: bool = False) -> None:
        for wait in (0.0, apart_s, apart_s):
            await asyncio.sleep(wait)
            label = name.removesuffix(f".{TYPE}")
            self.said.append(Said(asyncio.get_running_loop().time(), label, goodbye))

    def since(self, at: float) -> list[Said]:
        """What is said from then on, goodbyes apart."""
        return [said for said in self.said if said.at >= at and not said.goodbye]

    def names(self, since: float) -> set[str]:
        return {said.name for said in self.since(since)}


def while_announced(*steps: tuple[float, Callable[[OwnService], None]]) -> Wire:
    """What is said when each step is done at its time, of a service that is announced since before 10 s."""
    wire = Wire()

    async def main() -> None:
        own = OwnService()
        own.attach(cast(AsyncZeroconf, wire))
        own.announce(BOX)
        for at, step in steps:
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            step(own)
        await asyncio.sleep(60)
        await own.detach(goodbye=False)

    run_virtually(main())
    return wire


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.3])
def test_a_name_is_not_said_after_its_goodbye(pause: float) -> None:
    """A label that changes moves a counter too, which is announced first, under the old name."""
    counted = replace(BOX, txt={"ver_slf": "1"})
    wire = while_announced(
        (10, lambda own: own.announce(counted)),
        (10 + pause, lambda own: own.announce(replace(counted, label="foyer"))),
    )
    goodbye = next(said for said in wire.said if said.goodbye)
    assert goodbye.name == "box"
    assert goodbye.at == pytest.approx(10 + pause)
    assert wire.names(since=goodbye.at) == {"foyer"}


def test_a_label_that_changes_together_with_something_else_is_followed() -> None:
    renamed = replace(BOX, label="foyer")
    wire = while_announced(
        (10, lambda own: own.announce(renamed)), (10, lambda own: own.announce(replace(renamed, port=81)))
    )
    assert wire.names(since=10) == {"foyer"}


def test_a_label_that_changes_while_the_name_is_being_taken_is_followed() -> None:
    wire = while_announced((0.5, lambda own: own.announce(replace(BOX, label="foyer"))))
    assert wire.names(since=0) == {"foyer"}


@pytest.mark.parametrize("later", [0.1, 0.9])
def test_a_name_that_another_took_too_is_said_again_when_it_can_be_believed(later: float) -> None:
    """Also where something else is announced meanwhile."""
    theirs = Srv(f"box.{TYPE}", 120, "other.local.", 80)
    wire = while_announced(
        (10, lambda own: own.handle_srv(theirs)),
        (10 + later, lambda own: own.update_txt({"ver_slf": "1"})),
    )
    pauses = [after.at - before.at for before, after in pairwise(wire.since(10))]
    assert wire.since(10)[0].at == 10
    assert [pause for pause in pauses if pause > 1.0], "no listener takes it for the same packet"
    assert not wire.since(20), "it does not go on for ever"


@pytest.mark.parametrize(
    "goodbye",
    [
        Ptr(TYPE, 0, f"box.{TYPE}"),
        Srv(f"BOX.{TYPE}", 0, "x", 1),
        Txt(f"box.{TYPE}", 0, b""),
        Address("box.local.", 0, "10.0.0.1"),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_goodbye_that_another_says_for_us_is_denied(goodbye: Record) -> None:
    """Within the second after which it is believed, and once more when that is no repetition."""
    wire = while_announced(*((10 + number / 100, lambda own: own.handle_goodbye(goodbye)) for number in range(50)))
    denied = [said.at for said in wire.since(9)]
    assert denied[0] == 10
    assert len(denied) == 6
    assert denied[-1] > 11


@pytest.mark.parametrize(
    "goodbye",
    [Ptr(TYPE, 0, f"foyer.{TYPE}"), Ptr(TYPE, 9, f"box.{TYPE}"), Address("box.local.", 0, "10.0.0.9")],
    ids=["of another", "no goodbye", "of an address that it has not"],
)
def test_other_goodbyes_are_true(goodbye: Record) -> None:
    assert not while_announced((10, lambda own: own.handle_goodbye(goodbye))).since(9)


def test_a_name_is_left_to_the_lesser_host_without_a_goodbye() -> None:
    theirs = Srv(f"box.{TYPE}", 120, "a.local.", 80)
    wire = while_announced((10, lambda own: own.handle_srv(theirs)))
    assert wire.names(since=10) == {"box-2"}
    assert not [said for said in wire.said if said.goodbye]
