"""What is on a small screen: the current source in the largest letters that fit, or the list while somebody turns.

A frame is a list of boxes with text, without a font and without pixels of letters: a ``Measure`` says how wide a text
would be, so the same rules serve every size of screen, and a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from appliance.core.tai import NS
from appliance.panel.drawing import CURRENT, LOST, PENDING, UNFIT, Scene
from appliance.panel.items import ReceiverItem, SourceItem
from appliance.panel.navigation import OFF, Key, Row
from appliance.panel.text import span

Measure = Callable[[str, int], int]
"""(text, letter height in pixels) → width in pixels."""
HOME_AFTER_S = 12.0
"""Without a key the list gives way to what is on."""
SMALL, LINE = 10, 12
"""Letters of lists and notes, and the height that a line of them takes."""
_BIG = (40, 34, 30, 26, 22, 19, 16, 14, 12)
_TWO_LINES = (22, 19, 16, 14, 12)


@dataclass(frozen=True, slots=True)
class Text:
    """A box with text: pixels, inverse or not. ``height`` is that of the box, ``letters`` that of the font."""

    x: int
    y: int
    width: int
    height: int
    text: str
    letters: int = SMALL
    inverse: bool = False
    centred: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle."""

    x: int
    y: int
    width: int
    height: int


Frame = list[Text | Bar]


@dataclass(slots=True)
class Screen:
    """Which of the two pictures is on: ``home``, or the list while it is used. Times: seconds of any one clock."""

    browsing: bool = False
    _since: float = 0.0

    def key(self, key: str, now: float) -> bool:
        """Whether the key is for the list; one that only opens it is not."""
        was_browsing = self.browsing
        self.browsing, self._since = True, now
        return was_browsing or key in (Key.BACK, Key.LEFT, Key.LONG)

    def done(self) -> None:
        """A take: show what is on."""
        self.browsing = False

    def tick(self, now: float) -> bool:
        """Whether the list gave way just now."""
        if not self.browsing or now - self._since < HOME_AFTER_S:
            return False
        self.browsing = False
        return True

    def next_change(self, now: float) -> float:
        """Seconds until the list gives way by itself."""
        return self._since + HOME_AFTER_S - now if self.browsing else float("inf")


def frame(scene: Scene, browsing: bool, width: int, height: int, measure: Measure) -> Frame:
    """The picture for a screen of this many pixels."""
    if scene.disconnected:
        return _big(f"{LOST} {_box(scene)}", "Not connected", scene.disconnected, width, height, measure, alarm=True)
    if browsing:
        return _list(scene, width, height, measure)
    return _home(scene, width, height, measure)


# ---- what is on


def _home(scene: Scene, width: int, height: int, measure: Measure) -> Frame:
    navigation = scene.navigation
    receiver, status = navigation.receiver, navigation.mirror.status
    if receiver is None:
        why = "no receiver" if navigation.mirror.ready else "starting"
        return _big(_box(scene), _box(scene), why, width, height, measure)
    title = receiver.label
    if status is not None and status.health != "ok":
        title = f"{LOST} {title}"
    note, alarm = _note(scene, receiver)
    return _big(title, _shows(receiver), note, width, height, measure, alarm=alarm)


def _big(title: str, text: str, note: str, width: int, height: int, measure: Measure, *, alarm: bool = False) -> Frame:
    head = [Text(0, 0, width, LINE, _cut(title, SMALL, width, measure))] if height >= 4 * LINE else []
    room = height - LINE * (1 + len(head))
    letters, lines = _largest(text, width, room, measure)
    pitch = min(room // len(lines), letters + letters // 4 + 1)
    top = LINE * len(head) + (room - pitch * len(lines)) // 2
    big = [Text(0, top + n * pitch, width, pitch, line, letters, centred=True) for n, line in enumerate(lines)]
    foot = Text(0, height - LINE, width, LINE, _cut(note, SMALL, width, measure), inverse=alarm, centred=True)
    return [*head, *big, foot]


def _largest(text: str, width: int, room: int, measure: Measure) -> tuple[int, list[str]]:
    """The size of letters with which the text fits, on one line or on two, and its lines."""
    for letters in _BIG:
        if letters * 5 // 4 <= room and measure(text, letters) <= width:
            if letters < _TWO_LINES[0] and (two := _on_two(text, letters + 1, width, room, measure)):
                return two
            return letters, [text]
    return _on_two(text, 0, width, room, measure) or (SMALL, _wrapped(text, SMALL, width, measure))


def _on_two(text: str, least: int, width: int, room: int, measure: Measure) -> tuple[int, list[str]] | None:
    """Broken at a blank into two lines of larger letters than one line allows."""
    words = text.split()
    for letters in _TWO_LINES:
        if letters < least or 2 * letters * 5 // 4 > room:
            continue
        halves = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
        fitting = [pair for pair in halves if all(measure(line, letters) <= width for line in pair)]
        if fitting:
            return letters, list(min(fitting, key=lambda pair: max(measure(line, letters) for line in pair)))
    return None


def _wrapped(text: str, letters: int, width: int, measure: Measure) -> list[str]:
    """Two lines, broken anywhere, the second cut."""
    end = _fits(text, letters, width, measure)
    return [text[:end].strip(), _cut(text[end:].strip(), letters, width, measure)]


def _shows(receiver: ReceiverItem) -> str:
    pending = receiver.pending
    if pending is not None and pending.at is None:
        return "Off" if pending.sender_id is None else pending.label
    return (receiver.shows or "On") if receiver.enabled else "Off"


def _note(scene: Scene, receiver: ReceiverItem) -> tuple[str, bool]:
    """The sentence at the foot, and whether it is an alarm."""
    if scene.message:
        return scene.message, True
    if receiver.pending is not None:
        return f"{PENDING} changing", False
    if signals := scene.navigation.mirror.signals:
        return "  ".join(signals), True
    if receiver.fault:
        return receiver.fault, True
    if receiver.enabled and receiver.lost_since is not None:
        return f"lost {span((scene.now - receiver.lost_since) / NS)} ago", True
    if receiver.signal is False:
        return "no signal", True
    status = scene.navigation.mirror.status
    if status is not None and status.problems:
        return status.problems[0], False
    return "" if not receiver.enabled else "on" if receiver.phase in ("idle", "running") else receiver.phase, False


def _box(scene: Scene) -> str:
    status = scene.navigation.mirror.status
    return "NMOS appliance" if status is None else status.node.label


# ---- the list


def _list(scene: Scene, width: int, height: int, measure: Measure) -> Frame:
    navigation = scene.navigation
    rows = navigation.rows
    title = navigation.title
    head = [Text(0, 0, width, LINE, _cut(title, SMALL, width, measure))] if title else []
    under = LINE * len(head)
    height -= under
    navigation.page = count = height // LINE
    foot = [Text(0, under + height - LINE, width, LINE, _cut(scene.message, SMALL, width, measure), inverse=True)]
    if not scene.message:
        foot = []
    top = max(0, min(navigation.index - count // 2, len(rows) - count))
    shown = range(top, min(top + count - len(foot), len(rows)))
    scroll = _scroll_bar(top, count, len(rows), width, under, height)
    room = width - (3 if scroll else 0)
    lines = [
        text
        for place, number in enumerate(shown)
        for text in _row(scene, rows[number], under + place * LINE, room, number == navigation.index, measure)
    ]
    return [*head, *lines, *foot, *scroll]


def _row(scene: Scene, row: Row, y: int, width: int, under_cursor: bool, measure: Measure) -> Iterator[Text]:
    if row.heading is not None:
        yield Text(0, y, width, LINE, _cut(f"– {row.heading.title}", SMALL, width, measure))
        return
    mark, label, detail = _cells(scene, row)
    column = width * 5 // 8 if width >= 200 else width
    yield Text(0, y, LINE, LINE, mark, inverse=under_cursor, centred=True)
    yield Text(LINE, y, column - LINE, LINE, _cut(label, SMALL, column - LINE, measure), inverse=under_cursor)
    if column < width:
        room = width - column
        yield Text(column, y, room, LINE, _cut(detail, SMALL, room, measure), inverse=under_cursor)


def _cells(scene: Scene, row: Row) -> tuple[str, str, str]:
    """(mark, label, detail) of a source, a receiver, an option, or Off."""
    if row.text:
        return (CURRENT if row.marked else ""), row.text, row.note
    if row.source is not None:
        return _source_cells(scene, row.source)
    if row.receiver is not None:
        return (CURRENT if row.receiver.enabled else ""), row.receiver.label, _shows(row.receiver)
    receiver = scene.navigation.receiver
    return (CURRENT if row.id == OFF and receiver is not None and not receiver.enabled else ""), "Off", ""


def _source_cells(scene: Scene, source: SourceItem) -> tuple[str, str, str]:
    receiver = scene.navigation.receiver
    fit = scene.navigation.mirror.fits.get(source.id)
    detail = source.detail or source.format
    if receiver is not None and receiver.id in source.pending_on:
        return PENDING, source.label, detail
    if source.absent:
        return UNFIT, source.label, source.absence(scene.now)
    if source.lost_since is not None:
        return LOST, source.label, f"lost {span((scene.now - source.lost_since) / NS)} ago"
    if receiver is not None and receiver.id in source.current_on:
        return CURRENT, source.label, detail
    return (UNFIT if fit is not None and fit.verdict == "no" else ""), source.label, detail


def _scroll_bar(top: int, count: int, total: int, width: int, under: int, height: int) -> list[Bar]:
    if total <= count:
        return []
    length = max(4, height * count // total)
    return [Bar(width - 2, under + (height - length) * top // max(1, total - count), 2, length)]


# ---- text that fits


def _cut(text: str, letters: int, width: int, measure: Measure) -> str:
    if measure(text, letters) <= width:
        return text
    end = _fits(text, letters, width - measure("…", letters), measure)
    return text[:end].rstrip() + "…"


def _fits(text: str, letters: int, width: int, measure: Measure) -> int:
    """How many characters fit; measured a few times, however long the text is."""
    low, high = 0, min(len(text), max(1, width))  # a letter is a pixel wide at least
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle], letters) <= width else (low, middle - 1)
    return low
