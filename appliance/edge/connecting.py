"""Wakes the Connection API for its scheduled activations, on time and never early."""

from __future__ import annotations

import asyncio
import time

from appliance.nmos.is05.connections import Connections

_LONGEST_S = 3600.0
"""Look again at least so often: loop timers and the TAI clock need not run at the same speed."""


class ActivationTimer:
    """Re-arms one loop timer; ``rearm`` is what :class:`Connections` calls when its plans change."""

    def __init__(self) -> None:
        self._connections: Connections | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, connections: Connections) -> None:
        self._connections = connections
        self.rearm()

    def stop(self) -> None:
        self._connections = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def rearm(self) -> None:
        if self._connections is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._connections.get_timer()
        if due is not None:
            delay = min(max(0.0, due - time.monotonic()), _LONGEST_S)
            self._timer = asyncio.get_running_loop().call_later(delay, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._connections is not None:
            self._connections.handle_timer()
            self.rearm()
