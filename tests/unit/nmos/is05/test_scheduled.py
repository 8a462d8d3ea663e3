"""Scheduled activations in virtual time: when they fire, what locks, what cancels, what a clock or a reboot does."""

import pytest

from appliance.core.tai import NS, format_tai, parse_tai
from appliance.core.types import JSON, Kind
from tests.unit.network.hosts import host
from tests.unit.nmos.is05.boxes import BLUE, IMMEDIATE, NO_ACTIVATION, NO_NETWORK, RED, Box, receiver_id, sender_id

TONE = sender_id("tone")
PAIR = sender_id("pair")
OFF = sender_id("off")
SPEAKER = receiver_id("speaker")


def schedule(box: Box, activation: JSON, id: str = TONE, port: int = 6000) -> JSON:
    legs: list[JSON] = [{"destination_port": port} for _ in box.endpoint(Kind.SENDER, id).legs]
    answer = box.patch(Kind.SENDER, id, {"transport_params": legs, "activation": activation})
    assert answer.status == 202
    assert answer.settle == ()
    return dict(answer.body)


def absolute(box: Box, seconds: float) -> JSON:
    return {
        "mode": "activate_scheduled_absolute",
        "requested_time": format_tai(box.clock.tai_ns() + round(seconds * NS)),
    }


def relative(seconds: int) -> JSON:
    return {"mode": "activate_scheduled_relative", "requested_time": f"{seconds}:0"}


def port(box: Box, id: str = TONE) -> int:
    return int(box.active(Kind.SENDER, id)["transport_params"][0]["destination_port"])


def wait(box: Box) -> tuple[str, ...]:
    """Let time pass as an edge would: to each time that the timer names, until something fires."""
    for _ in range(1000):
        timer = box.connections.get_timer()
        assert timer is not None
        box.clock.advance(max(0.0, timer - box.clock.monotonic()))
        if fired := box.connections.handle_timer():
            return fired
    raise AssertionError("nothing fires")


@pytest.mark.parametrize("mode", ["absolute", "relative"])
def test_it_is_pending_and_then_it_is_done(mode: str) -> None:
    box = Box()
    started = box.clock.tai_ns()
    activation = absolute(box, 2) if mode == "absolute" else relative(2)
    answer = schedule(box, activation)
    pending = {**activation, "activation_time": format_tai(started + 2 * NS)}
    assert answer["activation"] == pending
    assert box.staged(Kind.SENDER, TONE) == answer
    assert box.aspect(TONE)["pending"] == pending
    assert box.rearmed == 1
    assert port(box) == 5004
    assert wait(box) == (TONE,)
    assert port(box) == 6000
    assert box.clock.tai_ns() == started + 2 * NS
    assert box.active(Kind.SENDER, TONE)["activation"] == pending
    assert box.staged(Kind.SENDER, TONE) == {**answer, "activation": NO_ACTIVATION}
    assert box.aspect(TONE)["pending"] is None
    assert box.connections.get_timer() is None


def test_it_is_never_early() -> None:
    box = Box()
    schedule(box, absolute(box, 2))
    schedule(box, relative(2), PAIR)
    box.clock.advance(1.999_999)
    assert box.connections.handle_timer() == ()
    box.clock.advance(0.000_001)
    assert set(box.connections.handle_timer()) == {TONE, PAIR}


def test_is04_is_told_when_it_happens_and_not_before() -> None:
    box = Box()
    schedule(box, relative(2))
    assert box.store.counters[Kind.SENDER] == 0
    wait(box)
    assert parse_tai(box.resource(Kind.SENDER, TONE)["version"]) == box.clock.tai_ns()
    assert box.store.counters[Kind.SENDER] == 1


def test_while_pending_everything_but_a_cancel_is_locked_out() -> None:
    box = Box()
    schedule(box, relative(2))
    before = box.aspect(TONE)
    for body in ({}, {"master_enable": False}, {"activation": IMMEDIATE}, {"activation": relative(5)}):
        answer = box.patch(Kind.SENDER, TONE, body)
        assert answer.status == 423
        assert answer.body["code"] == 423
        assert "activation.mode null cancels" in answer.body["error"]
    assert box.aspect(TONE) == before
    assert box.patch(Kind.SENDER, TONE, {"bad": 1}).status == 400
    assert box.patch(Kind.SENDER, PAIR, {"activation": IMMEDIATE}).status == 200


def test_a_cancel_may_change_more_in_the_same_request() -> None:
    box = Box()
    schedule(box, relative(2))
    body = {"activation": {"mode": None}, "transport_params": [{"source_port": 7000}]}
    answer = box.patch(Kind.SENDER, TONE, body)
    assert answer.status == 200
    assert answer.body["activation"] == NO_ACTIVATION
    [leg] = answer.body["transport_params"]
    assert (leg["source_port"], leg["destination_port"]) == (7000, 6000)
    assert box.connections.get_timer() is None
    assert box.rearmed == 2
    box.clock.advance(5)
    assert box.connections.handle_timer() == ()
    assert port(box) == 5004
    assert box.patch(Kind.SENDER, TONE, {}).status == 200


def test_a_refused_cancel_cancels_nothing() -> None:
    box = Box()
    schedule(box, relative(2))
    body = {"activation": {"mode": None}, "transport_params": [{"source_ip": "1.2.3.4"}]}
    assert box.patch(Kind.SENDER, TONE, body).status == 400
    assert wait(box) == (TONE,)


def test_scheduled_again_after_a_cancel_only_the_new_time_counts() -> None:
    box = Box()
    schedule(box, relative(2))
    box.patch(Kind.SENDER, TONE, {"activation": {"mode": None}})
    schedule(box, relative(4), port=6002)
    box.clock.advance(3)
    assert box.connections.handle_timer() == ()
    box.clock.advance(1)
    assert box.connections.handle_timer() == (TONE,)
    assert port(box) == 6002


def test_a_time_already_past_is_now() -> None:
    box = Box()
    answer = schedule(box, {"mode": "activate_scheduled_absolute", "requested_time": "1496677550:20"})
    assert answer["activation"]["requested_time"] == "1496677550:20"
    assert answer["activation"]["activation_time"] == format_tai(box.clock.tai_ns())
    assert box.connections.get_timer() == box.clock.monotonic()
    assert box.connections.handle_timer() == (TONE,)


def test_zero_seconds_from_now_is_now() -> None:
    box = Box()
    schedule(box, relative(0))
    assert box.connections.handle_timer() == (TONE,)


def test_an_absolute_time_follows_the_clock_a_relative_one_does_not() -> None:
    box = Box()
    schedule(box, absolute(box, 100))
    schedule(box, relative(100), PAIR)
    box.clock.step_tai(98)
    assert set(wait(box)) == {TONE}
    box.clock.advance(97)
    assert box.connections.handle_timer() == ()
    assert set(wait(box)) == {PAIR}


def test_a_clock_set_back_makes_an_absolute_one_wait() -> None:
    box = Box()
    target = box.clock.tai_ns() + 2 * NS
    schedule(box, absolute(box, 2))
    box.clock.step_tai(-10)
    box.clock.advance(2)
    assert box.connections.handle_timer() == ()
    wait(box)
    assert box.clock.tai_ns() == target


def test_a_clock_set_forward_is_noticed_within_a_second() -> None:
    box = Box()
    schedule(box, absolute(box, 3600))
    timer = box.connections.get_timer()
    assert timer is not None
    assert timer - box.clock.monotonic() <= 1.0


def test_a_salvo_is_one_change() -> None:
    box = Box()
    at = absolute(box, 1)
    for id in (TONE, PAIR, OFF):
        schedule(box, at, id)
    box.changes.clear()
    assert wait(box) == (TONE, PAIR, OFF)
    [change] = box.changes
    assert [resource.id for resource in change.resources] == [TONE, PAIR, OFF]


def test_unresolvable_when_it_is_due_leaves_active_and_says_so() -> None:
    box = Box()
    answer = schedule(box, relative(2))
    active, resource = box.active(Kind.SENDER, TONE), box.resource(Kind.SENDER, TONE)
    box.network.state = NO_NETWORK
    box.changes.clear()
    assert wait(box) == (TONE,)
    assert box.active(Kind.SENDER, TONE) == active
    assert box.resource(Kind.SENDER, TONE) == resource
    assert box.staged(Kind.SENDER, TONE) == {**answer, "activation": NO_ACTIVATION}
    notice = box.aspect(TONE)["notice"]
    assert notice.startswith(f"the activation scheduled for {answer['activation']['activation_time']} failed: ")
    assert "transport_params[0].source_ip" in notice
    box.network.state = host(RED, BLUE)
    assert box.patch(Kind.SENDER, TONE, {"activation": IMMEDIATE}).status == 200
    assert box.aspect(TONE)["notice"] is None


def test_one_failure_in_a_salvo_does_not_hinder_the_others() -> None:
    box = Box()
    for id in (TONE, PAIR):
        schedule(box, relative(1), id)
    box.network.state = host(RED, media=("eth0", "eth1"))
    assert set(wait(box)) == {TONE, PAIR}
    assert port(box, TONE) == 6000
    assert port(box, PAIR) == 5004
    assert box.aspect(PAIR)["notice"] is not None


def test_what_a_reboot_took_is_not_done_late_and_not_hidden() -> None:
    box = Box()
    answer = schedule(box, relative(2))
    after = box.rebooted()
    after.clock.advance(10)
    while after.connections.get_timer() is not None:
        assert after.connections.handle_timer() == ()
    assert after.connections.handle_timer() == ()
    assert port(after) == 5004
    assert after.staged(Kind.SENDER, TONE) == {**answer, "activation": NO_ACTIVATION}
    time = answer["activation"]["activation_time"]
    assert after.aspect(TONE)["notice"] == f"the activation scheduled for {time} was lost in a restart"
    assert after.aspect(TONE)["pending"] is None
    assert after.patch(Kind.SENDER, TONE, {}).status == 200
