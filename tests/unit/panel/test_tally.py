"""Events on the faces of the box: said once in the stream, and shown wherever somebody looks."""

from typing import Any

from appliance.commands.watch import _Words
from appliance.core.types import JSON
from appliance.panel.drawing import Scene, draw
from appliance.panel.oled.screen import Text, frame
from appliance.panel.updates import Updates
from tests.unit.panel.test_navigation import Panel

BOARD: JSON = {
    "sources": [{"id": "b", "label": "Button", "text": "off"}],
    "receivers": [{"id": "r", "label": "Tally", "text": "on"}, {"id": "q", "label": "Quiet", "text": ""}],
    "lamps": [{"name": "red", "label": "Red light", "lit": True}, {"name": "blue", "label": "Blue", "lit": False}],
    "shown": ["on air"],
}


def panel_with_events() -> Panel:
    panel = Panel("Mic")
    panel.navigation.mirror.apply("tally", {"now": "5:0", "tally": BOARD})
    return panel


def test_a_follower_hears_the_board_when_it_begins_and_when_it_changes() -> None:
    panel = Panel("Mic")
    menu = panel.scene.menu
    board = dict(BOARD)
    menu.tally = lambda: board
    updates = Updates(menu, panel.scene.clock, None)
    menu.subscribe(updates.on_change)

    def tallies() -> list[bytes]:
        said: list[bytes] = []
        while (event := updates.next()) is not None:
            said.append(event)
        return [event for event in said if event.startswith(b"event: tally\n")]

    assert len(tallies()) == 1
    assert not tallies()
    for _ in range(3):
        menu.tally_changed()
    (event,) = tallies()
    assert b'"shown":["on air"]' in event


def test_the_terminal_shows_it_in_its_first_line() -> None:
    panel = panel_with_events()
    scene = Scene(panel.navigation, panel.scene.clock.tai_ns())
    header = "".join(text for _, text in draw(scene, 100, 24)[0])
    assert "● Red light   on air" in header
    assert "Blue" not in header


def test_the_small_screen_shows_it_at_its_foot() -> None:
    panel = panel_with_events()
    scene = Scene(panel.navigation, panel.scene.clock.tai_ns())
    picture = frame(scene, False, 254, 62, lambda text, letters: len(text) * letters // 2)
    assert [item.text for item in picture if isinstance(item, Text) and item.inverse] == ["● Red light  on air"]


def test_watch_says_each_thing_once() -> None:
    words = _Words()

    def said(board: JSON) -> list[Any]:
        return list(words.of("tally", {"now": "5:0", "tally": board}))

    assert said(BOARD) == ["event Button: off", "heard by Tally: on", "lamp Red light: on", "lamp Blue: off"]
    assert said(BOARD) == []
    assert said({**BOARD, "sources": [{"id": "b", "label": "Button", "text": "on"}]}) == ["event Button: on"]
