"""What ``gst-inspect-1.0`` prints when it is asked for everything."""

from __future__ import annotations

from collections.abc import Iterable

_PLUGIN_ELEMENT_PURPOSE = 3


def elements_of(lines: Iterable[str]) -> frozenset[str]:
    """``x264:  x264enc: x264 H.264 Encoder`` and the like: plugin, element, what it is."""
    return frozenset(words[1].strip() for line in lines if len(words := line.split(":")) >= _PLUGIN_ELEMENT_PURPOSE)
