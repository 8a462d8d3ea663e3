"""The peer cache beside a network's Query API: paused, hidden, and back again. And all kinds in the catalogue."""

from appliance.core.types import Kind
from appliance.discovery.peers import PeerCache
from appliance.discovery.records import Evidence
from tests.unit.discovery.room import ALL_VERSIONS, Room


def everything() -> Room:
    room = Room()
    room.cache = PeerCache(room.world, ALL_VERSIONS, lambda: 0.0, kinds=Kind)
    return room


def ids(room: Room, kind: Kind) -> list[str]:
    return sorted(room.world.catalogue.all(kind))


def test_every_kind_is_fetched_and_catalogued_as_the_peer_serves_it() -> None:
    room = everything()
    desk = room.peer(senders=2)
    desk.announce()
    room.answer_all()
    assert room.paths() == ["self", "devices", "sources", "flows", "senders", "receivers"]
    for kind in Kind:
        served = [desk.resources["self"]] if kind is Kind.NODE else desk.resources[kind.plural]
        catalogued = room.world.catalogue.all(kind)
        assert [resource.body for resource in catalogued.values()] == served
        assert {resource.api_version for resource in catalogued.values()} <= {"v1.3"}


def test_a_changed_label_costs_one_request_and_one_turn() -> None:
    room = everything()
    desk = room.known(senders=2)
    turns: list[str] = []
    room.world.catalogue.subscribe(lambda several: turns.extend(turn.id for turn in several))
    desk.relabel("Talkback")
    desk.bump(Kind.SENDER)
    room.answer_all()
    assert room.paths() == ["senders"]
    assert turns == [desk.sender_ids()[0]]


def test_a_lost_peer_has_nothing_in_the_catalogue_until_it_answers_again() -> None:
    room = everything()
    desk = room.known(senders=2)
    desk.silent()
    room.work()
    assert len(room.world.entries) == 2, "the menu shows them as lost"
    assert not ids(room, Kind.SENDER)
    desk.announce(Evidence.RETURN)
    room.answer_all()
    assert ids(room, Kind.SENDER) == sorted(desk.sender_ids())


def test_who_leaves_leaves_the_catalogue() -> None:
    room = everything()
    desk = room.known()
    desk.withdraw()
    room.work()
    assert not any(ids(room, kind) for kind in Kind)


def test_paused_nobody_is_in_the_world_and_nothing_is_fetched() -> None:
    room = everything()
    desk = room.known()
    room.do(room.cache.pause())
    room.work()
    assert not room.world.entries
    assert not room.world.peers
    assert not ids(room, Kind.SENDER)
    desk.bump(Kind.SENDER)
    room.peer("mixer").announce()
    room.advance(3600)
    assert not room.asked
    assert not room.world.entries
    assert room.cache.get_timer() is None


def test_a_pause_ends_what_is_being_fetched() -> None:
    room = everything()
    desk = room.known()
    desk.bump(Kind.SENDER)
    fetch = room.fetches[0]
    room.do(room.cache.pause())
    assert room.aborted == [fetch.id]
    room.work()
    room.asked.clear()
    room.do(room.cache.resume(room.now))
    room.advance(10)
    assert room.paths() == ["senders"]


def test_resumed_what_was_known_is_there_at_once_and_only_news_is_fetched() -> None:
    room = everything()
    desk, mixer = room.known("desk"), room.known("mixer")
    room.do(room.cache.pause())
    room.work()
    desk.relabel("Talkback")
    desk.bump(Kind.SENDER)
    late = room.peer("late")
    late.announce()
    room.do(room.cache.resume(room.now))
    room.work()
    assert set(room.world.entries) == {*desk.sender_ids(), *mixer.sender_ids()}
    room.advance(1)
    room.answer_all()
    assert sorted(room.asked).count((desk.key, "/x-nmos/node/v1.3/senders")) == 1
    assert {path for peer, path in room.asked if peer == mixer.key} == set()
    assert set(room.world.entries) == {*desk.sender_ids(), *mixer.sender_ids(), *late.sender_ids()}
    assert room.world.entries[desk.sender_ids()[0]].sender["label"] == "Talkback"


def test_of_a_peer_without_counters_everything_is_fetched_again() -> None:
    room = everything()
    desk = room.known()
    room.do(room.cache.pause())
    desk.counters = None  # it registered, and has not yet noticed that the registry went
    desk.announce()
    room.do(room.cache.resume(room.now))
    room.advance(1)
    room.answer_all()
    assert len(room.paths()) == len(Kind)


def test_who_left_meanwhile_does_not_come_back() -> None:
    room = everything()
    desk = room.known()
    room.do(room.cache.pause())
    room.work()
    desk.withdraw()
    room.do(room.cache.resume(room.now))
    room.work()
    assert not room.world.entries


def test_resumed_while_still_being_hidden_everybody_is_there() -> None:
    room = everything()
    desks = [room.known(f"desk{number}") for number in range(5)]
    room.do(room.cache.pause())
    room.do(room.cache.handle_timer(room.now))
    room.do(room.cache.resume(room.now))
    room.work()
    assert set(room.world.entries) == {id for desk in desks for id in desk.sender_ids()}
    assert ids(room, Kind.SENDER) == sorted(room.world.entries)
