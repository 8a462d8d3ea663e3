"""Does a stream fit a receiver, and if not, because of which constraint (BCP-004-01)?

The panel, the Connection API and ``explain`` all ask here. A value that nobody tells (an old API version, a flow not
fetched yet) never speaks against a stream, nor does a constraint that is not in the Capabilities register.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.core.types import JSON
from appliance.nmos.caps import words
from appliance.nmos.caps.stream import (
    FORMAT_CAP,
    FORMAT_PREFIX,
    TRANSPORT_PREFIX,
    Stream,
    Value,
    Values,
    is_number,
    plain,
)
from appliance.nmos.is07.types import accepted

LABEL = "urn:x-nmos:cap:meta:label"
PREFERENCE = "urn:x-nmos:cap:meta:preference"
ENABLED = "urn:x-nmos:cap:meta:enabled"
_EVENT_TYPE = FORMAT_CAP + "event_type"


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a stream does not fit. ``parameter`` is the key of the receiver that says so (``transport``, ``format``,
    ``caps.media_types``...) or the URN of the constraint; ``reason`` a sentence for people."""

    parameter: str
    reason: str


def misfit(stream: Stream, receiver: JSON) -> Misfit | None:
    """What keeps ``receiver`` (IS-04, v1.3 form) from taking ``stream``; ``None`` where nothing is known to."""
    return _transport(stream, receiver) or _format(stream, receiver) or out_of_caps(stream, receiver.get("caps", {}))


def out_of_caps(stream: Stream, caps: JSON) -> Misfit | None:
    """The same of a receiver's ``caps`` alone: all of its attributes must be satisfied."""
    return (
        _listed("caps.media_types", "it is", stream.media_type, caps.get("media_types"))
        or _event_types(stream, caps.get("event_types"))
        or _constraint_sets(stream, caps)
    )


def satisfied_sets(stream: Stream, caps: JSON) -> list[JSON]:
    """The enabled constraint sets that the stream satisfies, those that the receiver likes best first."""
    return [one for one in enabled_sets(caps) if not any(_violated(stream, one))]


def enabled_sets(caps: JSON) -> list[JSON]:
    """The constraint sets that count, those that the receiver likes best first: one that is not enabled must not be
    taken into consideration (BCP-004-01 Constraint Set Enabled)."""
    sets = caps.get("constraint_sets")
    found = [one for one in sets if isinstance(one, dict) and one.get(ENABLED, True)] if isinstance(sets, list) else []
    return sorted(found, key=_preference, reverse=True)


def satisfies(values: Values, constraint: Mapping[str, Any]) -> bool:
    """Whether one of the values is among ``enum`` and within ``minimum`` and ``maximum``; a constraint without any of
    them allows everything (BCP-004-01 Constraint Keywords)."""
    return any(_allows(constraint, value) for value in values)


def _transport(stream: Stream, receiver: JSON) -> Misfit | None:
    """Of one base; subclassifications, where both ends have one, must be the same (IS-04, Transports register)."""
    if stream.sender is None:
        return None
    takes = str(receiver["transport"]).removeprefix(TRANSPORT_PREFIX)
    (sent_base, _, sent_kind), (base, _, kind) = stream.transport.partition("."), takes.partition(".")
    if sent_base == base and (not sent_kind or not kind or sent_kind == kind):
        return None
    return _no("transport", "it is sent by", stream.transport or "an unknown transport", takes)


def _format(stream: Stream, receiver: JSON) -> Misfit | None:
    wanted = str(receiver["format"]).removeprefix(FORMAT_PREFIX)
    if stream.format in (None, wanted):
        return None
    return _no("format", "it is", str(stream.format), wanted)


def _listed(parameter: str, lead: str, value: str | None, allowed: Any) -> Misfit | None:
    if value is None or not isinstance(allowed, list) or value in allowed:
        return None
    return _no(parameter, lead, value, *map(str, allowed))


def _event_types(stream: Stream, allowed: Any) -> Misfit | None:
    """IS-07 Event types: a receiver's may end in ``*``."""
    event_type = stream.event_type
    if event_type is None or not isinstance(allowed, list) or accepted(map(str, allowed), event_type):
        return None
    return _no("caps.event_types", "its events are", event_type, *map(str, allowed))


def _constraint_sets(stream: Stream, caps: JSON) -> Misfit | None:
    """One enabled constraint set that is satisfied is enough, and an empty list never is (BCP-004-01 Listing Constraint
    Sets); else what keeps the stream from the set that it comes closest to."""
    if not isinstance(caps.get("constraint_sets"), list):
        return None
    enabled = enabled_sets(caps)
    if not enabled:
        return Misfit("caps.constraint_sets", "this receiver has every kind of signal switched off")
    tried: list[tuple[JSON, list[str]]] = []
    for constraint_set in enabled:
        tried.append((constraint_set, list(_violated(stream, constraint_set))))
        if not tried[-1][1]:
            return None
    # The fewest that are not satisfied; among those the most that are.
    closest, violated = min(tried, key=lambda one: (len(one[1]), -len(one[0])))
    urn = violated[0]
    has, takes = words.either(stream.values(urn)), words.allowed(closest[urn])
    return Misfit(urn, f"its {words.name(urn)} is {has}, this receiver takes {takes}")


def _violated(stream: Stream, constraint_set: JSON) -> Iterator[str]:
    """The URNs of the constraints that the stream is known not to satisfy."""
    for urn, constraint in constraint_set.items():
        if isinstance(constraint, dict) and (values := stream.values(urn)):
            met = _event_type_met if urn == _EVENT_TYPE else satisfies
            if not met(values, constraint):
                yield urn


def _event_type_met(values: Values, constraint: Mapping[str, Any]) -> bool:
    allowed = constraint.get("enum")
    return not isinstance(allowed, list) or accepted(map(str, allowed), str(values[0]))


def _allows(constraint: Mapping[str, Any], value: Value) -> bool:
    allowed = constraint.get("enum")
    if isinstance(allowed, list) and not any(_equal(value, plain(each)) for each in allowed):
        return False
    if not is_number(value):
        return True
    low, high = plain(constraint.get("minimum")), plain(constraint.get("maximum"))
    return not (is_number(low) and value < low) and not (is_number(high) and value > high)


def _equal(value: Value, other: Value | None) -> bool:
    """JSON's true is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other


def _preference(constraint_set: JSON) -> int:
    """-100 to 100, 0 where it is not said."""
    value = constraint_set.get(PREFERENCE, 0)
    return value if isinstance(value, int) else 0


def _no(parameter: str, lead: str, has: str, *takes: str) -> Misfit:
    return Misfit(parameter, f"{lead} {words.shown(has)}, this receiver takes {words.either(takes)}")
