"""What the configuration of events must keep to, by key and reason."""

import pytest

from appliance.config.loader import parse
from appliance.errors import ConfigError

DEVICE = '[[devices]]\nname = "d"\n'
ENDPOINT = 'device = "d"\nformat = "data"\ntransport = "websocket"\n'
SENDER = DEVICE + '[[senders]]\nname = "s"\nmedia_type = "application/json"\n' + ENDPOINT
RECEIVER = (
    DEVICE
    + '[[receivers]]\nname = "speaker"\ndevice = "d"\n'
    + '[[receivers]]\nname = "r"\nmedia_types = ["application/json"]\nevent_types = ["boolean"]\n'
    + ENDPOINT
)
VALUES = '{ value = "a", label = "A" }'


def sender(event_type: str, event: str = "") -> str:
    return f'{SENDER}event_type = "{event_type}"\nevent = {{ {event} }}\n'


def action(text: str, lamps: str = "") -> str:
    return f"{lamps}{RECEIVER}actions = [{{ {text} }}]\n"


def problems(text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return dict(caught.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        sender("boolean"),
        sender("boolean/enum/OnOff", "values = [{ value = true, label = 'ON' }]"),
        sender("number", "min = 0, max = 1, step = 0.1"),
        sender("number/temperature/C", 'min = -20, max = 100, step = 0.1, scale = 10, input = { kind = "thermal" }'),
        sender("number/enum/Mode", "values = [{ value = 0, label = 'no' }, { value = 1.5, label = 'yes' }]"),
        sender("string", 'min_length = 1, pattern = "^[a-z]+$", initial = "off"'),
        sender("string/enum/Status", f"values = [{VALUES}]"),
        sender("boolean", 'input = { kind = "key", key = "KEY_F1" }'),
        action('show = "{value}"'),
        action('take = "speaker", source = "Mic", equals = true'),
        action('lamp = "red"', '[[events.lamps]]\nname = "red"\n'),
    ],
)
def test_good_ones(text: str) -> None:
    assert parse(text).devices


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (sender("object/thing"), "event_type", "out of the scope of IS-07 v1.0"),
        (sender("number/*"), "event_type", "must begin with"),
        (sender("number/a b/C"), "event_type", "must begin with"),
        (sender("string/enum", f"values = [{VALUES}]"), "event_type", "an enumeration has a name"),
        (sender("string/enum/x"), "event.values", "must name the values"),
        (sender("string", f"values = [{VALUES}]"), "event.values", 'is for enumerations, and this is "string"'),
        (sender("string/enum/x", f"values = [{VALUES}, {VALUES}]"), "event.values[1].value", "there already"),
        (sender("number/enum/x", f"values = [{VALUES}]"), "event.values[0].value", "must be a number"),
        (sender("boolean", "min = 0"), "event.min", "is for a number"),
        (
            sender("number/enum/x", "scale = 10, values = [{ value = 1, label = 'a' }]"),
            "event.scale",
            "is for a number",
        ),
        (sender("number", "max_length = 5"), "event.max_length", "is for a string"),
        (sender("number", "min = 5, max = 4"), "event.max", "must be at least min"),
        (sender("number", "min = nan"), "event.min", "finite"),
        (sender("number", "max = inf"), "event.min", "finite"),
        (sender("number", "scale = 0"), "event.scale", "must be 1 to"),
        (sender("number", "min = 0.05, max = 1, scale = 10"), "event.scale", "whole numbers of 1/10"),
        (sender("number", "min = 0, max = 1, step = 0.3"), "event.step", "a whole number of steps"),
        (sender("number", "step = 0"), "event.step", "must be over 0"),
        (sender("string", "min_length = 5, max_length = 4"), "event.max_length", "at least min_length"),
        (sender("string", 'pattern = "("'), "event.pattern", "no regular expression"),
        (sender("string", 'pattern = "^[a-z]+$"'), "event.initial", "must be like"),
        (sender("number", "min = 0, initial = -1"), "event.initial", "must be 0 to"),
        (sender("boolean", 'initial = "on"'), "event.initial", "must be a boolean"),
        (sender("boolean", "debounce_ms = -1"), "event.debounce_ms", "0 to 3600000"),
        (sender("boolean", "max_interval_ms = 5"), "event.max_interval_ms", "10 at least"),
        (sender("string", 'input = { kind = "gpio" }'), "event.input.kind", '"gpio" makes a boolean'),
        (sender("boolean", 'input = { kind = "thermal" }'), "event.input.kind", '"thermal" makes a number'),
        (sender("boolean", 'input = { kind = "key" }'), "event.input.key", "the name of a key"),
        (sender("boolean", 'input = { kind = "gpio", chip = "0" }'), "event.input.chip", "the path of a GPIO chip"),
        (sender("boolean", 'input = { kind = "gpio", line = 5000 }'), "event.input.line", "0 to 1023"),
        (sender("boolean", 'input = { kind = "fault", of = "x" }'), "event.input.of", 'has the name "x"'),
        (sender("boolean") + 'driver = "null"', "driver", "is for RTP"),
    ],
)
def test_bad_senders(text: str, key: str, reason: str) -> None:
    found = problems(text)
    assert list(found) == [f"senders[0].{key}"]
    assert reason in found[f"senders[0].{key}"]


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (action("equals = true"), "", "does nothing"),
        (action('lamp = "red"'), ".lamp", 'no lamp has the name "red"'),
        (action('take = "r"'), ".take", 'no receiver of RTP has the name "r"'),
        (action('show = "x", source = "Mic"'), ".source", "there is none"),
        (action('show = "x", equals = 1, above = 2'), ".equals", "does not go with"),
    ],
)
def test_bad_actions(text: str, key: str, reason: str) -> None:
    found = problems(text)
    assert list(found) == [f"receivers[1].actions[0]{key}"]
    assert reason in found[f"receivers[1].actions[0]{key}"]


def test_events_are_for_events() -> None:
    text = DEVICE + '[[senders]]\nname = "s"\ndevice = "d"\nevent = { debounce_ms = 5 }\n'
    text += '[[receivers]]\nname = "r"\ndevice = "d"\nactions = [{ show = "x" }]\n'
    assert problems(text) == {
        "senders[0].event": 'is for format "data"',
        "receivers[0].actions[0]": "is for receivers of events",
    }


def test_wildcards_stand_at_the_end_of_what_a_receiver_takes() -> None:
    assert parse(RECEIVER.replace('["boolean"]', '["number/*", "string/enum/*", "*"]')).receivers
    found = problems(RECEIVER.replace('["boolean"]', '["number/*/C", "numb*"]'))
    assert list(found) == ["receivers[1].event_types[0]", "receivers[1].event_types[1]"]


def test_a_line_is_had_once() -> None:
    lamps = (
        '[[events.lamps]]\nname = "a"\nkind = "gpio"\nline = 4\n[[events.lamps]]\nname = "a"\nkind = "gpio"\nline = 4\n'
    )
    found = problems(lamps + sender("boolean", 'input = { kind = "gpio", line = 4 }'))
    assert found == {
        "events.lamps[1].name": '"a" is there already',
        "events.lamps[1].line": "events.lamps[0] has that line already",
        "senders[0].event.input.line": "events.lamps[0] has that line already",
    }
