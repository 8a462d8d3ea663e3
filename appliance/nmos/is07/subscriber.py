"""The WebSocket client's side of IS-07 as a machine: one connection for all receivers of a URI.

It connects, subscribes, and asks every 5 s whether the server is there; without an answer for 12 s it connects anew
(Message types section 1.5). Between two tries it waits longer each time, until a server has answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from appliance.core.tai import format_tai
from appliance.errors import BadRequest
from appliance.media.engine import Phase
from appliance.nmos.is07.messages import (
    ConnectionStatus,
    Event,
    Health,
    HealthCommand,
    Subscription,
    encode,
    read_message,
)
from appliance.nmos.is07.rates import Bucket

HEALTH_S = 5.0
SILENCE_S = 12.0
STATE_S = 5.0
"""In which a server should have told the state of what was subscribed to."""
FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 15.0
MAX_BAD = 10
MESSAGES_PER_S = 2000.0
MESSAGES_AT_ONCE = 4000


class Port(Protocol):
    """What a link does. A connection that was asked for ends in ``opened`` or ``lost``."""

    def connect(self) -> None: ...
    def send(self, text: str) -> None: ...
    def close(self) -> None:
        """End the connection, or the attempt; nothing more is heard of it."""
        ...

    def received(self, receiver_id: str, event: Event) -> None: ...
    def report(self, receiver_id: str, phase: Phase, detail: str = "") -> None: ...


class Link:
    """One URI. ``spread`` is a random number from 0 to 1: a hundred boxes must not come back in the same moment."""

    def __init__(self, port: Port, spread: Callable[[], float]) -> None:
        self._port = port
        self._spread = spread
        self._wanted: dict[str, str] = {}
        self._untold: set[str] = set()
        self._state: str = "closed"
        self._attempts = 0
        self._retry_at = 0.0
        self._health_at = 0.0
        self._heard_at = 0.0
        self._told_at: float | None = None
        self._bad = 0
        self._bucket = Bucket(MESSAGES_PER_S, MESSAGES_AT_ONCE, 0.0)

    @property
    def wanted(self) -> bool:
        """Whether any receiver still needs it."""
        return bool(self._wanted)

    # ---- what IS-05 says

    def want(self, receiver_id: str, source_id: str, now: float) -> None:
        """A receiver was activated with this URI, perhaps again: it hears the state again."""
        self._wanted[receiver_id] = source_id
        self._untold.add(receiver_id)
        self._port.report(receiver_id, "starting")
        if self._state == "open":
            self._subscribe(now)
        elif self._state != "connecting":
            self._connect()

    def unwant(self, receiver_id: str, now: float) -> None:
        """It was parked: the source leaves the list, and the last one the connection (section 3.5)."""
        if self._wanted.pop(receiver_id, None) is None:
            return
        self._untold.discard(receiver_id)
        if not self._wanted:
            self._state = "closed"
            self._port.close()
        elif self._state == "open":
            self._subscribe(now)

    def renew(self) -> None:
        """There is another token: come with that before the server ends what the old one opened. What is subscribed to
        is told again."""
        if self._state == "open":
            self._connect()

    # ---- what happens

    def opened(self, now: float, tai_ns: int) -> None:
        self._state = "open"
        self._bad = 0
        self._heard_at = now
        self._bucket = Bucket(MESSAGES_PER_S, MESSAGES_AT_ONCE, now)
        self._untold = set(self._wanted)
        self._subscribe(now)
        self._ask(now, tai_ns)

    def lost(self, why: str, now: float) -> None:
        """There is no connection, or no longer: another try follows."""
        if self._state == "closed":
            return
        self._state = "waiting"
        self._told_at = None
        pause = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(self._attempts, 10)) * (0.75 + self._spread() / 2)
        self._attempts += 1
        self._retry_at = now + pause
        for receiver_id in self._wanted:
            self._port.report(receiver_id, "fault", f"the sender's events cannot be had: {why}; tried again")

    def message(self, text: str, now: float) -> None:
        if not self._bucket.take(now):
            self._give_up(f"it sends more than {MESSAGES_PER_S:g} messages in a second", now)
            return
        try:
            message = read_message(text)
        except BadRequest as error:
            self._bad += 1
            if self._bad >= MAX_BAD:
                self._give_up(f"it sends what is no message of IS-07: {error.message}", now)
            return
        if isinstance(message, Health):
            self._heard_at = now
            self._attempts = 0
        elif not isinstance(message, ConnectionStatus):
            for receiver_id, source_id in tuple(self._wanted.items()):
                if source_id == message.source_id:
                    self._untold.discard(receiver_id)
                    self._port.received(receiver_id, message)

    # ---- time

    @property
    def due(self) -> float | None:
        """The monotonic time at which to call ``tick``."""
        if self._state == "waiting":
            return self._retry_at
        if self._state != "open":
            return None
        times = [self._health_at, self._heard_at + SILENCE_S]
        return min(times if self._told_at is None else [*times, self._told_at])

    def tick(self, now: float, tai_ns: int) -> None:
        if self._state == "waiting" and now >= self._retry_at:
            self._connect()
        if self._state != "open":
            return
        if now >= self._heard_at + SILENCE_S:
            self._give_up(f"its server answered no health command for {SILENCE_S:g} s", now)
            return
        if self._told_at is not None and now >= self._told_at:
            self._told_at = None
            for receiver_id in self._untold:
                why = f"its server says nothing of the source {self._wanted[receiver_id]}"
                self._port.report(receiver_id, "fault", why)
        if now >= self._health_at:
            self._ask(now, tai_ns)

    # ---- inside

    def _connect(self) -> None:
        self._state = "connecting"
        self._port.connect()

    def _give_up(self, why: str, now: float) -> None:
        self._port.close()
        self.lost(why, now)

    def _subscribe(self, now: float) -> None:
        self._told_at = now + STATE_S
        self._port.send(encode(Subscription(tuple(dict.fromkeys(self._wanted.values())))))

    def _ask(self, now: float, tai_ns: int) -> None:
        self._health_at = now + HEALTH_S
        self._port.send(encode(HealthCommand(format_tai(tai_ns))))
