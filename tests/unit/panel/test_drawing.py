"""The terminal's frames: what is on them, and that they always fill the screen exactly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.tai import NS
from appliance.media.engine import StreamStatus
from appliance.panel.drawing import PLAIN, Scene, draw
from appliance.panel.effects import Do, Refused
from appliance.panel.health import Feed
from appliance.panel.kept import FAVOURITE
from appliance.panel.mirror import Mirror
from appliance.panel.navigation import Key, Navigation
from appliance.panel.text import fitted, width
from tests.unit.panel.test_navigation import Panel
from tests.unit.panel.worlds import AUDIO, VIDEO, audio_entry, connection, id_of


def frame(panel: Panel, columns: int = 80, rows: int = 24, **more: str) -> list[str]:
    lines = draw(Scene(panel.navigation, panel.scene.clock.tai_ns(), **more), columns, rows)
    return ["".join(text for _, text in line).rstrip() for line in lines]


def test_a_whole_frame() -> None:
    panel = Panel("Mic", "Guitar", "Aux")
    panel.scene.menu.set_feed(Feed("peer-to-peer", "mDNS"))
    panel.scene.connect(AUDIO, connection(id_of("Mic"), reason=["eth0: on the route there"]))
    panel.scene.menu.set_stream(AUDIO, StreamStatus("running"))
    lost = panel.scene.clock.tai_ns() - 300 * NS
    panel.scene.world.update("p", [audio_entry("Guitar", lost_since=lost), audio_entry("Cam", confirmed=False)])
    panel.hear()
    assert frame(panel, rows=13) == [
        " Display A                                          peer-to-peer · 0 nodes · ok",
        " Speakers  1/2   ● Mic                                                  running",
        "─" * 80,
        "     Off",
        " Stage box · Inputs",
        "     Aux                            L24 48 kHz 2 ch",
        "     Cam                            L24 48 kHz 2 ch         not yet seen again",
        "   ! Guitar                         L24 48 kHz 2 ch         lost 5 min ago",
        " ▸ ● Mic                            L24 48 kHz 2 ch         current",
        "",
        "─" * 80,
        " eth0: on the route there",
        " Enter take  o off  type to find  * favourite  Right more  Tab receiver  q quit",
    ]


def test_a_receiver_that_gets_nothing_says_so() -> None:
    panel = Panel("Mic")
    panel.scene.connect(AUDIO, connection(id_of("Mic")))
    panel.scene.menu.set_stream(AUDIO, StreamStatus("running", signal=False))
    panel.hear()
    lines = draw(Scene(panel.navigation, panel.scene.clock.tai_ns()), 80, 24)
    style, text = lines[1][-1]
    assert (style, text.strip()) == ("lost", "no signal")


def test_why_it_is_empty() -> None:
    panel = Panel()
    panel.scene.menu.set_feed(Feed("peer-to-peer", "mDNS", "no media interface has a link"))
    panel.hear()
    shown = frame(panel)
    assert shown[3].startswith(" ▸ ● Off")
    assert shown[5] == "    no media interface has a link."
    assert shown[0].endswith("WARNING")


def test_finding() -> None:
    panel = Panel("Mic", "Guitar")
    panel.press("m", "i")
    assert frame(panel)[-1].startswith(" Find: mi_   1 found")
    panel.press("z")
    assert frame(panel)[4] == "    No source matches “miz”."


def test_receivers_view() -> None:
    panel = Panel("Mic")
    panel.scene.connect(AUDIO, connection(id_of("Mic")))
    panel.scene.menu.set_stream(AUDIO, StreamStatus("fault", "no sound card"))
    panel.hear()
    panel.press(Key.BACK)
    shown = frame(panel)
    assert shown[3] == " ▸ ! Speakers                       audio                   Mic (fault)"
    assert shown[4] == "     Screen                         video                   off"
    assert shown[-2] == " no sound card"
    assert "FAULT" in shown[0]


def test_what_does_not_fit_says_why() -> None:
    panel = Panel("Mic", receiver_id=VIDEO)
    panel.press(Key.DOWN)
    shown = frame(panel)
    assert shown[5] == " ▸ × Mic                            L24 48 kHz 2 ch         it is audio"
    assert shown[-2] == " Mic: it is audio, this receiver takes video"


def test_a_take_under_way() -> None:
    panel = Panel("Mic")
    panel.scene.menu.taking.begin(AUDIO, id_of("Mic"))
    panel.scene.settle()
    panel.hear()
    shown = frame(panel)
    assert shown[1].endswith("changing to Mic")
    assert shown[5] == "   … Mic                            L24 48 kHz 2 ch         changing to it"


def test_without_the_box() -> None:
    panel = Panel("Mic")
    shown = frame(panel, disconnected="no box at http://x; trying again")
    assert shown[0].endswith("NOT CONNECTED")
    assert shown[-2] == " no box at http://x; trying again"
    assert shown[5].strip().startswith("Mic")
    first = draw(Scene(Navigation(Mirror()), 0, disconnected="Connecting to http://x"), 80, 24)
    assert "".join(text for _, text in first[4]).strip() == "Connecting to http://x"


def test_every_mark_has_an_ascii_form() -> None:
    panel = Panel("Mic", receiver_id=VIDEO)
    panel.press(Key.DOWN)
    for line in frame(panel):
        assert line.translate(PLAIN).isascii()


@pytest.mark.parametrize("columns", [1, 29, 30, 45, 60, 80, 200])
@pytest.mark.parametrize("rows", [1, 6, 7, 24, 60])
def test_any_size_is_filled_exactly(columns: int, rows: int) -> None:
    panel = Panel(*(f"Mic {n}" for n in range(30)), "麦克风 主持人 麦克风 主持人 麦克风 主持人", "Zoë 🎤")
    for view in ("sources", "receivers"):
        lines = draw(Scene(panel.navigation, 0), columns, rows)
        assert len(lines) == rows
        assert {sum(width(text) for _, text in line) for line in lines} == {columns}, view
        panel.press(Key.BACK)


def test_the_cursor_is_always_in_sight() -> None:
    panel = Panel(*(f"Mic {n}" for n in range(200)))
    for key in [Key.DOWN] * 40 + [Key.PAGE_DOWN] * 5 + [Key.UP] * 20 + [Key.LAST, Key.UP, Key.FIRST]:
        panel.press(key)
        assert sum(line.startswith(" ▸ ") for line in frame(panel, rows=12)) == 1


@settings(max_examples=300)
@given(st.text(max_size=40), st.integers(0, 30))
def test_fitted_is_always_as_wide_as_asked(text: str, size: int) -> None:
    assert width(fitted(text, size)) == size


def test_a_favourite_that_left_is_there_and_says_since_when() -> None:
    panel = Panel("Mic", "Guitar")
    with panel.scene.store.transaction("favourite") as tx:
        tx.attach(FAVOURITE, id_of("Mic"), {"label": "Mic"})
    panel.scene.world.update("p", remove=[id_of("Mic")])
    panel.scene.clock.advance(2 * 3600)
    panel.hear()
    panel.press(Key.DOWN)
    lines = frame(panel)
    assert lines[5] == " ▸ × Mic                            L24 48 kHz 2 ch         left 2 h ago"
    assert lines[-2] == " Mic: not on the network for 2 h; * takes it off the favourites"
    assert panel.press(Key.ENTER) == Refused("Mic is not on the network")
    assert panel.press("*") == Do("/panel/favourite", {"id": id_of("Mic"), "favourite": False}, "Mic")
