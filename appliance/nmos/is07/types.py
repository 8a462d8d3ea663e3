"""Event types: what a source may say, its type definition, and how a value is written (IS-07 Event types).

Numbers are exact: a configured 0.1 is a tenth, so that what is sent is a whole number of steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from appliance.config.model import EventConfig, EventValue
from appliance.core.types import JSON
from appliance.errors import BadRequest

BASES = ("boolean", "string", "number")
MAX_STRING = 4096
ENUM = "enum"
_JSON_NAMES = {bool: "boolean", str: "string", int: "number", float: "number"}


@dataclass(frozen=True, slots=True)
class Payload:
    """A value as it is sent: a number's is ``value / scale`` (section 2.3)."""

    value: EventValue
    scale: int | None = None

    def to_json(self) -> JSON:
        return {"value": self.value} if self.scale is None else {"value": self.value, "scale": self.scale}

    @property
    def plain(self) -> EventValue:
        """The value without its scale, for people and for rules."""
        if self.scale is None or isinstance(self.value, str | bool):
            return self.value
        return self.value / self.scale


@dataclass(frozen=True, slots=True)
class Definition:
    """The type of one source."""

    event_type: str
    config: EventConfig

    @property
    def base(self) -> str:
        return self.event_type.partition("/")[0]

    @property
    def is_enum(self) -> bool:
        return ENUM in self.event_type.split("/")[1:2]

    @property
    def unit(self) -> str | None:
        """The third word of a measurement's name (section 2.3.1)."""
        words = self.event_type.split("/")
        return words[2] if self.base == "number" and not self.is_enum and len(words) == 3 else None

    def to_json(self) -> JSON:
        """The type definition object of the Events API."""
        body: JSON = {"type": self.base}
        if self.is_enum:
            values = self.config.values
            return body | {
                "values": [
                    {"value": item.value, "label": item.label, "description": item.description or item.label}
                    for item in values
                ]
            }
        return body | (self._number() if self.base == "number" else self._string() if self.base == "string" else {})

    def initial(self) -> Payload:
        """What the source says before anything is known; :class:`BadRequest` where the configuration has none."""
        given = self.config.initial
        if given is not None:
            return self.payload(given)
        if self.is_enum:
            return self.payload(self.config.values[0].value)
        if self.base == "number":
            return self.payload(min(max(0, self.config.min), self.config.max))
        return self.payload(False if self.base == "boolean" else " " * (self.config.min_length or 0))

    def payload(self, value: object) -> Payload:
        """How ``value`` is sent, a number as the nearest step; :class:`BadRequest` where the type does not have it."""
        if isinstance(value, str | bool | int | float) and _JSON_NAMES[type(value)] == self.base:
            if self.is_enum:
                return self._one_of(value)
            if isinstance(value, bool):
                return Payload(value)
            return self._text(value) if isinstance(value, str) else self._nearest(value)
        raise BadRequest(f"value: must be a {self.base}")

    def _one_of(self, value: EventValue) -> Payload:
        for item in self.config.values:
            if item.value == value:
                return Payload(item.value)
        raise BadRequest(f"value: must be one of {', '.join(str(item.value) for item in self.config.values)[:200]}")

    def _text(self, value: str) -> Payload:
        config = self.config
        longest = min(MAX_STRING, config.max_length if config.max_length is not None else MAX_STRING)
        if not (config.min_length or 0) <= len(value) <= longest:
            raise BadRequest(f"value: must have {config.min_length or 0} to {longest} characters")
        if config.pattern is not None and re.match(config.pattern, value) is None:
            raise BadRequest(f"value: must be like {config.pattern[:100]}")
        if not is_text(value):
            raise BadRequest("value: holds half of a surrogate pair, which is no character")
        return Payload(value)

    def _nearest(self, value: int | float) -> Payload:
        lowest, highest = exact(self.config.min), exact(self.config.max)
        if not lowest <= value <= highest:  # also where it is no number
            raise BadRequest(f"value: must be {self.config.min:g} to {self.config.max:g}")
        if self.config.step is None and self.config.scale == 1:
            return Payload(value)
        step = exact(self.config.step) if self.config.step is not None else Fraction(1, self.config.scale)
        stepped = lowest + round((exact(value) - lowest) / step) * step
        return self._scaled(stepped if stepped <= highest else stepped - step)

    def _number(self) -> JSON:
        config, scale = self.config, self.config.scale
        body: JSON = {"scale": scale} if scale != 1 else {}
        body |= {"min": self._bound(config.min), "max": self._bound(config.max)}
        if config.step is not None:
            body["step"] = self._bound(config.step)
        return body | ({"unit": self.unit} if self.unit else {})

    def _bound(self, value: float) -> JSON:
        return self._scaled(exact(value)).to_json()

    def _scaled(self, value: Fraction) -> Payload:
        scaled = value * self.config.scale
        number = scaled.numerator if scaled.denominator == 1 else float(scaled)
        return Payload(number, self.config.scale if self.config.scale != 1 else None)

    def _string(self) -> JSON:
        config = self.config
        limits = {"min_length": config.min_length, "max_length": config.max_length, "pattern": config.pattern}
        return {key: limit for key, limit in limits.items() if limit is not None}


def exact(value: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth."""
    return Fraction(repr(value))


def is_text(value: str) -> bool:
    """Whether it can be written as UTF-8 (JSON can spell what cannot: RFC 8259 section 8.2)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def accepted(event_types: Iterable[str], event_type: str) -> bool:
    """Whether a receiver with these capabilities takes the type; ``*`` stands for any last words (Event types, Event
    types capability management)."""
    return any(
        event_type == name or (name.endswith("/*") and event_type.startswith(name[:-1])) or name == "*"
        for name in event_types
    )
