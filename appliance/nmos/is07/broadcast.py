"""The WebSocket server's side of IS-07 as a machine: who is connected, and hears what.

One WebSocket of a device serves all its sources. A client says which it wants to hear, hears the state of each at once
and then every event; and says every 5 s that it is there, or is dropped after 12 s (Transport - Websocket section 4.1).
What it must still hear waits in a queue of its own: who does not take it is dropped, and nobody else notices.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from appliance.core.tai import parse_tai
from appliance.errors import ApplianceError, BadRequest, NotFound
from appliance.nmos.is07.messages import Event, Health, HealthCommand, State, Subscription, encode, read_command
from appliance.nmos.is07.rates import Bucket

log = logging.getLogger(__name__)

SILENCE_S = 12.0
"""Two missed ``health`` commands and 2 s for latencies (section 4.1)."""
MAX_CLIENTS = 512
MAX_QUEUE = 2000
MAX_QUEUE_CHARACTERS = 1024 * 1024
MAX_BAD = 10
"""Commands that could not be understood, of one client."""
COMMANDS_PER_S = 20.0
COMMANDS_AT_ONCE = 60

GOING_AWAY, POLICY = 1001, 1008
"""Codes of RFC 6455 section 7.4.1."""


class TooManyClients(ApplianceError):
    status = 503


class Client:
    """One connection. ``wake`` is called when there is something to send, or when it has to end.

    ``ending`` is then the close code and the reason; ``aborted``: it is not worth waiting until it has read the rest.
    """

    def __init__(self, device_id: str, wake: Callable[[], None], now: float, may_hear: Callable[[str], bool]) -> None:
        self.device_id = device_id
        self.may_hear = may_hear
        self.sources: frozenset[str] = frozenset()
        self.due = now + SILENCE_S
        self.ending: tuple[int, str] | None = None
        self.aborted = False
        self.bad = 0
        self.commands = Bucket(COMMANDS_PER_S, COMMANDS_AT_ONCE, now)
        self.wake = wake
        self._queue: deque[str] = deque()
        self._characters = 0

    def push(self, text: str) -> None:
        """Send this after all that waits already."""
        if self.ending is not None:
            return
        self._queue.append(text)
        self._characters += len(text)
        if len(self._queue) > MAX_QUEUE or self._characters > MAX_QUEUE_CHARACTERS:
            self.aborted = True
            self.end(POLICY, "it does not take what it subscribed to")
        else:
            self.wake()

    def next(self) -> str | None:
        """What to send next."""
        if self.aborted or not self._queue:
            return None
        text = self._queue.popleft()
        self._characters -= len(text)
        return text

    def end(self, code: int, reason: str) -> None:
        if self.ending is None:
            self.ending = code, reason
            self.wake()

    def check(self, now: float) -> None:
        """Whether it has been silent for too long."""
        if now >= self.due:
            self.end(POLICY, f"no health command for {SILENCE_S:g} s")


class Broadcaster:
    """All clients of all devices. ``offer`` a source while its sender is active, and ``publish`` what it says.
    ``is_source``: whether this box has such a source at all."""

    def __init__(self, devices: frozenset[str], is_source: Callable[[str], bool]) -> None:
        self._devices, self._is_source = devices, is_source
        self._offered: dict[str, str] = {}
        self._states: dict[str, str] = {}
        self._clients: set[Client] = set()
        self._hearing: dict[str, dict[Client, None]] = {}

    @property
    def clients(self) -> int:
        return len(self._clients)

    # ---- senders

    def serve(self, devices: frozenset[str]) -> None:
        """Clients may come for these now; those of others have heard that the sources went."""
        self._devices = devices

    def offer(self, source_id: str, device_id: str) -> None:
        self._offered[source_id] = device_id

    def withdraw(self, source_id: str) -> None:
        """Who subscribed to it hears nothing of it until it is offered again."""
        self._offered.pop(source_id, None)
        self._states.pop(source_id, None)

    def publish(self, event: Event) -> None:
        """To everybody who wants to hear the source; encoded once."""
        text = encode(event)
        if isinstance(event, State):
            self._states[event.source_id] = text
        for client in tuple(self._hearing.get(event.source_id, ())):
            client.push(text)

    # ---- clients

    def join(
        self,
        device_id: str,
        now: float,
        wake: Callable[[], None],
        may_hear: Callable[[str], bool] = lambda source_id: True,
    ) -> Client:
        """A new connection to a device; :class:`NotFound` where there is no such device, 503 where all is full.

        ``may_hear`` is asked by the id of each source that it subscribes to (BCP-003-02, WebSocket Authorization).
        """
        if device_id not in self._devices:
            raise NotFound(f"this box has no device with sources of events {device_id[:64]}")
        if len(self._clients) >= MAX_CLIENTS:
            raise TooManyClients(f"{MAX_CLIENTS} programs follow the events of this box already")
        client = Client(device_id, wake, now, may_hear)
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        self._clients.discard(client)
        self._subscribe(client, frozenset())

    def close(self) -> None:
        """End all connections, when they have sent what is to be sent."""
        for client in tuple(self._clients):
            client.end(GOING_AWAY, "the box stops")

    def hear(self, client: Client, text: str, now: float, tai_ns: int) -> None:
        """What a client says. What cannot be understood has no answer in IS-07: it is logged, and soon enough."""
        if not client.commands.take(now):
            client.aborted = True
            client.end(POLICY, f"more than {COMMANDS_PER_S:g} commands in a second")
            return
        try:
            command = read_command(text)
        except BadRequest as error:
            self._bad(client, error.message)
            return
        if isinstance(command, HealthCommand):
            client.due = now + SILENCE_S
            # The answer is later than the question, whatever clock the client has.
            client.push(encode(Health(command.timestamp, max(tai_ns, parse_tai(command.timestamp) + 1))))
        else:
            self._subscription(client, command)

    def _subscription(self, client: Client, command: Subscription) -> None:
        """The list replaces the one before, and all states of it are sent again (section 4)."""
        known = filter(self._is_source, command.sources)
        mine = [id for id in known if self._offered.get(id, client.device_id) == client.device_id]
        here = list(filter(client.may_hear, mine))
        self._subscribe(client, frozenset(here))
        for id in here:
            if id in self._states:
                client.push(self._states[id])

    def _subscribe(self, client: Client, sources: frozenset[str]) -> None:
        for id in client.sources - sources:
            self._hearing[id].pop(client, None)
            if not self._hearing[id]:
                del self._hearing[id]
        for id in sources - client.sources:
            self._hearing.setdefault(id, {})[client] = None
        client.sources = sources

    def _bad(self, client: Client, why: str) -> None:
        client.bad += 1
        if client.bad == 1:
            log.info("a client of events says what is no command: %s", why)
        if client.bad >= MAX_BAD:
            client.end(POLICY, why[:100])
