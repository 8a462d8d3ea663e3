"""The terminal panel as lines of styled text: what is on the screen, drawn anew for every frame.

Only the rows in sight are drawn, so ten thousand sources cost what twenty do. Everything that a colour says is also
said by a mark or a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from appliance.core.tai import NS
from appliance.panel.items import ReceiverItem, SourceItem
from appliance.panel.navigation import OFF, Navigation, Row
from appliance.panel.text import fitted, span, width

Span = tuple[str, str]
"""(style, text)."""
Line = list[Span]
MIN_COLUMNS, MIN_ROWS = 30, 7
_AROUND, _ABOVE = 6, 3
"""Header, receiver, two rules, message and keys: the lines that are not the list, and how many of them are above it."""


CURSOR, CURRENT, PENDING, LOST, UNFIT, DOT = "▸", "●", "…", "!", "×", "·"
PLAIN = str.maketrans("▸●…×─·“”", '>*~x--""')
"""For terminals whose font has no marks beyond ASCII that can be relied on."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a frame is drawn from. ``disconnected``: why the box does not answer, or empty; ``now``: TAI ns."""

    navigation: Navigation
    now: int
    message: str = ""
    disconnected: str = ""


def draw(scene: Scene, columns: int, rows: int) -> list[Line]:
    """Exactly ``rows`` lines of exactly ``columns`` columns."""
    if columns < MIN_COLUMNS or rows < MIN_ROWS:
        return _too_small(columns, rows)
    height = rows - _AROUND
    rule: Line = [("rule", "─" * columns)]
    return [
        _header(scene, columns),
        _receiver_line(scene, columns),
        rule,
        *_list(scene, columns, height),
        rule,
        _message(scene, columns),
        _keys(scene, columns),
    ]


def _header(scene: Scene, columns: int) -> Line:
    status = scene.navigation.mirror.status
    if status is None:
        return [("header", fitted(" NMOS appliance", columns))]
    dot = f" {DOT} "
    if scene.disconnected:
        right, style = "NOT CONNECTED ", "header fault"
    else:
        nodes = f"{status.peers} node" if status.peers == 1 else f"{status.peers} nodes"
        right = dot.join([status.mode, nodes, status.health.upper() if status.health != "ok" else "ok"]) + " "
        style = {"ok": "header", "warning": "header warning", "fault": "header fault"}[status.health]
    signals = "".join(f"   {signal}" for signal in scene.navigation.mirror.signals)
    left = fitted(f" {status.node.label}{signals}", max(0, columns - width(right) - 1)) + " "
    return [("header", left), (style, fitted(right, columns - width(left)))]


def _receiver_line(scene: Scene, columns: int) -> Line:
    navigation = scene.navigation
    receiver, count = navigation.receiver, len(navigation.mirror.receivers)
    if navigation.view != "sources":
        return [("title", fitted(f" {navigation.title}", columns))]
    if receiver is None:
        return [("title", fitted("", columns))]
    place = f"  {list(navigation.mirror.receivers).index(receiver.id) + 1}/{count}" if count > 1 else ""
    state = f"{_receiver_state(receiver, scene.now)} "
    left = f" {receiver.label}{place}"
    middle = f"   {CURRENT} {receiver.shows}" if receiver.enabled else ""
    room = max(0, columns - width(state) - 1)
    if navigation.mirror.panel.locked:
        left += "   LOCKED"
    style = "fault" if receiver.fault else "lost" if _is_dark(receiver) else "title"
    return [("title", fitted(left + middle, room) + " "), (style, fitted(state, columns - room - 1))]


def _list(scene: Scene, columns: int, height: int) -> list[Line]:
    navigation = scene.navigation
    navigation.page = max(1, height - 1)
    rows = navigation.rows
    blank: Line = [("", " " * columns)]
    if not any(row.source or row.receiver or row.text for row in rows):
        lines = [_row(scene, row, row.id == OFF, columns) for row in rows if row.id == OFF]
        lines += [[("empty", fitted(text, columns))] for text in _why_nothing(scene, columns)]
        return (lines + [blank] * height)[:height]
    top = _top(navigation, len(rows), height)
    shown = [_row(scene, rows[n], n == navigation.index, columns) for n in range(top, min(top + height, len(rows)))]
    return shown + [blank] * (height - len(shown))


def row_at(navigation: Navigation, line: int, rows: int) -> int:
    """Which row of the list is on this line of a screen of so many; one that is none where it shows something else."""
    height = rows - _AROUND
    place = line - _ABOVE
    return _top(navigation, len(navigation.rows), height) + place if 0 <= place < height else -1


def _top(navigation: Navigation, count: int, height: int) -> int:
    """Keeps the cursor in the middle, and the ends of the list at the ends of the screen."""
    return max(0, min(navigation.index - height // 2, count - height))


def _why_nothing(scene: Scene, columns: int) -> list[str]:
    navigation = scene.navigation
    status = navigation.mirror.status
    if scene.disconnected:
        return ["", *wrap(scene.disconnected, columns - 8, initial_indent="    ", subsequent_indent="    ")]
    if navigation.find:
        why = f"No source matches “{navigation.find}”."
    elif not navigation.mirror.ready:
        why = "Asking the box what there is..."
    elif not navigation.mirror.receivers:
        why = "This box has no receivers: its configuration names none."
    else:
        why = f"{(status.empty if status else '') or 'There is no source'}."
    return ["", *wrap(why, columns - 8, initial_indent="    ", subsequent_indent="    ")]


def _row(scene: Scene, row: Row, under_cursor: bool, columns: int) -> Line:
    if row.heading is not None:
        return [("heading", fitted(f" {row.heading.title}", columns))]
    if row.receiver is not None:
        style, mark, cells = _receiver_cells(scene, row.receiver)
    elif row.source is not None:
        style, mark, cells = _source_cells(scene, row.source)
    elif row.text:
        style, mark, cells = (
            ("current", CURRENT, [row.text, row.note]) if row.marked else ("", " ", [row.text, row.note])
        )
    else:
        style, mark, cells = _off_cells(scene)
    cursor = CURSOR if under_cursor else " "
    text = f" {cursor} {fitted(mark, 1)} " + (_option if row.text else _in_columns)(cells, columns - 5)
    return [(("cursor " + style).strip() if under_cursor else style, fitted(text, columns))]


def _in_columns(cells: list[str], columns: int) -> str:
    """Label, essence, note: the label first; the note gets what is left, and nothing where that is too little."""
    essence = 24 if columns >= 60 else 0
    label = max(min(40, (columns - essence) * 6 // 10), columns - essence - 60)
    note = columns - label - essence - 1
    return f"{fitted(cells[0], label)} {fitted(cells[1], essence)}{fitted(cells[2], note)}"


def _option(cells: list[str], columns: int) -> str:
    note = min(width(cells[1]), columns // 2)
    return fitted(cells[0], columns - note - 2) + f"  {fitted(cells[1], note)}"


def _off_cells(scene: Scene) -> tuple[str, str, list[str]]:
    receiver = scene.navigation.receiver
    if receiver is None:
        return "dim", " ", ["Off", "", ""]
    if receiver.pending is not None and receiver.pending.sender_id is None:
        return "pending", PENDING, ["Off", "", "switching off"]
    is_off = not receiver.enabled
    return ("current", CURRENT, ["Off", "", "current"]) if is_off else ("", " ", ["Off", "", ""])


def _source_cells(scene: Scene, source: SourceItem) -> tuple[str, str, list[str]]:
    receiver = scene.navigation.receiver
    essence = source.detail or source.format
    cells = [source.label, essence]
    lost = "" if source.lost_since is None else f"lost {_ago(source.lost_since, scene.now)}"
    if receiver is not None and receiver.id in source.pending_on:
        return "pending", PENDING, [*cells, "changing to it"]
    if receiver is not None and receiver.id in source.current_on:
        silent = "not sending" if source.sending is False else ""
        note = ", ".join(filter(None, ("current", lost or silent)))
        return ("lost" if lost else "current"), (LOST if lost else CURRENT), [*cells, note]
    if source.absent:
        return "dim", UNFIT, [*cells, lost.replace("lost", "left") or "not on the network"]
    if lost:
        return "lost", LOST, [*cells, lost]
    fit = scene.navigation.mirror.fits.get(source.id)
    if fit is not None and fit.verdict == "no":
        return "dim", UNFIT, [*cells, fit.reason.partition(", this receiver")[0]]
    if not source.confirmed:
        return "dim", " ", [*cells, "not yet seen again"]
    return "", " ", [*cells, "not sending" if source.sending is False else ""]


def _receiver_cells(scene: Scene, receiver: ReceiverItem) -> tuple[str, str, list[str]]:
    state = _receiver_state(receiver, scene.now)
    note = state if not receiver.enabled else f"{receiver.shows} ({state})"
    cells = [receiver.label, receiver.format, note]
    if receiver.pending is not None:
        return "pending", PENDING, cells
    if receiver.fault or _is_dark(receiver):
        return ("fault" if receiver.fault else "lost"), LOST, cells
    return ("current", CURRENT, cells) if receiver.enabled else ("", " ", cells)


def _is_dark(receiver: ReceiverItem) -> bool:
    """Its source is lost, or nothing of it arrives."""
    return receiver.lost_since is not None or receiver.signal is False


def _receiver_state(receiver: ReceiverItem, now: int) -> str:
    if receiver.pending is not None:
        return "switching off" if receiver.pending.sender_id is None else f"changing to {receiver.pending.label}"
    if receiver.fault:
        return "fault"
    if not receiver.enabled:
        return OFF
    if receiver.lost_since is not None:
        return f"source lost {_ago(receiver.lost_since, now)}"
    if receiver.signal is False:
        return "no signal"
    return "on" if receiver.phase == "idle" else receiver.phase


def _message(scene: Scene, columns: int) -> Line:
    """What the last key led to; else what there is to say about the row under the cursor."""
    if scene.disconnected:
        return [("message fault", fitted(f" {scene.disconnected}", columns))]
    if scene.message:
        return [("message", fitted(f" {scene.message}", columns))]
    return [("detail", fitted(f" {_about(scene)}", columns))]


def _about(scene: Scene) -> str:
    navigation = scene.navigation
    row, receiver, status = navigation.current_row, navigation.receiver, navigation.mirror.status
    if row is not None and row.receiver is not None:
        return row.receiver.fault or "; ".join(row.receiver.why) or row.receiver.description
    if row is not None and row.source is not None:
        if row.source.absent:
            return f"{row.source.label}: {row.source.absence(scene.now)}; * takes it off the favourites"
        fit = navigation.mirror.fits.get(row.source.id)
        if fit is not None and fit.verdict != "yes":
            return f"{row.source.label}: {fit.reason}"
        if receiver is not None and receiver.id in row.source.current_on and (receiver.fault or receiver.why):
            routed = receiver.route.manual or receiver.route.note
            return receiver.fault or (_auto_route(receiver, scene.now) if routed else "; ".join(receiver.why))
        if row.source.description:
            return row.source.description
    if receiver is not None and (receiver.fault or receiver.route.manual or receiver.route.note):
        return receiver.fault or _auto_route(receiver, scene.now)
    return status.problems[0] if status is not None and status.problems else ""


def _auto_route(receiver: ReceiverItem, now: int) -> str:
    if receiver.route.manual:
        return "chosen by hand: auto-route waits until that is released"
    return f"auto-route: {receiver.route.note}" + (
        "" if receiver.route.at is None else f" ({_ago(receiver.route.at, now)})"
    )


def _keys(scene: Scene, columns: int) -> Line:
    navigation = scene.navigation
    if navigation.view == "presets":
        text = " Enter save or recall   Del delete   type to name or find   Esc back"
    elif navigation.finding:
        matches = sum(1 for row in navigation.rows if row.source is not None)
        text = f" Find: {navigation.find}_   {matches} found   Enter take   Esc all sources"
    elif navigation.view == "receivers":
        text = " Enter sources   Up/Down choose   Right options   q quit"
    elif navigation.view == "sources":
        several = "  Tab receiver" if len(navigation.mirror.receivers) > 1 else ""
        text = f" Enter take  o off  type to find  * favourite  Right more{several}  q quit"
    else:
        text = " Up/Down, digits, Enter   Esc back" if navigation.view == "pin" else " Up/Down, Enter   Esc back"
    return [("keys", fitted(text, columns))]


def _ago(since: int, now: int) -> str:
    return f"{span((now - since) / NS)} ago"


def _too_small(columns: int, rows: int) -> list[Line]:
    lines: list[Line] = [[("", fitted("", columns))] for _ in range(rows)]
    if lines:
        lines[0] = [("header", fitted("Too small: 30x7", columns))]
    return lines
