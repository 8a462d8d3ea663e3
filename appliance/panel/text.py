"""Labels from strangers made fit to be shown, and the few phrases that every face of the panel shares."""

from __future__ import annotations

import re
import unicodedata

MAX_LABEL = 100
MAX_SENTENCE = 300
_MAX_MARKS = 4
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Cn", "Co"})
_JOINERS = "\u200c\u200d"
"""They shape Persian and Indic words and join emoji; unlike the other format characters they reorder nothing."""
_DIGITS = re.compile(r"(\d+)")


def clean(text: object, limit: int = MAX_LABEL) -> str:
    """One line of at most ``limit`` characters: no control characters, no overrides of the reading direction, no stacks
    of combining marks; anything but a string is empty."""
    if not isinstance(text, str):
        return ""
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return " ".join(text.split())
    kept = " ".join("".join(_shown(text[: limit * 8])).split())
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"


def find_key(*texts: str) -> str:
    """What a search looks in: case and accents do not matter."""
    folded = " ".join(texts).casefold()
    if folded.isascii():
        return folded
    return "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))


def natural_key(text: str) -> tuple[tuple[bool, int, str], ...]:
    """Sorts "Mic 2" before "Mic 10", and digits before letters."""
    parts = _DIGITS.split(find_key(text))
    return tuple(_part_key(part) for part in parts if part)


def span(seconds: float) -> str:
    """How long ago, in two or three figures: "40 s", "12 min", "3 h", "2 days"."""
    seconds = max(0.0, seconds)
    for limit, unit, name in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds / unit)} {name}"
    return f"{int(seconds / 86400)} days"


def width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters and emoji take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def fitted(text: str, size: int) -> str:
    """Exactly ``size`` columns: filled up with blanks, or cut with an ellipsis."""
    if width(text) <= size:
        return text + " " * (size - width(text))
    kept, room = "", size - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return f"{kept}…{' ' * (size - 1 - width(kept))}" if size > 0 else ""


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _part_key(part: str) -> tuple[bool, int, str]:
    is_number = part.isdecimal() and part.isascii()
    return (False, int(part[:18]), "") if is_number else (True, 0, part)


def _shown(text: str) -> list[str]:
    shown: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        blank = category in ("Zl", "Zp") or character.isspace()
        if category in _DROPPED and not blank and character not in _JOINERS:
            continue  # between two marks, too: they stack up on one letter all the same
        marks = marks + 1 if category in ("Mn", "Me") or character in _JOINERS else 0
        if marks <= _MAX_MARKS:
            shown.append(" " if blank else character)
    return shown
