"""What a follower hears: everything once, then what changes, then only the newest of it."""

import json
from typing import Any

from appliance.media.engine import StreamStatus
from appliance.panel.items import SourceItem
from appliance.panel.updates import PIECE, Updates
from tests.unit.panel.worlds import AUDIO, VIDEO, Scene, audio_entry, connection, id_of


def follow(scene: Scene, receiver_id: str | None = None) -> Updates:
    updates = Updates(scene.menu, scene.clock, receiver_id)
    scene.menu.subscribe(updates.on_change)
    return updates


def heard(updates: Updates) -> list[tuple[str, dict[str, Any]]]:
    events = []
    while (event := updates.next()) is not None:
        name, data = event.decode().removesuffix("\n\n").split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


def test_first_everything() -> None:
    scene = Scene(audio_entry("Mic"))
    (reset, first), (change, second), (ready, _) = heard(follow(scene))
    assert (reset, change, ready) == ("reset", "change", "ready")
    assert first["total"] == 1
    assert [item["label"] for item in first["receivers"]] == ["Speakers", "Screen"]
    assert [SourceItem.from_json(item) for item in second["sources"]] == list(scene.menu.sources())


def test_then_only_what_changes() -> None:
    scene = Scene(audio_entry("Mic"), audio_entry("Guitar"))
    updates = follow(scene)
    heard(updates)
    assert heard(updates) == []
    scene.connect(AUDIO, connection(id_of("Mic")))
    ((name, body),) = heard(updates)
    assert name == "change"
    assert [item["shows"] for item in body["receivers"]] == ["Mic"]
    assert [item["current_on"] for item in body["sources"]] == [[AUDIO]]
    assert "status" not in body


def test_a_slow_follower_hears_the_newest_once() -> None:
    scene = Scene(audio_entry("Mic"))
    updates = follow(scene)
    heard(updates)
    for n in range(100):
        scene.world.update("p", [audio_entry("Mic", lost_since=n + 1), audio_entry(f"x{n}")])
        scene.world.update("p", remove=[id_of(f"x{n}")])
        scene.menu.set_stream(AUDIO, StreamStatus("running", restarts=n))
    ((_, body),) = heard(updates)
    assert [item["lost_since"] for item in body["sources"]] == ["0:100"]
    assert [item["stream"]["restarts"] for item in body["receivers"]] == [99]
    assert len(body["gone"]) == 100
    assert body["status"]["lost"] == 1


def test_a_source_that_came_back_is_not_gone() -> None:
    scene = Scene(audio_entry("Mic"))
    updates = follow(scene)
    heard(updates)
    scene.world.update("p", remove=[id_of("Mic")])
    scene.world.update("p", [audio_entry("Mic")])
    ((_, body),) = heard(updates)
    assert "gone" not in body
    assert [item["label"] for item in body["sources"]] == ["Mic"]


def test_a_long_list_comes_in_pieces() -> None:
    scene = Scene(*(audio_entry(f"Mic {n}") for n in range(PIECE * 2 + 1)))
    scene.settle()
    events = heard(follow(scene))
    assert [len(body.get("sources", ())) for _, body in events] == [0, PIECE, PIECE, 1, 0]
    labels = [item["label"] for _, body in events for item in body.get("sources", ())]
    assert labels == [item.label for item in scene.menu.sources()]


def test_with_a_receiver_sources_say_whether_they_fit() -> None:
    scene = Scene(audio_entry("Mic"))
    events = heard(follow(scene, VIDEO))
    assert events[1][1]["sources"][0]["fit"]["verdict"] == "no"
