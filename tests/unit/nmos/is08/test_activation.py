"""Activations of a map: at once, at their time, never; what they change, and what survives a restart."""

from dataclasses import replace
from typing import Any

import pytest

from appliance.config.mapping import MappedOutputConfig
from appliance.config.model import ReceiverConfig
from appliance.core.types import Kind
from appliance.nmos.is08.matrix import matrix
from tests.unit.nmos.is05.boxes import IDENTITIES
from tests.unit.nmos.is08.rooms import ABSOLUTE, CONFIG, MAPPING, MUTED, Room, at, relative, source_id

SWAPPED = {"sender-tone": {"0": at("local-tone", 1), "1": at("local-tone", 0)}}


def test_at_first_each_output_has_its_own_input() -> None:
    room = Room()
    assert room.routed("sender-tone") == [("local-tone", 0), ("local-tone", 1)]
    assert room.routed("sink-speaker") == [("receiver-speaker", 0), ("receiver-speaker", 1)]
    assert room.get("/map/active")["activation"]["mode"] is None


def test_what_is_not_named_stays() -> None:
    room = Room()
    assert room.post({"sender-tone": {"1": MUTED}}).status == 200
    assert room.routed("sender-tone") == [("local-tone", 0), None]
    assert room.routed("sink-speaker")[0] == ("receiver-speaker", 0)


def test_one_channel_may_go_to_many() -> None:
    room = Room()
    one = at("receiver-speaker", 3)
    assert room.post({"sender-tone": {"0": one, "1": one}, "sink-speaker": {"1": one}}).status == 200
    assert room.routed("sender-tone") == [("receiver-speaker", 3)] * 2
    assert room.routed("sink-speaker")[1] == ("receiver-speaker", 3)


def test_source_and_device_get_new_versions_also_if_nothing_else_changed() -> None:
    room = Room()
    device = IDENTITIES.of(Kind.DEVICE, "box")
    for _ in range(2):
        before = (room.version(Kind.DEVICE, device), room.version(Kind.SOURCE, source_id("tone")))
        other = room.version(Kind.SOURCE, source_id("wide"))
        counters = room.store.counters
        room.post(SWAPPED)
        after = (room.version(Kind.DEVICE, device), room.version(Kind.SOURCE, source_id("tone")))
        assert after[0] != before[0]
        assert after[1] != before[1]
        assert room.version(Kind.SOURCE, source_id("wide")) == other
        moved = {kind for kind, counter in room.store.counters.items() if counter != counters[kind]}
        assert moved == {Kind.DEVICE, Kind.SOURCE}


def test_a_sink_moves_its_device_alone() -> None:
    room = Room()
    room.post({"sink-speaker": {"0": MUTED}})
    assert room.changes[-1].kinds() == {Kind.DEVICE}


@pytest.mark.parametrize("mode", ["relative", "absolute", "past"])
def test_scheduled_ones_are_done_at_their_time_and_never_early(mode: str) -> None:
    room = Room()
    seconds = room.clock.tai_ns() // 10**9
    due = {"relative": seconds + 2, "absolute": seconds + 2, "past": seconds}[mode]
    asked = f"{seconds - 9 if mode == 'past' else due}:0"
    activation = relative(2) if mode == "relative" else {"mode": ABSOLUTE, "requested_time": asked}
    answer = room.post(SWAPPED, activation)
    assert answer.status == 202
    ((id, shown),) = answer.body.items()
    assert shown["activation"] == {**activation, "activation_time": f"{due}:0"}
    assert room.get("/map/activations") == {id: shown}
    assert room.rearmed == 1
    if mode != "past":
        room.clock.advance(1.5)
        room.channels.handle_timer()
        assert room.routed("sender-tone") == [("local-tone", 0), ("local-tone", 1)]
        room.clock.advance(0.5)
    assert room.channels.get_timer() == pytest.approx(room.clock.monotonic())
    room.channels.handle_timer()
    assert room.routed("sender-tone") == [("local-tone", 1), ("local-tone", 0)]
    assert room.get("/map/active")["activation"] == shown["activation"]
    assert room.get("/map/activations") == {}
    assert room.ask("DELETE", f"/map/activations/{id}").status == 404
    assert room.channels.get_timer() is None


def test_a_pending_one_locks_what_it_names_and_nothing_else() -> None:
    room = Room()
    ((id, _),) = room.post(SWAPPED, relative(5)).body.items()
    for activation in ({"mode": "activate_immediate"}, relative(9)):
        refused = room.post({"sink-speaker": {"0": MUTED}, "sender-tone": {"0": MUTED}}, activation)
        assert refused.status == 423
        assert id in refused.body["error"]
    assert room.routed("sink-speaker")[0] == ("receiver-speaker", 0)
    assert room.post({"sink-speaker": {"0": MUTED}}).status == 200
    assert room.ask("DELETE", f"/map/activations/{id}").status == 204
    assert room.ask("GET", f"/map/activations/{id}").status == 404
    assert room.post({"sender-tone": {"0": MUTED}}).status == 200
    room.clock.advance(9)
    room.channels.handle_timer()
    assert room.routed("sender-tone") == [None, ("local-tone", 1)]


def test_two_pending_ones_each_in_its_time() -> None:
    room = Room()
    room.post(SWAPPED, relative(4))
    room.post({"sink-speaker": {"0": MUTED}}, relative(2))
    assert len(room.get("/map/activations")) == 2
    room.clock.advance(2)
    room.channels.handle_timer()
    assert room.routed("sink-speaker")[0] is None
    assert room.routed("sender-tone")[0] == ("local-tone", 0)
    room.clock.advance(2)
    room.channels.handle_timer()
    assert room.routed("sender-tone")[0] == ("local-tone", 1)


def test_the_map_is_there_again_after_a_restart_and_what_was_pending_is_not(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    room.post(SWAPPED)
    ((_, pending),) = room.post({"sink-speaker": {"0": MUTED}}, relative(5)).body.items()
    ((deleted, _),) = room.post({"sender-tone": {"0": MUTED}}, relative(5)).body.items()
    room.ask("DELETE", f"/map/activations/{deleted}")
    room.post({"sender-wide": {"0": MUTED}}, relative(1))
    room.clock.advance(2)
    room.channels.handle_timer()
    again = room.rebooted()
    time = pending["activation"]["activation_time"]
    assert caplog.messages == [f"sink-speaker: the channel map scheduled for {time} was lost in a restart"]
    caplog.clear()
    assert again.routed("sender-tone") == [("local-tone", 1), ("local-tone", 0)]
    assert again.get("/map/active") == room.get("/map/active")
    assert again.get("/map/activations") == {}
    assert again.changes == []
    again.rebooted()
    assert caplog.messages == [], "it is said once"


def test_what_is_not_there_any_more_is_not_routed_after_a_restart() -> None:
    room = Room()
    room.post({"sender-tone": {"0": at("mono", 0), "1": at("receiver-speaker", 3)}})
    config = replace(
        CONFIG,
        mapping=replace(MAPPING, inputs=(), outputs=(MappedOutputConfig("sink-speaker", channels=4),)),
        receivers=(ReceiverConfig("speaker", "box", max_channels=3),),
    )
    again = room.rebooted(config)
    assert again.routed("sender-tone") == [None, None]
    assert again.routed("sink-speaker") == [("receiver-speaker", 0), ("receiver-speaker", 1), None, None]
    assert "sink-blocks" not in again.store.aspects("channelmap")


def test_what_is_not_allowed_any_more_is_begun_anew() -> None:
    room = Room()
    room.post(SWAPPED)
    only = MappedOutputConfig("sender-tone", routable_inputs=("mono",))
    again = room.rebooted(replace(CONFIG, mapping=replace(MAPPING, outputs=(only,))))
    assert again.routed("sender-tone") == [None, None]


def test_another_configuration_while_it_runs() -> None:
    room = Room()
    room.post(SWAPPED)
    ((stays, _),) = room.post({"sink-speaker": {"1": MUTED}}, relative(5)).body.items()
    ((goes, _),) = room.post({"sender-wide": {"7": MUTED}}, relative(5)).body.items()
    fewer = replace(CONFIG, senders=tuple(one for one in CONFIG.senders if one.name != "wide"))
    with room.store.transaction("reload") as tx:
        room.channels.reconfigure(tx, matrix(fewer, IDENTITIES))
    assert room.routed("sender-tone") == [("local-tone", 1), ("local-tone", 0)]
    assert room.get("/outputs") == ["sender-tone/", "sender-narrow/", "sink-speaker/", "sink-blocks/"]
    assert list(room.get("/map/activations")) == [stays]
    assert room.ask("GET", f"/map/activations/{goes}").status == 404
    room.clock.advance(5)
    room.channels.handle_timer()
    assert room.routed("sink-speaker") == [("receiver-speaker", 0), None]


@pytest.mark.parametrize(
    "kept", [{}, {"channels": None}, {"channels": 1}, {"channels": ["x"]}, {"channels": [["local-tone"]]}]
)
def test_what_was_kept_and_is_no_map_is_begun_anew(kept: dict[str, Any]) -> None:
    room = Room()
    with room.store.transaction("somebody edited the state") as tx:
        tx.attach("channelmap", "sender-tone", kept)
    assert room.rebooted().routed("sender-tone") == [("local-tone", 0), ("local-tone", 1)]
