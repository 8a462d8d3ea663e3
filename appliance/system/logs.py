"""Logging: one line an event on stderr; where the journal reads that, entries with priority and fields instead.

The journal's own socket (systemd's "Native Journal Protocol") takes a datagram an entry and does not block the loop;
what it does not take goes to stderr, with the priority before each line (sd-daemon(3)), which it reads too.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

from appliance.core.shown import visible

SOCKET = "/run/systemd/journal/socket"
RESOURCE = "nmos_resource"
"""``extra={RESOURCE: id}`` says which sender or receiver an event is about: the field NMOS_RESOURCE of its entry."""

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))
_NOISY = {"aiohttp.access": logging.WARNING, "asyncio": logging.WARNING, "zeroconf": logging.ERROR}
"""What others log that our own lines say better: edge/mdns.py tells when multicast does not work."""


class OneLine(logging.Formatter):
    """A message is one line and what it seems, whatever strangers have put into it: a line end, a terminal's escape or
    an override of the reading direction is shown by its code. Only tracebacks have lines, and those are indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name there
        record.message = visible(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - its name there
        return "\n".join(f"  {visible(line)}" for line in super().formatException(ei).splitlines())


def set_up(level: int = logging.INFO) -> None:
    """Configure the root logger of the daemon."""
    logging.basicConfig(level=level, handlers=[_handler(os.environ)], force=True)
    for name, lowest in _NOISY.items():
        logging.getLogger(name).setLevel(max(level, lowest))


def _handler(environ: Mapping[str, str]) -> logging.Handler:
    if environ.get("JOURNAL_STREAM"):
        return JournalHandler()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    return handler


class JournalHandler(logging.Handler):
    """An entry for each record: MESSAGE, PRIORITY, LOGGER, and NMOS_RESOURCE where it is about one."""

    def __init__(self, path: str = SOCKET) -> None:
        super().__init__()
        self.setFormatter(OneLine("%(name)s: %(message)s"))
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    def emit(self, record: logging.LogRecord) -> None:
        message, priority = self.format(record), _priority(record)
        fields = {
            "MESSAGE": message,
            "PRIORITY": str(priority),
            "SYSLOG_IDENTIFIER": "nmos-appliance",
            "LOGGER": record.name,
            "NMOS_RESOURCE": getattr(record, RESOURCE, None),
        }
        try:
            self._socket.sendto(b"".join(_field(key, text) for key, text in fields.items() if text), self._path)
        except OSError:  # no journal, a full one, an entry that is too long
            sys.stderr.write("".join(f"<{priority}>{line}\n" for line in message.splitlines()))
            sys.stderr.flush()

    def close(self) -> None:
        self._socket.close()
        super().close()


def _priority(record: logging.LogRecord) -> int:
    return next((number for level, number in _PRIORITIES if record.levelno >= level), 7)


def _field(key: str, text: str) -> bytes:
    """What has more than one line is sent with its length."""
    data = text.encode("utf-8", "replace")
    if b"\n" not in data:
        return key.encode() + b"=" + data + b"\n"
    return key.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
