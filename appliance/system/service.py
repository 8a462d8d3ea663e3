"""The box as a service: readiness, watchdog, the status line, and where local commands find the API.

The watchdog is fed by the event loop: if the loop hangs, nothing feeds it, and systemd restarts the box.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from appliance.panel.items import BoxStatus, MenuChange, ReceiverItem
from appliance.panel.menu import MenuModel
from appliance.system.systemd import Notifier

log = logging.getLogger(__name__)

API_FILE = "api.json"
_FOR_ALL = 0o644


class Service:
    """Tells systemd and local commands. ``port`` is known once the server listens."""

    def __init__(self, menu: MenuModel, port: Callable[[], int], environment: Mapping[str, str] = os.environ) -> None:
        self._menu = menu
        self._port = port
        self._notifier = Notifier(environment)
        self._runtime = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._write_api_file()
        self._unsubscribe = self._menu.subscribe(self._on_menu)
        self._notifier.ready()
        self._tell()
        self._feed_watchdog()

    def reloading(self) -> None:
        self._notifier.reloading()

    def reloaded(self) -> None:
        """Whether the new configuration was taken or not: the box is there."""
        self._notifier.ready()

    def stopping(self) -> None:
        """Say so as soon as the box begins to stop."""
        self._notifier.stopping()

    def stop(self) -> None:
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()
        self._notifier.close()

    def _on_menu(self, change: MenuChange) -> None:
        if change.status or change.receivers:
            self._tell()

    def _tell(self) -> None:
        self._notifier.status(status_line(self._menu.status, self._menu.receivers))

    def _feed_watchdog(self) -> None:
        if self._notifier.watchdog_s is None:
            return
        self._notifier.alive()
        self._timer = asyncio.get_running_loop().call_later(self._notifier.watchdog_s / 2, self._feed_watchdog)

    def _write_api_file(self) -> None:
        if not self._runtime:
            return
        path = Path(self._runtime) / API_FILE
        try:
            path.write_text(json.dumps({"url": f"http://127.0.0.1:{self._port()}"}) + "\n", encoding="ascii")
            path.chmod(_FOR_ALL)  # whoever may run `nmos-appliance status` finds it, whatever the unit's UMask
        except OSError as error:
            log.warning("%s: %s; commands need --url", path, error.strerror)


def status_line(status: BoxStatus, receivers: tuple[ReceiverItem, ...]) -> str:
    """One line for ``systemctl status``: mode, peers, senders, routes, and the worst problem.

    ``peer-to-peer, 3 peers, 12 senders | Foyer speaker < Stage left | Recorder off``
    """
    parts = [f"{status.mode}, {_count(status.peers, 'peer')}, {_count(status.sources, 'sender')}"]
    if status.lost:
        parts[0] += f" ({status.lost} lost)"
    parts += [f"{item.label} < {item.shows}" if item.enabled else f"{item.label} off" for item in receivers[:4]]
    if len(receivers) > 4:
        parts.append(f"{len(receivers) - 4} more receivers")
    if status.problems:
        parts.append(status.problems[0])
    return " | ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
