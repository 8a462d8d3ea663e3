"""When the TXT record is published: at once for a lone change, once a second in a burst."""

import pytest

from appliance.config.model import DiscoveryMode
from appliance.core.types import Kind
from appliance.discovery.advertiser import MIN_INTERVAL_S, Advertiser


def counters(sender: int = 0) -> dict[Kind, int]:
    return dict.fromkeys(Kind, 0) | {Kind.SENDER: sender}


def announced(mode: DiscoveryMode = DiscoveryMode.AUTO, now: float = 0.0) -> Advertiser:
    advertiser = Advertiser(mode, ("v1.2", "v1.3"), counters())
    advertiser.handle_network(True)
    assert advertiser.due(now) is not None
    return advertiser


def sent(advertiser: Advertiser, now: float) -> str | None:
    txt = advertiser.due(now)
    return None if txt is None else txt["ver_snd"]


def test_nothing_to_say() -> None:
    advertiser = announced()
    assert advertiser.due(5.0) is None
    assert advertiser.get_timer() is None


def test_a_lone_change_leaves_at_once() -> None:
    advertiser = announced()
    advertiser.handle_counters(counters(1))
    assert sent(advertiser, 5.0) == "1"
    assert advertiser.get_timer() is None


def test_a_burst_is_held_to_one_an_interval() -> None:
    advertiser = announced()
    out = []
    for step in range(31):
        now = 10.0 + step * MIN_INTERVAL_S / 10
        advertiser.handle_counters(counters(step + 1))
        out.append((now, sent(advertiser, now)))
    assert [step for step, (_, txt) in enumerate(out) if txt] == [0, 10, 20, 30]
    assert [txt for _, txt in out if txt] == ["1", "11", "21", "31"]


def test_what_was_held_leaves_when_the_timer_says() -> None:
    advertiser = announced()
    advertiser.handle_counters(counters(1))
    sent(advertiser, 5.0)
    advertiser.handle_counters(counters(2))
    assert sent(advertiser, 5.2) is None
    assert advertiser.get_timer() == 5.0 + MIN_INTERVAL_S
    assert sent(advertiser, 5.0 + MIN_INTERVAL_S) == "2"


def test_a_change_taken_back_is_not_told() -> None:
    advertiser = announced()
    advertiser.handle_counters(counters(1))
    sent(advertiser, 5.0)
    advertiser.handle_counters(counters(2))
    advertiser.handle_counters(counters(1))
    assert advertiser.get_timer() is None
    assert sent(advertiser, 5.0 + MIN_INTERVAL_S) is None


def test_counters_go_when_registered_and_come_back_as_they_are() -> None:
    advertiser = announced()
    advertiser.handle_registered(True)
    txt = advertiser.due(5.0)
    assert txt is not None
    assert set(txt) == {"api_proto", "api_ver", "api_auth"}
    advertiser.handle_counters(counters(7))
    assert advertiser.due(8.0) is None
    advertiser.handle_registered(False)
    assert sent(advertiser, 9.0) == "7"


def test_registered_mode_never_tells_counters() -> None:
    advertiser = Advertiser(DiscoveryMode.REGISTERED, ("v1.2",), counters())
    advertiser.handle_network(True)
    txt = advertiser.due(0.0)
    assert txt is not None
    assert "ver_snd" not in txt


@pytest.mark.parametrize("mode", list(DiscoveryMode))
def test_nothing_without_a_network(mode: DiscoveryMode) -> None:
    advertiser = Advertiser(mode, ("v1.3",), counters())
    assert (advertiser.due(0.0), advertiser.get_timer()) == (None, None)


def test_off_is_off() -> None:
    advertiser = Advertiser(DiscoveryMode.OFF, ("v1.3",), counters())
    advertiser.handle_network(True)
    assert (advertiser.due(0.0), advertiser.get_timer()) == (None, None)


def test_all_is_told_again_after_the_network_was_away() -> None:
    advertiser = announced()
    advertiser.handle_network(False)
    advertiser.handle_network(True)
    assert sent(advertiser, 0.1) == "0"


def v1_3_only(mode: DiscoveryMode) -> Advertiser:
    advertiser = Advertiser(mode, ("v1.3",), counters())
    advertiser.handle_network(True)
    return advertiser


def test_a_node_of_v1_3_only_is_not_announced_beside_a_registry() -> None:
    """IS-04 v1.3 Discovery - Peer to Peer Operation, "DNS-SD Advertisement"."""
    advertiser = v1_3_only(DiscoveryMode.AUTO)
    assert sent(advertiser, 0.0) == "0"
    advertiser.handle_registered(True)
    assert advertiser.is_silent
    assert advertiser.due(5.0) is None
    assert advertiser.get_timer() is None
    advertiser.handle_counters(counters(7))
    assert advertiser.due(6.0) is None
    advertiser.handle_registered(False)
    assert sent(advertiser, 7.0) == "7"
    assert [advertiser.is_silent] == [False]


def test_a_node_of_v1_3_only_is_never_announced_where_only_a_registry_will_do() -> None:
    assert v1_3_only(DiscoveryMode.REGISTERED).is_silent


@pytest.mark.parametrize("mode", list(DiscoveryMode))
def test_an_older_node_is_never_silent(mode: DiscoveryMode) -> None:
    advertiser = Advertiser(mode, ("v1.2", "v1.3"), counters())
    advertiser.handle_registered(True)
    assert not advertiser.is_silent
