"""A moment on both clocks: intervals are measured on one and told to people on the other."""

from __future__ import annotations

from typing import NamedTuple


class Moment(NamedTuple):
    """``s``: monotonic seconds. ``tai_ns``: TAI, for what is shown or kept."""

    s: float
    tai_ns: int
