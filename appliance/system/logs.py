"""Logging: one line an event on stderr; with the journal's priorities where the journal reads it."""

from __future__ import annotations

import logging
import os
import sys

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))
_NOISY = {"aiohttp.access": logging.WARNING, "asyncio": logging.WARNING, "zeroconf": logging.ERROR}
"""What others log that our own lines say better: edge/mdns.py tells when multicast does not work."""


def set_up(level: int = logging.INFO) -> None:
    """Configure the root logger of the daemon."""
    handler = logging.StreamHandler(sys.stderr)
    if os.environ.get("JOURNAL_STREAM"):
        handler.setFormatter(_JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, lowest in _NOISY.items():
        logging.getLogger(name).setLevel(max(level, lowest))


class _JournalFormatter(logging.Formatter):
    """Puts the syslog priority before each line, as sd-daemon(3) says."""

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())
