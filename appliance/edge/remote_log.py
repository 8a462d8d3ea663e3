"""The log, also to the system's syslog server (IS-09 ``syslog``): RFC 5424 messages, one a UDP packet (RFC 5426).

Nothing waits for it: what cannot be sent at once is lost, as syslog over UDP has it. A server that is named and not
numbered is looked up by unicast DNS.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime

from appliance.core.shown import visible
from appliance.core.store import Change, Store
from appliance.discovery.contact import ContactPolicy
from appliance.edge.unicast_dns import address_of
from appliance.nmos.is09.settings import SYSTEM, LogServer, kept_settings

APPLICATION = "nmos-appliance"
MAX_BYTES = 1200
"""Every packet passes every network in one piece."""
_DAEMON = 3  # facility, RFC 5424 section 6.2.1
_SEVERITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7

_log = logging.getLogger(__name__)


class RemoteLog:
    """Sends what the log says to the server that the store names, from ``start`` to ``stop``."""

    def __init__(self, store: Store, policy: ContactPolicy) -> None:
        self._store, self._policy = store, policy
        self._server: LogServer | None = None
        self._handler: SyslogHandler | None = None
        self._lookup: asyncio.Task[None] | None = None
        self._end: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin with what was kept from the last time."""
        self._end = self._store.subscribe(self._on_change)
        self._follow()

    async def stop(self) -> None:
        if self._end is not None:
            self._end()
            self._end = None
        lookup, self._lookup = self._lookup, None
        if lookup is not None:
            lookup.cancel()
            await asyncio.gather(lookup, return_exceptions=True)
        self._close()

    def _on_change(self, change: Change) -> None:
        if any(change.touches(SYSTEM)):
            self._follow()

    def _follow(self) -> None:
        settings = kept_settings(self._store)
        server = settings.syslog if settings else None
        if server == self._server:
            return
        self._server = server
        self._close()
        if self._lookup is not None:
            self._lookup.cancel()
            self._lookup = None
        if server is None:
            return
        try:
            ipaddress.ip_address(server.host)
        except ValueError:
            self._lookup = asyncio.create_task(self._open_named(server), name="syslog server")
        else:
            self._open(server.host, server.port)

    async def _open_named(self, server: LogServer) -> None:
        address = await address_of(server.host)
        if address is None:
            _log.warning("the syslog server %s has no address that this box can find: not used", server.host)
        else:
            self._open(address, server.port)

    def _open(self, address: str, port: int) -> None:
        if not self._policy.permitted(address, port):
            _log.warning("no syslog to %s port %d: this box contacts no such address for others", address, port)
            return
        try:
            self._handler = SyslogHandler(address, port)
        except OSError as error:
            _log.warning("no syslog to %s port %d: %s", address, port, error.strerror)
            return
        logging.getLogger().addHandler(self._handler)

    def _close(self) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            logging.getLogger().removeHandler(handler)
            handler.close()


class SyslogHandler(logging.Handler):
    """Standard logging's own one speaks RFC 3164, and blocks."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__(logging.INFO)
        self._socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._to = (address, port)

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # there is nobody to tell but the log itself
            self._socket.sendto(message(record, socket.gethostname(), os.getpid())[:MAX_BYTES], self._to)

    def close(self) -> None:
        self._socket.close()
        super().close()


def message(record: logging.LogRecord, hostname: str, process: int) -> bytes:
    """A record as RFC 5424 section 6 has it, without structured data."""
    severity = next((severity for level, severity in _SEVERITIES if record.levelno >= level), _DEBUG)
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    host = "".join(char for char in hostname if char.isascii() and char.isprintable() and char != " ")[:255] or "-"
    text = visible(record.getMessage())
    return f"<{_DAEMON * 8 + severity}>1 {at} {host} {APPLICATION} {process} - - {text}".encode()
