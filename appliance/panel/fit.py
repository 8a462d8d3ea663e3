"""Does a sender fit a receiver, and if not, why: transport, format, media and event types, BCP-004-01 constraints.

A value that the sender does not publish (an old API version, a flow not fetched yet) never speaks against it; where
not even the format is known, the answer is "unknown", and a take is still allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from appliance.core.types import JSON
from appliance.discovery.world import SenderEntry
from appliance.panel.essence import (
    FORMAT_PREFIX,
    TRANSPORT_PREFIX,
    Value,
    event_type_of,
    format_of,
    media_type_of,
    number,
    rational,
    transport_of,
    value_of,
)
from appliance.panel.items import Fit

YES = Fit("yes")
_ENABLED = "urn:x-nmos:cap:meta:enabled"
_NAMES = {
    "media_type": "media type",
    "event_type": "event type",
    "grain_rate": "frame rate",
    "sample_rate": "sample rate",
    "sample_depth": "bit depth",
    "component_depth": "bit depth",
    "channel_count": "number of channels",
    "interlace_mode": "scan mode",
    "bit_rate": "bit rate",
    "st2110_21_sender_type": "ST 2110-21 type",
}


def fit(entry: SenderEntry, receiver: JSON) -> Fit:
    """Whether ``receiver`` (a v1.3 resource of this box) can take what the sender sends."""
    sent_by, takes = transport_of(entry), str(receiver["transport"]).removeprefix(TRANSPORT_PREFIX)
    if not _transports_meet(sent_by, takes):
        return _no("it is sent by", sent_by or "an unknown transport", [takes])
    format = format_of(entry)
    if format is None:
        return Fit("unknown", "its format is not known yet")
    wanted = str(receiver["format"]).removeprefix(FORMAT_PREFIX)
    if format != wanted:
        return _no("it is", format, [wanted])
    caps = receiver.get("caps", {})
    return (
        _listed("it is", media_type_of(entry), caps.get("media_types"))
        or _listed("its events are", event_type_of(entry), caps.get("event_types"))
        or _constrained(entry, caps.get("constraint_sets"))
        or YES
    )


def _transports_meet(sent_by: str, takes: str) -> bool:
    """Of one base; subclassifications, where both ends have one, must be the same (IS-04, Transports register)."""
    (sent_base, _, sent_kind), (base, _, kind) = sent_by.partition("."), takes.partition(".")
    return sent_base == base and (not sent_kind or not kind or sent_kind == kind)


def _listed(lead: str, value: str | None, allowed: Any) -> Fit | None:
    if value is None or not isinstance(allowed, list) or value in allowed:
        return None
    return _no(lead, value, [str(name) for name in allowed])


def _constrained(entry: SenderEntry, sets: Any) -> Fit | None:
    """One enabled constraint set that is satisfied is enough (BCP-004-01 Behaviour: Receivers); else what stopped the
    set that came furthest."""
    if not isinstance(sets, list) or not sets:
        return None
    enabled = [one for one in sets if isinstance(one, dict) and one.get(_ENABLED, True)]
    if not enabled:
        return Fit("no", "this receiver has every kind of signal switched off")
    furthest: tuple[int, str] = (-1, "")
    for constraint_set in enabled:
        satisfied, problem = _try_set(entry, constraint_set)
        if problem is None:
            return None
        furthest = max(furthest, (satisfied, problem), key=lambda found: found[0])
    return Fit("no", furthest[1])


def _try_set(entry: SenderEntry, constraint_set: Mapping[str, Any]) -> tuple[int, str | None]:
    """How many constraints were satisfied before the first that was not, and what is wrong with that one."""
    satisfied = 0
    for urn, constraint in constraint_set.items():
        value = value_of(urn, entry)
        if value is None or not isinstance(constraint, dict):
            continue
        if not _satisfies(value, constraint):
            name = urn.rpartition(":")[2]
            shown = _NAMES.get(name, name.replace("_", " "))
            return satisfied, f"its {shown} is {number(value)}, this receiver takes {_allowed(constraint)}"
        satisfied += 1
    return satisfied, None


def _satisfies(value: Value, constraint: Mapping[str, Any]) -> bool:
    """enum, minimum and maximum; a constraint without any of them allows everything (BCP-004-01 Constraints)."""
    allowed = constraint.get("enum")
    if isinstance(allowed, list) and value not in [_plain(each) for each in allowed]:
        return False
    low, high = _plain(constraint.get("minimum")), _plain(constraint.get("maximum"))
    if not isinstance(value, int | float | Fraction):
        return True
    too_low = isinstance(low, int | float | Fraction) and value < low
    too_high = isinstance(high, int | float | Fraction) and value > high
    return not too_low and not too_high


def _allowed(constraint: Mapping[str, Any]) -> str:
    values = constraint.get("enum")
    if isinstance(values, list):
        return _either([number(plain) for each in values if (plain := _plain(each)) is not None])
    low, high = _plain(constraint.get("minimum")), _plain(constraint.get("maximum"))
    if low is not None and high is not None:
        return f"{number(low)} to {number(high)}"
    return f"{number(low)} and more" if low is not None else f"up to {number(high)}" if high is not None else "any"


def _plain(value: Any) -> Value | None:
    if isinstance(value, dict):
        return rational(value)
    return value if isinstance(value, str | bool | int | float) else None


def _no(lead: str, has: str, takes: list[str]) -> Fit:
    return Fit("no", f"{lead} {has}, this receiver takes {_either(takes)}")


def _either(names: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "nothing"
