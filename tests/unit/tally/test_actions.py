"""What received events do: conditions, lamps, texts, takes."""

import pytest

from appliance.config.model import ActionConfig, EventValue, LampConfig
from appliance.nmos.is07.messages import State
from appliance.nmos.is07.types import Payload
from appliance.tally.actions import Actions, Take

SOURCE = "6cbd0441-7882-44cd-9557-842243a0d618"


def state(value: EventValue, scale: int | None = None) -> State:
    base = "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"
    return State(SOURCE, base, Payload(value, scale), 5)


@pytest.mark.parametrize(
    ("rule", "value", "lit"),
    [
        (ActionConfig(), True, True),
        (ActionConfig(), False, False),
        (ActionConfig(), 1, False),
        (ActionConfig(), "on", False),
        (ActionConfig(equals=False), False, True),
        (ActionConfig(equals=False), 0, False),
        (ActionConfig(equals=1), True, False),
        (ActionConfig(equals=1), 1.0, True),
        (ActionConfig(equals="tx"), "tx", True),
        (ActionConfig(equals="tx"), "rx", False),
        (ActionConfig(above=5), 5, False),
        (ActionConfig(above=5), 5.1, True),
        (ActionConfig(below=5), 4, True),
        (ActionConfig(above=1, below=5), 3, True),
        (ActionConfig(above=1, below=5), 6, False),
        (ActionConfig(above=5), "9", False),
        (ActionConfig(below=5), False, False),
    ],
)
def test_when_a_lamp_is_lit(rule: ActionConfig, value: EventValue, lit: bool) -> None:
    rule = ActionConfig(equals=rule.equals, above=rule.above, below=rule.below, lamp="red")
    actions = Actions({"r": (rule,)}, (LampConfig("red"),))
    assert actions.lit == frozenset()
    actions.event("r", state(value))
    assert actions.lit == ({"red"} if lit else frozenset())


def test_a_scaled_number_counts_as_what_it_is() -> None:
    actions = Actions({"r": (ActionConfig(above=20, lamp="hot"), ActionConfig(show="{value} C"))}, ())
    actions.event("r", state(201, 10))
    assert actions.lit == {"hot"}
    assert actions.shown == ("20.1 C",)


def test_a_lamp_is_lit_while_any_receiver_says_so() -> None:
    actions = Actions({"one": (ActionConfig(lamp="red"),), "two": (ActionConfig(lamp="red"),)}, (LampConfig("red"),))
    actions.event("one", state(True))
    actions.event("two", state(True))
    actions.event("one", state(False))
    assert actions.lit == {"red"}
    actions.parked("two")
    assert actions.lit == frozenset()
    assert set(actions.heard) == {"one"}


def test_texts_always_or_while_a_rule_holds() -> None:
    rules = (ActionConfig(show="it is {value}"), ActionConfig(show="on air", equals=True))
    actions = Actions({"r": rules}, ())
    assert not actions.shown
    actions.event("r", state(False))
    assert list(actions.shown) == ["it is off"]
    actions.event("r", state(True))
    assert list(actions.shown) == ["it is on", "on air"]


def test_a_take_is_done_when_its_rule_begins_to_hold_by_an_event() -> None:
    rules = (ActionConfig(take="speaker", source="Mic"), ActionConfig(take="speaker", equals=False))
    actions = Actions({"r": rules}, ())
    assert actions.event("r", state(True)) == [], "what is heard first is a state"
    assert actions.event("r", state(True)) == []
    assert actions.event("r", state(False)) == [Take("speaker", None)]
    assert actions.event("r", state(True)) == [Take("speaker", "Mic")]
    actions.parked("r")
    assert actions.event("r", state(False)) == [], "another source: a state again"
