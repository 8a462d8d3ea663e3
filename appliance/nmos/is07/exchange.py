"""Between the sources and receivers of events and the transports that carry them: the seam for a transport.

IS-05 says what each sender and receiver should do; the exchange follows that and tells each transport's *carrier*, and
gives it every event of an active sender. What a carrier receives it hands in with :meth:`Exchange.received`, and what
becomes of its connections with :meth:`Exchange.report`. A carrier knows sockets and messages; it knows neither the
store nor who makes the events or acts on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from appliance.config.model import ReceiverConfig, Transport
from appliance.core.store import Change, Store
from appliance.core.types import JSON
from appliance.media.engine import Phase, StreamStatus
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.state import ASPECT
from appliance.nmos.is07.messages import Event, State
from appliance.nmos.is07.sources import EventSource, Sources
from appliance.nmos.is07.types import accepted


@dataclass(frozen=True, slots=True)
class Sending:
    """An active sender: ``params`` are its leg in IS-05's /active, without ``auto``. ``activation`` is when it was
    activated: the same again at another time is to be done again (IS-05 Behaviour - Re-Activating)."""

    sender_id: str
    source_id: str
    device_id: str
    label: str
    params: JSON
    activation: str | None


@dataclass(frozen=True, slots=True)
class Receiving:
    """An active receiver, likewise."""

    receiver_id: str
    label: str
    params: JSON
    activation: str | None


class Carrier(Protocol):
    """One transport. Called within the loop: nothing here waits, and nothing raises; what goes wrong is reported.

    That a receiver runs needs no report: what it receives says so.
    Every ``send`` is followed by a ``publish`` of the source's state, and so has whoever comes late what it says now.
    """

    def send(self, sending: Sending) -> None:
        """A sender is active from now on, or active otherwise than before."""
        ...

    def stop_sending(self, sender_id: str) -> None: ...

    def publish(self, sending: Sending, event: Event) -> None:
        """Its source says something. In the order in which it is said."""
        ...

    def receive(self, receiving: Receiving) -> None:
        """A receiver is active from now on, or active otherwise than before."""
        ...

    def stop_receiving(self, receiver_id: str) -> None: ...

    async def close(self) -> None:
        """End every connection, once what was published has been sent; within a second."""
        ...


OnEvent = Callable[[str, Event], None]
"""``on_event(receiver_id, event)``"""
OnStatus = Callable[[str, StreamStatus], None]
"""``on_status(id of a sender or receiver, how it does)``"""


class Exchange:
    """``carriers`` by transport: add one to carry it. ``start`` begins with what is active already; ``heard``
    is how many events receivers were given."""

    def __init__(self, store: Store, endpoints: Iterable[Endpoint], sources: Sources) -> None:
        self._store = store
        self.sources = sources
        self._endpoints = {endpoint.id: endpoint for endpoint in endpoints if not endpoint.transport.is_rtp}
        self._sending: dict[str, Sending] = {}
        self._receiving: dict[str, Receiving] = {}
        self._statuses: dict[str, StreamStatus] = {}
        self._on_event: list[OnEvent] = []
        self._on_parked: list[Callable[[str], None]] = []
        self._on_status: list[OnStatus] = []
        self.carriers: dict[Transport, Carrier] = {}
        self.heard = 0

    def start(self) -> None:
        for id, endpoint in self._endpoints.items():
            self._follow(endpoint, self._store.aspect(ASPECT, id))
        self._store.subscribe(self._changed)
        self.sources.subscribe(self._published)

    def reconfigure(self, endpoints: Iterable[Endpoint]) -> None:
        """The senders and receivers are these now, and ``sources`` theirs: what goes is stopped, what did not change
        goes on, the rest is begun."""
        before = self._endpoints
        self._endpoints = {endpoint.id: endpoint for endpoint in endpoints if not endpoint.transport.is_rtp}
        for id, endpoint in before.items():
            now = self._endpoints.get(id)
            if now is None or now.transport is not endpoint.transport:
                self._follow(endpoint, None)
                self._statuses.pop(id, None)
        for id, endpoint in self._endpoints.items():
            self._follow(endpoint, self._store.aspect(ASPECT, id))

    # ---- for carriers

    def state_of(self, sending: Sending) -> State:
        """What the source of a sender says now, as its flow carries it."""
        return self.sources.carried(sending.source_id)

    def received(self, receiver_id: str, event: Event) -> None:
        """Something came for a receiver. What it has no use for is dropped, and said."""
        endpoint = self._endpoints.get(receiver_id)
        if endpoint is None or receiver_id not in self._receiving:
            return  # parked meanwhile
        self.heard += 1
        config = endpoint.config
        assert isinstance(config, ReceiverConfig)
        if isinstance(event, State) and not accepted(config.event_types, event.event_type):
            takes = ", ".join(config.event_types)
            self.report(receiver_id, "fault", f"its events are {event.event_type[:60]}, this receiver takes {takes}")
            return
        if isinstance(event, State):
            self.report(receiver_id, "running")
        else:
            self.report(receiver_id, "fault", f"its source has said that it goes: {event.kind}")
        for listener in self._on_event:
            listener(receiver_id, event)

    def report(self, id: str, phase: Phase, detail: str = "") -> None:
        """How a sender or receiver does; ``detail`` is a sentence for people."""
        status = StreamStatus(phase, detail)
        if self._statuses.get(id, StreamStatus()) != status:
            self._statuses[id] = status
            for listener in self._on_status:
                listener(id, status)

    # ---- for others

    @property
    def statuses(self) -> Mapping[str, StreamStatus]:
        return self._statuses

    def receiving(self, receiver_id: str) -> Receiving | None:
        """What an active receiver should do."""
        return self._receiving.get(receiver_id)

    def on_event(self, listener: OnEvent) -> None:
        """Call ``listener`` with what receivers receive."""
        self._on_event.append(listener)

    def on_parked(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with the id of a receiver that is to receive nothing any more, or from elsewhere."""
        self._on_parked.append(listener)

    def on_status(self, listener: OnStatus) -> None:
        self._on_status.append(listener)

    # ---- inside

    def _changed(self, change: Change) -> None:
        for aspect in change.touches(ASPECT):
            endpoint = self._endpoints.get(aspect.id)
            if endpoint is not None:
                self._follow(endpoint, aspect.after)

    def _follow(self, endpoint: Endpoint, connection: JSON | None) -> None:
        carrier = self.carriers.get(endpoint.transport)
        if carrier is None:
            return
        active = (connection or {}).get("active") or {}
        if endpoint.is_sender:
            self._follow_sender(endpoint, active, carrier)
        else:
            self._follow_receiver(endpoint, active, carrier)

    def _follow_sender(self, endpoint: Endpoint, active: JSON, carrier: Carrier) -> None:
        before = self._sending.get(endpoint.id)
        if not active.get("master_enable"):
            if self._sending.pop(endpoint.id, None) is not None:
                carrier.stop_sending(endpoint.id)
                self.report(endpoint.id, "idle")
            return
        assert endpoint.source_id is not None
        params, activation = _leg(active)
        label = endpoint.config.label or endpoint.name
        sending = Sending(endpoint.id, endpoint.source_id, endpoint.device_id, label, params, activation)
        if sending != before:
            self._sending[endpoint.id] = sending
            carrier.send(sending)
            carrier.publish(sending, self.state_of(sending))

    def _follow_receiver(self, endpoint: Endpoint, active: JSON, carrier: Carrier) -> None:
        before = self._receiving.get(endpoint.id)
        if not active.get("master_enable"):
            if self._receiving.pop(endpoint.id, None) is not None:
                carrier.stop_receiving(endpoint.id)
                self.report(endpoint.id, "idle")
                self._parked(endpoint.id)
            return
        receiving = Receiving(endpoint.id, endpoint.config.label or endpoint.name, *_leg(active))
        if receiving != before:
            self._receiving[endpoint.id] = receiving
            if before is not None and receiving.params != before.params:
                self._parked(endpoint.id)
            carrier.receive(receiving)

    def _parked(self, receiver_id: str) -> None:
        for listener in self._on_parked:
            listener(receiver_id)

    def _published(self, source: EventSource, event: Event) -> None:
        sending = self._sending.get(source.sender_id)
        if sending is not None:
            self.carriers[self._endpoints[sending.sender_id].transport].publish(sending, event)


def _leg(active: JSON) -> tuple[JSON, str | None]:
    return active["transport_params"][0], (active.get("activation") or {}).get("activation_time")
