"""Whether somebody asks for memberships, and when silence is worth a word."""

import pytest

from appliance.network.model import Role
from appliance.network.queriers import SILENCE_S, Queriers, hints_unasked, traps_unasked
from appliance.network.traps import Path
from tests.unit.network.hosts import host, interface

RED, BLUE = interface("eth0", "10.1.0.2/24"), interface("eth1", "10.2.0.2/24", index=3)
RECEIVED = Path(Role.RECEIVER, "eth0", "239.1.2.3")


def listening(now: float = 100.0) -> Queriers:
    queriers = Queriers()
    queriers.observe(host(RED, BLUE), now)
    return queriers


def test_silence_must_last_as_long_as_a_switch_remembers() -> None:
    queriers = listening(100)
    assert not queriers.unasked("eth0", 4, 100 + SILENCE_S - 1)
    assert queriers.unasked("eth0", 4, 100 + SILENCE_S)
    assert not queriers.unasked("eth9", 4, 1000), "nobody listened there"


def test_a_query_ends_it_for_its_interface_and_version() -> None:
    queriers = listening(100)
    assert not queriers.heard("eth0", 4, 200), "there was no silence yet"
    assert queriers.heard("eth1", 4, 500)
    assert not queriers.heard("eth1", 4, 501)
    assert not queriers.unasked("eth1", 4, 502)
    assert queriers.unasked("eth0", 4, 502)
    assert queriers.unasked("eth1", 6, 502)


def test_a_cable_that_was_away_begins_a_new_time() -> None:
    queriers = listening(100)
    queriers.observe(host(interface("eth0", "10.1.0.2/24", carrier=False), BLUE), 300)
    queriers.observe(host(RED, BLUE), 350)
    assert not queriers.unasked("eth0", 4, 350 + SILENCE_S - 1)
    assert queriers.unasked("eth1", 4, 350 + SILENCE_S - 1)


def test_when_to_look_again() -> None:
    queriers = listening(100)
    assert queriers.due(100) == 100 + SILENCE_S
    for name in ("eth0", "eth1"):
        for version in (4, 6):
            queriers.heard(name, version, 200)
    assert queriers.due(200) == 200 + SILENCE_S
    assert queriers.due(200 + SILENCE_S) is None


@pytest.mark.parametrize(
    ("silent", "signal", "trap", "hint"),
    [
        (True, False, "nothing of 239.1.2.3 arrives, and no IGMP querier", None),
        (True, True, None, "no IGMP querier was heard there for over four minutes; a switch"),
        (True, None, None, "needs no querier"),
        (False, False, None, None),
        (None, False, None, "is not known"),
    ],
)
def test_silence_is_a_trap_where_nothing_comes_and_a_hint_elsewhere(
    silent: bool | None, signal: bool | None, trap: str | None, hint: str | None
) -> None:
    said = [list(look(RECEIVED, lambda *_: silent, signal)) for look in (traps_unasked, hints_unasked)]
    for sentences, wanted in zip(said, (trap, hint), strict=True):
        assert [wanted in sentence for sentence in sentences if wanted] == ([True] if wanted else [])
        assert len(sentences) == (wanted is not None)


def test_a_group_of_ipv6_is_asked_for_by_mld() -> None:
    asked: list[tuple[str, int]] = []

    def unasked(name: str, version: int) -> bool:
        asked.append((name, version))
        return True

    (trap,) = traps_unasked(Path(Role.RECEIVER, "eth0", "ff3e::1"), unasked, signal=False)
    assert "MLD querier" in trap
    assert asked == [("eth0", 6)]


@pytest.mark.parametrize("path", [Path(Role.SENDER, "eth0", "239.1.2.3"), Path(Role.RECEIVER, "eth0", "10.1.0.2")])
def test_nobody_asks_for_what_is_not_joined(path: Path) -> None:
    assert not [*traps_unasked(path, lambda *_: True, signal=False), *hints_unasked(path, lambda *_: None, signal=None)]
