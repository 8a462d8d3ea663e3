"""The lists behind the two main ones: options, presets, auto-route, the PIN. Their rows, and what choosing one does.

Every one is a plain list, so that a knob that turns and is pressed can do all of it, and every face draws it alike;
what has letters and digits may type them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from appliance.panel.effects import Do
from appliance.panel.items import ReceiverItem, SourceGroup, SourceItem
from appliance.panel.kept import PresetItem
from appliance.panel.mirror import Mirror
from appliance.panel.text import find_key

View = Literal["receivers", "sources", "options", "presets", "route", "pin"]

BACK, SUBMIT, ERASE = "back", "submit", "erase"
"""Ids of the rows that the cursor itself acts on; a digit's is the digit."""
MODES = {
    "keep": "stay with the last source",
    "follow": "what the rules name",
    "first": "the first that fits",
    "never": "do nothing by itself",
}
SHORTEST_PIN, LONGEST_PIN = 4, 12


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list. Headings cannot be chosen. Of ``source`` and ``receiver`` there is at most one.

    A row with neither is an option: ``text``, a word on how it stands (``note``), whether it is what holds now
    (``marked``). Choosing it ``leads`` to another list or ``does`` something; a long press does ``long``.
    """

    id: str
    heading: SourceGroup | None = None
    source: SourceItem | None = None
    receiver: ReceiverItem | None = None
    text: str = ""
    note: str = ""
    marked: bool = False
    leads: View | None = None
    does: Do | None = None
    long: Do | None = None

    @property
    def choosable(self) -> bool:
        return self.heading is None


_BACK = Row(BACK, text="Back")


def options(mirror: Mirror, receiver: ReceiverItem | None, source: SourceItem | None) -> list[Row]:
    """``source`` is the one that the cursor was on."""
    panel = mirror.panel
    several = [Row("receivers", text="Receivers", note=str(len(mirror.receivers)), leads="receivers")]
    several = several if len(mirror.receivers) > 1 else []
    if panel.locked:
        return [_BACK, Row("unlock", text="Unlock the panel", leads="pin"), *several]
    rows = [_BACK, *several]
    if source is not None:
        change = favourite_change(mirror, source)
        note = "no favourite" if change.body["favourite"] else "a favourite"
        rows.append(Row("favourite", text=f"Favourite: {source.label}", note=note, does=change))
    rows.append(Row("presets", text="Presets", note=str(len(panel.presets)), leads="presets"))
    if receiver is not None:
        rows += _auto_route(receiver)
    confirm = Do("/panel/settings", {"confirm": not panel.confirm}, "the second press")
    rows.append(Row("confirm", text="Takes want a second press", note="yes" if panel.confirm else "no", does=confirm))
    note = "with its PIN" if panel.has_pin else "without a PIN"
    rows.append(Row("lock", text="Lock the panel", note=note, does=Do("/panel/lock", {}, "the lock")))
    return rows if panel.has_pin else [*rows, Row("pin", text="Set a PIN", leads="pin")]


def presets(mirror: Mirror, typed: str) -> list[Row]:
    """What was typed finds presets, and is the name of a new one."""
    known = {preset.name for preset in mirror.panel.presets}
    words = find_key(typed).split()
    name = typed.strip() or _new_name(known)
    note = "replaces it" if name in known else ""
    save = Row("save", text=f"Save what is shown now as “{name}”", note=note, does=_preset("save", name))
    return [_BACK, save] + [
        Row(f"preset {preset.name}", text=preset.name, note=_about(preset),
            does=_preset("recall", preset.name), long=_preset("delete", preset.name))
        for preset in mirror.panel.presets if all(word in find_key(preset.name) for word in words)
    ]  # fmt: skip


def modes(receiver: ReceiverItem | None) -> list[Row]:
    if receiver is None:
        return [_BACK]
    usable = [mode for mode in MODES if mode != "follow" or receiver.route.rules]
    return [_BACK] + [
        Row(mode, text=mode.capitalize(), note=MODES[mode], marked=mode == receiver.route.mode,
            does=_route(receiver, mode=mode))
        for mode in usable
    ]  # fmt: skip


def pin_pad(locked: bool, has_pin: bool) -> list[Row]:
    """Digits for those who have none to type."""
    if locked and not has_pin:
        return [_BACK, Row(SUBMIT, text="Unlock")]
    digits = [Row(str(digit), text=str(digit)) for digit in range(10)]
    return [_BACK, Row(SUBMIT, text="Unlock" if locked else "Set this PIN"), *digits, Row(ERASE, text="Erase the last")]


def submitted(locked: bool, pin: str) -> Do:
    return Do("/panel/unlock", {"pin": pin}, "unlock") if locked else Do("/panel/pin", {"pin": pin}, "the PIN")


def favourite_change(mirror: Mirror, source: SourceItem) -> Do:
    body = {"id": source.id, "favourite": source.id not in mirror.panel.favourites}
    return Do("/panel/favourite", body, source.label)


def _auto_route(receiver: ReceiverItem) -> list[Row]:
    rows = [Row("route", text=f"Auto-route of {receiver.label}", note=receiver.route.mode, leads="route")]
    if receiver.route.manual:
        release = _route(receiver, release=True)
        rows.append(Row("release", text="Release what was chosen by hand", note="auto-route goes on", does=release))
    return rows


def _about(preset: PresetItem) -> str:
    """What it is about; what of it cannot be given back now comes first."""
    return f"without {', '.join(preset.missing)}" if preset.missing else _count(preset.receivers, "receiver")


def _route(receiver: ReceiverItem, **body: object) -> Do:
    return Do("/panel/route", {"receiver_id": receiver.id, **body}, "auto-route")


def _preset(what: str, name: str) -> Do:
    return Do(f"/panel/presets/{what}", {"name": name}, name)


def _new_name(known: set[str]) -> str:
    """The first that is free."""
    return next(name for number in range(1, len(known) + 2) if (name := f"Preset {number}") not in known)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
