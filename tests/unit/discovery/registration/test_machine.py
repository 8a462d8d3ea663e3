"""IS-04 Behaviour - Registration, clause by clause, in virtual time."""

from dataclasses import replace

import pytest

from appliance.core.types import Kind
from appliance.discovery.registration.choice import MAX_BACKOFF_S
from appliance.discovery.registration.machine import FAREWELL_S, HEARTBEAT_S, PROBE_S
from appliance.discovery.registration.messages import Answer, State
from appliance.discovery.registration.services import Candidate
from tests.unit.discovery.registration.box import (
    DEVICE,
    FLOW,
    NAMED,
    OLD,
    RECEIVER,
    SENDER,
    A,
    B,
    Box,
    C,
    sender,
)

PAGE = {"content_type": "text/html; charset=utf-8", "body": b"<html>Log in</html>"}
AT_V12 = {"location": "/x-nmos/registration/v1.2/resource/nodes/0"}
SERVER_ERRORS = [500, 503, 599, 302, 304, 100]


def test_everything_is_registered_in_order_and_then_kept_alive() -> None:
    box = Box()
    box.candidates(A, B)
    assert box.last == "a POST node v1.3"
    assert not box.registered()
    box.answer(201)
    assert box.registered()
    box.answer_all(201)
    kinds = ["node", "device", "source", "flow", "sender", "receiver"]
    assert box.sent == [f"a POST {kind} v1.3" for kind in kinds]
    assert box.machine.get_timer() == box.now + HEARTBEAT_S
    box.wait()
    assert box.last == "a BEAT v1.3"
    box.answer(200)
    assert box.machine.get_timer() == box.now + HEARTBEAT_S


def test_the_best_of_those_that_answer_in_one_moment_is_taken() -> None:
    box = Box()
    box.do(box.machine.handle_candidates(box.now, (B,), {B.url}))
    assert box.open is None
    first = box.machine.get_timer()
    box.now += 0.1
    box.do(box.machine.handle_candidates(box.now, (A, B), {A.url}))
    assert box.machine.get_timer() == first  # nobody can put it off
    box.wait()
    assert box.last == "a POST node v1.3"


def test_who_goes_in_that_moment_is_not_asked() -> None:
    box = Box()
    box.do(box.machine.handle_candidates(box.now, (A,), {A.url}))
    box.do(box.machine.handle_candidates(box.now, ()))
    assert box.machine.get_timer() is None
    assert box.state is State.SEARCHING


def test_bodies_are_what_the_node_api_shows_in_that_version() -> None:
    box = Box()
    box.register(OLD)
    node, *_, shown = box.requests
    assert node.body == {
        "type": "node",
        "data": {"id": box.store.node["id"], "version": box.store.node["version"], "label": "box", "services": [],
                 "api": {"endpoints": []}, "interfaces": []},
    }  # fmt: skip
    assert shown.body is not None
    assert shown.body["data"]["id"] == RECEIVER


def test_the_first_heartbeat_is_counted_from_the_nodes_post() -> None:
    box = Box()
    box.candidates(A)
    sent_at = box.now
    box.now += 2.0
    box.answer_all(201)
    assert box.machine.get_timer() == sent_at + HEARTBEAT_S


def test_a_heartbeat_that_is_due_goes_before_resources() -> None:
    box = Box()
    box.candidates(A)
    box.answer(201)
    box.now += HEARTBEAT_S
    box.answer(201)
    assert box.last == "a BEAT v1.3"
    box.answer(200)
    assert box.last == "a POST source v1.3"


def test_changes_are_told_at_once_the_newest_only() -> None:
    box = Box()
    box.register(A)
    box.forget()
    box.relabel(Kind.RECEIVER, "one")
    assert box.last == "a POST receiver v1.3"
    for label in ("two", "three", "four"):
        box.relabel(Kind.RECEIVER, label)
        box.relabel(Kind.DEVICE, label)
    box.answer_all(200)
    assert box.sent == ["a POST receiver v1.3", "a POST device v1.3", "a POST receiver v1.3"]
    labels = [request.body["data"]["label"] for request in box.requests if request.body]
    assert labels == ["one", "four", "four"]


def test_what_is_removed_is_deleted_children_first() -> None:
    box = Box()
    box.register(A)
    box.forget()
    with box.store.transaction("remove") as tx:
        tx.update(Kind.DEVICE, DEVICE, senders=[])
        tx.delete(Kind.FLOW, FLOW)
        tx.delete(Kind.SENDER, SENDER)
    box.answer_all(204)
    assert box.sent == ["a DELETE senders v1.3", "a DELETE flows v1.3", "a POST device v1.3"]


def test_what_comes_and_goes_before_it_was_told_is_never_told() -> None:
    box = Box()
    box.register(A)
    box.relabel(Kind.NODE, "busy")
    box.forget()
    with box.store.transaction("add") as tx:
        tx.put(Kind.SENDER, sender("77777777-0000-4000-8000-000000000000"))
    with box.store.transaction("remove") as tx:
        tx.delete(Kind.SENDER, "77777777-0000-4000-8000-000000000000")
    box.answer(200)
    assert box.sent == []


def test_a_removal_while_its_post_is_under_way_is_told_after_it() -> None:
    box = Box()
    box.register(A)
    box.forget()
    box.relabel(Kind.SENDER, "late")
    with box.store.transaction("remove") as tx:
        tx.delete(Kind.SENDER, SENDER)
    box.answer(200)
    assert box.last == "a DELETE senders v1.3"
    box.answer(404)  # gone already is as good
    assert box.open is None
    assert box.machine.status().held == 5


def test_an_older_registry_never_hears_of_what_its_version_cannot_say() -> None:
    box = Box()
    box.register(OLD)
    box.forget()
    with box.store.transaction("switch to MQTT") as tx:
        tx.put(Kind.SENDER, sender(SENDER, "mqtt"))
    assert box.last == "old DELETE senders v1.2"
    box.answer(204)
    box.forget()
    with box.store.transaction("still MQTT") as tx:
        tx.update(Kind.SENDER, SENDER, label="new")
    assert box.sent == []


def test_200_on_the_first_post_clears_and_posts_again() -> None:
    """ "Node Encounters HTTP 200 On First Registration"."""
    box = Box()
    box.candidates(A)
    box.answer(200)
    assert box.last == "a DELETE nodes v1.3"
    assert not box.registered()
    box.answer(204)
    assert box.last == "a POST node v1.3"
    box.answer(201)
    assert box.registered()
    assert box.last == "a POST device v1.3"


def test_a_registry_that_only_knows_200_is_not_cleared_for_ever() -> None:
    box = Box()
    box.candidates(A)
    for _ in range(3):
        box.answer(200)
    assert box.state is State.REGISTERED


def test_404_on_a_heartbeat_registers_everything_again() -> None:
    box = Box()
    box.register(A)
    box.forget()
    box.wait()
    box.answer(404)
    assert box.last == "a POST node v1.3"
    assert box.registered()  # no flicker of the TXT record
    box.answer_all(201)
    assert len(box.sent) == 1 + 6


def test_an_update_of_the_node_that_creates_it_is_followed_by_everything() -> None:
    """The registry had forgotten the node a moment ago: 201 says so before the next heartbeat does."""
    box = Box()
    box.register(A)
    box.forget()
    box.relabel(Kind.NODE, "again")
    box.answer(201)
    box.answer_all(201)
    assert box.sent == [f"a POST {kind} v1.3" for kind in ("node", "device", "source", "flow", "sender", "receiver")]


@pytest.mark.parametrize("first", ["node", "heartbeat", "resource"])
def test_409_unregisters_under_the_old_version_first(first: str) -> None:
    box = Box()
    if first == "node":
        box.candidates(A)
    else:
        box.register(A)
        box.forget()
        if first == "heartbeat":
            box.wait()
        else:
            box.relabel(Kind.SENDER, "x")
    box.answer(409, **AT_V12)
    assert box.last == "a DELETE nodes v1.2"
    box.answer(204)
    assert box.last == "a POST node v1.3"
    box.answer_all(201)
    assert box.state is State.REGISTERED
    assert box.machine.status().held == 6


def test_409_without_a_location_tries_the_registrys_other_versions() -> None:
    box = Box()
    box.candidates(A)
    box.answer(409)
    assert box.last == "a DELETE nodes v1.2"
    box.answer(404)
    assert box.last == "a POST node v1.3"


def test_409_for_ever_is_a_failure() -> None:
    box = Box()
    box.candidates(A, B)
    for _ in range(20):
        if box.last == "b POST node v1.3":
            break
        box.answer(409, **AT_V12)
    assert box.last == "b POST node v1.3"


def test_a_location_never_leads_to_another_host() -> None:
    box = Box()
    box.candidates(A)
    box.answer(409, location="http://evil.example/x-nmos/registration/v1.1/resource/nodes/0")
    assert box.last == "a DELETE nodes v1.1"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422])
def test_a_resource_that_is_refused_is_not_sent_again_unchanged(status: int) -> None:
    """ "Node Encounters HTTP 400 (Or Other Undocumented 4xx) On Registration"."""
    box = Box()
    box.candidates(A)
    box.answer(201)
    box.answer(201)
    box.answer(status, body=b'{"code": 400, "error": "no such format", "debug": null}')
    assert "no such format" in box.said[-1]
    box.answer_all(201)
    assert sum("source" in sent for sent in box.sent) == 1
    assert len(box.machine.status().refused) == 1
    for _ in range(5):
        box.wait()
        box.answer(200)
    assert sum("source" in sent for sent in box.sent) == 1
    box.relabel(Kind.SOURCE, "corrected")
    box.answer_all(201)
    assert sum("source" in sent for sent in box.sent) == 2
    assert box.machine.status().refused == ()


def test_what_was_refused_for_want_of_its_parent_is_sent_when_that_is_corrected() -> None:
    box = Box()
    box.candidates(A)
    box.answer(201)
    box.answer_all(400)
    assert len(box.machine.status().refused) == 5
    box.forget()
    box.relabel(Kind.DEVICE, "corrected")
    box.answer_all(201)
    assert box.sent == [f"a POST {kind} v1.3" for kind in ("device", "source", "flow", "sender", "receiver")]


def test_a_registry_that_refuses_the_node_is_left_alone_until_something_changes() -> None:
    box = Box()
    box.candidates(A)
    box.answer(400)
    assert box.state is State.WAITING
    assert box.machine.get_timer() is None
    box.relabel(Kind.SENDER, "no matter")
    assert box.open is None
    box.relabel(Kind.NODE, "corrected")
    assert box.last == "a POST node v1.3"
    box.answer(400)
    box.candidates(A, announced=[A])
    assert box.last == "a POST node v1.3"


def test_a_registry_that_refuses_the_node_is_followed_by_the_next() -> None:
    box = Box()
    box.candidates(A, B)
    box.answer(403)
    assert box.last == "b POST node v1.3"


@pytest.mark.parametrize("status", SERVER_ERRORS)
def test_failover_begins_with_a_heartbeat_and_keeps_what_is_known(status: int) -> None:
    """ "Node Encounters HTTP 500 (or other 5xx), Inability To Connect, Or A Timeout"."""
    box = Box()
    box.register(A, B)
    box.forget()
    box.wait()
    box.answer(status)
    assert box.sent == ["a BEAT v1.3", "b BEAT v1.3"]
    assert box.registered()
    box.answer(200)
    assert box.state is State.REGISTERED
    assert box.open is None
    assert box.machine.get_timer() == box.now + HEARTBEAT_S


def test_failover_to_a_registry_that_does_not_know_us_registers_everything() -> None:
    box = Box()
    box.register(A, B)
    box.forget()
    box.wait()
    box.fail()
    box.answer(404)
    box.answer_all(201)
    assert box.sent[:3] == ["a BEAT v1.3", "b BEAT v1.3", "b POST node v1.3"]
    assert box.machine.status().held == 6


def test_a_change_that_was_under_way_is_told_to_the_next_registry() -> None:
    box = Box()
    box.register(A, B)
    box.forget()
    box.relabel(Kind.RECEIVER, "take")
    box.fail("it does not answer")
    box.answer(200)
    assert box.sent == ["a POST receiver v1.3", "b BEAT v1.3", "b POST receiver v1.3"]


def test_changes_made_while_no_registry_answered_are_told_afterwards() -> None:
    box = Box()
    box.register(A)
    box.forget()
    box.wait()
    box.fail()
    assert box.state is State.WAITING
    assert not box.registered()
    box.relabel(Kind.RECEIVER, "meanwhile")
    with box.store.transaction("remove") as tx:
        tx.delete(Kind.SENDER, SENDER)
    box.wait()
    box.answer(200)
    assert box.registered()
    box.answer_all(200)
    assert box.sent == ["a BEAT v1.3", "a BEAT v1.3", "a DELETE senders v1.3", "a POST receiver v1.3"]


def test_failover_to_an_older_version_registers_in_that_version() -> None:
    box = Box()
    box.register(A, OLD)
    box.wait()
    box.fail()
    assert box.last == "old BEAT v1.2"
    box.answer(409, location="/x-nmos/registration/v1.3/health/nodes/0")
    assert box.last == "old DELETE nodes v1.3"
    box.answer(204)
    assert box.last == "old POST node v1.2"


@pytest.mark.parametrize("busy", [False, True])
def test_a_registry_that_gives_up_our_version_is_registered_with_anew(busy: bool) -> None:
    box = Box()
    box.register(A)
    if busy:
        box.relabel(Kind.SENDER, "under way")
    box.candidates(replace(A, version="v1.2", versions=("v1.2",)), announced=[A])
    assert box.cancelled == int(busy)
    assert box.last == "a BEAT v1.2"
    box.answer(404)
    box.answer_all(201)
    assert box.machine.status().version == "v1.2"
    assert box.sent[-1] == "a POST receiver v1.2"
    box.candidates(replace(A, version="v1.3", versions=("v1.2", "v1.3")), announced=[A])
    assert box.open is None  # more is no reason to go


def test_nothing_is_no_page() -> None:
    """204 to a DELETE, which some servers call HTML."""
    box = Box()
    box.candidates(A)
    box.answer(200)
    box.answer(204, content_type="text/html")
    assert box.last == "a POST node v1.3"


def test_an_error_is_an_error_also_as_a_page() -> None:
    """Many a server's error pages are HTML, though NMOS wants JSON."""
    box = Box()
    box.register(A)
    box.forget()
    box.wait()
    box.answer(404, **PAGE)
    assert box.last == "a POST node v1.3"


def test_a_page_is_no_success_whatever_its_status() -> None:
    box = Box()
    box.candidates(A, B)
    box.answer(200, **PAGE)
    assert box.last == "b POST node v1.3"
    box.answer_all(201)
    box.wait()
    box.answer(200, **PAGE)
    assert box.last == "a BEAT v1.3"
    assert "HTML" in (box.machine.status().last_error or "")


def test_a_box_that_never_registered_does_not_trust_a_heartbeat() -> None:
    """It would find what an earlier run of this box has left."""
    box = Box()
    box.candidates(A, B)
    box.fail()
    assert box.last == "b POST node v1.3"


def test_backoff_grows_and_ends_with_an_announcement() -> None:
    box = Box()
    box.candidates(A, B)
    waits = []
    for _ in range(10):
        while box.open is not None:
            box.fail()
        assert box.state is State.WAITING
        when = box.machine.get_timer()
        assert when is not None
        waits.append(round(when - box.now, 6))
        box.wait()
    assert waits == sorted(waits)
    assert waits[0] <= 1.0
    assert waits[1] > waits[0]
    assert waits[-1] <= MAX_BACKOFF_S
    while box.open is not None:
        box.fail()
    box.candidates(A, B, announced=[B])
    assert box.last == "b POST node v1.3"  # it failed less than the others: it has just come
    box.answer_all(201)
    assert box.state is State.REGISTERED


def test_every_registry_is_tried_once_before_waiting() -> None:
    box = Box()
    box.register(A, B, C)
    box.forget()
    box.wait()
    while box.open is not None:
        box.fail()
    assert box.sent == ["a BEAT v1.3", "b BEAT v1.3", "c BEAT v1.3"]
    assert box.doubts == [candidate.instance for candidate in (A, B, C)]
    assert box.state is State.WAITING
    assert "no longer registered" in box.said[-1]


def test_a_registry_that_just_failed_is_tried_last() -> None:
    box = Box()
    box.register(A, B, C)
    box.wait()
    box.fail()
    box.answer(200)
    box.forget()
    box.wait()
    box.fail()
    assert box.sent == ["b BEAT v1.3", "c BEAT v1.3"]
    box.fail()
    assert box.last == "a BEAT v1.3"


def test_time_outs_are_short_while_there_is_somebody_else_to_ask() -> None:
    """A registry forgets a node 12 s after its last heartbeat."""
    box = Box()
    box.register(A, B, C)
    box.wait()
    assert box.requests[-1].timeout_s == HEARTBEAT_S
    box.fail()
    assert box.requests[-1].timeout_s == PROBE_S
    box.fail()
    assert box.requests[-1].timeout_s == HEARTBEAT_S


def test_a_working_registry_is_not_left_for_a_better_one() -> None:
    box = Box()
    box.register(B)
    box.forget()
    box.candidates(A, B, announced=[A])
    assert box.sent == []
    box.wait()
    assert box.sent == ["b BEAT v1.3"]
    box.fail()
    assert box.last == "a BEAT v1.3"


def test_a_registry_whose_announcement_goes_is_used_as_long_as_it_works() -> None:
    box = Box()
    box.register(A)
    box.candidates()
    box.wait()
    assert box.last == "a BEAT v1.3"
    box.answer(200)
    box.wait()
    box.answer(500)
    assert box.state is State.SEARCHING
    assert not box.registered()
    assert box.machine.get_timer() is None


def test_a_registry_that_said_goodbye_and_forgot_is_not_registered_with_again() -> None:
    box = Box()
    box.register(A)
    box.candidates()
    box.wait()
    box.answer(404)
    assert box.state is State.SEARCHING
    box.candidates(A)
    box.answer(404)
    assert box.last == "a POST node v1.3"


def test_no_registry_left_while_waiting_is_searching() -> None:
    box = Box()
    box.candidates(A)
    box.fail()
    box.candidates()
    assert box.state is State.SEARCHING
    box.candidates(A)
    assert box.last == "a POST node v1.3"


def test_a_registry_that_appears_in_the_middle_of_a_sweep_takes_part() -> None:
    box = Box()
    box.candidates(A)
    box.candidates(A, B)
    box.fail()
    assert box.last == "b POST node v1.3"


def test_a_late_answer_to_what_was_given_up_means_nothing() -> None:
    box = Box()
    box.candidates(A, B)
    late = box.requests[-1].serial
    box.fail()
    box.do(box.machine.handle_answer(box.now, late, Answer(201)))
    assert box.last == "b POST node v1.3"
    assert not box.registered()


def test_leaving_deletes_the_node() -> None:
    box = Box()
    box.register(A)
    box.forget()
    box.leave()
    assert box.sent == ["a DELETE nodes v1.3"]
    assert box.requests[-1].timeout_s == FAREWELL_S
    assert not box.registered()
    box.answer(204)
    assert box.machine.has_left
    assert box.machine.get_timer() is None


@pytest.mark.parametrize("answered", [200, 404, 409, 500])
def test_leaving_ends_whatever_the_registry_says(answered: int) -> None:
    box = Box()
    box.register(A)
    box.leave()
    box.answer(answered)
    assert box.machine.has_left


def test_leaving_in_the_middle_of_something_cancels_it() -> None:
    box = Box()
    box.candidates(A)
    box.leave()
    assert box.cancelled == 1
    assert box.last == "a DELETE nodes v1.3"  # the POST may have come through
    box.fail()
    assert box.machine.has_left
    box.relabel(Kind.NODE, "too late")
    box.candidates(A, B, announced=[A])
    assert box.open is None


@pytest.mark.parametrize("candidates", [(), (A,)])
def test_leaving_where_there_is_nothing_to_leave(candidates: tuple[Candidate, ...]) -> None:
    box = Box()
    box.candidates(*candidates)
    if box.open is not None:
        box.fail()
    box.leave()
    assert box.machine.has_left
    assert box.open is None


def test_a_registry_named_in_the_config_is_asked_for_its_versions() -> None:
    box = Box()
    box.candidates(NAMED)
    assert box.last == "named GET"
    box.answer(200, body=b'["v1.1/", "v1.2/", "v2.0/"]')
    assert box.last == "named POST node v1.2"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'["v9.0/"]', b"[1, null]", b"\xff", b"[" * 100_000])
def test_a_named_registry_that_lists_nothing_of_use_is_tried_again_later(body: bytes) -> None:
    box = Box()
    box.candidates(NAMED)
    box.answer(200, body=body)
    assert box.state is State.WAITING
    assert box.machine.get_timer() is not None


def test_a_named_registry_that_failed_gets_a_heartbeat_when_it_is_back() -> None:
    box = Box()
    box.register(NAMED)
    box.wait()
    box.fail()
    box.wait()
    box.answer(200, body=b'["v1.3"]')
    assert box.last == "named BEAT v1.3"


def test_the_system_sets_the_heartbeat_interval() -> None:
    box = Box()
    box.register(A)
    sent_at = box.now
    box.do(box.machine.handle_interval(box.now, 8.0))
    assert box.machine.get_timer() == sent_at + 8.0
    box.now += 3.0
    box.do(box.machine.handle_interval(box.now, 2.0))
    assert box.last == "a BEAT v1.3"  # overdue by now


def test_a_heartbeat_that_is_refused_is_a_failure() -> None:
    box = Box()
    box.register(A, B)
    box.wait()
    box.answer(403)
    assert box.last == "b BEAT v1.3"


def test_a_failing_registry_is_named_in_the_log_once() -> None:
    box = Box()
    box.candidates(A, B)
    for _ in range(5):
        box.fail()
        box.fail()
        box.wait()
    assert len(box.said) == 2
    status = box.machine.status()
    assert status.last_error is not None
    assert "b at http://10.0.0.2:8010: no connection" in status.last_error


def test_the_status_says_where_the_node_is() -> None:
    box = Box()
    assert box.machine.status().state is State.SEARCHING
    box.register(A)
    since = box.now
    status = box.machine.status()
    assert (status.registry, status.name, status.version) == (A.url, "a", "v1.3")
    assert (status.held, status.pending, status.since) == (6, 0, since)
    box.wait()
    box.fail()
    status = box.machine.status()
    assert (status.state, status.registered, status.registry) == (State.WAITING, False, None)
    assert status.next_attempt_at == box.machine.get_timer()
