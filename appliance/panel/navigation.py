"""The cursor: what each key does, whatever face it is pressed on.

Two lists: the receivers of the box, and the sources for one of them. Enter goes in, and takes; back goes out. Typing
finds. The cursor is on an *id*: when the list moves under it, it stays with its source; when that source is gone, Enter
takes nothing that merely slipped into its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Literal

from appliance.panel.items import ReceiverItem, SourceGroup, SourceItem
from appliance.panel.listing import grouped
from appliance.panel.mirror import Mirror

OFF = "off"
"""The id of the row that switches the receiver off."""
MAX_FIND = 40


class Key(StrEnum):
    """What a face has keys for; anything else that is one printable character is typed text."""

    UP = "key up"
    DOWN = "key down"
    PAGE_UP = "key page up"
    PAGE_DOWN = "key page down"
    FIRST = "key first"
    LAST = "key last"
    ENTER = "key enter"
    BACK = "key back"
    NEXT_RECEIVER = "key next receiver"
    PREVIOUS_RECEIVER = "key previous receiver"
    ERASE = "key erase"


@dataclass(frozen=True, slots=True)
class Take:
    """Do this take; ``sender_id`` ``None``: off. ``label`` is what it is called."""

    receiver_id: str
    sender_id: str | None
    label: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The key cannot do what it should, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave the panel."""


Effect = Take | Refused | Quit | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. Headings cannot be chosen."""

    id: str
    heading: SourceGroup | None = None
    source: SourceItem | None = None
    receiver: ReceiverItem | None = None

    @property
    def choosable(self) -> bool:
        return self.heading is None


class Navigation:
    """The cursor on a mirror. ``page`` is how many rows a face shows at once."""

    def __init__(self, mirror: Mirror, receiver_id: str | None = None) -> None:
        self.mirror = mirror
        self.view: Literal["receivers", "sources"] = "sources"
        self.finding = False
        self.find = ""
        self.page = 10
        self._receiver_id = receiver_id
        self._cursor = OFF
        self._index = 0
        self._moved = False
        self._rows: list[Row] = []
        self._places: dict[str, int] = {}
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
        made_for = (self.mirror.revision, self.view, self.find)
        if made_for != self._made_for:
            self._made_for = made_for
            self._rows = self._receiver_rows() if self.view == "receivers" else self._source_rows()
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

    # ---- keys

    def press(self, key: str) -> Effect:
        """A :class:`Key`, or a typed character."""
        rows = self.rows
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
        if key == Key.ENTER:
            return self._enter()
        if key == Key.BACK:
            self._back()
        elif key in (Key.NEXT_RECEIVER, Key.PREVIOUS_RECEIVER):
            self._other_receiver(1 if key == Key.NEXT_RECEIVER else -1)
        elif key == Key.ERASE:
            self._find(self.find[:-1])
        elif len(key) == 1 and key.isprintable():
            return self._typed(key)
        return None

    def _enter(self) -> Effect:
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
        return self._take(row.source)

    def _take(self, source: SourceItem | None) -> Effect:
        receiver = self.receiver
        if receiver is None:
            return Refused("this box has no receiver")
        if source is None:
            return Take(receiver.id, None, OFF)
        fit = self.mirror.fits.get(source.id)
        if fit is not None and fit.verdict == "no":
            return Refused(f"{source.label} does not fit: {fit.reason}")
        self.finding, self.find = False, ""
        self._go_to(source.id)
        return Take(receiver.id, source.id, source.label)

    def _back(self) -> None:
        if self.finding:
            self._find(None)
        elif self.view == "sources" and len(self.mirror.receivers) > 1:
            self._show("receivers")

    def _other_receiver(self, step: int) -> None:
        ids = list(self.mirror.receivers)
        receiver = self.receiver
        if receiver is not None and len(ids) > 1:
            self._receiver_id = ids[(ids.index(receiver.id) + step) % len(ids)]
            self._show(self.view)

    def _typed(self, character: str) -> Effect:
        """o and q mean something only while nothing is being found; / begins to find without a letter."""
        if self.finding:
            self._find(self.find + character)
        elif character in "qQ":
            return Quit()
        elif self.view == "sources":
            if character in "oO":
                return self._take(None)
            self._find("" if character == "/" else character.lstrip())
        return None

    # ---- the cursor

    def _show(self, view: Literal["receivers", "sources"]) -> None:
        """Another list, with the cursor on what is current in it."""
        self.view = view
        self.finding, self.find = False, ""
        receiver = self.receiver
        if receiver is not None:
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

    def _receiver_rows(self) -> list[Row]:
        return [Row(item.id, receiver=item) for item in self.mirror.receivers.values()]

    def _source_rows(self) -> list[Row]:
        found = self.mirror.sources.find(self.find) if self.find else self.mirror.sources
        rows = [] if self.find or self.receiver is None else [Row(OFF)]
        for group in grouped(found):
            rows.append(Row(f"{group.node.id}/{group.device.id}", heading=group))
            rows += [Row(source.id, source=source) for source in group.sources]
        return rows
