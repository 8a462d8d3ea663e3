"""The WebSocket client's side: each state of a link, and each event in it."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from appliance.media.engine import Phase
from appliance.nmos.is07 import subscriber
from appliance.nmos.is07.messages import Ending, Event, Health, State, encode
from appliance.nmos.is07.subscriber import Link
from appliance.nmos.is07.types import Payload
from tests.support.specs import problems

ONE = "6cbd0441-7882-44cd-9557-842243a0d618"
TWO = "ff455cf3-fb17-448b-8f4c-e6c0e294f5ed"
TAI = 1_000 * 1_000_000_000


@dataclass
class PaperPort:
    did: list[Any] = field(default_factory=list)
    told: dict[str, tuple[Phase, str]] = field(default_factory=dict)
    events: list[tuple[str, Event]] = field(default_factory=list)

    def connect(self) -> None:
        self.did.append("connect")

    def send(self, text: str) -> None:
        body = json.loads(text)
        assert not problems("is-07", "v1.0", "command", body)
        self.did.append(body.get("sources", "health"))

    def close(self) -> None:
        self.did.append("close")

    def received(self, receiver_id: str, event: Event) -> None:
        self.events.append((receiver_id, event))

    def report(self, receiver_id: str, phase: Phase, detail: str = "") -> None:
        self.told[receiver_id] = phase, detail

    def take(self) -> list[Any]:
        did, self.did = self.did, []
        return did


def link(spread: float = 0.5) -> tuple[Link, PaperPort]:
    port = PaperPort()
    return Link(port, lambda: spread), port


def opened(*wanted: tuple[str, str]) -> tuple[Link, PaperPort]:
    made, port = link()
    for receiver_id, source_id in wanted or (("lamp", ONE),):
        made.want(receiver_id, source_id, 0.0)
    made.opened(0.0, TAI)
    port.take()
    return made, port


def state(source: str, value: bool = True) -> State:
    return State(source, "boolean", Payload(value), 5)


def test_it_connects_subscribes_and_says_that_it_is_there() -> None:
    made, port = link()
    made.want("lamp", ONE, 0.0)
    made.want("display", TWO, 0.0)
    assert port.take() == ["connect"]
    assert port.told["lamp"] == ("starting", "")
    made.opened(1.0, TAI)
    assert port.take() == [[ONE, TWO], "health"]
    assert made.due == 6.0


def test_two_receivers_of_one_source_subscribe_once_and_both_hear() -> None:
    made, port = opened(("lamp", ONE), ("display", ONE))
    made.message(encode(state(ONE)), 0.1)
    made.message(encode(state(TWO)), 0.1)
    made.message(encode(Ending("reboot", ONE, 5)), 0.1)
    assert [receiver for receiver, _ in port.events] == ["lamp", "display"] * 2


def test_another_receiver_of_an_open_connection_changes_the_list() -> None:
    made, port = opened()
    made.want("display", TWO, 1.0)
    assert port.take() == [[ONE, TWO]]
    made.want("display", TWO, 2.0)
    assert port.take() == [[ONE, TWO]], "activated again: the states come again"
    made.unwant("lamp", 3.0)
    assert port.take() == [[TWO]]
    made.unwant("display", 3.0)
    assert port.take() == ["close"]
    assert not made.wanted
    assert made.due is None
    made.unwant("display", 3.0)
    assert port.take() == []


def test_health_every_five_seconds() -> None:
    made, port = opened()
    made.message(encode(state(ONE)), 0.1)
    for now in (5.0, 10.0, 15.0):
        made.tick(now - 0.01, TAI)
        made.tick(now, TAI)
        made.message(encode(Health("1000:0", TAI)), now)
    assert port.take() == ["health"] * 3


def test_without_an_answer_for_twelve_seconds_it_connects_anew() -> None:
    made, port = opened()
    made.message(encode(state(ONE)), 11.0)
    for now in (5.0, 10.0, 12.0):
        made.tick(now, TAI)
    assert port.take() == ["health", "health", "close"]
    assert port.told["lamp"][0] == "fault"
    assert "answered no health command for 12 s" in port.told["lamp"][1]
    assert made.due == 12.5
    made.tick(12.5, TAI)
    made.opened(13.0, TAI)
    assert port.take() == ["connect", [ONE], "health"]


def test_it_waits_longer_each_time_until_a_server_has_answered() -> None:
    made, _port = link()
    made.want("lamp", ONE, 0.0)
    now, pauses = 0.0, []
    for _ in range(8):
        made.lost("refused", now)
        assert made.due is not None
        pauses.append(made.due - now)
        now = made.due
        made.tick(now, TAI)
    assert pauses == [0.5, 1, 2, 4, 8, 15, 15, 15]
    made.opened(now, TAI)
    made.lost("closed at once", now)
    assert made.due == now + 15, "to accept a connection is no answer"
    made.tick(made.due, TAI)
    made.opened(now, TAI)
    made.message(encode(Health("1000:0", TAI)), now)
    made.lost("gone", now)
    assert made.due == now + 0.5


@pytest.mark.parametrize(("spread", "pause"), [(0.0, 0.375), (1.0, 0.625)])
def test_the_pause_is_spread(spread: float, pause: float) -> None:
    made, _ = link(spread)
    made.want("lamp", ONE, 0.0)
    made.lost("refused", 0.0)
    assert made.due == pause


def test_an_activation_does_not_wait_for_the_next_try() -> None:
    made, port = opened()
    made.lost("gone", 1.0)
    made.want("lamp", ONE, 1.1)
    assert port.take() == ["connect"]
    made.want("display", TWO, 1.2)
    assert port.take() == [], "it is connecting already"


def test_parked_while_it_waits_or_connects() -> None:
    for lose in (True, False):
        made, port = link()
        made.want("lamp", ONE, 0.0)
        if lose:
            made.lost("refused", 0.0)
        made.unwant("lamp", 0.1)
        assert port.take() == ["connect", "close"]
        made.lost("too late", 0.2)
        assert made.due is None


def test_a_server_that_says_nothing_of_a_source_is_named() -> None:
    made, port = opened(("lamp", ONE), ("display", TWO))
    made.message(encode(state(TWO)), 1.0)
    made.tick(5.0, TAI)
    assert port.told["lamp"] == ("fault", f"its server says nothing of the source {ONE}")
    assert port.told["display"] == ("starting", "")
    made.message(encode(state(ONE)), 6.0)
    assert port.events[-1] == ("lamp", state(ONE))


def test_nonsense_is_borne_for_a_while() -> None:
    made, port = opened()
    for _ in range(subscriber.MAX_BAD - 1):
        made.message("{", 0.1)
    assert port.take() == []
    made.message("[]", 0.1)
    assert port.take() == ["close"]
    assert "no message of IS-07" in port.told["lamp"][1]


def test_a_flood_ends_the_connection() -> None:
    made, port = opened()
    text = encode(state(ONE))
    for _ in range(subscriber.MESSAGES_AT_ONCE):
        made.message(text, 0.1)
    assert port.take() == []
    made.message(text, 0.1)
    assert port.take() == ["close"]
    assert "more than 2000 messages" in port.told["lamp"][1]


def test_another_token_opens_another_connection_and_nobody_is_told_of_a_fault() -> None:
    made, port = opened()
    port.told.clear()
    made.renew()
    assert port.take() == ["connect"]
    made.renew()  # it connects already
    assert port.take() == []
    made.opened(1.0, TAI)
    assert port.take() == [[ONE], "health"]
    assert port.told == {}
