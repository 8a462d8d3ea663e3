"""Text from anywhere as lines of a log or of a terminal, which it must not be able to operate or to forge."""

from __future__ import annotations

_JOINERS = "\u200c\u200d"
"""They shape Persian and Indic words and join emoji, and reorder nothing."""


def visible(text: str) -> str:
    """``text`` as one line: line ends, terminal escapes, overrides of the reading direction and all else that does not
    print are shown by their codes."""
    if text.isprintable():
        return text
    return "".join(char if _harmless(char) else char.encode("unicode_escape").decode("ascii") for char in text)


def _harmless(char: str) -> bool:
    return char.isprintable() or char in _JOINERS
