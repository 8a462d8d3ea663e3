"""The sources of events of this box: what each one says now, kept so that whoever comes late hears it too.

Listeners hear of every event in its order, within the call that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from appliance.config.model import SenderConfig
from appliance.core.types import Clock
from appliance.errors import NotFound
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is07.messages import Ending, Event, State
from appliance.nmos.is07.types import Definition


@dataclass(frozen=True, slots=True)
class EventSource:
    """A source and the way its events take: through one flow to one sender."""

    id: str
    flow_id: str
    sender_id: str
    device_id: str
    definition: Definition
    config: SenderConfig


Listener = Callable[[EventSource, Event], None]
"""Hears of an event as its flow carries it."""


class Sources:
    """All of them, from the senders of events among ``endpoints``. ``told``: how many events there were."""

    def __init__(self, endpoints: Iterable[Endpoint], clock: Clock) -> None:
        self._clock = clock
        self._sources: dict[str, EventSource] = {}
        self._states: dict[str, State] = {}
        self._listeners: list[Listener] = []
        self.told = 0
        self.reconfigure(endpoints)

    def reconfigure(self, endpoints: Iterable[Endpoint]) -> None:
        """The sources are these now. One whose type is the same goes on saying what it says."""
        before, states, now = self._sources, self._states, self._clock.tai_ns()
        self._sources = {source.id: source for source in map(_source, endpoints) if source is not None}
        self._states = {
            id: states[id]
            if id in before and before[id].definition.to_json() == source.definition.to_json()
            else State(id, source.definition.event_type, source.definition.initial(), now)
            for id, source in self._sources.items()
        }

    @property
    def all(self) -> Mapping[str, EventSource]:
        return self._sources

    def source(self, id: str) -> EventSource:
        source = self._sources.get(id)
        if source is None:
            raise NotFound(f"this box has no source of events {id[:64]}")
        return source

    def state(self, id: str) -> State:
        """What it says now, as the Events API shows it."""
        return self._states[self.source(id).id]

    def carried(self, id: str) -> State:
        """The same as its flow carries it."""
        return replace(self.state(id), flow_id=self._sources[id].flow_id)

    def set(self, id: str, value: object, *, origin_ns: int | None = None, again: bool = False) -> bool:
        """The source says ``value`` now; whether that was told, which an unchanged value is only where ``again``.

        :class:`BadRequest` where its type does not have the value.
        """
        source = self.source(id)
        payload = source.definition.payload(value)
        if payload == self._states[id].payload and not again:
            return False
        self._states[id] = State(id, source.definition.event_type, payload, self._clock.tai_ns(), origin_ns=origin_ns)
        self._tell(source, self.carried(id))
        return True

    def end(self, kind: Literal["reboot", "shutdown"], ids: Collection[str] | None = None) -> None:
        """Every source, or these, are about to go (Message types sections 1.2 and 1.3)."""
        now = self._clock.tai_ns()
        for source in [source for id, source in self._sources.items() if ids is None or id in ids]:
            self._tell(source, Ending(kind, source.id, now, source.flow_id))

    def say(self, id: str) -> None:
        """What it says now, also to those who were told before."""
        self._tell(self.source(id), self.carried(id))

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener`` with every later event."""
        self._listeners.append(listener)

    def _tell(self, source: EventSource, event: Event) -> None:
        self.told += 1
        for listener in tuple(self._listeners):
            listener(source, event)


def _source(endpoint: Endpoint) -> EventSource | None:
    config = endpoint.config
    if endpoint.transport.is_rtp or not isinstance(config, SenderConfig):
        return None
    assert endpoint.source_id is not None
    assert endpoint.flow_id is not None
    assert config.event_type is not None
    definition = Definition(config.event_type, config.event)
    return EventSource(endpoint.source_id, endpoint.flow_id, endpoint.id, endpoint.device_id, definition, config)
