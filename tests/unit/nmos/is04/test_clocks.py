"""The clocks of a node, the sources that refer to them, and the transport files that name them."""

from collections.abc import Iterator

import pytest

from appliance.config.model import Config, DeviceConfig, Format, SenderConfig, Transport
from appliance.core.store import Change
from appliance.core.types import JSON, Kind
from appliance.network.lldp import Lldp, Neighbour
from appliance.network.ptp import PtpClock
from appliance.nmos.is04.build import Builder, Host
from tests.support.specs import problems
from tests.unit.nmos.is05.boxes import IDENTITIES, TWO_PORTS, Box, sender_id

GMID = "00-11-22-ff-fe-33-44-55"
LOCKED = PtpClock(GMID, 5, traceable=False, locked=True)
UNLOCKED = PtpClock(GMID, 5, traceable=False, locked=False)
TRACEABLE = PtpClock(GMID, 5, traceable=True, locked=True)

INTERNAL: JSON = {"name": "clk0", "ref_type": "internal"}


def host(clock: PtpClock | None, lldp: Lldp | None = None) -> Host:
    return Host("box", ("10.0.0.1",), 8080, TWO_PORTS, clock, lldp or Lldp())


def moved(box: Box, clock: PtpClock | None) -> list[Change]:
    """What a change of the clock changes, step by step."""
    box.changes.clear()
    for _ in steps(box, clock):
        pass
    return list(box.changes)


def steps(box: Box, clock: PtpClock | None) -> Iterator[None]:
    return box.builder.rehome(box.store, host(clock), "clock")


def changed(changes: list[Change]) -> dict[Kind, int]:
    found: dict[Kind, int] = {}
    for change in changes:
        for resource in change.resources:
            found[resource.kind] = found.get(resource.kind, 0) + 1
    return found


def names(box: Box) -> set[str | None]:
    return {body["clock_name"] for body in box.store.all(Kind.SOURCE).values()}


def ts_refclk(box: Box) -> str:
    text = bytes(box.ask("GET", f"/v1.1/single/senders/{sender_id('tone')}/transportfile").body).decode()
    return next(line for line in text.splitlines() if line.startswith("a=ts-refclk:"))


def test_without_ptp_there_is_the_internal_clock() -> None:
    box = Box()
    assert box.store.node["clocks"] == [INTERNAL]
    assert names(box) == {"clk0"}
    assert ts_refclk(box) == "a=ts-refclk:localmac=02-00-00-00-00-02"


def test_with_ptp_there_are_two_and_sources_refer_to_ptp() -> None:
    box = Box()
    moved(box, LOCKED)
    ptp = {"name": "clk1", "ref_type": "ptp", "version": "IEEE1588-2008"}
    assert box.store.node["clocks"] == [INTERNAL, {**ptp, "gmid": GMID, "traceable": False, "locked": True}]
    assert names(box) == {"clk1"}
    assert not problems("is-04", "v1.3", "node.json", box.store.node)


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        (LOCKED, f"ptp=IEEE1588-2008:{GMID.upper()}:127"),
        (TRACEABLE, "ptp=IEEE1588-2008:traceable"),
        (UNLOCKED, "localmac=02-00-00-00-00-02"),
    ],
    ids=["locked", "traceable", "unlocked"],
)
def test_the_transport_file_says_the_same(clock: PtpClock, said: str) -> None:
    box = Box()
    moved(box, clock)
    assert ts_refclk(box) == f"a=ts-refclk:{said}"


def test_node_sources_and_senders_get_new_versions_when_the_clock_comes_and_goes() -> None:
    box = Box()
    everything = {Kind.NODE: 1, Kind.SOURCE: 3, Kind.SENDER: 3}
    assert changed(moved(box, LOCKED)) == everything
    assert changed(moved(box, None)) == everything
    assert box.store.node["clocks"] == [INTERNAL]
    assert names(box) == {"clk0"}


def test_a_change_that_no_transport_file_shows_is_the_nodes_only() -> None:
    box = Box()
    moved(box, UNLOCKED)
    assert changed(moved(box, PtpClock(GMID, 5, traceable=True, locked=False))) == {Kind.NODE: 1}
    assert changed(moved(box, TRACEABLE)) == {Kind.NODE: 1, Kind.SENDER: 3}


def test_another_domain_is_in_the_transport_files_only() -> None:
    box = Box()
    moved(box, LOCKED)
    assert changed(moved(box, PtpClock(GMID, 6, traceable=False, locked=True))) == {Kind.SENDER: 3}


def test_the_same_clock_again_changes_nothing() -> None:
    box = Box()
    moved(box, LOCKED)
    assert not moved(box, LOCKED)


@pytest.mark.parametrize("way", [(None, LOCKED), (LOCKED, None)], ids=["comes", "goes"])
def test_at_every_step_each_source_has_a_clock_of_the_node(way: tuple[PtpClock | None, PtpClock | None]) -> None:
    box = Box()
    moved(box, way[0])
    for _ in steps(box, way[1]):
        assert names(box) <= {clock["name"] for clock in box.store.node["clocks"]}


def test_what_was_interrupted_is_made_good_by_the_next() -> None:
    box = Box()
    next(steps(box, LOCKED))
    moved(box, TRACEABLE)
    assert names(box) == {"clk1"}
    assert changed(moved(box, TRACEABLE)) == {}
    assert "traceable" in ts_refclk(box)


def test_a_box_that_starts_with_another_clock_than_it_stopped_with_says_so() -> None:
    box = Box()
    box.changes.clear()
    Builder(box.config, IDENTITIES).populate(box.store, host(LOCKED), "start")
    assert changed(box.changes) == {Kind.NODE: 1, Kind.SOURCE: 3, Kind.SENDER: 3}
    box.changes.clear()
    Builder(box.config, IDENTITIES).populate(box.store, host(LOCKED), "start")
    assert not box.changes


def test_events_have_no_clock() -> None:
    tally = SenderConfig(
        "tally", "box", format=Format.DATA, transport=Transport.WEBSOCKET, media_type="application/json",
        event_type="boolean",
    )  # fmt: skip
    box = Box(Config(devices=(DeviceConfig("box"),), senders=(tally,)))
    assert Kind.SENDER not in changed(moved(box, LOCKED))
    assert names(box) == {None}


def test_neighbours_are_shown_at_their_interfaces() -> None:
    box = Box()
    lldp = Lldp({"eth1": Neighbour("00-aa-bb-cc-dd-ee", "Gi1/0/7", "sw-1")}, chassis_id="02-00-00-00-00-99")
    for _ in box.builder.rehome(box.store, host(None, lldp), "lldp"):
        pass
    first, second = box.store.node["interfaces"]
    assert "attached_network_device" not in first
    assert second["attached_network_device"] == {"chassis_id": "00-aa-bb-cc-dd-ee", "port_id": "Gi1/0/7"}
    assert {first["chassis_id"], second["chassis_id"]} == {"02-00-00-00-00-99"}
    assert not problems("is-04", "v1.3", "node.json", box.store.node)
