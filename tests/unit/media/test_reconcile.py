"""Desired against running, in virtual time."""

from dataclasses import replace

import pytest

from appliance.config.model import OutputConfig
from appliance.errors import ApplianceError, BadRequest
from appliance.media.engine import Job, NotYet, Plan, Relay, StreamStatus
from appliance.media.jobs import Refusal
from appliance.media.reconcile import (
    AT_ONCE,
    GOOD_WHILE_S,
    REJOIN_S,
    Join,
    Leave,
    Membership,
    Reconciler,
    Spawn,
    Switch,
    Terminate,
    memberships,
    sentence,
)
from tests.unit.media.streams import GROUP, RECEIVER, SENDER, on

MEMBERSHIP = Membership("239.1.1.1", "eth0", None)
OTHER = Membership("239.1.1.2", "eth0", None)
ALSA = replace(RECEIVER, end=OutputConfig("alsa"))


class Planner:
    """Plans ``play``; what it claims is the job's output; raises what it is told to."""

    def __init__(self) -> None:
        self.error: ApplianceError | None = None
        self.ends = False
        self.argv: tuple[str, ...] | None = ("/usr/bin/play",)
        self.relay: Relay | None = None

    def __call__(self, job: Job) -> Plan:
        if self.error:
            raise self.error
        claims = frozenset({"card"} if job.end.kind == "alsa" else ())
        sockets = job.legs if self.relay else ()
        return Plan(self.argv, sockets, self.relay, ready="go", ends=self.ends, claims=claims)


@pytest.fixture
def planner() -> Planner:
    return Planner()


@pytest.fixture
def machine(planner: Planner) -> Reconciler:
    return Reconciler(planner)


def spawned(machine: Reconciler) -> int:
    return next(action.run for action in machine.actions() if isinstance(action, Spawn))


def test_a_receiver_joins_before_anything_is_started(machine: Reconciler) -> None:
    machine.set_desired("r", RECEIVER, 0.0)
    join, spawn = machine.actions()
    assert join == Join("r", MEMBERSHIP)
    assert isinstance(spawn, Spawn)
    assert machine.actions() == []


def test_a_receiver_is_settled_when_it_has_joined_not_when_it_plays(machine: Reconciler) -> None:
    machine.set_desired("r", RECEIVER, 0.0)
    assert not machine.settled("r")
    machine.joined("r", MEMBERSHIP)
    assert machine.settled("r")
    assert machine.status("r") == StreamStatus("starting")
    machine.sign_of_life("r", spawned(machine))
    assert machine.status("r") == StreamStatus("running")


def test_a_sender_joins_nothing_and_is_settled_once_started(machine: Reconciler) -> None:
    machine.set_desired("s", SENDER, 0.0)
    (spawn,) = machine.actions()
    assert isinstance(spawn, Spawn)
    assert machine.settled("s")


def test_the_same_job_again_changes_nothing_and_a_new_label_is_no_new_job(machine: Reconciler) -> None:
    machine.set_desired("r", RECEIVER, 0.0)
    machine.actions()
    machine.set_desired("r", replace(RECEIVER, label="Foyer"), 1.0)
    assert machine.actions() == []


def test_another_group_is_joined_at_once_and_both_processes_overlap(machine: Reconciler) -> None:
    machine.set_desired("r", RECEIVER, 0.0)
    machine.joined("r", MEMBERSHIP)
    first = spawned(machine)
    machine.set_desired("r", on(RECEIVER, "239.1.1.2"), 1.0)
    leave, join, end, start = machine.actions()
    assert (leave, join, end) == (Leave("r", MEMBERSHIP), Join("r", OTHER), Terminate("r", first))
    assert isinstance(start, Spawn)
    machine.exited("r", first, 0, (), 1.1)
    assert machine.actions() == []
    machine.sign_of_life("r", first)
    assert machine.status("r").phase == "starting", "a late word of the old process is not the new one's"


def test_a_sound_card_is_waited_for(machine: Reconciler) -> None:
    machine.set_desired("r", ALSA, 0.0)
    first = spawned(machine)
    machine.set_desired("r", on(ALSA, "239.1.1.2"), 1.0)
    assert not any(isinstance(action, Spawn) for action in machine.actions())
    machine.joined("r", OTHER)
    assert machine.settled("r"), "the join is what an activation waits for"
    assert machine.status("r") == StreamStatus("starting", "waiting for the stream before this one to end")
    machine.exited("r", first, 0, (), 1.1)
    assert spawned(machine) != first


def test_a_group_that_stays_is_neither_left_nor_joined_again(machine: Reconciler) -> None:
    machine.set_desired("r", RECEIVER, 0.0)
    machine.joined("r", MEMBERSHIP)
    machine.actions()
    machine.set_desired("r", replace(RECEIVER, legs=(replace(GROUP, port=5006),)), 1.0)
    assert [type(action) for action in machine.actions()] == [Terminate, Spawn]


def test_nothing_desired_leaves_and_ends(machine: Reconciler) -> None:
    machine.set_desired("r", RECEIVER, 0.0)
    machine.joined("r", MEMBERSHIP)
    run = spawned(machine)
    machine.set_desired("r", None, 1.0)
    assert machine.actions() == [Leave("r", MEMBERSHIP), Terminate("r", run)]
    assert machine.status("r") == StreamStatus()
    assert machine.settled("r")
    machine.exited("r", run, 0, (), 1.2)
    assert machine.actions() == []
    assert machine.due() is None


def test_a_process_that_dies_is_started_again_with_growing_pauses(machine: Reconciler) -> None:
    machine.set_desired("s", SENDER, 0.0)
    now, pauses = 0.0, []
    for _ in range(8):
        machine.exited("s", spawned(machine), 1, ("ERROR: from element /Gst:a0: No such card.", "Details"), now)
        due = machine.due()
        assert due is not None
        machine.tick(due - 0.01)
        assert machine.actions() == []
        pauses.append(due - now)
        machine.tick(due)
        now = due
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 10, 10]
    assert machine.status("s") == StreamStatus("fault", "play ended with 1: No such card.", restarts=8)
    machine.sign_of_life("s", spawned(machine))
    assert machine.status("s") == StreamStatus("running", "", restarts=8)


def test_a_good_while_forgives(machine: Reconciler) -> None:
    machine.set_desired("s", SENDER, 0.0)
    now = 0.0
    for _ in range(4):
        machine.exited("s", spawned(machine), 1, (), now)
        now = machine.due() or 0
        machine.tick(now)
    later = now + GOOD_WHILE_S
    machine.exited("s", spawned(machine), -9, (), later)
    assert machine.due() == later + 0.25
    assert machine.status("s").detail == "play was killed by signal 9"


def test_a_new_job_does_not_wait_for_the_old_ones_retry(machine: Reconciler) -> None:
    machine.set_desired("s", SENDER, 0.0)
    machine.exited("s", spawned(machine), 1, (), 0.0)
    machine.set_desired("s", on(SENDER, "239.1.1.2"), 0.1)
    assert spawned(machine)
    assert machine.due() is None
    assert machine.status("s") == StreamStatus("starting")


def test_a_file_that_has_ended_begins_again_and_an_empty_one_is_a_fault(planner: Planner, machine: Reconciler) -> None:
    planner.ends = True
    machine.set_desired("s", SENDER, 0.0)
    machine.exited("s", spawned(machine), 0, (), 5.0)
    second = spawned(machine)
    assert machine.status("s").restarts == 0
    machine.exited("s", second, 0, (), 5.1)
    assert machine.actions() == []
    assert machine.status("s").phase == "fault"


def test_what_cannot_be_planned_is_shown_and_tried_again(planner: Planner, machine: Reconciler) -> None:
    planner.error = BadRequest("gst-launch-1.0 is not installed: apt install ...")
    machine.set_desired("r", RECEIVER, 0.0)
    assert machine.actions() == [Join("r", MEMBERSHIP)]
    machine.joined("r", MEMBERSHIP)
    assert machine.settled("r")
    assert machine.status("r") == StreamStatus("fault", "gst-launch-1.0 is not installed: apt install ...")
    planner.error = None
    machine.tick(machine.due() or 0)
    machine.sign_of_life("r", spawned(machine))
    assert machine.status("r").phase == "running"


def test_what_can_be_planned_in_a_moment_is_no_fault(planner: Planner, machine: Reconciler) -> None:
    planner.error = NotYet("looking")
    machine.set_desired("s", SENDER, 0.0)
    status = machine.status("s")
    assert (status.phase, status.detail, status.last_error) == ("starting", "", "")
    planner.error = None
    due = machine.due()
    assert due is not None
    machine.tick(due)
    assert isinstance(machine.actions()[-1], Spawn)


def test_a_sender_that_cannot_be_planned_is_settled(planner: Planner, machine: Reconciler) -> None:
    planner.error = BadRequest("no")
    machine.set_desired("s", SENDER, 0.0)
    assert machine.settled("s")


def test_a_join_that_failed_is_shown_settled_and_tried_again(machine: Reconciler) -> None:
    machine.set_desired("r", RECEIVER, 0.0)
    machine.sign_of_life("r", spawned(machine))
    machine.join_failed("r", MEMBERSHIP, "239.1.1.1 cannot be joined on eth0: no such device", 0.0)
    assert machine.settled("r")
    assert machine.status("r") == StreamStatus("fault", "239.1.1.1 cannot be joined on eth0: no such device")
    machine.tick(0.25)
    assert machine.actions() == [Join("r", MEMBERSHIP)]
    machine.joined("r", MEMBERSHIP)
    assert machine.status("r") == StreamStatus("running")


def test_a_failed_join_is_not_left(machine: Reconciler) -> None:
    machine.set_desired("r", RECEIVER, 0.0)
    machine.join_failed("r", MEMBERSHIP, "no", 0.0)
    run = spawned(machine)
    machine.set_desired("r", None, 1.0)
    assert machine.actions() == [Terminate("r", run)]
    machine.join_failed("r", MEMBERSHIP, "late", 1.0)
    assert machine.due() is None


def test_a_process_that_cannot_be_started_is_a_fault(machine: Reconciler) -> None:
    machine.set_desired("s", SENDER, 0.0)
    machine.spawn_failed("s", spawned(machine), "play cannot be started: permission denied", 0.0)
    assert machine.status("s").detail == "play cannot be started: permission denied"
    assert machine.due() == 0.25


def test_a_refusal_is_a_fault_and_ends_what_ran(machine: Reconciler) -> None:
    machine.set_desired("r", RECEIVER, 0.0)
    machine.joined("r", MEMBERSHIP)
    run = spawned(machine)
    machine.set_desired("r", Refusal("the SDP says audio/L8, this output takes L16 and L24"), 1.0)
    assert machine.actions() == [Leave("r", MEMBERSHIP), Terminate("r", run)]
    assert machine.status("r") == StreamStatus("fault", "the SDP says audio/L8, this output takes L16 and L24")
    assert machine.settled("r")
    assert machine.due() is None


def test_a_driver_with_nothing_to_run_still_joins(planner: Planner, machine: Reconciler) -> None:
    planner.argv = None
    machine.set_desired("r", RECEIVER, 0.0)
    assert machine.actions() == [Join("r", MEMBERSHIP)]
    assert not machine.settled("r")
    machine.joined("r", MEMBERSHIP)
    assert machine.status("r") == StreamStatus("running")


def test_stopping_leaves_and_ends_everything_and_starts_nothing_again(machine: Reconciler) -> None:
    machine.set_desired("r", ALSA, 0.0)
    machine.joined("r", MEMBERSHIP)
    machine.set_desired("s", SENDER, 0.0)
    one, two = (action.run for action in machine.actions() if isinstance(action, Spawn))
    machine.stop()
    assert machine.actions() == [Leave("r", MEMBERSHIP), Terminate("r", one), Terminate("s", two)]
    machine.exited("r", one, -2, (), 1.0)
    machine.exited("s", two, -2, (), 1.0)
    machine.tick(100.0)
    assert machine.actions() == []


def test_unknown_endpoints_are_idle(machine: Reconciler) -> None:
    assert machine.status("nobody") == StreamStatus()
    assert machine.settled("nobody")


def test_memberships_are_of_receivers_of_multicast_each_once() -> None:
    unicast = replace(GROUP, destination_ip="10.1.0.2")
    specific = replace(GROUP, source_ip="10.1.0.9")
    job = replace(RECEIVER, legs=(GROUP, unicast, specific, GROUP))
    assert memberships(job) == (MEMBERSHIP, Membership("239.1.1.1", "eth0", "10.1.0.9"))
    assert memberships(SENDER) == ()


@pytest.mark.parametrize(
    ("code", "lines", "said"),
    [
        (1, ('WARNING: erroneous pipeline: no element "alsasink"',), 'g ended with 1: no element "alsasink"'),
        (1, ("ERROR: from element /P/Alsa:a: No: x", "Additional debug info:"), "g ended with 1: No: x"),
        (2, ("first", "last", ""), "g ended with 2: last"),
        (-11, (), "g was killed by signal 11"),
    ],
)
def test_a_fault_is_a_sentence(code: int, lines: tuple[str, ...], said: str) -> None:
    assert sentence(Plan(("/usr/bin/g",)), code, lines) == said


def test_a_fault_comes_with_advice_where_the_driver_has_one() -> None:
    plan = Plan(("g",), advice=(("no element", "apt install it"),))
    assert sentence(plan, 1, ('no element "x"',)) == 'g ended with 1: no element "x": apt install it'
    assert sentence(plan, 1, ("no device",)) == "g ended with 1: no device"


def test_a_re_activation_leaves_and_starts_anew_and_joins_a_moment_later(machine: Reconciler) -> None:
    """IS-05 Behaviour - Re-Activating Senders & Receivers."""
    first = activated(machine, "1:0", 0.0)
    machine.set_desired("r", replace(RECEIVER, activation="1:0"), 1.0)
    assert machine.actions() == []
    machine.set_desired("r", replace(RECEIVER, activation="2:0"), 2.0)
    left, ended, started = machine.actions()
    assert (left, ended) == (Leave("r", MEMBERSHIP), Terminate("r", first))
    assert isinstance(started, Spawn)
    assert machine.due() == 2.0 + REJOIN_S
    assert not machine.settled("r")
    machine.sign_of_life("r", started.run)
    assert machine.status("r").phase == "starting"
    machine.tick(2.0 + REJOIN_S)
    assert machine.actions() == [Join("r", MEMBERSHIP)]
    assert machine.due() is None
    machine.joined("r", MEMBERSHIP)
    assert machine.settled("r")
    assert machine.status("r").phase == "running"


def test_what_comes_before_the_group_is_joined_again_leaves_nothing_twice(machine: Reconciler) -> None:
    activated(machine, "1:0", 0.0)
    machine.set_desired("r", replace(RECEIVER, activation="2:0"), 1.0)
    machine.actions()
    machine.set_desired("r", replace(on(RECEIVER, "239.1.1.2"), activation="3:0"), 1.01)
    assert [action for action in machine.actions() if isinstance(action, (Join, Leave))] == [Join("r", OTHER)]
    machine.joined("r", OTHER)
    machine.tick(2.0)
    assert machine.actions() == []
    machine.set_desired("r", replace(on(RECEIVER, "239.1.1.2"), activation="4:0"), 3.0)
    machine.actions()
    machine.stop()
    machine.tick(4.0)
    assert [action for action in machine.actions() if isinstance(action, (Join, Leave))] == []


def test_many_that_are_due_at_once_are_done_in_parts_and_each_is_named(planner: Planner, machine: Reconciler) -> None:
    planner.argv = None
    ids = [f"r{number}" for number in range(2 * AT_ONCE + 1)]
    for time in ("1:0", "2:0"):
        for id in ids:
            machine.set_desired(id, replace(RECEIVER, activation=time), 1.0)
            machine.joined(id, MEMBERSHIP)
    machine.actions()
    parts = []
    while machine.due() is not None:
        parts.append(machine.tick(1.0 + REJOIN_S))
        assert machine.actions() == [Join(id, MEMBERSHIP) for id in parts[-1]]
    assert [len(part) for part in parts] == [AT_ONCE, AT_ONCE, 1]
    assert sorted(id for part in parts for id in part) == sorted(ids)


def test_an_activation_that_changes_something_keeps_the_groups_that_stay(machine: Reconciler) -> None:
    activated(machine, "1:0", 0.0)
    elsewhere = replace(RECEIVER, legs=(replace(GROUP, port=6000),), activation="2:0")
    machine.set_desired("r", elsewhere, 1.0)
    assert not any(isinstance(action, (Join, Leave)) for action in machine.actions())


def activated(machine: Reconciler, time: str, now: float) -> int:
    machine.set_desired("r", replace(RECEIVER, activation=time), now)
    run = spawned(machine)
    machine.joined("r", MEMBERSHIP)
    machine.sign_of_life("r", run)
    return run


def test_the_last_error_stays_when_it_is_over_and_goes_with_the_next_activation(machine: Reconciler) -> None:
    machine.set_desired("s", SENDER, 0.0)
    machine.exited("s", spawned(machine), 1, ["No such card."], 1.0)
    machine.tick(2.0)
    machine.sign_of_life("s", spawned(machine))
    assert machine.status("s").detail == ""
    assert machine.status("s").last_error == "play ended with 1: No such card."
    machine.set_desired("s", on(SENDER, "239.1.1.9"), 3.0)
    assert machine.status("s").last_error == ""


def test_a_signal_is_that_of_the_run_which_has_it(machine: Reconciler) -> None:
    machine.set_desired("s", SENDER, 0.0)
    run = spawned(machine)
    assert machine.status("s").signal is None
    machine.signal("s", run, True)
    assert machine.status("s").signal is True
    machine.signal("s", run, False)
    assert machine.status("s").signal is False
    machine.signal("s", run, True, (False,))
    assert machine.status("s").silent == ("eth0",)
    machine.signal("s", run, False, (False,))
    assert machine.status("s").silent == ()
    machine.exited("s", run, 1, [], 1.0)
    assert machine.status("s").signal is None
    machine.signal("s", run, True)
    assert machine.status("s").signal is None


RELAYED = Relay(48_000, 2, 3, 0.01)


def test_a_relayed_run_goes_on_with_other_sockets(machine: Reconciler, planner: Planner) -> None:
    planner.relay = RELAYED
    machine.set_desired("r", RECEIVER, 0.0)
    run = spawned(machine)
    machine.sign_of_life("r", run)
    machine.signal("r", run, True)
    machine.set_desired("r", on(RECEIVER, "239.1.1.2"), 1.0)
    leave, join, switch = machine.actions()
    assert (leave, join) == (Leave("r", MEMBERSHIP), Join("r", OTHER))
    assert switch == Switch("r", run, planner(on(RECEIVER, "239.1.1.2")))
    machine.joined("r", OTHER)
    assert machine.status("r") == StreamStatus("running")


def test_a_relayed_run_is_started_anew_for_what_needs_another_player(machine: Reconciler, planner: Planner) -> None:
    planner.relay = RELAYED
    machine.set_desired("r", RECEIVER, 0.0)
    run = spawned(machine)
    planner.argv = ("/usr/bin/other",)
    machine.set_desired("r", on(RECEIVER, "239.1.1.2"), 1.0)
    *_, end, start = machine.actions()
    assert end == Terminate("r", run)
    assert isinstance(start, Spawn)


def test_a_relayed_run_is_started_anew_by_the_same_activation_again(machine: Reconciler, planner: Planner) -> None:
    planner.relay = RELAYED
    machine.set_desired("r", RECEIVER, 0.0)
    run = spawned(machine)
    machine.set_desired("r", replace(RECEIVER, activation="1:0"), 1.0)
    assert Terminate("r", run) in machine.actions()


def test_a_relayed_run_ends_where_the_next_job_cannot_be_done(machine: Reconciler, planner: Planner) -> None:
    planner.relay = RELAYED
    machine.set_desired("r", RECEIVER, 0.0)
    run = spawned(machine)
    planner.error = BadRequest("cannot")
    machine.set_desired("r", on(RECEIVER, "239.1.1.2"), 1.0)
    assert Terminate("r", run) in machine.actions()
    assert machine.status("r") == StreamStatus("fault", "cannot")
