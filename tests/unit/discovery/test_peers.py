"""The peer cache in virtual time: what is fetched when, and what the world shows of it."""

import itertools

import pytest

from appliance.core.types import Kind
from appliance.discovery.limits import Limits
from appliance.discovery.peer import Failure
from appliance.discovery.records import Evidence
from tests.unit.discovery.room import ERROR, ME, PATHS, Room


def lost(room: Room) -> list[bool]:
    return [entry.lost_since is not None for entry in room.world.entries.values()]


# ---- the first fetch


def test_a_new_peer_is_fetched_once_and_shown_whole() -> None:
    room = Room()
    desk = room.peer()
    desk.announce()
    room.answer_all()
    assert room.paths() == list(PATHS)
    assert sorted(room.world.entries) == sorted(desk.sender_ids())
    for entry in room.world.entries.values():
        assert entry.flow is not None
        assert entry.source is not None
        assert entry.device is not None
        assert entry.node is not None
        assert entry.node["label"] == "desk"
    status = room.world.peers[desk.key]
    assert (status.name, status.label, status.senders, status.api_version) == ("desk", "desk", 2, "v1.3")
    assert (status.last_error, status.lost_since, status.last_fetch) == ("", None, room.now.tai_ns)


def test_the_senders_come_in_one_change() -> None:
    room = Room()
    desk = room.peer()
    desk.announce()
    room.answer_all()
    assert [change.added for change in room.changes if change.added] == [frozenset(desk.sender_ids())]


def test_nothing_is_ever_polled() -> None:
    room = Room()
    room.known()
    room.advance(24 * 3600)
    assert room.asked == []


@pytest.mark.parametrize(
    ("theirs", "chosen"), [(("v1.0",), "v1.0"), (("v1.0", "v1.2"), "v1.2"), (("v1.1", "v1.3"), "v1.3")]
)
def test_the_highest_common_version(theirs: tuple[str, ...], chosen: str) -> None:
    room = Room()
    desk = room.known(versions=theirs)
    assert room.world.peers[desk.key].api_version == chosen
    assert {entry.api_version for entry in room.world.entries.values()} == {chosen}


def test_no_common_version_is_said_and_nothing_fetched() -> None:
    room = Room()
    desk = room.peer()
    desk.versions = ("v2.0", "v2.1")
    desk.announce()
    assert room.asked == []
    assert "v2.0, v2.1" in room.world.peers[desk.key].last_error


def test_https_is_asked_for_by_https() -> None:
    room = Room()
    desk = room.peer()
    desk.api_proto = "https"
    desk.announce()
    assert room.fetches[0].scheme == "https"


# ---- changes


def test_a_label_costs_one_request() -> None:
    room = Room()
    desk = room.known()
    desk.relabel("Talkback")
    desk.bump(Kind.SENDER)
    room.answer_all()
    assert room.paths() == ["senders"]
    assert [change.changed for change in room.changes if change.changed] == [frozenset(desk.sender_ids()[:1])]
    assert room.world.entries[desk.sender_ids()[0]].sender["label"] == "Talkback"


def test_only_what_moved_is_fetched_senders_last() -> None:
    room = Room()
    desk = room.known()
    desk.bump(Kind.SENDER, Kind.FLOW)
    room.answer_all()
    assert room.paths() == ["flows", "senders"]


def test_what_the_menu_does_not_need_is_not_fetched() -> None:
    room = Room()
    room.known().bump(Kind.RECEIVER)
    assert room.asked == []


def test_counters_wrap() -> None:
    room = Room()
    desk = room.peer()
    assert desk.counters is not None
    desk.counters[Kind.SENDER] = 255
    desk.announce()
    room.answer_all()
    room.asked.clear()
    room.advance(1.0)
    desk.bump(Kind.SENDER)
    room.answer_all()
    assert desk.counters[Kind.SENDER] == 0
    assert room.paths() == ["senders"]


def test_a_counter_that_went_back_tells_of_a_restart() -> None:
    room = Room()
    desk = room.known()
    for _ in range(3):
        desk.bump(Kind.SENDER)
        room.answer_all()
        room.advance(1.0)
    room.asked.clear()
    desk.counters = dict.fromkeys(Kind, 0)
    desk.announce()
    room.answer_all()
    assert room.paths() == list(PATHS)


def test_a_change_while_fetching_is_fetched_after_it() -> None:
    room = Room()
    desk = room.known()
    desk.bump(Kind.SENDER)
    stale = room.body(room.fetches[0])
    desk.relabel("Newest")
    desk.bump(Kind.SENDER)
    assert len(room.fetches) == 1
    room.answer(room.fetches[0], stale)
    room.answer_all()
    assert room.paths() == ["senders", "senders"]
    assert room.world.entries[desk.sender_ids()[0]].sender["label"] == "Newest"


def test_senders_that_went_are_removed() -> None:
    room = Room()
    desk = room.known()
    gone = desk.resources["senders"].pop(0)["id"]
    desk.bump(Kind.SENDER)
    room.answer_all()
    assert list(room.world.entries) == desk.sender_ids()
    assert [change.removed for change in room.changes if change.removed] == [frozenset({gone})]


def test_an_answer_that_changes_nothing_is_no_change() -> None:
    room = Room()
    room.known().bump(Kind.SENDER)
    room.changes.clear()
    room.answer_all()
    assert not [change for change in room.changes if change.changed or change.added or change.removed]


def test_a_flow_that_changes_changes_its_sender() -> None:
    room = Room()
    desk = room.known()
    desk.resources["flows"][1]["label"] = "renamed"
    desk.bump(Kind.FLOW)
    room.answer_all()
    assert [change.changed for change in room.changes if change.changed] == [frozenset(desk.sender_ids()[1:])]


def test_counters_that_never_rest_cost_a_bounded_number_of_requests() -> None:
    room = Room()
    desk = room.known()
    for _ in range(1000):  # a change every millisecond for a second, each answered at once
        desk.bump(Kind.SENDER)
        room.answer_all()
        room.advance(0.001)
    assert len(room.asked) <= 22


# ---- restarts and other announcements without news


@pytest.mark.parametrize("evidence", [Evidence.RESTART, Evidence.RETURN])
def test_after_a_restart_equal_counters_prove_nothing(evidence: Evidence) -> None:
    room = Room()
    desk = room.known()
    desk.relabel("Changed while it was off")
    desk.announce(evidence)
    room.answer_all()
    assert room.paths() == list(PATHS)
    assert room.world.entries[desk.sender_ids()[0]].sender["label"] == "Changed while it was off"


def test_an_announcement_without_reason_is_checked_with_self() -> None:
    room = Room()
    desk = room.known()
    desk.announce(Evidence.AGAIN)
    room.answer_all()
    assert room.paths() == ["self"]


def test_and_where_self_differs_all_is_fetched() -> None:
    room = Room()
    desk = room.known()
    desk.resources["self"]["version"] = "1900000000:0"
    desk.announce(Evidence.AGAIN)
    room.answer_all()
    assert room.paths() == list(PATHS)


def test_a_change_of_self_that_was_counted_costs_one_request() -> None:
    room = Room()
    desk = room.known()
    desk.resources["self"]["label"] = "Desk 2"
    desk.bump(Kind.NODE)
    room.answer_all()
    assert room.paths() == ["self"]
    assert room.world.peers[desk.key].label == "Desk 2"


def test_another_node_under_the_same_name() -> None:
    room = Room()
    desk = room.known()
    before = set(room.world.entries)
    other = room.peer("other", address=desk.addresses[0], senders=1)
    desk.node_api = other.node_api
    desk.announce(Evidence.AGAIN)
    room.answer_all()
    assert list(room.world.entries) == other.sender_ids()
    assert not before & set(room.world.entries)


def test_without_counters_every_announcement_is_fetched() -> None:
    room = Room()
    desk = room.peer()
    desk.counters = None
    desk.announce()
    room.answer_all()
    assert room.paths() == list(PATHS)
    room.asked.clear()
    room.advance(1.0)
    desk.announce(Evidence.AGAIN)
    room.answer_all()
    assert room.paths() == list(PATHS)


def test_counters_that_appear_have_an_unknown_past() -> None:
    room = Room()
    desk = room.known()
    counters, desk.counters = desk.counters, None
    desk.announce()
    assert room.asked == []
    desk.counters = counters
    desk.announce()
    room.answer_all()
    assert room.paths() == list(PATHS)


def test_another_port_is_another_process() -> None:
    room = Room()
    desk = room.known()
    desk.port = 8001
    desk.announce()
    room.answer_all()
    assert room.paths() == list(PATHS)


def test_another_address_is_checked_with_self() -> None:
    room = Room()
    desk = room.known()
    desk.addresses = ("10.0.0.99",)
    desk.announce()
    assert room.fetches[0].address == "10.0.0.99"
    room.answer_all()
    assert room.paths() == ["self"]


def test_one_more_address_is_no_news() -> None:
    room = Room()
    desk = room.known()
    desk.addresses = (*desk.addresses, "fd00::7")
    desk.announce()
    assert room.asked == []
    assert room.world.peers[desk.key].addresses == desk.addresses


# ---- failures


def test_a_peer_that_is_not_there_is_lost_soon_and_comes_back() -> None:
    room = Room()
    desk = room.known()
    desk.relabel("New")
    desk.bump(Kind.SENDER)
    room.fail(room.fetches[0])
    assert room.reconfirmed == [desk.name]
    assert lost(room) == [False, False]
    while room.now.s < 1010 and not all(lost(room)):
        room.advance(0.5)
        for fetch in tuple(room.fetches):
            room.fail(fetch)
    assert lost(room) == [True, True]
    assert room.world.peers[desk.key].lost_since is not None
    assert room.reconfirmed == [desk.name]  # once
    room.advance(300)
    room.answer_all()
    assert lost(room) == [False, False]
    assert room.world.peers[desk.key].last_error == ""
    assert room.world.entries[desk.sender_ids()[0]].sender["label"] == "New"


def test_backoff_while_it_is_announced() -> None:
    room = Room()
    room.peer().announce()
    times = []
    while room.now.s < 5000:
        for fetch in tuple(room.fetches):
            times.append(room.now.s)
            room.fail(fetch)
        room.advance(0.5)
    waits = [round(later - earlier) for earlier, later in itertools.pairwise(times)]
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert set(waits[8:]) == {256, 300} or set(waits[9:]) == {300}


def test_news_from_a_failing_peer_are_tried_soon_but_not_at_once() -> None:
    room = Room()
    desk = room.peer()
    desk.announce()
    for _ in range(6):
        room.fail(room.fetches[0])
        room.advance(40)
    for fetch in tuple(room.fetches):
        room.fail(fetch)
    room.asked.clear()
    for _ in range(5):
        desk.bump(Kind.SENDER)
        room.advance(0.3)
    assert len(room.asked) == 1


def test_one_failure_is_forgiven() -> None:
    room = Room()
    desk = room.known()
    desk.bump(Kind.SENDER)
    room.fail(room.fetches[0])
    room.advance(1.0)
    room.answer_all()
    room.advance(60.0)
    assert lost(room) == [False, False]
    assert not any(change.changed for change in room.changes)


def test_the_other_address_is_tried() -> None:
    room = Room()
    desk = room.peer()
    desk.addresses = ("10.0.0.10", "fd00::10")
    desk.announce()
    room.fail(room.fetches[0])
    room.advance(1.0)
    assert [fetch.address for fetch in room.fetches] == ["fd00::10"]


def test_an_error_answer_is_no_loss_and_does_not_hold_up_the_rest() -> None:
    room = Room()
    desk = room.peer()
    desk.announce()
    for _ in range(5):
        fetch = room.fetches[0]
        if fetch.kind is Kind.FLOW:
            room.fail(fetch, ERROR)
        else:
            room.answer(fetch)
    assert len(room.world.entries) == 2
    assert {entry.flow for entry in room.world.entries.values()} == {None}
    assert room.world.peers[desk.key].last_error == "/flows: it answers 500"
    assert room.world.peers[desk.key].lost_since is None
    assert room.reconfirmed == []
    room.advance(1.0)
    room.answer_all()
    assert all(entry.flow for entry in room.world.entries.values())
    assert room.world.peers[desk.key].last_error == ""


def test_a_list_that_hangs_does_not_make_the_peer_lost() -> None:
    room = Room()
    room.peer().announce()
    for _ in range(60):
        for fetch in tuple(room.fetches):
            if fetch.kind is Kind.FLOW:
                room.fail(fetch, Failure("it does not answer"))
            else:
                room.answer(fetch)
        room.advance(1.0)
    assert len(room.world.entries) == 2
    assert lost(room) == [False, False]


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"{}", b"[1, 2", b"[] []", b"\xff", b"[" * 100_000, b"null"])
def test_rubbish_is_an_error_with_a_reason(body: bytes) -> None:
    room = Room()
    desk = room.known()
    desk.bump(Kind.SENDER)
    room.answer(room.fetches[0], body)
    assert room.world.peers[desk.key].last_error.startswith("/senders: ")
    assert len(room.world.entries) == 2
    room.advance(1.0)
    room.answer_all()
    assert room.world.peers[desk.key].last_error == ""


def test_one_bad_resource_is_left_out_with_a_reason() -> None:
    room = Room()
    desk = room.peer()
    bad = desk.resources["senders"][0]
    bad["label"] = 7
    desk.announce()
    room.answer_all()
    status = room.world.peers[desk.key]
    assert list(room.world.entries) == desk.sender_ids()[1:]
    assert (status.left_out, status.senders) == (1, 1)
    assert status.last_error == f"/senders: {bad['id']} is left out: label must be a string"


def test_a_node_that_is_none() -> None:
    room = Room()
    desk = room.peer()
    desk.announce()
    room.answer(room.fetches[0], b"[]")
    room.answer_all()
    assert "must be an object" in room.world.peers[desk.key].last_error
    assert len(room.world.entries) == 2


def test_a_take_that_did_not_reach_it_makes_it_look_again() -> None:
    room = Room()
    desk = room.known()
    room.do(room.cache.handle_doubt(room.now, desk.key, "it does not answer"))
    assert room.reconfirmed == [desk.name]
    assert room.paths() == ["self"]
    assert room.world.peers[desk.key].last_error == "it does not answer"
    room.fail(room.fetches[0])
    room.advance(5.0)
    assert lost(room) == [True, True]
    assert room.reconfirmed == [desk.name]


def test_a_doubt_that_was_wrong() -> None:
    room = Room()
    desk = room.known()
    room.do(room.cache.handle_doubt(room.now, desk.key, "it does not answer"))
    room.answer_all()
    room.advance(60.0)
    assert room.paths() == ["self"]
    assert lost(room) == [False, False]
    assert room.world.peers[desk.key].last_error == ""


def test_a_doubt_about_nobody() -> None:
    room = Room()
    assert room.cache.handle_doubt(room.now, "nobody", "it does not answer") == []


# ---- leaving


def test_silence_is_loss_and_the_return_is_checked() -> None:
    room = Room()
    desk = room.known()
    desk.silent()
    assert lost(room) == [True, True]
    since = room.world.peers[desk.key].lost_since
    room.advance(100)
    assert room.world.peers[desk.key].lost_since == since
    desk.announce(Evidence.RETURN)
    room.answer_all()
    assert lost(room) == [False, False]


def test_who_leaves_is_gone_and_its_fetch_is_aborted() -> None:
    room = Room()
    desk = room.known()
    desk.bump(Kind.SENDER)
    fetch = room.fetches[0]
    desk.withdraw()
    assert not room.world.entries
    assert not room.world.peers
    assert room.aborted == [fetch.id]
    room.do(room.cache.handle_answer(room.now, fetch.id, room.body(fetch)))  # it was on its way
    assert not room.world.entries
    assert room.cache.get_timer() is None


def test_who_comes_back_is_new() -> None:
    room = Room()
    desk = room.known()
    desk.withdraw()
    desk.announce()
    room.answer_all()
    assert room.paths() == list(PATHS)
    assert len(room.world.entries) == 2


def test_what_nobody_knows_may_leave() -> None:
    room = Room()
    desk = room.peer()
    desk.withdraw()
    desk.silent()
    assert room.changes == []


# ---- ourselves and others on this host


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("10.0.0.77", "10.0.0.1"), ("fe80::1%3",)])
def test_our_own_announcement_is_ignored(addresses: tuple[str, ...]) -> None:
    room = Room()
    us = room.peer("us")
    us.addresses, us.port = addresses, ME.port
    us.announce()
    assert not room.world.peers
    assert room.asked == []


def test_our_own_node_id_is_ignored() -> None:
    room = Room()
    us = room.peer("us")
    us.resources["self"]["id"] = ME.node_id
    us.announce()
    room.answer_all()
    assert not room.world.peers
    assert room.paths() == ["self"]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.8.8.8", "::1", "10.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "224.0.0.251", "ff02::1"]
)
def test_no_request_to_this_host_on_a_strangers_word(address: str) -> None:
    room = Room()
    desk = room.peer()
    desk.addresses = (address,)
    desk.announce()
    assert room.asked == []
    assert "does not contact" in room.world.peers[desk.key].last_error


def test_of_several_addresses_the_permitted_ones_are_used() -> None:
    room = Room()
    desk = room.peer()
    desk.addresses = ("127.0.0.1", "10.0.0.10")
    desk.announce()
    assert room.fetches[0].address == "10.0.0.10"


def test_allowed_local_peers_but_never_this_process() -> None:
    room = Room(allow_local=True)
    for name, address, port in (("a", "127.0.0.1", 8081), ("b", "10.0.0.1", 8081), ("c", "10.0.0.1", 80)):
        peer = room.peer(name)
        peer.addresses, peer.port = (address,), port
        peer.announce()
    assert [(fetch.address, fetch.port) for fetch in room.fetches] == [("127.0.0.1", 8081), ("10.0.0.1", 8081)]


def test_a_peer_that_turns_to_loopback_is_lost() -> None:
    room = Room()
    desk = room.known()
    desk.addresses = ("127.0.0.1",)
    desk.announce()
    room.work()
    assert room.asked == []
    assert lost(room) == [True, True]


# ---- two of them


def test_two_peers_with_the_same_node() -> None:
    room = Room()
    first = room.known("desk")
    second = room.peer("desk2", senders=2)
    second.node_api = first.node_api
    second.announce()
    room.answer_all()
    assert {entry.peer for entry in room.world.entries.values()} == {first.key}
    first.silent()
    assert {entry.peer for entry in room.world.entries.values()} == {second.key}
    assert lost(room) == [False, False]
    second.withdraw()
    assert lost(room) == [True, True]
    first.withdraw()
    assert not room.world.entries


# ---- many of them


def test_fetches_are_bounded_and_a_slow_peer_delays_no_other() -> None:
    room = Room(limits=Limits(concurrent=8, concurrent_doubtful=2))
    peers = [room.peer(f"peer{number}", address=f"10.1.0.{number}", senders=1) for number in range(40)]
    hanging = {peer.key for peer in peers[:5]}
    for peer in peers:
        peer.announce()
    for _ in range(200):
        assert len(room.fetches) <= 8
        ready = [fetch for fetch in room.fetches if fetch.peer not in hanging]
        if not ready:
            break
        room.answer(ready[0])
    assert len(room.world.entries) == 35
    assert len(room.fetches) == 5


def test_those_that_failed_wait_in_a_lane_of_their_own() -> None:
    room = Room(limits=Limits(concurrent=8, concurrent_doubtful=2))
    bad = [room.peer(f"bad{number}", address=f"10.1.0.{number}", senders=1) for number in range(20)]
    for peer in bad:
        peer.announce()
    while room.fetches and len(room.asked) < 20:
        room.fail(room.fetches[0])
    for fetch in tuple(room.fetches):
        room.fail(fetch)
    room.advance(3.0)  # they are tried again, and hang
    assert len(room.fetches) == 2
    good = room.peer("good", address="10.2.0.1")
    good.announce()
    room.answer_all(unless=lambda fetch: fetch.peer != good.key)
    assert len(room.world.entries) == 2


def test_too_many_peers() -> None:
    room = Room(limits=Limits(peers=2))
    for name in ("a", "b", "c"):
        room.peer(name).announce()
    assert len(room.world.peers) == 2
    assert room.cache.refused == 1


def test_too_many_resources() -> None:
    room = Room(limits=Limits(resources_per_peer=3))
    desk = room.known(senders=5)
    status = room.world.peers[desk.key]
    assert status.senders == 3
    assert "more than 3" in status.last_error


def test_fetches_are_spread_only_where_there_are_many() -> None:
    room = Room(spread=1.0)
    for number in range(300):
        room.peer(f"p{number}", address=f"10.1.{number // 250}.{number % 250 + 1}", senders=1).announce()
    assert len(room.fetches) <= 16
    room.advance(2.0)
    room.answer_all()
    room.advance(2.0)
    room.answer_all()
    assert len(room.world.entries) == 300
    few = Room(spread=1.0)
    few.peer().announce()
    assert len(few.fetches) == 1


def test_a_large_list_is_worked_off_in_slices() -> None:
    room = Room()
    desk = room.peer(senders=1)
    template = desk.resources["senders"][0]
    desk.resources["senders"] = [{**template, "id": f"00000000-0000-4000-8000-{number:012x}"} for number in range(1000)]
    desk.announce()
    for _ in range(4):
        room.answer(room.fetches[0])
    fetch = room.fetches[0]
    room.do(room.cache.handle_answer(room.now, fetch.id, room.body(fetch)))
    steps = 0
    while (when := room.cache.get_timer()) is not None and when <= room.now.s:
        room.do(room.cache.handle_timer(room.now))
        steps += 1
    assert steps >= 18  # ten slices to read, ten to show
    assert len(room.world.entries) == 1000
    assert max(len(change.added) for change in room.changes) <= 100
