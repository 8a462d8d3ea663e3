"""Event types: type definitions as AMWA's schemas want them, and which values a source may have."""

import pytest

from appliance.config.model import EnumValueConfig, EventConfig, EventValue
from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.is07.types import Definition, Payload, accepted
from tests.support.specs import examples, problems

ON_OFF = (EnumValueConfig(False, "OFF", "The device is off"), EnumValueConfig(True, "ON", "The device is on"))
CONDITION = tuple(
    EnumValueConfig(value, label, f"Studio condition is {said}")
    for value, label, said in ((0, "idle", "idle"), (1, "reh", "rehearsal"), (2, "tx", "tx"))
)
TEMPERATURE = Definition("number/temperature/C", EventConfig(min=-20, max=100, step=0.1, scale=10))
DEFINITIONS = [
    Definition("boolean", EventConfig()),
    Definition("boolean/enum/OnOff", EventConfig(values=ON_OFF)),
    Definition("number", EventConfig(min=1, max=4_294_967_295)),
    Definition("number/enum/StudioCondition", EventConfig(values=CONDITION)),
    TEMPERATURE,
    Definition("number/attenuation/dB", EventConfig(min=-80, max=20, step=1)),
    Definition("string", EventConfig(min_length=1, max_length=30, pattern="^[a-zA-Z]+$", initial="off")),
    Definition("string/enum/Status", EventConfig(values=(EnumValueConfig("ok", "All is well"),))),
]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: each.event_type)
def test_type_definitions_and_first_values_are_valid(definition: Definition) -> None:
    assert problems("is-07", "v1.0", "type", definition.to_json()) == []
    assert definition.initial().to_json()["value"] is not None


@pytest.mark.parametrize(
    ("definition", "example"),
    [
        (DEFINITIONS[0], "eventsapi-type-boolean-get-200"),
        (DEFINITIONS[1], "eventsapi-type-boolean-enum-get-200"),
        (DEFINITIONS[2], "eventsapi-type-number-get-200"),
        (DEFINITIONS[3], "eventsapi-type-number-enum-get-200"),
        (DEFINITIONS[6], "eventsapi-type-string-get-200"),
    ],
)
def test_they_are_as_in_the_examples(definition: Definition, example: str) -> None:
    assert definition.to_json() == dict(examples("is-07", "v1.0"))[example]


def test_a_measurement_is_in_its_scale_throughout() -> None:
    expected: JSON = {
        "type": "number", "scale": 10, "unit": "C",
        "min": {"value": -200, "scale": 10}, "max": {"value": 1000, "scale": 10}, "step": {"value": 1, "scale": 10},
    }  # fmt: skip
    assert TEMPERATURE.to_json() == expected


@pytest.mark.parametrize(
    ("value", "payload"),
    [(20.1, Payload(201, 10)), (20.14, Payload(201, 10)), (-20, Payload(-200, 10)), (100, Payload(1000, 10))],
)
def test_a_number_is_the_nearest_step(value: float, payload: Payload) -> None:
    assert TEMPERATURE.payload(value) == payload
    assert payload.plain == pytest.approx(value, abs=0.05)


def test_a_step_never_goes_beyond_the_maximum() -> None:
    definition = Definition("number", EventConfig(min=0, max=1, step=0.4, scale=10))
    assert definition.payload(1) == Payload(8, 10)


@pytest.mark.parametrize(
    ("definition", "value", "why"),
    [
        (DEFINITIONS[0], 1, "must be a boolean"),
        (DEFINITIONS[0], None, "must be a boolean"),
        (DEFINITIONS[1], "ON", "must be a boolean"),
        (DEFINITIONS[2], True, "must be a number"),
        (DEFINITIONS[2], 0, "must be 1 to"),
        (DEFINITIONS[2], float("nan"), "must be 1 to"),
        (DEFINITIONS[2], float("inf"), "must be 1 to"),
        (DEFINITIONS[3], 3, "one of 0, 1, 2"),
        (DEFINITIONS[6], "", "1 to 30 characters"),
        (DEFINITIONS[6], "a" * 31, "1 to 30 characters"),
        (DEFINITIONS[6], "7", "must be like"),
        (Definition("string", EventConfig()), "\ud800", "half of a surrogate pair"),
        (Definition("string", EventConfig()), "x" * 4097, "0 to 4096"),
        (DEFINITIONS[7], "bad", "one of ok"),
    ],
)
def test_what_a_type_does_not_have_is_refused(definition: Definition, value: EventValue, why: str) -> None:
    with pytest.raises(BadRequest, match=f"^value: .*{why}"):
        definition.payload(value)


@pytest.mark.parametrize(
    ("caps", "event_type", "fits"),
    [
        (["number/temperature/C"], "number/temperature/C", True),
        (["number/temperature/*"], "number/temperature/F", True),
        (["number/*"], "number/temperature/C", True),
        (["number/*"], "number", False),
        (["number"], "number/temperature/C", False),
        (["string", "boolean"], "boolean", True),
        (["number/tempera*"], "number/temperature/C", False),
        (["Boolean"], "boolean", False),
        (["*"], "string/enum/x", True),
    ],
)
def test_what_a_receiver_accepts(caps: list[str], event_type: str, fits: bool) -> None:
    assert accepted(caps, event_type) is fits
