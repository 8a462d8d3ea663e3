"""Keys and the cursor, on a menu that moves under them."""

from itertools import product

import pytest

from appliance.panel.mirror import Mirror
from appliance.panel.navigation import OFF, Key, Navigation, Quit, Refused, Take
from appliance.panel.updates import Updates
from tests.unit.panel.test_updates import heard
from tests.unit.panel.worlds import AUDIO, VIDEO, Scene, audio_entry, connection, id_of


class Panel:
    """A box, a mirror that hears from it, and a cursor on that."""

    def __init__(self, *names: str, receiver_id: str | None = AUDIO) -> None:
        self.scene = Scene(*(audio_entry(name) for name in names))
        self.scene.settle()
        self.mirror = Mirror()
        self.receiver_id = receiver_id
        self.navigation = Navigation(self.mirror, receiver_id)
        self.connect()

    def connect(self) -> None:
        self.updates = Updates(self.scene.menu, self.scene.clock, self.receiver_id)
        self.scene.menu.subscribe(self.updates.on_change)
        self.hear()

    def hear(self) -> None:
        for name, data in heard(self.updates):
            self.mirror.apply(name, data)

    def press(self, *keys: str) -> object:
        effect = None
        for key in keys:
            effect = self.navigation.press(key)
        return effect

    @property
    def under(self) -> str | None:
        row = self.navigation.current_row
        if row is None:
            return None
        return row.source.label if row.source else row.receiver.label if row.receiver else row.id


def test_the_mirror_is_the_model() -> None:
    panel = Panel("Mic 2", "Mic 10", "Guitar")
    assert list(panel.mirror.sources) == list(panel.scene.menu.sources())
    assert list(panel.mirror.receivers.values()) == list(panel.scene.menu.receivers)
    assert panel.mirror.status == panel.scene.menu.status
    assert {fit.verdict for fit in panel.mirror.fits.values()} == {"yes"}
    assert panel.mirror.ready
    panel.scene.world.update("p", remove=[id_of("Guitar")])
    panel.hear()
    assert [item.label for item in panel.mirror.sources] == ["Mic 2", "Mic 10"]
    assert len(panel.mirror.fits) == 2


def test_a_new_stream_drops_what_it_does_not_mention_but_not_before_it_is_ready() -> None:
    panel = Panel("Mic", "Guitar")
    panel.scene.world.update("p", remove=[id_of("Mic")])
    events = heard(Updates(panel.scene.menu, panel.scene.clock, VIDEO))
    for name, data in events[:-1]:
        panel.mirror.apply(name, data)
    assert len(panel.mirror.sources) == 2
    panel.mirror.apply(*events[-1])
    assert [item.label for item in panel.mirror.sources] == ["Guitar"]
    assert {fit.verdict for fit in panel.mirror.fits.values()} == {"no"}
    panel.mirror.forget_fits()
    assert panel.mirror.fits == {}


def test_up_and_down_pass_over_headings_and_stop_at_the_ends() -> None:
    panel = Panel("A", "B")
    assert panel.under == OFF
    panel.press(Key.DOWN)
    assert panel.under == "A"
    panel.press(Key.DOWN, Key.DOWN, Key.DOWN)
    assert panel.under == "B"
    panel.press(Key.UP, Key.UP, Key.UP, Key.UP)
    assert panel.under == OFF
    panel.press(Key.LAST)
    assert panel.under == "B"
    panel.press(Key.FIRST)
    assert panel.under == OFF


def test_pages() -> None:
    panel = Panel(*(f"Mic {n}" for n in range(100)))
    panel.navigation.page = 10
    panel.press(Key.PAGE_DOWN, Key.PAGE_DOWN)
    assert panel.navigation.index == 20
    panel.press(Key.PAGE_UP)
    assert panel.navigation.index == 10
    panel.press(*[Key.PAGE_DOWN] * 20)
    assert panel.under == "Mic 99"


def test_enter_takes_what_the_cursor_is_on() -> None:
    panel = Panel("A", "B")
    assert panel.press(Key.DOWN, Key.DOWN, Key.ENTER) == Take(AUDIO, id_of("B"), "B")
    assert panel.press(Key.FIRST, Key.ENTER) == Take(AUDIO, None, "off")


def test_o_is_off_and_q_quits_but_not_while_finding() -> None:
    panel = Panel("Ooq", "B")
    assert panel.press("o") == Take(AUDIO, None, "off")
    assert panel.press("q") == Quit()
    assert panel.press("/", "o", "q") is None
    assert panel.navigation.find == "oq"
    assert panel.under == "Ooq"


def test_typing_finds_and_enter_takes_it() -> None:
    panel = Panel("Vocal mic", "Mic 1", "Guitar")
    panel.press("m", "i", "c")
    assert [row.source.label for row in panel.navigation.rows if row.source] == ["Mic 1", "Vocal mic"]
    assert panel.under == "Mic 1"
    assert panel.press(Key.DOWN, Key.ENTER) == Take(AUDIO, id_of("Vocal mic"), "Vocal mic")
    assert (panel.navigation.finding, panel.navigation.find) == (False, "")
    assert panel.under == "Vocal mic"


def test_finding_prefers_a_label_that_begins_so_and_keeps_the_cursor_while_it_matches() -> None:
    panel = Panel("Amic", "Mic", "Mica")
    panel.press("m")
    assert panel.under == "Mic"
    panel.press(Key.DOWN, "i", "c", "a")
    assert panel.under == "Mica"
    panel.press(Key.ERASE, Key.ERASE)
    assert (panel.navigation.find, panel.under) == ("mi", "Mica")
    panel.press(Key.BACK)
    assert (panel.navigation.finding, panel.under) == (False, "Mica")


def test_finding_nothing_takes_nothing() -> None:
    panel = Panel("A")
    effect = panel.press("x", "y", Key.DOWN, Key.UP, Key.PAGE_DOWN, Key.LAST, Key.FIRST, Key.ENTER)
    assert effect == Refused("there is nothing to choose")
    panel.press(Key.ERASE, Key.ERASE, Key.ERASE)
    assert panel.navigation.finding


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    panel = Panel("A", receiver_id=VIDEO)
    reason = "A does not fit: it is audio, this receiver takes video"
    assert panel.press(Key.DOWN, Key.ENTER) == Refused(reason)


def test_receivers_and_back() -> None:
    panel = Panel("A")
    panel.press(Key.BACK)
    assert (panel.navigation.view, panel.under) == ("receivers", "Speakers")
    assert panel.press("o") is None
    panel.press(Key.DOWN, Key.ENTER)
    assert (panel.navigation.view, panel.under) == ("sources", OFF)
    receiver = panel.navigation.receiver
    assert receiver is not None
    assert receiver.label == "Screen"
    panel.press(Key.NEXT_RECEIVER)
    assert panel.navigation.receiver is not None
    assert panel.navigation.receiver.label == "Speakers"
    panel.press(Key.PREVIOUS_RECEIVER)
    assert panel.navigation.receiver.label == "Screen"


def test_the_cursor_begins_on_what_is_current_until_a_key_is_pressed() -> None:
    panel = Panel("A", "B")
    panel.scene.connect(AUDIO, connection(id_of("B")))
    panel.hear()
    assert panel.under == "B"
    panel.press(Key.UP)
    panel.scene.connect(AUDIO, connection(None, enabled=False))
    panel.hear()
    assert panel.under == "A"


def test_the_cursor_stays_with_its_source_when_the_list_moves() -> None:
    panel = Panel("B", "C")
    panel.press(Key.DOWN, Key.DOWN)
    panel.scene.world.update("p", [audio_entry("A"), audio_entry("D"), audio_entry("X", node="Alpha")])
    panel.hear()
    assert panel.under == "C"


def test_enter_does_not_take_what_slipped_into_the_place() -> None:
    panel = Panel("A", "B", "C")
    panel.press(Key.DOWN, Key.DOWN)
    panel.scene.world.update("p", remove=[id_of("B")])
    panel.hear()
    assert panel.press(Key.ENTER) == Refused("what you were about to choose is gone")
    assert panel.press(Key.ENTER) == Take(AUDIO, id_of("C"), "C")


def test_a_flicker_does_not_lose_the_cursor() -> None:
    panel = Panel("A", "B", "C")
    panel.press(Key.DOWN, Key.DOWN)
    panel.scene.world.remove_peer("p")
    panel.hear()
    assert panel.under == OFF
    panel.scene.world.update("p", [audio_entry(name) for name in "ABC"])
    panel.hear()
    assert panel.under == "B"


def test_before_anything_is_known_every_key_is_harmless() -> None:
    navigation = Navigation(Mirror())
    for key in (*Key, "o", "x", " ", "/", *Key):
        assert not isinstance(navigation.press(key), Take)
    assert isinstance(Navigation(Mirror()).press(Key.ENTER), Refused)


KEYS = (Key.UP, Key.DOWN, Key.ENTER, Key.BACK, Key.NEXT_RECEIVER, Key.ERASE, Key.LAST, "a", "/")


@pytest.mark.parametrize("first", KEYS)
def test_no_three_keys_lead_astray(first: str) -> None:
    panel = Panel("A", "B")
    for second, third in product(KEYS, KEYS):
        panel.navigation = Navigation(panel.mirror, AUDIO)
        for key in (first, second, third):
            effect = panel.press(key)
            assert not isinstance(effect, Quit)
            rows = panel.navigation.rows
            assert panel.navigation.index in range(max(1, len(rows)))
            if any(row.choosable for row in rows):
                assert panel.navigation.current_row is not None


def test_what_does_not_fit_is_not_in_the_way() -> None:
    panel = Panel("B", "C")
    flow = {"format": "urn:x-nmos:format:audio", "media_type": "audio/L20"}
    panel.scene.world.update("p", [audio_entry("Aux", flow=flow)])
    panel.hear()
    headings = [row.heading.title for row in panel.navigation.rows if row.heading]
    assert headings == ["Stage box · Inputs", "What does not fit"]
    assert [row.source.label for row in panel.navigation.rows if row.source] == ["B", "C", "Aux"]
    panel.press(Key.DOWN)
    assert panel.under == "B"
    panel.press("u", "x")
    assert panel.under == "Aux", "it is found all the same"
