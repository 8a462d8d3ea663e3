"""Presets: what all receivers of the box show, as a whole. Taken down, given back, handed from box to box as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from appliance.core.types import JSON
from appliance.errors import BadRequest, Conflict
from appliance.panel.items import ReceiverItem
from appliance.panel.requests import shown_text
from appliance.panel.text import MAX_LABEL, clean

MAX_PRESETS = 100
MAX_TAKES = 20_000
"""In all presets together: some 3 MB on the flash."""
MAX_NAME = 60
MAX_MISSING = 5
"""So many labels say enough of a preset."""
_ID_LENGTH = 36

ReceiverOf = Callable[[str], ReceiverItem | None]


def taken_down(receivers: Iterable[ReceiverItem], now: str) -> JSON:
    """What they show now. One that shows a stream without a known sender is left as it is when this is given back."""
    takes = {
        item.id: {"sender_id": item.sender_id, "label": item.shows, "receiver": item.label}
        for item in receivers
        if item.sender_id is not None or not item.enabled
    }
    return {"saved": now, "takes": takes}


def to_take(preset: JSON, receiver_of: ReceiverOf) -> dict[str, str | None]:
    """What must be taken to give it back: nothing of what is so already and well."""
    return {id: take["sender_id"] for id, take in preset["takes"].items() if not _is_so(receiver_of(id), take)}


def _is_so(item: ReceiverItem | None, take: JSON) -> bool:
    if item is None or item.pending is not None or item.phase == "fault":
        return False
    shown = item.sender_id if item.enabled else None
    is_nameless = item.enabled and item.sender_id is None
    return bool(shown == take["sender_id"]) and not is_nameless


def senders_in(presets: Mapping[str, JSON]) -> frozenset[str]:
    """The ids of all that they name."""
    return frozenset(
        id for preset in presets.values() for take in preset["takes"].values() if (id := take["sender_id"])
    )


def missing(presets: Mapping[str, JSON], is_there: Callable[[str], bool]) -> dict[str, tuple[str, ...]]:
    """By preset, what its sources are called that are not there: each once, a few at most."""
    found: dict[str, tuple[str, ...]] = {}
    for name, preset in presets.items():
        takes = (take for take in preset["takes"].values() if take["sender_id"] is not None)
        gone = dict.fromkeys(
            take["label"] or take["sender_id"][:8] for take in takes if not is_there(take["sender_id"])
        )
        found[name] = tuple(islice(gone, MAX_MISSING))
    return found


def exported(presets: Mapping[str, JSON], receiver_of: ReceiverOf) -> list[JSON]:
    """Ids for this box, labels for people and for another box."""
    return [_exported_preset(name, preset, receiver_of) for name, preset in presets.items()]


def _exported_preset(name: str, preset: JSON, receiver_of: ReceiverOf) -> JSON:
    takes = [_exported(id, take, receiver_of) for id, take in preset["takes"].items()]
    return {"name": name, "saved": preset["saved"], "takes": takes}


def _exported(id: str, take: JSON, receiver_of: ReceiverOf) -> JSON:
    item = receiver_of(id)
    sender = None if take["sender_id"] is None else {"id": take["sender_id"], "label": take["label"]}
    return {"receiver": {"id": id, "label": item.label if item else take.get("receiver", "")}, "sender": sender}


def imported(listed: Any, receivers: Iterable[ReceiverItem], now: str) -> dict[str, JSON]:
    """By name. A receiver that this box does not have by its id is known by its label, if only one has that."""
    by_id = {item.id: item for item in receivers}
    by_label: dict[str, list[ReceiverItem]] = {}
    for item in by_id.values():
        by_label.setdefault(item.label, []).append(item)
    found: dict[str, JSON] = {}
    for index, preset in enumerate(_list(listed, "presets", MAX_PRESETS)):
        key = f"presets[{index}]"
        name = name_in(_object(preset, key), "name", f"{key}.")
        takes = {}
        for place, take in enumerate(_list(preset.get("takes"), f"{key}.takes", MAX_TAKES)):
            where = f"{key}.takes[{place}]"
            id, value = _imported(_object(take, where), where, by_id, by_label)
            takes[id] = value
        found[name] = {"saved": now, "takes": takes}
    return found


def _imported(
    take: JSON, key: str, by_id: Mapping[str, ReceiverItem], by_label: Mapping[str, list[ReceiverItem]]
) -> tuple[str, JSON]:
    named = _object(take.get("receiver"), f"{key}.receiver")
    label = clean(named.get("label"))
    known = by_id.get(str(named.get("id")))
    matches = [known] if known is not None else by_label.get(label, [])
    if len(matches) != 1:
        what = "no receiver" if not matches else f"{len(matches)} receivers"
        raise BadRequest(f"{key}.receiver: this box has {what} called {label!r}")
    sender = take.get("sender")
    if sender is None:
        return matches[0].id, {"sender_id": None, "label": "", "receiver": matches[0].label}
    id = _object(sender, f"{key}.sender").get("id")
    if not isinstance(id, str) or len(id) != _ID_LENGTH or not id.isascii():
        raise BadRequest(f"{key}.sender.id: must be the id of a sender")
    return matches[0].id, {"sender_id": id, "label": clean(sender.get("label")), "receiver": matches[0].label}


def name_in(body: JSON, key: str, before: str = "") -> str:
    """A preset's name."""
    try:
        name = shown_text(body, key, MAX_NAME) if key in body else ""
    except BadRequest as error:
        raise BadRequest(f"{before}{error.message}") from None
    if not name:
        raise BadRequest(f"{before}{key}: must be 1 to {MAX_NAME} characters")
    return name


def check_room(presets: Mapping[str, JSON]) -> None:
    if len(presets) > MAX_PRESETS:
        raise Conflict(f"presets: there would be more than {MAX_PRESETS}")
    if sum(len(preset["takes"]) for preset in presets.values()) > MAX_TAKES:
        raise Conflict(f"presets: they would hold more than {MAX_TAKES} takes together")


def check_rules(rules: Any) -> None:
    """Auto-route's rules have the right shape; what is in them is for the configuration's own rules to say."""
    known = ("label", "device", "group", "tag", "format")
    for index, rule in enumerate(_list(rules, "rules", 100)):
        for name, value in _object(rule, f"rules[{index}]").items():
            if name not in known:
                raise BadRequest(f"rules[{index}].{clean(name, 40)}: is not known here; expected {', '.join(known)}")
            if not isinstance(value, str) or len(value) > 2 * MAX_LABEL:
                raise BadRequest(f"rules[{index}].{name}: must be a string")
        if rule.get("format") not in (None, "audio", "video", "data", "mux"):
            raise BadRequest(f"rules[{index}].format: must be audio, video, data or mux")


def _list(value: Any, key: str, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise BadRequest(f"{key}: must be a list")
    if len(value) > most:
        raise BadRequest(f"{key}: has over {most} entries")
    return value


def _object(value: Any, key: str) -> JSON:
    if not isinstance(value, dict):
        raise BadRequest(f"{key}: must be an object")
    return value
