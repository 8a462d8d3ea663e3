"""From inputs to sources, at their pace; and the board that the panel shows."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from appliance.config.model import ActionConfig
from appliance.edge.server import call_bottle
from appliance.errors import BadRequest, Locked
from appliance.nmos.is07.messages import State
from appliance.nmos.is07.types import Payload
from appliance.tally.actions import Actions
from appliance.tally.api import TallyApi, TallyBoard
from appliance.tally.inputs import ASPECT, Inputs, restore
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.unit.nmos.is07.tallies import CONFIG, TallyBox, receiver, source

PACED = CONFIG.replace(
    'event_type = "boolean"\n',
    'event_type = "boolean"\nevent = { debounce_ms = 100, max_interval_ms = 5000, input = { kind = "gpio" } }\n',
)


class Desk:
    """A box of events, its inputs, and what their sources said."""

    def __init__(self, config: str = CONFIG) -> None:
        self.box = TallyBox(config)
        self.problems: dict[str, str | None] = {}
        self.rearmed = 0
        self.inputs = Inputs(
            self.box.sources, self.box.clock, self._rearm, lambda of, why: self.problems.update({of.config.name: why})
        )
        self.said: list[tuple[str, Any]] = []
        self.box.sources.subscribe(
            lambda of, event: self.said.append((of.config.name, event.payload.plain if isinstance(event, State) else 0))
        )

    def _rearm(self) -> None:
        self.rearmed += 1


def test_a_reading_is_an_event_at_once_and_only_where_it_is_new() -> None:
    desk = Desk()
    for value in (False, True, True, False):
        desk.inputs.read(source("button"), value)
    assert desk.said == [("button", True), ("button", False)]
    assert desk.inputs.due is None


def test_a_paced_reading_waits_for_its_time() -> None:
    desk = Desk(PACED)
    desk.inputs.read(source("button"), True)
    assert desk.rearmed == 1
    assert desk.inputs.due == desk.box.clock.monotonic() + 0.1
    assert desk.said == []
    desk.box.clock.advance(0.1)
    desk.inputs.tick()
    desk.box.clock.advance(5)
    desk.inputs.tick()
    assert desk.said == [("button", True)] * 2, "the second one is the same again, after max_interval_ms"


def test_a_sensor_is_kept_in_its_range_and_a_person_is_told() -> None:
    desk = Desk()
    desk.inputs.read(source("fader"), 200)
    assert desk.said == [("fader", 100)]
    with pytest.raises(BadRequest, match="0 to 100"):
        desk.inputs.press(source("fader"), 200)
    desk.inputs.press(source("fader"), 12.34)
    assert desk.said[1:] == [("fader", 12.3)]


def test_what_a_type_does_not_have_is_a_problem_until_it_has() -> None:
    desk = Desk()
    desk.inputs.read(source("mode"), "dim")
    assert "one of off, on" in str(desk.problems["mode"])
    desk.inputs.read(source("mode"), "on")
    assert desk.problems["mode"] is None


def unlocked() -> None:
    pass


def locked() -> None:
    raise Locked("the panel is locked")


def site_of(desk: Desk, check: Callable[[], None] = unlocked) -> Site:
    box = desk.box
    actions = Actions({}, ())
    actions.event(receiver("lamp"), State(source("button"), "boolean", Payload(True), 5))
    board = TallyBoard(box.box.store, box.sources, actions, (), (receiver("lamp"), receiver("display")))
    site = Site()
    TallyApi(board, box.sources, desk.inputs, box.clock, check).declare(site)
    return site


def ask(site: Site, body: Any = None) -> tuple[int, Any]:
    method = "GET" if body is None else "POST"
    headers = {"content-type": "application/json"}
    answer = call_bottle(site, Request(method, "/panel/tally", headers=headers, body=json.dumps(body).encode()))
    assert isinstance(answer, Answer)
    return answer.status, answer.body


def test_what_was_set_by_hand_is_kept_while_it_can_be_said() -> None:
    desk = Desk()
    store = desk.box.box.store
    for name, value in (("fader", 12.3), ("mode", "on"), ("button", True)):
        assert ask(site_of(desk), {"source_id": source(name), "value": value})[0] == 200
    again = TallyBox(PACED.replace('value = "on", label = "On"', 'value = "dim", label = "Dim"'))
    restore(store, again.sources)
    said = [again.sources.state(source(name)).payload.plain for name in ("fader", "mode", "button")]
    assert said == [12.3, "off", False]
    assert set(store.aspects(ASPECT)) == {source("fader")}


def test_what_strangers_say_is_shown_clean() -> None:
    box = TallyBox()
    actions = Actions({receiver("lamp"): (ActionConfig(show="{value}"),)}, ())
    actions.event(receiver("lamp"), State(source("button"), "string", Payload("\x1b[31mred\n\u202ealert"), 5))
    board = TallyBoard(box.box.store, box.sources, actions, (), (receiver("lamp"),)).to_json()
    assert board["shown"] == [board["receivers"][0]["text"]]
    assert board["shown"][0].isprintable()
    assert "alert" in board["shown"][0]


def test_a_locked_panel_is_not_operated() -> None:
    desk = Desk()
    assert ask(site_of(desk, locked), {"source_id": source("fader"), "value": 5})[0] == 423
    assert not desk.said


def test_the_board() -> None:
    status, body = ask(site_of(Desk()))
    assert status == 200
    shown = {each["label"]: (each["value"], each["text"], each["by_hand"]) for each in body["sources"]}
    assert shown == {"button": (False, "off", True), "fader": (0, "0 percent", True), "mode": ("off", "Off", True)}
    assert [(each["label"], each["value"]) for each in body["receivers"]] == [("lamp", True), ("display", None)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"source_id": source("button"), "value": True}, 409),
        ({"source_id": source("fader"), "value": 5}, 200),
        ({"source_id": source("fader"), "value": "5"}, 400),
        ({"source_id": source("fader"), "value": 1e308}, 400),
        ({"source_id": source("mode"), "value": None}, 400),
        ({"source_id": ["x"], "value": True}, 404),
        ({"source_id": receiver("lamp"), "value": True}, 404),
        ({"source_id": source("mode"), "value": "on", "more": 1}, 400),
    ],
)
def test_what_is_operated_by_hand_and_nothing_else(body: Any, status: int) -> None:
    desk = Desk(PACED)
    assert ask(site_of(desk), body)[0] == status
    assert bool(desk.said) is (status == 200)
