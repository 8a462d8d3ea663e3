"""What is on a small screen; letters are half as wide as they are high."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.tai import NS
from appliance.media.engine import StreamStatus
from appliance.panel.drawing import Scene
from appliance.panel.health import Feed
from appliance.panel.kept import FAVOURITE
from appliance.panel.mirror import Mirror
from appliance.panel.navigation import Key, Navigation
from appliance.panel.oled.screen import HOME_AFTER_S, LINE, Bar, Frame, Screen, Text, frame
from tests.unit.panel.test_navigation import Panel
from tests.unit.panel.worlds import AUDIO, audio_entry, connection, id_of

SIZES = [(126, 62), (254, 62), (64, 32), (512, 256)]


def measure(text: str, letters: int) -> int:
    return len(text) * letters // 2


def shown(panel: Panel, *, browsing: bool = False, size: tuple[int, int] = (126, 62), **more: str) -> Frame:
    scene = Scene(panel.navigation, panel.scene.clock.tai_ns(), **more)
    return frame(scene, browsing, *size, measure)


def texts(frame: Frame) -> list[str]:
    return [item.text for item in frame if isinstance(item, Text)]


def inverse(frame: Frame) -> list[str]:
    return [item.text for item in frame if isinstance(item, Text) and item.inverse]


def playing(*names: str) -> Panel:
    panel = Panel(*names)
    panel.scene.menu.set_feed(Feed("peer-to-peer", "mDNS"))
    panel.scene.connect(AUDIO, connection(id_of(names[0])))
    panel.scene.menu.set_stream(AUDIO, StreamStatus("running"))
    panel.hear()
    return panel


def test_home_shows_the_source_as_large_as_it_goes() -> None:
    picture = shown(playing("Mic", "Guitar"))
    assert texts(picture) == ["Speakers", "Mic", "on"]
    assert [item.letters for item in picture if isinstance(item, Text)] == [10, 30, 10]


def test_a_long_name_goes_on_two_lines_and_an_endless_one_is_cut() -> None:
    assert texts(shown(playing("Commentary position two")))[1:3] == ["Commentary", "position two"]
    endless = texts(shown(playing("x" * 90)))
    assert endless[1] == "x" * 25
    assert endless[2].endswith("…")


def test_off() -> None:
    assert texts(shown(Panel("Mic")))[:2] == ["Speakers", "Off"]


def test_what_is_wrong_is_said_in_inverse() -> None:
    panel = playing("Mic")
    panel.scene.menu.set_stream(AUDIO, StreamStatus("fault", "no such device"))
    panel.hear()
    assert inverse(shown(panel)) == ["no such device"]


def test_since_when_it_is_lost() -> None:
    panel = playing("Mic")
    panel.scene.world.update("p", [audio_entry("Mic", lost_since=panel.scene.clock.tai_ns() - 7 * NS)])
    panel.hear()
    assert inverse(shown(panel)) == ["lost 7 s ago"]


def test_that_nothing_arrives() -> None:
    panel = playing("Mic")
    panel.scene.menu.set_stream(AUDIO, StreamStatus("running", signal=False))
    panel.hear()
    assert inverse(shown(panel)) == ["no signal"]


def test_without_the_box() -> None:
    picture = shown(playing("Mic"), disconnected="it went away")
    assert texts(picture) == ["! Display A", "Not connected", "it went away"]
    assert inverse(picture) == ["it went away"]


def test_before_the_box_has_said_anything() -> None:
    assert texts(frame(Scene(Navigation(Mirror()), 0), False, 254, 62, measure))[1:] == ["NMOS appliance", "starting"]


def test_the_list_has_the_cursor_in_inverse_and_marks() -> None:
    panel = playing("Mic", "Guitar", "Aux")
    panel.scene.world.update("p", [audio_entry("Guitar", lost_since=panel.scene.clock.tai_ns())])
    panel.hear()
    picture = shown(panel, browsing=True)
    assert inverse(picture) == ["●", "Mic"]
    assert "– Stage box · Inputs" in texts(picture)
    assert ("!", "Guitar") in list(zip(texts(picture), texts(picture)[1:], strict=False))


def test_a_wide_screen_has_a_second_column() -> None:
    assert "L24 48 kHz 2 ch" in texts(shown(playing("Mic"), browsing=True, size=(254, 62)))


def test_a_message_lies_over_the_last_line() -> None:
    picture = shown(playing("Mic"), browsing=True, message="it does not fit")
    assert picture[-1] == Text(0, 62 - LINE, 126, LINE, "it does not fit", inverse=True)


def test_a_long_list_has_a_bar_that_says_where() -> None:
    panel = playing(*(f"Mic {n}" for n in range(100)))
    panel.press(Key.FIRST)
    tops = []
    for key in ("", Key.PAGE_DOWN, Key.LAST):
        panel.press(*([key] if key else []))
        (bar,) = [item for item in shown(panel, browsing=True) if isinstance(item, Bar)]
        tops.append((bar.y, bar.y + bar.height))
    assert tops[0][0] == 0
    assert tops[-1][1] == 62
    assert tops == sorted(tops)


def test_ten_thousand_sources_cost_what_a_screen_full_does() -> None:
    panel = playing(*(f"Mic {n}" for n in range(10_000)))
    measured: list[str] = []

    def counting(text: str, letters: int) -> int:
        measured.append(text)
        return measure(text, letters)

    frame(Scene(panel.navigation, 0), True, 126, 62, counting)
    assert len(measured) < 20


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("browsing", [False, True])
@given(label=st.text(max_size=300), message=st.text(max_size=50), keys=st.lists(st.sampled_from(list(Key)), max_size=5))
@settings(max_examples=25, deadline=None)
def test_nothing_leaves_the_screen(
    size: tuple[int, int], browsing: bool, label: str, message: str, keys: list[str]
) -> None:
    panel = Panel("Mic", "Guitar")
    panel.scene.world.update("p", [audio_entry("Mic", sender={**audio_entry("Mic").sender, "label": label})])
    panel.scene.connect(AUDIO, connection(id_of("Mic")))
    panel.hear()
    panel.press(*keys)
    for item in shown(panel, browsing=browsing, size=size, message=message):
        assert 0 <= item.x <= item.x + item.width <= size[0]
        assert 0 <= item.y <= item.y + item.height <= size[1]
        if isinstance(item, Text):
            assert measure(item.text, item.letters) <= item.width


def test_a_key_opens_the_list_and_time_or_a_take_closes_it() -> None:
    def browsing() -> bool:
        return screen.browsing

    screen = Screen()
    assert not screen.key(Key.DOWN, 10.0)
    assert screen.key(Key.DOWN, 11.0)
    assert screen.next_change(12.0) == HOME_AFTER_S - 1
    screen.tick(11.0 + HOME_AFTER_S - 0.1)
    assert browsing()
    screen.tick(11.0 + HOME_AFTER_S)
    assert not browsing()
    assert screen.key(Key.BACK, 50.0), "back leads to the receivers at once"
    screen.done()
    assert not browsing()
    assert screen.next_change(60.0) == float("inf")


def test_a_knob_alone_reaches_everything() -> None:
    panel = playing("Mic", "Guitar")
    panel.press(Key.LONG)
    picture = shown(panel, browsing=True)
    assert texts(picture)[0] == "Options"
    assert "Receivers" in texts(picture)
    while panel.under != "receivers":
        panel.press(Key.DOWN if panel.under == "back" else Key.UP)
    panel.press(Key.ENTER)
    assert texts(shown(panel, browsing=True))[0] == "Receivers"
    panel.press(Key.ENTER)
    assert panel.navigation.view == "sources"
    panel.press(Key.LONG)
    panel.navigation.home()
    assert panel.navigation.view == "sources"
    assert inverse(shown(panel, browsing=True)) == ["●", "Mic"]


def test_a_favourite_that_left_is_crossed_out() -> None:
    panel = Panel("Mic", "Guitar")
    with panel.scene.store.transaction("favourite") as tx:
        tx.attach(FAVOURITE, id_of("Mic"), {"label": "Mic"})
    panel.scene.world.update("p", remove=[id_of("Mic")])
    panel.scene.clock.advance(2 * 3600)
    panel.hear()
    said = texts(shown(panel, browsing=True, size=(254, 62)))
    assert said[said.index("Mic") - 1 : said.index("Mic") + 2] == ["×", "Mic", "not on the network…"]
