"""What the configuration of events and tally must keep to beyond its shape: types, inputs, lamps, actions (IS-07)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from fractions import Fraction

from appliance.config.model import (
    ActionConfig,
    Config,
    EventConfig,
    EventInputConfig,
    LampConfig,
    ReceiverConfig,
    SenderConfig,
)
from appliance.errors import BadRequest
from appliance.nmos.is07.types import BASES, Definition, exact

Problem = tuple[str, str]

MAX_INTERVAL_MS = 3_600_000
MAX_LINE = 1023
_EVENT_TYPE = re.compile(r"(boolean|string|number|object)(/[A-Za-z0-9_.-]+)*(/\*)?|\*")
_INPUT_BASES: Mapping[str, tuple[str, ...]] = {
    "panel": BASES,
    "thermal": ("number",),
    **dict.fromkeys(("gpio", "key", "signal", "fault"), ("boolean",)),
}
_ONLY: Mapping[str, tuple[str, ...]] = {
    "number": ("min", "max", "step", "scale"),
    "string": ("min_length", "max_length", "pattern"),
}


def event_type(key: str, name: str, *, wildcard: bool) -> Iterator[Problem]:
    """``wildcard``: a receiver's may end in ``*`` (Event types, Event types capability management)."""
    if not _EVENT_TYPE.fullmatch(name) or ("*" in name and not wildcard):
        reason = 'must begin with boolean, string or number, as "number/temperature/C" does'
        yield key, f'{reason}, not "{name[:60]}"'


def sender(key: str, config: SenderConfig) -> Iterator[Problem]:
    """A sender of events whose ``event_type`` is well formed."""
    definition, event = Definition(config.event_type or "", config.event), config.event
    if definition.base not in BASES:
        yield f"{key}.event_type", f'"{definition.base}" is out of the scope of IS-07 v1.0: boolean, string or number'
        return
    problems = [*_values(f"{key}.event", definition), *_limits(f"{key}.event", definition)]
    yield from problems
    if not problems:
        try:
            definition.initial()
        except BadRequest as error:
            yield f"{key}.event.initial", error.message.removeprefix("value: ")
    yield from _rates(f"{key}.event", event)
    if definition.base not in _INPUT_BASES[event.input.kind]:
        reason = f'"{event.input.kind}" makes a {_INPUT_BASES[event.input.kind][0]}, and this is a {definition.base}'
        yield f"{key}.event.input.kind", reason


def boxes(config: Config) -> Iterator[Problem]:
    """What hangs on more than one table: lamps, GPIO lines, and what inputs and actions refer to."""
    lines: dict[tuple[str, int], str] = {}
    lamps = [lamp.name for lamp in config.events.lamps]
    for index, lamp in enumerate(config.events.lamps):
        yield from _lamp(f"events.lamps[{index}]", lamp, lamps[:index], lines)
    names = {endpoint.name for endpoint in (*config.senders, *config.receivers) if endpoint.transport.is_rtp}
    for index, each in enumerate(config.senders):
        yield from _input(f"senders[{index}].event.input", each.event.input, names, lines)
    takers = {receiver.name for receiver in config.receivers if receiver.transport.is_rtp}
    for index, receiver in enumerate(config.receivers):
        for place, action in enumerate(receiver.actions):
            yield from _action(f"receivers[{index}].actions[{place}]", action, receiver, lamps, takers)


def _values(key: str, definition: Definition) -> Iterator[Problem]:
    values = [item.value for item in definition.config.values]
    if definition.is_enum and (len(definition.event_type.split("/")) != 3 or not values):
        if values:
            yield key.removesuffix(".event") + ".event_type", 'an enumeration has a name: "string/enum/DeviceStatus"'
        else:
            yield f"{key}.values", "must name the values of the enumeration"
    if values and not definition.is_enum:
        yield f"{key}.values", f'is for enumerations, and this is "{definition.event_type}"'
    plain = Definition(definition.base, EventConfig())
    for index, value in enumerate(values):
        try:
            plain.payload(value)
        except BadRequest as error:
            yield f"{key}.values[{index}].value", error.message.removeprefix("value: ")
        if value in values[:index]:
            yield f"{key}.values[{index}].value", f"{value} is there already"


def _limits(key: str, definition: Definition) -> Iterator[Problem]:
    event, plain = definition.config, EventConfig()
    for base, names in _ONLY.items():
        for name in names:
            if getattr(event, name) != getattr(plain, name) and (definition.base != base or definition.is_enum):
                yield f"{key}.{name}", f'is for a {base}, and this is "{definition.event_type}"'
    yield from _numbers(key, event)
    lengths = (event.min_length or 0, event.max_length if event.max_length is not None else 4096)
    if not 0 <= lengths[0] <= lengths[1] <= 4096:
        yield f"{key}.max_length", "must be at least min_length, and both from 0 to 4096"
    if event.pattern is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                re.compile(event.pattern)
        except (re.error, RecursionError, OverflowError, FutureWarning) as error:
            yield f"{key}.pattern", f"is no regular expression: {error}"


def _numbers(key: str, event: EventConfig) -> Iterator[Problem]:
    try:
        low, high = exact(event.min), exact(event.max)
        step = None if event.step is None else exact(event.step)
    except ValueError:
        yield f"{key}.min", "min, max and step must be finite numbers"
        return
    if not -(10**15) <= low <= high <= 10**15:
        yield f"{key}.max", "must be at least min, and both within a million billions"
    if not 1 <= event.scale <= 1_000_000:
        yield f"{key}.scale", f"must be 1 to 1000000, not {event.scale}"
    elif event.scale != 1 and any((part * event.scale).denominator != 1 for part in (low, high, step or Fraction(1))):
        yield f"{key}.scale", f"min, max and step must be whole numbers of 1/{event.scale}"
    if step is not None and (step <= 0 or (high - low) % step):
        yield f"{key}.step", "must be over 0, and max - min a whole number of steps (IS-07 Event types section 2.3)"


def _rates(key: str, event: EventConfig) -> Iterator[Problem]:
    for name in ("debounce_ms", "min_interval_ms", "max_interval_ms"):
        if not 0 <= getattr(event, name) <= MAX_INTERVAL_MS:
            yield f"{key}.{name}", f"must be 0 to {MAX_INTERVAL_MS}, not {getattr(event, name):g}"
    if 0 < event.max_interval_ms < max(event.min_interval_ms, 10):
        yield f"{key}.max_interval_ms", "must be 0, or 10 at least and not less than min_interval_ms"


def _lamp(key: str, lamp: LampConfig, before: list[str], lines: dict[tuple[str, int], str]) -> Iterator[Problem]:
    if not lamp.name or not lamp.name.isprintable() or len(lamp.name) > 200:
        yield f"{key}.name", "must be 1 to 200 printable characters"
    if lamp.name in before:
        yield f"{key}.name", f'"{lamp.name}" is there already'
    if lamp.kind == "gpio":
        yield from _line(key, lamp.chip, lamp.line, lines)


def _input(key: str, event: EventInputConfig, names: set[str], lines: dict[tuple[str, int], str]) -> Iterator[Problem]:
    if event.kind == "gpio":
        yield from _line(key, event.chip, event.line, lines)
    if event.kind == "key" and not event.key.startswith(("KEY_", "BTN_")):
        yield f"{key}.key", 'must be the name of a key, such as "KEY_F1"'
    if event.kind in ("signal", "fault") and event.of not in names:
        yield f"{key}.of", f'no sender or receiver of RTP has the name "{event.of}"'


def _line(key: str, chip: str, line: int, lines: dict[tuple[str, int], str]) -> Iterator[Problem]:
    if not chip.startswith("/"):
        yield f"{key}.chip", f'must be the path of a GPIO chip such as "/dev/gpiochip0", not "{chip[:60]}"'
    if not 0 <= line <= MAX_LINE:
        yield f"{key}.line", f"must be 0 to {MAX_LINE}, not {line}"
    if (chip, line) in lines:
        yield f"{key}.line", f"{lines[chip, line]} has that line already"
    lines.setdefault((chip, line), key)


def _action(
    key: str, action: ActionConfig, receiver: ReceiverConfig, lamps: list[str], takers: set[str]
) -> Iterator[Problem]:
    if receiver.transport.is_rtp:
        yield key, "is for receivers of events"
        return
    if action.lamp is None and action.show is None and action.take is None:
        yield key, "does nothing: lamp, show or take says what"
    if action.lamp is not None and action.lamp not in lamps:
        yield f"{key}.lamp", f'no lamp has the name "{action.lamp}"'
    if action.take is not None and action.take not in takers:
        yield f"{key}.take", f'no receiver of RTP has the name "{action.take}"'
    if action.source is not None and action.take is None:
        yield f"{key}.source", "says what take takes, and there is none"
    if action.equals is not None and (action.above is not None or action.below is not None):
        yield f"{key}.equals", "does not go with above and below"
