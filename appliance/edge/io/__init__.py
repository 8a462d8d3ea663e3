"""The drivers of inputs and outputs for events, one file each. What a driver needs is loaded when it is opened.

An input driver is a function ``open_input(config, read, problem)``: it calls ``read(value)`` with what its input says,
first of all with what it says now, and ``problem(why)`` with what keeps it from that (``None``: nothing any more). It
returns what ends it.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.config.model import EventValue

Read = Callable[[EventValue], None]
Problem = Callable[[str | None], None]
Close = Callable[[], None]
