"""What other people's programs say on their standard error, in our log: so much of it, and no more."""

from __future__ import annotations

import logging
from collections.abc import Callable

LINES = 20
PERIOD_S = 10.0

log = logging.getLogger("appliance.command")


class ChildLog:
    """One for each sender or receiver, so that a program that is started again and again is bounded too."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._said = self._left_out = 0

    def line(self, label: str, line: str) -> None:
        """At most :data:`LINES` lines in :data:`PERIOD_S` get through; of the rest the number is told."""
        now = self._clock()
        if now - self._since >= PERIOD_S:
            if self._left_out:
                log.info("%s: %d more lines were left out", label, self._left_out)
            self._since, self._said, self._left_out = now, 0, 0
        if self._said < LINES:
            self._said += 1
            log.info("%s: %s", label, "".join(c if c.isprintable() else " " for c in line))
        else:
            self._left_out += 1
