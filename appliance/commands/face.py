"""A face of the panel in a process of its own: what every one of them has behind its screen and its keys.

Two things wait so that the screen never does: one thread reads the box's event stream, and each take runs in a thread
of its own. Both hand what they learn to the one that draws.
"""

from __future__ import annotations

import gc
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from appliance.commands.client import CommandError, Daemon, EventStream
from appliance.panel.drawing import Scene
from appliance.panel.effects import Asked, Do, Effect, Quit, Refused, Take
from appliance.panel.mirror import Mirror
from appliance.panel.navigation import Navigation

RETRY_S = (0.3, 0.7, 1.5, 3.0)


class Face:
    """The mirror of one box and the cursor on it. ``wake`` is called by any thread when there is something to ``hear``;
    everything else belongs to the thread that draws."""

    def __init__(self, daemon: Daemon, receiver_id: str | None, wake: Callable[[], None]) -> None:
        self._daemon, self._wake = daemon, wake
        self._mirror = Mirror()
        self.navigation = Navigation(self._mirror, receiver_id)
        self._message = ""
        self._disconnected = f"Connecting to {daemon.url}"
        self._behind = 0  # the box's clock less ours, ns
        self._news: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._follower: _Follower | None = None

    @property
    def scene(self) -> Scene:
        """What is to be drawn now."""
        return Scene(self.navigation, time.time_ns() + self._behind, self._message, self._disconnected)

    def start(self) -> None:
        self._follow()

    def stop(self) -> None:
        if self._follower is not None:
            self._follower.stop()

    def forget_message(self) -> None:
        """What the last key led to was shown for long enough."""
        self._message = ""

    def hear(self) -> None:
        """Do what the threads left to be done."""
        while not self._news.empty():
            self._news.get()()

    def press(self, key: str) -> bool:
        """A :class:`Key` or a typed character; False: leave the panel."""
        return self._led(lambda: self.navigation.press(key))

    def point(self, index: int) -> bool:
        """The same for a mouse on a row."""
        return self._led(lambda: self.navigation.point(index))

    def _led(self, move: Callable[[], Effect]) -> bool:
        self._message = ""
        before = self._operated()
        effect = move()
        if isinstance(effect, Quit):
            return False
        if isinstance(effect, Refused | Asked):
            self._message = effect.reason
        elif isinstance(effect, Take | Do):
            self._do(effect)
        if self._operated() != before:
            self._follow()
        return True

    def _do(self, wanted: Take | Do) -> None:
        if self._disconnected:
            self._message = "The box does not answer: nothing was changed"
            return

        def post() -> None:
            try:
                answer = self._daemon.post(wanted.path, wanted.body)
            except CommandError as error:
                self._tell(partial(self._say, f"{wanted.label}: {error.message}"))
            else:
                self._tell(partial(self._say, _said(wanted, answer)))

        threading.Thread(target=post, name="take", daemon=True).start()

    def _say(self, message: str) -> None:
        self._message = message or self._message

    # ---- what the threads learn

    def _operated(self) -> str | None:
        receiver = self.navigation.receiver
        return None if receiver is None else receiver.id

    def _follow(self) -> None:
        """Hear from the box about the receiver that is operated now."""
        self.stop()
        self._mirror.forget_fits()
        self._follower = _Follower(self._daemon, self._operated(), self._tell, self._on_event, self._on_lost)

    def _on_event(self, follower: _Follower, name: str, data: Any) -> None:
        if follower is not self._follower:
            return
        if self._disconnected:
            self._disconnected = self._message = ""
        if not name:
            return
        self._mirror.apply(name, data)
        if name == "ready":
            gc.freeze()  # the menu stays: to look through ten thousand sources again and again would hold up keys
        self._behind = self._mirror.now - time.time_ns()
        if follower.receiver_id is None and self._operated() is not None:
            self._follow()  # now that a receiver is known, what fits it

    def _on_lost(self, follower: _Follower, why: str) -> None:
        if follower is self._follower:
            self._disconnected = why

    def _tell(self, news: Callable[[], None]) -> None:
        """From any thread: have this done by the one that draws."""
        self._news.put(news)
        self._wake()


def _said(wanted: Take | Do, answer: Any) -> str:
    """What to tell of what was done: of a salvo what went wrong in it; the rest is seen."""
    failed = answer.get("failed") if isinstance(answer, dict) else None
    if not failed:
        return ""
    return f"{wanted.label}: {failed[0]['label']}: {failed[0]['error']}" + (
        f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    )


class _Follower:
    """Reads the box's events in a thread, and again and again after a loss, until stopped."""

    def __init__(
        self,
        daemon: Daemon,
        receiver_id: str | None,
        tell: Callable[[Callable[[], None]], None],
        on_event: Callable[[_Follower, str, Any], None],
        on_lost: Callable[[_Follower, str], None],
    ) -> None:
        self.receiver_id = receiver_id
        self._daemon, self._tell = daemon, tell
        self._on_event, self._on_lost = on_event, on_lost
        self._stopped = threading.Event()
        self._stream: EventStream | None = None
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        if self._stream is not None:
            self._stream.close()

    def _run(self) -> None:
        attempt = 0
        while not self._stopped.is_set():
            try:
                for name, data in self._open():
                    attempt = 0
                    self._tell(partial(self._on_event, self, name, data))
                why = f"The box at {self._daemon.url} went away; trying again"
            except CommandError as error:
                why = f"{error.message.partition('. Is ')[0]}; trying again"
                self._forget_receiver(error)
            if not self._stopped.is_set():
                self._tell(partial(self._on_lost, self, why))
                self._stopped.wait(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                attempt += 1

    def _open(self) -> EventStream:
        query = {} if self.receiver_id is None else {"receiver": self.receiver_id}
        self._stream = self._daemon.events("/panel/events", **query)
        if self._stopped.is_set():
            self._stream.close()
        return self._stream

    def _forget_receiver(self, error: CommandError) -> None:
        """The box came back with another configuration, without the receiver that was operated: ask for any."""
        if error.message.startswith("receiver:"):
            self.receiver_id = None
