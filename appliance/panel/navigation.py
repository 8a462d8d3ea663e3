"""The cursor: what each key does, whatever face it is pressed on.

Two lists: the receivers of the box, and the sources for one of them; behind them, by a long press or to the right,
the lists of options.py. Enter goes in, and takes; back goes out. Typing finds. The cursor is on an *id*: when the list
moves under it, it stays with its source; when that source is gone, Enter takes nothing that merely slipped into its
place.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import chain

from appliance.panel import options
from appliance.panel.effects import Asked, Do, Effect, Quit, Refused, Take
from appliance.panel.items import Named, ReceiverItem, SourceGroup, SourceItem
from appliance.panel.listing import grouped
from appliance.panel.mirror import Mirror
from appliance.panel.options import Row, View

__all__ = ["MAX_FIND", "OFF", "Asked", "Do", "Effect", "Key", "Navigation", "Quit", "Refused", "Row", "Take", "View"]

OFF = "off"
"""The id of the row that switches the receiver off."""
MAX_FIND = 40
_FAVOURITES, _UNFIT = Named("", "Favourites"), Named("", "What does not fit")
_NOBODY = Named("", "")


class Key(StrEnum):
    """What a face has keys for; anything else that is one printable character is typed text.

    ``ENTER`` is a knob's short press, ``LONG`` its long one; left goes back, right goes in but never takes."""

    UP = "key up"
    DOWN = "key down"
    PAGE_UP = "key page up"
    PAGE_DOWN = "key page down"
    FIRST = "key first"
    LAST = "key last"
    LEFT = "key left"
    RIGHT = "key right"
    ENTER = "key enter"
    LONG = "key long"
    BACK = "key back"
    NEXT_RECEIVER = "key next receiver"
    PREVIOUS_RECEIVER = "key previous receiver"
    ERASE = "key erase"


class Navigation:
    """The cursor on a mirror. ``page`` is how many rows a face shows at once."""

    def __init__(self, mirror: Mirror, receiver_id: str | None = None) -> None:
        self.mirror = mirror
        self.view: View = "sources"
        self.finding = False
        self.find = ""
        self.page = 10
        self.pin = ""
        self._armed = ""
        self._about: str | None = None  # the source whose options are shown
        self._receiver_id = receiver_id
        self._cursor = OFF
        self._index = 0
        self._moved = False
        self._rows: list[Row] = []
        self._places: dict[str, int] = {}
        self._known: dict[str, Row] = {}
        self._made_for: tuple[object, ...] = ()

    # ---- what to show

    @property
    def receiver(self) -> ReceiverItem | None:
        """The receiver that is operated; the first one until another is chosen."""
        receivers = self.mirror.receivers
        if self._receiver_id in receivers:
            return receivers[self._receiver_id]
        return next(iter(receivers.values()), None)

    @property
    def rows(self) -> list[Row]:
        """The list, made anew only when something in it changed."""
        if self.view == "pin" and not self.mirror.panel.locked and self.mirror.panel.has_pin:
            self._show("sources")  # it was unlocked, here or elsewhere, or now has its PIN
        made_for = (self.mirror.revision, self.view, self.find, self._about)
        if made_for != self._made_for:
            self._made_for = made_for
            self._rows = self._make_rows()
            self._places = {row.id: number for number, row in enumerate(self._rows) if row.choosable}
            self._follow()
        return self._rows

    @property
    def index(self) -> int:
        """Where in ``rows`` the cursor is; 0 where there are none."""
        rows = self.rows
        return min(self._index, max(0, len(rows) - 1))

    @property
    def current_row(self) -> Row | None:
        """The row under the cursor."""
        rows = self.rows
        return rows[self.index] if rows and rows[self.index].choosable else None

    @property
    def title(self) -> str:
        """What the list is, where that is not the sources of a receiver."""
        receiver = self.receiver
        route = f"Auto-route of {receiver.label}" if receiver else "Auto-route"
        pin = "Unlock" if self.mirror.panel.locked else "A PIN of 4 to 12 digits"
        titles = {"receivers": "Receivers", "options": "Options", "presets": "Presets", "route": route}
        return titles.get(self.view, "") if self.view != "pin" else f"{pin}: {'*' * len(self.pin)}".rstrip(": ")

    def home(self) -> None:
        """Back to the sources, on what is on; a PIN that was begun is forgotten."""
        self._show("sources")

    # ---- keys

    def press(self, key: str) -> Effect:
        """A :class:`Key`, or a typed character."""
        rows, armed = self.rows, self._armed
        self._armed = ""
        moves = {
            Key.UP: self.index - 1,
            Key.DOWN: self.index + 1,
            Key.PAGE_UP: self.index - self.page,
            Key.PAGE_DOWN: self.index + self.page,
            Key.FIRST: 0,
            Key.LAST: len(rows) - 1,
        }
        if key in moves:
            self._move_to(moves[Key(key)], back=key in (Key.UP, Key.PAGE_UP, Key.LAST))
            return None
        row = self.current_row
        if key == Key.ENTER or (key == Key.RIGHT and row is not None and (row.receiver or row.leads)):
            return self._enter(armed)
        if key in (Key.LONG, Key.RIGHT):
            return self._long(armed)
        if key in (Key.BACK, Key.LEFT):
            self._back()
        elif key in (Key.NEXT_RECEIVER, Key.PREVIOUS_RECEIVER):
            self._other_receiver(1 if key == Key.NEXT_RECEIVER else -1)
        elif key == Key.ERASE:
            self._erase()
        elif len(key) == 1 and key.isprintable():
            return self._typed(key, armed)
        return None

    def point(self, index: int) -> Effect:
        """A mouse on a row: the cursor goes there; where it is already, that is Enter."""
        rows = self.rows
        if not 0 <= index < len(rows) or not rows[index].choosable:
            return None
        if rows[index].id == self._cursor:
            return self.press(Key.ENTER)
        self._armed = ""
        self._go_to(rows[index].id)
        return None

    def _enter(self, armed: str) -> Effect:
        row = self.current_row
        if row is None:
            return Refused("there is nothing to choose")
        if row.id != self._cursor:
            self._cursor = row.id
            return Refused("what you were about to choose is gone")
        if row.receiver is not None:
            self._receiver_id = row.receiver.id
            self._show("sources")
            return None
        if self.view == "sources":
            return self._take(row.source, armed)
        return self._chosen(row, armed)

    def _take(self, source: SourceItem | None, armed: str) -> Effect:
        receiver = self.receiver
        if receiver is None:
            return Refused("this box has no receiver")
        if self.mirror.panel.locked:
            return self._ask_pin()
        if source is not None and source.absent:
            return Refused(f"{source.label} is not on the network")
        fit = None if source is None else self.mirror.fits.get(source.id)
        if source is not None and fit is not None and fit.verdict == "no":
            return Refused(f"{source.label} does not fit: {fit.reason}")
        label = OFF if source is None else source.label
        if self.mirror.panel.confirm and not self._confirmed(OFF if source is None else source.id, armed):
            return Asked(f"press again to take {label}")
        if source is not None:
            self.finding, self.find = False, ""
            self._go_to(source.id)
        return Take(receiver.id, None if source is None else source.id, label)

    def _confirmed(self, id: str, armed: str) -> bool:
        """Whether the same was asked for by the key before; else the next one may confirm it."""
        if armed == id:
            return True
        self._armed = id
        return False

    def _long(self, armed: str) -> Effect:
        row = self.current_row
        if self.view in ("sources", "receivers"):
            self._about = row.source.id if row is not None and row.source is not None else None
            self._show("options")
        elif row is not None and row.long is not None:
            return row.long if self._confirmed(f"long {row.id}", armed) else Asked(f"hold again to delete {row.text}")
        else:
            self._back()
        return None

    def _chosen(self, row: Row, armed: str) -> Effect:
        """A row of one of the lists behind the main ones."""
        if row.id == options.BACK:
            self._back()
        elif row.leads is not None:
            self._show(row.leads)
        elif row.does is None:
            return self._pin_pad(row.id)
        elif row.long is not None and self.mirror.panel.confirm and not self._confirmed(row.id, armed):
            return Asked(f"press again for {row.text}")
        elif self.finding:
            self._find(None)
        return row.does

    # ---- the PIN

    def _ask_pin(self) -> Effect:
        self._show("pin")
        return Refused("the panel is locked")

    def _pin_pad(self, id: str) -> Effect:
        if id == options.ERASE:
            self.pin = self.pin[:-1]
        elif id == options.SUBMIT:
            pin, self.pin = self.pin, ""
            return options.submitted(self.mirror.panel.locked, pin)
        elif len(self.pin) < options.LONGEST_PIN:
            self.pin += id
        return None

    # ---- back, and typing

    def _back(self) -> None:
        if self.finding:
            self._find(None)
        elif self.view in ("presets", "route") or (self.view == "pin" and not self.mirror.panel.locked):
            self._show("options")
        elif self.view in ("options", "pin"):
            self._show("sources")
        elif self.view == "sources" and len(self.mirror.receivers) > 1:
            self._show("receivers")

    def _other_receiver(self, step: int) -> None:
        ids = list(self.mirror.receivers)
        receiver = self.receiver
        if receiver is not None and len(ids) > 1:
            self._receiver_id = ids[(ids.index(receiver.id) + step) % len(ids)]
            self._show(self.view)

    def _typed(self, character: str, armed: str) -> Effect:
        """o, * and q mean something only while nothing is being found; / begins to find without a letter."""
        if self.view == "pin":
            if character.isdecimal() and character.isascii():
                self._pin_pad(character)
                self._go_to(options.SUBMIT)
        elif self.finding:
            self._find(self.find + character)
        elif character in "qQ":
            return Quit()
        elif self.view == "sources":
            if character in "oO":
                return self._take(None, armed)
            row = self.current_row
            if character == "*":
                return options.favourite_change(self.mirror, row.source) if row is not None and row.source else None
            self._find("" if character == "/" else character.lstrip())
        elif self.view == "presets":
            self._find(character.lstrip())
        return None

    def _erase(self) -> None:
        if self.view == "pin":
            self.pin = self.pin[:-1]
        else:
            self._find(self.find[:-1])

    # ---- the cursor

    def _show(self, view: View) -> None:
        """Another list, with the cursor on what is current in it, or on the first thing in it that can be done."""
        self.view, self.pin, self._armed = view, "", ""
        self.finding, self.find = False, ""
        receiver = self.receiver
        if view not in ("receivers", "sources"):
            rows = self.rows
            self._go_to(
                next((row.id for row in rows if row.marked and view == "route"), rows[min(1, len(rows) - 1)].id)
            )
        elif receiver is not None:
            shown = receiver.sender_id if receiver.sender_id in self.mirror.sources else None
            self._go_to(receiver.id if view == "receivers" else shown or OFF)

    def _find(self, text: str | None) -> None:
        """``None``: no longer."""
        cursor = self._cursor
        self.finding, self.find = text is not None, (text or "")[:MAX_FIND]
        if text:
            rows = self.rows
            first = next((row.id for row in rows if row.choosable), "")
            wanted = self.find.casefold()
            starts = (row.id for row in rows if row.source and row.source.label.casefold().startswith(wanted))
            self._go_to(cursor if cursor in self._places and cursor != OFF else next(starts, first))
        else:
            self._go_to(cursor)

    def _go_to(self, id: str) -> None:
        self._moved = True
        self._cursor = id
        rows = self.rows
        self._index = self._places.get(id, min(self._index, max(0, len(rows) - 1)))

    def _move_to(self, index: int, *, back: bool) -> None:
        """To the nearest row that can be chosen, seeking in the direction of the key first."""
        self._moved = True
        rows = self.rows
        index = max(0, min(index, len(rows) - 1))
        ahead, behind = range(index, len(rows)), range(min(index, len(rows) - 1), -1, -1)
        found = next((n for n in chain(*((behind, ahead) if back else (ahead, behind))) if rows[n].choosable), None)
        if found is not None:
            self._index, self._cursor = found, rows[found].id

    def _follow(self) -> None:
        """After the list changed: stay with the id; where it is gone, stay at the place (on a row that can be chosen).

        Until a key was pressed the cursor waits on what the receiver shows, also when that is learnt late."""
        receiver = self.receiver
        if not self._moved and self.view == "sources" and receiver is not None:
            self._cursor = receiver.sender_id if receiver.sender_id in self._places else OFF
        if self._cursor in self._places:
            self._index = self._places[self._cursor]
            return
        rows = self._rows
        near = max(0, min(self._index, len(rows) - 1))
        places = chain(range(near, len(rows)), range(near - 1, -1, -1))
        self._index = next((n for n in places if rows[n].choosable), 0)

    # ---- the lists

    @property
    def _source_asked_about(self) -> SourceItem | None:
        return None if self._about is None else self.mirror.sources.get(self._about)

    def _make_rows(self) -> list[Row]:
        panel = self.mirror.panel
        if self.view == "receivers":
            return [Row(item.id, receiver=item) for item in self.mirror.receivers.values()]
        if self.view == "options":
            return options.options(self.mirror, self.receiver, self._source_asked_about)
        if self.view == "presets":
            return options.presets(self.mirror, self.find)
        if self.view == "route":
            return options.modes(self.receiver)
        return options.pin_pad(panel.locked, panel.has_pin) if self.view == "pin" else self._source_rows()

    def _source_rows(self) -> list[Row]:
        """Favourites first, in a group of their own; last what does not fit, so that a knob need not turn over it."""
        favourites, fits = self.mirror.panel.favourites, self.mirror.fits
        rows = [] if self.find or self.receiver is None else [Row(OFF)]
        first, fitting, unfit = list[SourceItem](), list[SourceItem](), list[SourceItem]()
        for source in self.mirror.sources.find(self.find) if self.find else self.mirror.sources:
            fit = fits.get(source.id)
            is_unfit = fit is not None and fit.verdict == "no"
            (first if source.id in favourites else unfit if is_unfit else fitting).append(source)
        rows += self._group("favourites", _FAVOURITES, first)
        for group in grouped(fitting):
            rows.append(Row(f"{group.node.id}/{group.device.id}", heading=group))
            rows += self._rows_of(group.sources)
        return rows + self._group("unfit", _UNFIT, unfit)

    def _group(self, id: str, named: Named, sources: list[SourceItem]) -> list[Row]:
        """With its heading, where there is something in it."""
        heading = Row(id, heading=SourceGroup(_NOBODY, named, tuple(sources)))
        return [heading, *self._rows_of(sources)] if sources else []

    def _rows_of(self, sources: Iterable[SourceItem]) -> list[Row]:
        """Those of before where they can be: ten thousand are not made anew between two keys."""
        known, rows = self._known, []
        for source in sources:
            row = known.get(source.id)
            if row is None or row.source is not source:
                row = known[source.id] = Row(source.id, source=source)
            rows.append(row)
        return rows
