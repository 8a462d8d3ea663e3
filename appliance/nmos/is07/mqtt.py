"""What goes to a broker and comes from it, without sockets (IS-07 Transport - MQTT).

Delivery: while there is a connection every event is sent, in order; what the broker had not acknowledged when the
connection broke is sent again. What a source says meanwhile, or long faster than the broker takes it, is not kept as a
history: its newest state waits. So nothing that was sent is lost, and no storm follows a reconnection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from appliance.config.model import BrokerConfig
from appliance.core.types import JSON
from appliance.nmos.is07.messages import ConnectionStatus, Event, State, encode

WINDOW = 100
"""Messages that may be under way to the broker."""
MAX_WAITING = 2000
"""Those that wait for that; from here on the newest of each topic is enough."""
MAX_PACKET = 256 * 1024
"""Bytes of one MQTT packet; a longer one ends the connection before it is read."""
RETRY_S = (0.3, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Waits between attempts; each is drawn from half of it to all of it."""
STEADY_S = 20.0
"""A connection that held so long was a good one: the next attempt is quick again."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker as IS-05's parameters name it. ``login``: user name and password, where it wants them."""

    host: str
    port: int
    secure: bool
    login: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish, with QoS 2 (section 4)."""

    topic: str
    payload: bytes
    retain: bool


def broker_of(params: JSON, configured: BrokerConfig | None) -> Broker | str:
    """The broker of one leg of /active, or why there is none.

    The password of the configuration is for the host that it names, and not for any that a controller names.
    """
    host = params.get("destination_host", params.get("source_host"))
    if not host:
        return "no broker is named"
    port: int = params["destination_port"] if "destination_port" in params else params["source_port"]
    login = None
    if params["broker_authorization"]:
        if configured is None or configured.username is None or configured.host != host:
            return f"{host} wants authorization, and events.mqtt_broker has no username for it"
        login = configured.username, configured.password or ""
    return Broker(host, port, params["broker_protocol"] == "secure-mqtt", login)


def outgoing(topic: str, event: Event) -> Outgoing:
    """A state is retained, what ends a source is not (sections 3.2 and 5)."""
    return Outgoing(topic, encode(event).encode(), retain=isinstance(event, State))


def status(topic: str, *, active: bool) -> Outgoing:
    """Whether the sending side has its connection: the will, too (sections 3.8 and 6)."""
    return Outgoing(topic, encode(ConnectionStatus(active)).encode(), retain=True)


class Outbox:
    """What one connection has to publish: the ``head`` again and again until there is none; ``sent`` with its id on the
    wire, ``done`` when the broker has it; ``connected`` and ``lost`` as the connection comes and goes."""

    def __init__(self, window: int = WINDOW, most: int = MAX_WAITING) -> None:
        self._window, self._most = window, most
        self._up = False
        self._again: deque[Outgoing] = deque()
        self._waiting: deque[Outgoing] = deque()
        self._under_way: dict[int, Outgoing] = {}

    @property
    def empty(self) -> bool:
        """Everything has been acknowledged."""
        return not (self._again or self._waiting or self._under_way)

    @property
    def head(self) -> Outgoing | None:
        """What is to be published now."""
        queue = self._again or self._waiting
        return queue[0] if queue and len(self._under_way) < self._window else None

    def put(self, message: Outgoing) -> None:
        self._waiting.append(message)
        if not self._up or len(self._waiting) > self._most:
            self._waiting = deque(_newest(self._waiting))

    def forget(self, topic: str) -> None:
        """Its sender stopped: what still waits is of no use."""
        self._again = deque(message for message in self._again if message.topic != topic)
        self._waiting = deque(message for message in self._waiting if message.topic != topic)

    def sent(self, id: int) -> None:
        """The head is on its way."""
        self._under_way[id] = (self._again or self._waiting).popleft()

    def done(self, id: int) -> None:
        self._under_way.pop(id, None)

    def connected(self, states: Iterable[Outgoing]) -> None:
        """``states``: what is to be retained; a broker that restarted has forgotten it. What comes anyway is enough."""
        self._up = True
        coming = {message.topic: message for message in (*self._again, *self._waiting) if message.retain}
        self._waiting += [message for message in states if coming.get(message.topic) != message]

    def lost(self) -> None:
        self._up = False
        self._again.extendleft(reversed(self._under_way.values()))
        self._waiting = deque(_newest(self._waiting))
        self._under_way = {}


def _newest(messages: Iterable[Outgoing]) -> list[Outgoing]:
    """Of each topic the last state, and the last of what is not retained, in the order of these."""
    kept: dict[tuple[str, bool], Outgoing] = {}
    for message in messages:
        key = message.topic, message.retain
        kept.pop(key, None)
        kept[key] = message
    return list(kept.values())


class Topics:
    """Which receivers listen to which topics of one broker; a topic is unsubscribed when nobody needs it (3.7)."""

    def __init__(self) -> None:
        self._receivers: dict[str, tuple[str | None, str | None]] = {}

    @property
    def all(self) -> frozenset[str]:
        return frozenset(topic for topics in self._receivers.values() for topic in topics if topic)

    def put(self, receiver_id: str, params: JSON) -> None:
        self._receivers[receiver_id] = params["broker_topic"], params["connection_status_broker_topic"]

    def remove(self, receiver_id: str) -> None:
        self._receivers.pop(receiver_id, None)

    def __bool__(self) -> bool:
        return bool(self._receivers)

    @property
    def receivers(self) -> tuple[str, ...]:
        return tuple(self._receivers)

    def of(self, receiver_id: str) -> frozenset[str]:
        return frozenset(topic for topic in self._receivers.get(receiver_id, ()) if topic)

    def for_events(self, topic: str) -> list[str]:
        """The receivers that take the events of a topic."""
        return [id for id, (events, _) in self._receivers.items() if events == topic]

    def for_status(self, topic: str) -> list[str]:
        """The receivers whose sender says there whether it is connected."""
        return [id for id, (_, status) in self._receivers.items() if status == topic]


class PacketGuard:
    """Reads the lengths of MQTT's packets along with the client (MQTT 3.1.1 section 2.2), which has no limit."""

    def __init__(self, limit: int = MAX_PACKET) -> None:
        self._limit = limit
        self._body = 0
        self._length: int | None = None
        self._shift = 0

    def feed(self, data: bytes) -> bool:
        """Whether all is well."""
        at = 0
        while at < len(data):
            if self._body:
                step = min(self._body, len(data) - at)
                self._body -= step
                at += step
            elif self._length is None:
                self._length, self._shift = 0, 0
                at += 1
            else:
                self._length |= (data[at] & 0x7F) << self._shift
                self._shift += 7
                if self._length > self._limit or self._shift > 28:
                    return False
                if not data[at] & 0x80:
                    self._body, self._length = self._length, None
                at += 1
        return True
