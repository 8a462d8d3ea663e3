"""The menu follows the world, the store, the streams and discovery."""

from dataclasses import replace

import pytest

from appliance.core.tai import NS
from appliance.core.types import Kind
from appliance.discovery.world import PeerStatus, SenderEntry, World
from appliance.media.engine import StreamStatus
from appliance.panel.favourites import keep_favourites
from appliance.panel.health import Feed
from appliance.panel.items import Fit, MenuChange, Pending
from appliance.panel.kept import FAVOURITE, PRESET
from appliance.panel.menu import PIECE, MenuModel
from tests.unit.panel.worlds import (
    AUDIO,
    DEVICE,
    NODE,
    VIDEO,
    Scene,
    audio_entry,
    connection,
    id_of,
    resource,
)

MIC, GUITAR = id_of("Mic"), id_of("Guitar")


def test_sources_are_grouped_by_device_in_natural_order() -> None:
    scene = Scene(
        audio_entry("Mic 10"),
        audio_entry("Mic 2"),
        audio_entry("Aux", device="Buses"),
        audio_entry("Tone", node="Alpha"),
    )
    menu = scene.menu.menu(AUDIO)
    shown = [(group.title, [item.label for item in group.sources]) for group in menu.groups]
    assert shown == [
        ("Alpha · Inputs", ["Tone"]),
        ("Stage box · Buses", ["Aux"]),
        ("Stage box · Inputs", ["Mic 2", "Mic 10"]),
    ]
    assert menu.total == 4
    assert {fit.verdict for fit in menu.fits.values()} == {"yes"}
    item = scene.menu.source(id_of("Aux"))
    assert item is not None
    assert (item.format, item.media_type, item.detail) == ("audio", "audio/L24", "L24 48 kHz 2 ch")
    assert (item.transport, item.sending, item.confirmed) == ("rtp.mcast", True, True)


def test_a_new_sender_is_told_once_and_alone() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.world.update("p", [audio_entry("Guitar")])
    assert scene.changes == [MenuChange(sources=frozenset({GUITAR}), status=True)]


def test_what_is_not_shown_changes_nothing() -> None:
    entry = audio_entry("Mic")
    scene = Scene(entry)
    scene.world.update("p", [audio_entry("Mic", sender={**entry.sender, "version": "2:0", "device_id": "x"})])
    assert scene.changes == []


def test_a_new_label_moves_a_source() -> None:
    entry = audio_entry("Mic")
    scene = Scene(entry, audio_entry("Guitar"))
    scene.world.update("p", [audio_entry("Mic", sender={**entry.sender, "label": "Alto"})])
    assert [item.label for item in scene.menu.sources()] == ["Alto", "Guitar"]
    assert scene.changes == [MenuChange(sources=frozenset({MIC}))]


def test_a_removed_sender_is_gone() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.world.update("p", remove=[MIC])
    assert scene.menu.source(MIC) is None
    assert scene.changes == [MenuChange(gone=frozenset({MIC}), status=True)]
    assert scene.menu.fit(MIC, AUDIO).verdict == "unknown"


def test_a_take_is_current_on_the_receiver_and_on_the_source() -> None:
    scene = Scene(audio_entry("Mic"), audio_entry("Guitar"))
    scene.connect(AUDIO, connection(MIC, reason=["eth0: on the route to 239.0.0.1"]))
    item, source = scene.menu.receiver(AUDIO), scene.menu.source(MIC)
    assert item is not None
    assert source is not None
    assert (item.enabled, item.sender_id, item.shows) == (True, MIC, "Mic")
    assert item.why == ("eth0: on the route to 239.0.0.1",)
    assert source.current_on == (AUDIO,)
    scene.connect(AUDIO, connection(GUITAR))
    assert scene.changes[-1] == MenuChange(sources=frozenset({MIC, GUITAR}), receivers=frozenset({AUDIO}))
    scene.connect(AUDIO, connection(GUITAR, enabled=False))
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert (item.enabled, item.sender_id, item.shows) == (False, None, "")
    assert all(not source.current_on for source in scene.menu.sources())


def test_a_take_under_way_is_pending_until_it_ends() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.menu.taking.begin(AUDIO, MIC)
    scene.settle()
    item, source = scene.menu.receiver(AUDIO), scene.menu.source(MIC)
    assert item is not None
    assert source is not None
    assert item.pending == Pending(MIC, "Mic")
    assert source.pending_on == (AUDIO,)
    scene.menu.taking.begin(AUDIO, None)
    scene.menu.taking.end(AUDIO, MIC)
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.pending == Pending(None, "off")
    scene.menu.taking.end(AUDIO, None)
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.pending is None


def test_a_take_that_is_done_at_once_is_told_as_done() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.settle()
    scene.changes.clear()
    scene.menu.taking.begin(AUDIO, MIC)
    scene.connect(AUDIO, connection(MIC))
    scene.menu.taking.end(AUDIO, MIC)
    scene.settle()
    assert scene.changes == [MenuChange(sources=frozenset({MIC}), receivers=frozenset({AUDIO}))]
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert (item.pending, item.sender_id) == (None, MIC)


def test_a_take_that_follows_one_under_way_is_shown_in_its_place() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.menu.taking.begin(AUDIO, MIC)
    scene.menu.taking.begin(AUDIO, None)
    scene.menu.taking.end(AUDIO, None)
    scene.settle()
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.pending == Pending(MIC, "Mic")


def test_a_scheduled_activation_is_pending() -> None:
    scene = Scene(audio_entry("Mic"))
    scheduled = {"mode": "activate_scheduled_absolute", "requested_time": "9:0", "activation_time": "9:0"}
    active = connection(None, enabled=False)["active"]
    scene.connect(AUDIO, connection(MIC, active=active, pending=scheduled))
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.pending == Pending(MIC, "Mic", 9 * NS)
    assert not item.enabled


def test_a_lost_source_is_lost_on_the_receiver_too_and_comes_back() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.connect(AUDIO, connection(MIC))
    scene.world.update("p", [audio_entry("Mic", lost_since=5 * NS)])
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.lost_since == 5 * NS
    assert scene.menu.status.lost == 1
    assert (scene.menu.status.health, scene.menu.status.problems) == (
        "warning",
        ("Speakers: its source Mic is lost",),
    )
    assert scene.changes[-1] == MenuChange(frozenset({MIC}), frozenset(), frozenset({AUDIO}), status=True)
    scene.world.update("p", [audio_entry("Mic")])
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.lost_since is None
    assert (scene.menu.status.health, scene.menu.status.lost) == ("ok", 0)


def test_a_source_that_is_gone_is_still_named_where_it_is_shown() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.connect(AUDIO, connection(MIC))
    scene.world.remove_peer("p")
    gone_at = scene.clock.tai_ns()
    scene.clock.advance(10)
    scene.menu.set_stream(AUDIO, StreamStatus("running"))
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert (item.shows, item.lost_since) == ("Mic", gone_at)
    assert scene.menu.total == 0


@pytest.mark.parametrize(
    ("active", "shows"),
    [
        (
            {"transport_file": {"data": "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=Studio\x07 feed\r\n"}},
            "Studio feed",
        ),
        (
            {"transport_params": [{"multicast_ip": "239.1.2.3", "destination_port": 5004}]},
            "a stream at 239.1.2.3:5004",
        ),
        (
            {"transport_params": [{"multicast_ip": None, "source_ip": None, "interface_ip": None}]},
            "a source without a name",
        ),
    ],
)
def test_a_stream_that_no_known_sender_sends(active: dict[str, object], shows: str) -> None:
    scene = Scene()
    value = connection(None)
    scene.connect(AUDIO, {**value, "active": {**value["active"], **active}})
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.shows == shows


def test_a_stream_at_fault_is_the_boxs_fault() -> None:
    scene = Scene()
    with scene.store.transaction("sender") as tx:
        tx.put(Kind.SENDER, resource(id_of("own"), "Own tone", device_id=DEVICE, flow_id=None))
    scene.menu.set_stream(AUDIO, StreamStatus("fault", "gst-launch-1.0 is missing", 3))
    scene.menu.set_stream(id_of("own"), StreamStatus("fault", "no sound card"))
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert (item.phase, item.fault, item.restarts) == ("fault", "gst-launch-1.0 is missing", 3)
    assert scene.menu.status.health == "fault"
    assert scene.menu.status.problems == ("Own tone: no sound card", "Speakers: gst-launch-1.0 is missing")


def test_no_signal_and_a_silent_leg_are_warnings() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.connect(AUDIO, connection(MIC))
    scene.menu.set_stream(AUDIO, StreamStatus("running", signal=False, last_error="before"))
    assert scene.menu.status.problems == ("Speakers: no signal from Mic",)
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert (item.signal, item.last_error) == (False, "before")
    scene.menu.set_stream(AUDIO, StreamStatus("running", signal=True, silent=("eth1",)))
    assert scene.menu.status.problems == ("Speakers: nothing comes by eth1, only by the other leg",)
    scene.menu.set_stream(AUDIO, StreamStatus("running", signal=True))
    assert scene.menu.status.health == "ok"


def test_a_changed_stream_tells_of_its_receiver_only() -> None:
    scene = Scene(audio_entry("Mic"))
    scene.connect(AUDIO, connection(MIC))
    scene.changes.clear()
    scene.menu.set_stream(AUDIO, StreamStatus("running"))
    scene.menu.set_stream(AUDIO, StreamStatus("running"))
    assert scene.changes == [MenuChange(receivers=frozenset({AUDIO}))]


@pytest.mark.parametrize(
    ("feed", "peers", "why"),
    [
        (Feed(), [], "The box is starting"),
        (Feed("off"), [], "Discovery is switched off in the configuration (discovery.mode)"),
        (Feed("peer-to-peer", "mDNS", "no media interface has a link"), [], "no media interface has a link"),
        (Feed("peer-to-peer", "mDNS"), [], "No other NMOS node has been found on the network yet"),
        (
            Feed("peer-to-peer"),
            [PeerStatus("self", "me")],
            "No other NMOS node has been found on the network yet",
        ),
        (Feed("registered", "http://r"), [], "The registry lists no sender"),
        (
            Feed("registered", "Query API r"),
            [PeerStatus("self", "me"), PeerStatus("query", "r", label="Query API r")],
            "The Query API r lists no sender",
        ),
        (
            Feed("peer-to-peer"),
            [PeerStatus("query", "r", label="Query API r", lost_since=5)],
            "No other NMOS node has been found on the network yet",
        ),
        (Feed("peer-to-peer"), [PeerStatus("a", "a")], "One node was found, but it sends nothing"),
        (
            Feed("peer-to-peer"),
            [PeerStatus("a", "a"), PeerStatus("b", "b")],
            "2 nodes were found, but none of them sends anything",
        ),
        (
            Feed("peer-to-peer"),
            [PeerStatus("a", "a"), PeerStatus("b", "b", label="Cam\x1b", last_error="it does not answer")],
            "2 nodes were found, but Cam: it does not answer",
        ),
    ],
)
def test_why_the_menu_is_empty(feed: Feed, peers: list[PeerStatus], why: str) -> None:
    scene = Scene()
    for peer in peers:
        scene.world.set_peer(peer)
    scene.menu.set_feed(feed)
    assert scene.menu.status.empty == why
    scene.world.update("p", [audio_entry("Mic")])
    assert scene.menu.status.empty == ""


def test_labels_edited_here_are_followed() -> None:
    scene = Scene()
    with scene.store.transaction("labels") as tx:
        tx.update(Kind.NODE, NODE, label="Lobby")
        tx.update(Kind.DEVICE, DEVICE, label="Wall")
        tx.update(Kind.RECEIVER, VIDEO, label="Projector")
    assert scene.menu.status.node.label == "Lobby"
    assert [(item.label, item.device.label) for item in scene.menu.receivers] == [
        ("Speakers", "Wall"),
        ("Projector", "Wall"),
    ]


def test_what_else_changes_about_a_device_is_nothing_to_the_menu() -> None:
    scene = Scene()
    with scene.store.transaction("network") as tx:
        tx.update(
            Kind.DEVICE, DEVICE, controls=[{"type": "urn:x-nmos:control:sr-ctrl/v1.1", "href": "http://10.0.0.9/"}]
        )
    assert scene.changes == []


def test_a_receiver_may_come_and_go() -> None:
    scene = Scene()
    with scene.store.transaction("config") as tx:
        tx.delete(Kind.RECEIVER, VIDEO)
    assert [item.id for item in scene.menu.receivers] == [AUDIO]
    assert scene.changes == [MenuChange(receivers=frozenset({VIDEO}), status=True)]


def test_many_at_once_are_worked_off_in_pieces() -> None:
    scene = Scene()
    scene.world.update("p", [audio_entry(f"Mic {n}") for n in range(PIECE * 3 - 1)])
    assert scene.menu.total == PIECE
    scene.world.update("p", remove=[id_of(f"Mic {PIECE * 3 - 2}")])
    scene.settle()
    assert scene.menu.total == PIECE * 3 - 2
    assert max(len(change.sources) for change in scene.changes) == PIECE


def test_strangers_text_is_clean_and_strangers_types_do_no_harm() -> None:
    entry = audio_entry("Mic")
    bad = {
        **entry.sender,
        "label": "\x1b[31m" + "x" * 10_000,
        "description": 7,
        "tags": [],
        "subscription": "yes",
    }
    flow = {
        "id": "f",
        "format": 5,
        "media_type": ["audio/L24"],
        "sample_rate": {"numerator": "48000", "denominator": 0},
    }
    scene = Scene(SenderEntry("p", bad, flow, {"id": "s", "channels": "two"}))
    item = scene.menu.source(MIC)
    assert item is not None
    assert item.label == "[31m" + "x" * 95 + "…"
    assert (item.format, item.media_type, item.detail, item.sending, item.group) == ("", "", "", None, "")
    assert scene.menu.fit(MIC, AUDIO).verdict == "unknown"


def test_a_sender_without_a_label_is_called_by_its_description_or_id() -> None:
    entry = audio_entry("Mic")
    scene = Scene(audio_entry("Mic", sender={**entry.sender, "label": "", "description": "vocal"}))
    assert scene.menu.sources()[0].label == "vocal"
    scene = Scene(audio_entry("Mic", sender={**entry.sender, "label": ""}))
    assert scene.menu.sources()[0].label == MIC[:8] + "…"


def test_the_receiver_that_the_panel_begins_with_comes_first() -> None:
    scene = Scene()
    menu = MenuModel(scene.store, scene.world, scene.clock, scene.waiting.append)
    menu.set_first(VIDEO)
    assert [item.label for item in menu.receivers] == ["Screen", "Speakers"]


def test_closed_it_follows_nothing() -> None:
    scene = Scene()
    scene.menu.close()
    scene.world.update("p", [audio_entry("Mic")])
    assert scene.changes == []


def test_what_is_wrong_with_the_box_itself_is_a_fault_until_it_is_well_again() -> None:
    scene = Scene()
    scene.menu.set_problem("state", "the state could not be saved: No space left on device")
    ill = scene.menu.status
    scene.menu.set_problem("state", None)
    assert (ill.health, scene.menu.status.health) == ("fault", "ok")
    assert ill.problems == ("the state could not be saved: No space left on device",)
    assert scene.changes == [MenuChange(status=True), MenuChange(status=True)]


def favour(scene: Scene, name: str, **kept: object) -> None:
    with scene.store.transaction("favourite") as tx:
        tx.attach(FAVOURITE, id_of(name), {"label": name, **kept})


def test_a_favourite_that_leaves_the_network_stays_in_the_menu_and_cannot_be_taken() -> None:
    scene = Scene(audio_entry("Mic"), audio_entry("Guitar"))
    favour(scene, "Mic")
    scene.changes.clear()
    scene.clock.advance(5)
    scene.world.update("p", remove=[id_of("Mic"), id_of("Guitar")])
    assert [item.label for item in scene.menu.sources()] == ["Mic"]
    item = scene.menu.source(id_of("Mic"))
    assert item is not None
    assert (item.absent, item.lost_since, item.node.label, item.detail) == (
        True,
        scene.clock.tai_ns(),
        "Stage box",
        "L24 48 kHz 2 ch",
    )
    assert scene.menu.fit(item.id, AUDIO) == Fit("no", "it is not on the network")
    assert (scene.menu.status.sources, scene.menu.status.lost) == (0, 0)
    assert [(change.sources, change.gone) for change in scene.changes] == [
        (frozenset({id_of("Mic")}), frozenset({id_of("Guitar")}))
    ]
    scene.world.update("p", [audio_entry("Mic")])
    item = scene.menu.source(id_of("Mic"))
    assert item is not None
    assert (item.absent, item.lost_since, scene.menu.fit(item.id, AUDIO).verdict) == (False, None, "yes")


def test_a_favourite_that_is_away_goes_with_its_star() -> None:
    scene = Scene(audio_entry("Mic"))
    favour(scene, "Mic")
    scene.world.update("p", remove=[id_of("Mic")])
    with scene.store.transaction("no favourite") as tx:
        tx.attach(FAVOURITE, id_of("Mic"), None)
    assert scene.menu.total == 0
    assert scene.changes[-1].gone == {id_of("Mic")}


def test_what_a_favourite_was_is_kept_for_the_time_after_a_power_cut() -> None:
    scene = Scene(audio_entry("Mic"))
    keep_favourites(scene.menu, scene.store)
    favour(scene, "Mic")
    renamed = audio_entry("Mic")
    scene.world.update("p", [replace(renamed, sender={**renamed.sender, "label": "Lead"})])
    scene.clock.advance(9)
    scene.world.update("p", remove=[id_of("Mic")])
    left = scene.clock.tai_ns()
    scene.clock.advance(9)
    menu = MenuModel(scene.store, World(), scene.clock, scene.waiting.append)
    item = menu.source(id_of("Mic"))
    assert item is not None
    assert item == scene.menu.source(id_of("Mic"))
    assert (item.label, item.device.label, item.lost_since) == ("Lead", "Inputs", left)
    versions = dict(scene.store.aspects(FAVOURITE))
    scene.world.update("p", [audio_entry("Other")])
    assert scene.store.aspects(FAVOURITE) == versions, "nothing is written where nothing is different"


def test_a_favourite_of_an_older_version_has_its_label_alone() -> None:
    scene = Scene()
    favour(scene, "Mic")
    item = scene.menu.source(id_of("Mic"))
    assert item is not None
    assert (item.label, item.absent, item.lost_since, item.device.label) == ("Mic", True, None, "")


def test_a_receiver_that_shows_an_absent_favourite_says_since_when_it_is_lost() -> None:
    scene = Scene(audio_entry("Mic"))
    favour(scene, "Mic")
    scene.connect(AUDIO, connection(id_of("Mic")))
    scene.clock.advance(5)
    scene.world.update("p", remove=[id_of("Mic")])
    item = scene.menu.receiver(AUDIO)
    assert item is not None
    assert (item.shows, item.lost_since) == ("Mic", scene.clock.tai_ns())


def test_a_preset_says_which_of_its_sources_are_not_there() -> None:
    scene = Scene(audio_entry("Mic"), audio_entry("Guitar"))
    takes = {
        AUDIO: {"sender_id": id_of("Mic"), "label": "Mic", "receiver": "Speakers"},
        VIDEO: {"sender_id": None, "label": "", "receiver": "Screen"},
    }
    with scene.store.transaction("preset") as tx:
        tx.attach(PRESET, "Show", {"saved": "5:0", "takes": takes})

    def missing() -> tuple[str, ...]:
        return scene.menu.panel.presets[0].missing

    assert missing() == ()
    scene.changes.clear()
    scene.world.update("p", remove=[id_of("Guitar")])
    assert not any(change.panel for change in scene.changes), "no preset names it"
    scene.world.update("p", [audio_entry("Mic", lost_since=scene.clock.tai_ns())])
    assert (missing(), scene.changes[-1].panel) == (("Mic",), True)
    scene.world.update("p", remove=[id_of("Mic")])
    assert missing() == ("Mic",)
    scene.world.update("p", [audio_entry("Mic")])
    assert (missing(), scene.changes[-1].panel) == ((), True)
