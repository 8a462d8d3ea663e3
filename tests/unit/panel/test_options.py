"""The lists behind the two main ones, by their keys: favourites, presets, auto-route, confirmation, the lock."""

import pytest

from appliance.core.types import JSON
from appliance.panel.effects import Asked, Do, Refused, Take
from appliance.panel.kept import FAVOURITE, LOCK, PANEL, PRESET, ROUTE, ROUTING, SETTINGS
from appliance.panel.navigation import Key
from tests.unit.panel.test_navigation import Panel
from tests.unit.panel.worlds import AUDIO, id_of


def keep(panel: Panel, aspect: str, id: str, value: JSON | None) -> None:
    """As the box would after it was told."""
    with panel.scene.store.transaction("test") as tx:
        tx.attach(aspect, id, value)
    panel.hear()


def texts(panel: Panel) -> list[str]:
    return [row.text for row in panel.navigation.rows]


def choose(panel: Panel, text: str) -> object:
    """Turn to the row and press."""
    panel.press(Key.FIRST)
    for _ in panel.navigation.rows:
        row = panel.navigation.current_row
        if row is not None and row.text.startswith(text):
            return panel.press(Key.ENTER)
        panel.press(Key.DOWN)
    raise AssertionError(f"no {text!r} in {texts(panel)}")


@pytest.mark.parametrize("key", [Key.LONG, Key.RIGHT])
def test_a_long_press_leads_to_the_options_of_what_is_under_the_cursor(key: str) -> None:
    panel = Panel("A", "B")
    assert panel.press(Key.DOWN, key) is None
    assert (panel.navigation.view, panel.navigation.title) == ("options", "Options")
    expected = Do("/panel/favourite", {"id": id_of("A"), "favourite": True}, "A")
    assert choose(panel, "Favourite: A") == expected
    keep(panel, FAVOURITE, id_of("A"), {"label": "A"})
    assert choose(panel, "Favourite: A") == Do("/panel/favourite", {"id": id_of("A"), "favourite": False}, "A")
    panel.press(Key.BACK)
    assert panel.navigation.view == "sources"
    assert panel.press(Key.FIRST, key) is None
    assert not any(text.startswith("Favourite") for text in texts(panel))


def test_right_never_takes() -> None:
    panel = Panel("A")
    for _ in range(6):
        assert not isinstance(panel.press(Key.RIGHT), Take | Do)
        assert not isinstance(panel.press(Key.DOWN, Key.RIGHT), Take | Do)


def test_favourites_come_first_and_once() -> None:
    panel = Panel("A", "B", "C")
    keep(panel, FAVOURITE, id_of("B"), {"label": "B"})
    rows = panel.navigation.rows
    assert [row.heading.title for row in rows if row.heading] == ["Favourites", "Stage box · Inputs"]
    assert [row.source.label for row in rows if row.source] == ["B", "A", "C"]
    assert panel.press(Key.DOWN, "*") == Do("/panel/favourite", {"id": id_of("B"), "favourite": False}, "B")
    assert panel.press(Key.ENTER) == Take(AUDIO, id_of("B"), "B")


def test_with_confirmation_the_second_press_takes_and_any_other_key_does_not() -> None:
    panel = Panel("A", "B")
    keep(panel, PANEL, SETTINGS, {"confirm": True})
    assert panel.press(Key.DOWN, Key.ENTER) == Asked("press again to take A")
    assert panel.press(Key.DOWN, Key.ENTER) == Asked("press again to take B")
    assert panel.press(Key.UP, Key.DOWN, Key.ENTER) == Asked("press again to take B")
    assert panel.press(Key.ENTER) == Take(AUDIO, id_of("B"), "B")
    assert panel.press("o") == Asked("press again to take off")
    assert panel.press("o") == Take(AUDIO, None, "off")
    panel.press(Key.LONG)
    assert choose(panel, "Takes want") == Do("/panel/settings", {"confirm": False}, "the second press")


def test_presets_are_saved_found_recalled_and_deleted() -> None:
    panel = Panel("A")
    panel.press(Key.LONG)
    choose(panel, "Presets")
    assert panel.navigation.view == "presets"
    assert choose(panel, "Save") == Do("/panel/presets/save", {"name": "Preset 1"}, "Preset 1")
    for name in ("Preset 1", "Evening news"):
        keep(panel, PRESET, name, {"saved": "1:0", "takes": {AUDIO: {"sender_id": None, "label": ""}}})
    assert texts(panel)[1:] == ["Save what is shown now as “Preset 2”", "Evening news", "Preset 1"]
    panel.press("n", "e", "w")
    assert texts(panel)[1:] == ["Save what is shown now as “new”", "Evening news"]
    assert choose(panel, "Save") == Do("/panel/presets/save", {"name": "new"}, "new")
    assert panel.navigation.find == ""
    recall = Do("/panel/presets/recall", {"name": "Evening news"}, "Evening news")
    assert choose(panel, "Evening") == recall
    assert panel.press(Key.LONG) == Asked("hold again to delete Evening news")
    assert panel.press(Key.LONG) == Do("/panel/presets/delete", {"name": "Evening news"}, "Evening news")
    keep(panel, PANEL, SETTINGS, {"confirm": True})
    assert choose(panel, "Evening") == Asked("press again for Evening news")
    assert panel.press(Key.ENTER) == recall


def test_auto_route_is_set_and_what_was_chosen_by_hand_released() -> None:
    panel = Panel("A")
    panel.press(Key.LONG)
    assert not any("Release" in text for text in texts(panel))
    choose(panel, "Auto-route of Speakers")
    assert texts(panel) == ["Back", "Keep", "First", "Never"], "there is no rule to follow"
    assert panel.under == "keep"
    assert choose(panel, "First") == Do("/panel/route", {"receiver_id": AUDIO, "mode": "first"}, "auto-route")
    keep(panel, ROUTE, AUDIO, {"mode": "follow", "hold_s": 5.0, "back": True, "rules": [{"label": "A*"}]})
    assert texts(panel) == ["Back", "Keep", "Follow", "First", "Never"]
    assert [row.text for row in panel.navigation.rows if row.marked] == ["Follow"]
    keep(panel, ROUTING, AUDIO, {"manual": True, "home": None, "note": "", "at": None})
    panel.press(Key.BACK)
    assert choose(panel, "Release") == Do("/panel/route", {"receiver_id": AUDIO, "release": True}, "auto-route")


def test_a_locked_panel_asks_for_the_pin_that_a_knob_can_give() -> None:
    panel = Panel("A")
    keep(panel, PANEL, LOCK, {"locked": True, "pin": "hash"})
    assert panel.press(Key.DOWN, Key.ENTER) == Refused("the panel is locked")
    assert (panel.navigation.view, panel.navigation.title) == ("pin", "Unlock")
    for digit in "9", "0":
        choose(panel, digit)
    choose(panel, "Erase")
    choose(panel, "7")
    assert panel.navigation.title == "Unlock: **"
    assert choose(panel, "Unlock") == Do("/panel/unlock", {"pin": "97"}, "unlock")
    assert panel.navigation.pin == "", "it is nowhere any more"
    keep(panel, PANEL, LOCK, {"locked": False, "pin": "hash"})
    assert texts(panel) == ["", "", ""], "the sources again"
    assert panel.navigation.view == "sources"


def test_a_locked_panel_takes_typed_digits() -> None:
    panel = Panel("A")
    keep(panel, PANEL, LOCK, {"locked": True, "pin": "hash"})
    panel.press("o")
    assert panel.press("4", "x", "7", Key.ERASE, "8", *"1" * 20, Key.ENTER) == Do(
        "/panel/unlock", {"pin": "48" + "1" * 10}, "unlock"
    )
    panel.press("1", Key.BACK)
    assert (panel.navigation.view, panel.navigation.pin) == ("sources", "")


def test_a_panel_that_is_locked_without_a_pin_opens_by_a_press() -> None:
    panel = Panel("A")
    panel.press(Key.LONG)
    assert choose(panel, "Lock") == Do("/panel/lock", {}, "the lock")
    keep(panel, PANEL, LOCK, {"locked": True, "pin": None})
    assert texts(panel) == ["Back", "Unlock the panel", "Receivers"]
    choose(panel, "Unlock")
    assert texts(panel) == ["Back", "Unlock"]
    assert panel.press(Key.ENTER) == Do("/panel/unlock", {"pin": ""}, "unlock")


def test_a_pin_is_set_where_there_is_none() -> None:
    panel = Panel("A")
    panel.press(Key.LONG)
    choose(panel, "Set a PIN")
    assert panel.press("4", "7", "1", "1", Key.ENTER) == Do("/panel/pin", {"pin": "4711"}, "the PIN")
    keep(panel, PANEL, LOCK, {"locked": False, "pin": "hash"})
    assert panel.navigation.rows
    assert panel.navigation.view == "sources"
    panel.press(Key.LONG)
    assert "Set a PIN" not in texts(panel)


def test_a_preset_says_what_it_will_be_without() -> None:
    panel = Panel("A")
    take = {"sender_id": id_of("Mic"), "label": "Mic", "receiver": "Speakers"}
    keep(panel, PRESET, "Show", {"saved": "5:0", "takes": {AUDIO: take}})
    panel.press(Key.LONG)
    choose(panel, "Presets")
    (row,) = [row for row in panel.navigation.rows if row.text == "Show"]
    assert row.note == "without Mic"
