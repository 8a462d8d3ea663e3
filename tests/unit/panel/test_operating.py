"""Favourites, presets, auto-routes, confirmation and the lock, as the panel's API has them, and as they are kept."""

import json
from typing import Any

import pytest

from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.errors import ApplianceError
from appliance.panel.api import PanelApi
from appliance.panel.kept import Defaults, PanelItem, PresetItem, panel_item, route_item
from appliance.panel.mirror import Mirror
from appliance.panel.operating import Job, OperatingApi, forget_pin
from appliance.panel.updates import Updates
from appliance.web.messages import Answer
from appliance.web.site import answer_error
from tests.unit.panel.test_api import Box as PlainBox
from tests.unit.panel.test_updates import heard
from tests.unit.panel.worlds import AUDIO, NODE, VIDEO, connection, id_of

MIC, GUITAR = id_of("Mic"), id_of("Guitar")
PIN = "4711"


class Secrets:
    """Hashes that take no time."""

    async def hashed(self, secret: str) -> str:
        return f"hash of {len(secret)} {sum(map(ord, secret))}"

    async def is_right(self, secret: str, hashed: str) -> bool:
        return await self.hashed(secret) == hashed


async def one_by_one(jobs: dict[str, Job]) -> dict[str, str]:
    failed = {}
    for key, job in jobs.items():
        try:
            await job()
        except ApplianceError as error:
            failed[key] = error.message
    return failed


class Box(PlainBox):
    def __init__(self) -> None:
        super().__init__()
        scene = self.scene
        self.defaults = Defaults()
        panel = PanelApi(scene.menu, scene.store, scene.clock, self.take)
        OperatingApi(
            scene.menu, scene.store, scene.clock, Defaults(), panel, one_by_one, Secrets()  # type: ignore[arg-type]
        ).declare(self.site)  # fmt: skip

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
        """What an awaited answer raises is an answer too, as the server makes it."""
        try:
            return super().post(path, body, headers)
        except ApplianceError as error:
            return answer_error(error)

    @property
    def panel(self) -> PanelItem:
        return self.scene.menu.panel

    def after_a_power_cut(self) -> Store:
        """A store that has only what the journal would have kept."""
        store = Store(self.scene.clock)
        old = self.scene.store
        aspects = [(name, id, value) for name in old.aspect_names() for id, value in old.aspects(name).items()]
        store.restore([(kind, body) for kind in Kind for body in old.all(kind).values()], aspects)
        return store


@pytest.fixture
def box() -> Box:
    return Box()


def ok(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return answer.body


def test_favourites(box: Box) -> None:
    assert ok(box.post("/panel/favourite", {"id": MIC, "favourite": True}))["panel"]["favourites"] == [MIC]
    assert box.panel.favourites == {MIC}
    assert panel_item(box.after_a_power_cut(), Defaults()) == box.panel
    box.scene.world.update("p", remove=[MIC])
    ok(box.post("/panel/favourite", {"id": MIC, "favourite": False}))  # also one that is gone
    assert box.panel.favourites == frozenset()
    answer = box.post("/panel/favourite", {"id": MIC, "favourite": True})
    assert (answer.status, answer.body["error"][:3]) == (404, "id:")


def test_the_events_tell_what_is_set(box: Box) -> None:
    updates, mirror = Updates(box.scene.menu, box.scene.clock, AUDIO), Mirror()
    box.scene.menu.subscribe(updates.on_change)
    for name, data in heard(updates):
        mirror.apply(name, data)
    assert mirror.panel == PanelItem()
    ok(box.post("/panel/favourite", {"id": MIC, "favourite": True}))
    ok(box.post("/panel/presets/save", {"name": "Noon"}))
    ok(box.post("/panel/route", {"receiver_id": AUDIO, "mode": "first"}))
    ok(box.post("/panel/lock", {}))
    for name, data in heard(updates):
        mirror.apply(name, data)
    assert mirror.panel == box.panel
    assert mirror.panel.locked
    assert mirror.receivers[AUDIO] == box.scene.menu.receiver(AUDIO)
    assert mirror.receivers[AUDIO].route.mode == "first"


def test_a_preset_gives_every_receiver_what_it_had(box: Box) -> None:
    ok(box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": MIC}))
    ok(box.post("/panel/presets/save", {"name": "Morning"}))
    assert box.panel.presets == (PresetItem("Morning", 2, box.scene.clock.tai_ns()),)
    ok(box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": GUITAR}))
    box.taken.clear()
    body = ok(box.post("/panel/presets/recall", {"name": "Morning"}))
    assert (body["taken"], body["failed"]) == (1, [])
    assert box.taken == [(AUDIO, MIC)], "what is so already is left alone"
    assert ok(box.post("/panel/presets/recall", {"name": "Morning"}))["taken"] == 0


def test_what_cannot_be_recalled_is_named_and_the_rest_is_done(box: Box) -> None:
    ok(box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": MIC}))
    ok(box.post("/panel/presets/save", {"name": "Morning"}))
    ok(box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": None}))
    box.scene.connect(VIDEO, connection("12345678-0000-4000-8000-000000000000"))
    box.scene.world.update("p", remove=[MIC])
    box.taken.clear()
    body = ok(box.post("/panel/presets/recall", {"name": "Morning"}))
    assert body["taken"] == 1
    (failed,) = body["failed"]
    assert (failed["receiver_id"], failed["label"]) == (AUDIO, "Speakers")
    assert "no source" in failed["error"]
    assert box.taken == [(VIDEO, None)]


def test_a_stream_without_a_known_sender_is_no_part_of_a_preset(box: Box) -> None:
    box.scene.connect(AUDIO, connection(None))
    ok(box.post("/panel/presets/save", {"name": "Morning"}))
    assert box.panel.presets[0].receivers == 1


def test_presets_are_renamed_deleted_and_sorted(box: Box) -> None:
    for name in ("b", "A", "c"):
        ok(box.post("/panel/presets/save", {"name": name}))
    ok(box.post("/panel/presets/rename", {"name": "b", "to": "Z"}))
    ok(box.post("/panel/presets/delete", {"name": "c"}))
    assert [preset.name for preset in box.panel.presets] == ["A", "Z"]
    assert box.post("/panel/presets/rename", {"name": "Z", "to": "A"}).status == 409
    assert box.post("/panel/presets/delete", {"name": "c"}).status == 404


@pytest.mark.parametrize("name", ["", "  ", "a\x1b[2J", "a\nb", "a\u202eb", "x" * 61, "x" * 10_000, 5, None])
def test_what_is_no_name_of_a_preset(box: Box, name: Any) -> None:
    ok(box.post("/panel/presets/save", {"name": "Show"}))
    for path, body in (("save", {"name": name}), ("rename", {"name": "Show", "to": name})):
        answer = box.post(f"/panel/presets/{path}", body)
        assert answer.status == 400
        assert answer.body["error"].startswith("to:" if path == "rename" else "name:")
    assert [preset.name for preset in box.panel.presets] == ["Show"]


@pytest.mark.parametrize("name", ["<b>Show</b>", "عرض 🎭", "𝕊𝕙𝕠𝕨", 'o\'Show "1"'])
def test_a_name_is_any_text(box: Box, name: str) -> None:
    ok(box.post("/panel/presets/save", {"name": name}))
    assert ok(box.post("/panel/presets/recall", {"name": name}))["failed"] == []


def test_what_is_exported_can_be_imported_here_and_on_another_box(box: Box) -> None:
    ok(box.post("/panel/take", {"receiver_id": AUDIO, "sender_id": MIC}))
    ok(box.post("/panel/presets/save", {"name": "Morning"}))
    exported = json.loads(json.dumps(ok(box.get("/panel/presets"))))
    kept = box.scene.store.aspect("preset", "Morning")
    ok(box.post("/panel/presets/delete", {"name": "Morning"}))
    ok(box.post("/panel/presets/import", exported))
    assert box.scene.store.aspect("preset", "Morning") == kept
    for take in exported["presets"][0]["takes"]:
        take["receiver"]["id"] = NODE  # as on a box with another identity: known by their labels
    other = Box()
    ok(other.post("/panel/presets/import", exported))
    assert other.scene.store.aspect("preset", "Morning") == kept


def preset(**fields: Any) -> Any:
    take = {"receiver": {"id": AUDIO, "label": "Speakers"}, "sender": {"id": MIC, "label": "Mic"}}
    return {"name": "x", "takes": [{**take, **fields}]}


@pytest.mark.parametrize(
    ("presets", "key"),
    [
        (5, "presets:"),
        ([5], "presets[0]:"),
        ([{}], "presets[0].name:"),
        ([{"name": "a\x1bb", "takes": []}], "presets[0].name:"),
        ([{"name": "x" * 61, "takes": []}], "presets[0].name:"),
        ([preset(), {"name": "y"}], "presets[1].takes:"),
        ([preset(receiver=None)], "presets[0].takes[0].receiver:"),
        ([preset(receiver={"id": [], "label": "Bar"})], "presets[0].takes[0].receiver:"),
        ([preset(sender=5)], "presets[0].takes[0].sender:"),
        ([preset(sender={"id": "x"})], "presets[0].takes[0].sender.id:"),
        ([{"name": str(n), "takes": []} for n in range(101)], "presets:"),
    ],
)
def test_bad_imports_name_the_key_and_leave_all_as_it_is(box: Box, presets: Any, key: str) -> None:
    answer = box.post("/panel/presets/import", {"presets": presets})
    assert answer.status == 400
    assert answer.body["error"].startswith(key)
    assert box.panel.presets == ()


def test_confirmation_is_kept(box: Box) -> None:
    assert not panel_item(box.scene.store, Defaults()).confirm
    ok(box.post("/panel/settings", {"confirm": True}))
    assert panel_item(box.after_a_power_cut(), Defaults()).confirm
    ok(box.post("/panel/settings", {"confirm": False}))
    assert not panel_item(box.scene.store, Defaults(confirm=True)).confirm


def test_routes_are_edited_as_a_whole_or_as_configured(box: Box) -> None:
    rules = [{"label": "Mic *"}, {"device": "Buses", "format": "audio"}]
    ok(box.post("/panel/route", {"receiver_id": AUDIO, "mode": "follow", "rules": rules, "hold_s": 3}))
    body = ok(box.post("/panel/route", {"receiver_id": AUDIO, "back": False}))
    assert {key: body["route"][key] for key in ("mode", "hold_s", "back", "rules", "edited")} == {
        "mode": "follow",
        "hold_s": 3.0,
        "back": False,
        "rules": rules,
        "edited": True,
    }
    assert route_item(box.after_a_power_cut(), Defaults(), AUDIO).rules[1].device == "Buses"
    body = ok(box.post("/panel/route", {"receiver_id": AUDIO, "as_configured": True}))
    assert (body["route"]["mode"], body["route"]["edited"]) == ("keep", False)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "one of mode"),
        ({"mode": "always"}, "mode:"),
        ({"mode": ["keep"]}, "mode:"),
        ({"mode": "follow"}, "rules:"),
        ({"hold_s": True}, "hold_s:"),
        ({"hold_s": -1}, "hold_s:"),
        ({"back": 1}, "back:"),
        ({"rules": [{}]}, "rules[0]:"),
        ({"rules": [{"label": 5}]}, "rules[0].label:"),
        ({"rules": [{"label": "a\nb"}]}, "rules[0].label:"),
        ({"rules": [{"colour": "red"}]}, "rules[0].colour:"),
        ({"rules": [{"format": "smell"}]}, "rules[0].format:"),
        ({"rules": [{"label": "x"}] * 21}, "rules:"),
        ({"release": True, "mode": "keep"}, "one of mode"),
        ({"release": False}, "release:"),
    ],
)
def test_bad_routes_name_the_key_and_change_nothing(box: Box, body: Any, key: str) -> None:
    answer = box.post("/panel/route", {"receiver_id": AUDIO, **body})
    assert answer.status == 400
    assert answer.body["error"].startswith(key)
    assert box.scene.store.aspect("route", AUDIO) is None


EVERYTHING = [
    ("/panel/take", {"receiver_id": AUDIO, "sender_id": MIC}),
    ("/panel/label", {"id": AUDIO, "label": "x"}),
    ("/panel/favourite", {"id": MIC, "favourite": True}),
    ("/panel/settings", {"confirm": True}),
    ("/panel/route", {"receiver_id": AUDIO, "mode": "first"}),
    ("/panel/presets/save", {"name": "x"}),
    ("/panel/presets/recall", {"name": "Morning"}),
    ("/panel/presets/rename", {"name": "Morning", "to": "x"}),
    ("/panel/presets/delete", {"name": "Morning"}),
    ("/panel/presets/import", {"presets": []}),
    ("/panel/pin", {"pin": "1234"}),
]


@pytest.mark.parametrize(("path", "body"), EVERYTHING)
def test_a_locked_panel_does_nothing(box: Box, path: str, body: Any) -> None:
    ok(box.post("/panel/presets/save", {"name": "Morning"}))
    ok(box.post("/panel/lock", {}))
    before = box.scene.store.commits
    answer = box.post(path, body)
    assert (answer.status, answer.body["error"]) == (423, "the panel is locked: unlock it first")
    assert box.scene.store.commits == before
    ok(box.post("/panel/unlock", {}))
    ok(box.post(path, body))


@pytest.mark.parametrize(("path", "body"), [*EVERYTHING, ("/panel/lock", {}), ("/panel/unlock", {})])
def test_nothing_is_done_for_pages_of_other_sites(box: Box, path: str, body: Any) -> None:
    before = box.scene.store.commits
    assert box.post(path, body, {"origin": "http://evil.example"}).status == 403
    assert box.post(path, body, {"content-type": "text/plain"}).status == 400
    assert box.scene.store.commits == before


def test_the_pin_unlocks_is_never_kept_in_clear_and_outlives_a_power_cut(box: Box) -> None:
    ok(box.post("/panel/pin", {"pin": PIN}))
    ok(box.post("/panel/lock", {}))
    store = box.after_a_power_cut()
    kept = panel_item(store, Defaults())
    assert (kept.locked, kept.has_pin) == (True, True)
    everything = json.dumps([dict(store.aspects(name)) for name in store.aspect_names()])
    assert PIN not in everything
    assert PIN not in json.dumps(ok(box.get("/panel/settings")))
    answer = box.post("/panel/unlock", {"pin": "0000"})
    assert (answer.status, answer.body["error"]) == (403, "pin: is wrong")
    assert box.panel.locked
    ok(box.post("/panel/unlock", {"pin": PIN}))
    assert not box.panel.locked


def test_a_new_pin_takes_the_old_one(box: Box) -> None:
    ok(box.post("/panel/pin", {"pin": PIN}))
    assert box.post("/panel/pin", {"pin": "1111"}).status == 403
    assert box.post("/panel/pin", {"pin": "", "old": "1111"}).status == 403
    ok(box.post("/panel/pin", {"pin": "2222", "old": PIN}))
    ok(box.post("/panel/pin", {"pin": "", "old": "2222"}))
    assert not box.panel.has_pin


@pytest.mark.parametrize("pin", ["123", "1" * 13, "12a4", "١٢٣٤", " 1234", 1234])
def test_what_is_no_pin(box: Box, pin: Any) -> None:
    answer = box.post("/panel/pin", {"pin": pin})
    assert (answer.status, answer.body["error"][:4]) == (400, "pin:")


def test_guessing_takes_longer_and_longer(box: Box) -> None:
    ok(box.post("/panel/pin", {"pin": PIN}))
    ok(box.post("/panel/lock", {}))
    for _ in range(3):
        assert box.post("/panel/unlock", {"pin": "0000"}).status == 403
    answer = box.post("/panel/unlock", {"pin": PIN})  # not even the right one is looked at
    assert (answer.status, answer.body["error"]) == (429, "wrong too often: try again in 1 s")
    tried, waited = 3, 0.0
    while waited < 3600:
        box.scene.clock.advance(1.0)
        waited += 1
        tried += box.post("/panel/unlock", {"pin": "0000"}).status == 403
    assert tried < 25, "in an hour"
    box.scene.clock.advance(301)
    ok(box.post("/panel/unlock", {"pin": PIN}))


def test_a_forgotten_pin(box: Box) -> None:
    ok(box.post("/panel/pin", {"pin": PIN}))
    ok(box.post("/panel/lock", {}))
    forget_pin(box.scene.store)
    assert not box.panel.locked
    assert not box.panel.has_pin
