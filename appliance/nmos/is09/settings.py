"""The global configuration of the System API (IS-09 v1.0): read with care, and kept over restarts as an aspect.

Whoever it concerns listens to the aspect ``system``: registration (heartbeat interval), PTP (domain, announce receipt
timeout), logging (syslog over UDP; over TLS it is not supported).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from appliance.core.store import Store
from appliance.core.types import JSON
from appliance.errors import BadRequest

SYSTEM = "system"
"""The aspect's name; its only entry is ``GLOBAL``."""
GLOBAL = "global"
SYSLOG_PORT = 514
SYSLOG_TLS_PORT = 6514

_HEARTBEAT_S = (1, 1000)
_ANNOUNCE_RECEIPT_TIMEOUT = (2, 10)
_DOMAIN = (0, 127)
_PORT = (1, 65535)
_MAX_HOSTNAME = 253
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class LogServer:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class SystemSettings:
    """``id`` and ``version`` say which system it is, and whether it has changed (IS-09 Behaviour - Node Start-Up)."""

    id: str
    version: str
    label: str
    heartbeat_interval_s: int
    ptp_domain: int
    ptp_announce_receipt_timeout: int
    syslog: LogServer | None
    syslog_tls: LogServer | None


def read_global(document: object) -> SystemSettings:
    """The settings in a ``/global`` document; :class:`BadRequest` naming every key that is wrong."""
    problems: list[str] = []
    body = document if isinstance(document, dict) else {}
    if body is not document:
        problems.append("it is no object")
    settings = SystemSettings(
        id=_text(body, "id", problems),
        version=_text(body, "version", problems),
        label=_text(body, "label", problems),
        heartbeat_interval_s=_number(body, "is04", "heartbeat_interval", _HEARTBEAT_S, problems),
        ptp_domain=_number(body, "ptp", "domain_number", _DOMAIN, problems),
        ptp_announce_receipt_timeout=_number(
            body, "ptp", "announce_receipt_timeout", _ANNOUNCE_RECEIPT_TIMEOUT, problems
        ),
        syslog=_server(body, "syslog", SYSLOG_PORT, problems),
        syslog_tls=_server(body, "syslogv2", SYSLOG_TLS_PORT, problems),
    )
    if problems:
        raise BadRequest(f"not a global configuration of IS-09: {'; '.join(problems)}")
    return settings


def keep(store: Store, document: JSON) -> SystemSettings:
    """Read a document and keep it for now and for the next start; :class:`BadRequest` leaves what was kept."""
    settings = read_global(document)
    with store.transaction("system") as tx:
        tx.attach(SYSTEM, GLOBAL, document)
    return settings


def kept_settings(store: Store) -> SystemSettings | None:
    """What was kept last, if that can be read."""
    document = store.aspect(SYSTEM, GLOBAL)
    if document is None:
        return None
    try:
        return read_global(document)
    except BadRequest:
        return None


def differences(before: SystemSettings | None, after: SystemSettings) -> Iterator[str]:
    """What is new in it, for the log."""
    if before is not None and before.id != after.id:
        yield f"this is another system ({after.label or after.id}) than at the last time"
    if before is None or before.heartbeat_interval_s != after.heartbeat_interval_s:
        yield f"a heartbeat every {after.heartbeat_interval_s} s"
    if before is None or before.ptp_domain != after.ptp_domain:
        yield f"PTP domain {after.ptp_domain}"
    if (before is None or before.syslog != after.syslog) and after.syslog is not None:
        yield f"logs go to {after.syslog.host}:{after.syslog.port}"
    if (before is None or before.syslog_tls != after.syslog_tls) and after.syslog_tls is not None:
        yield f"syslog over TLS ({after.syslog_tls.host}) is not supported"


def _text(body: JSON, key: str, problems: list[str]) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        problems.append(f"{key} is no string")
        return ""
    return value[:_MAX_TEXT]


def _number(body: JSON, table: str, key: str, bounds: tuple[int, int], problems: list[str]) -> int:
    values = body.get(table)
    value: Any = values.get(key) if isinstance(values, dict) else None
    if not _is_between(value, bounds):
        problems.append(f"{table}.{key} is no whole number from {bounds[0]} to {bounds[1]}")
        return bounds[0]
    return int(value)


def _server(body: JSON, table: str, default_port: int, problems: list[str]) -> LogServer | None:
    """A log server, where one is named."""
    values = body.get(table, {})
    if not isinstance(values, dict):
        problems.append(f"{table} is no object")
        return None
    host, port = values.get("hostname"), values.get("port", default_port)
    if host is None:
        return None
    if not isinstance(host, str) or not 0 < len(host) <= _MAX_HOSTNAME or not host.isprintable() or " " in host:
        problems.append(f"{table}.hostname is no host name")
    elif not _is_between(port, _PORT):
        problems.append(f"{table}.port is no port")
    else:
        return LogServer(host, port)
    return None


def _is_between(value: object, bounds: tuple[int, int]) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and bounds[0] <= value <= bounds[1]
