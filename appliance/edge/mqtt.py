"""The MQTT transport of events (IS-07 Transport - MQTT): a carrier with two connections to each broker that is in use.

All that this box sends to a broker goes by one connection, whose status has the node's id (section 3.3); what it
receives comes by another, so that a receiver that is parked never disturbs a sender, nor the other way round.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass

from appliance.config.model import BrokerConfig
from appliance.core.types import JSON
from appliance.edge.client import Bounds, HttpClient, HttpFailure
from appliance.edge.mqtt_link import Link
from appliance.edge.reach import Reach
from appliance.errors import BadRequest
from appliance.nmos.is07.exchange import Exchange, Receiving, Sending
from appliance.nmos.is07.messages import ConnectionStatus, Event, Health, State, read_message
from appliance.nmos.is07.mqtt import Broker, Outbox, Topics, broker_of, outgoing, status

log = logging.getLogger(__name__)

GOODBYE_S = 1.0
"""For what is still on its way to the broker when the box, or a connection, ends."""
LATE_S = 1.0
"""A broker that has retained nothing for so long is not waited for: the source's Events API is asked (section 5)."""
_STATE_BOUNDS = Bounds(body_bytes=64 * 1024, total_s=5.0)


class MqttCarrier:
    """See :class:`appliance.nmos.is07.exchange.Carrier`. ``configured`` is the broker of the configuration, ``reach``
    says where others are that somebody else names, and whether they may be contacted."""

    def __init__(self, exchange: Exchange, configured: BrokerConfig | None, reach: Reach) -> None:
        self._exchange, self._configured, self._reach = exchange, configured, reach
        self._senders: dict[Broker, _Senders] = {}
        self._receivers: dict[Broker, _Receivers] = {}
        self._at: dict[str, Broker] = {}
        self._closing: dict[Broker, asyncio.Task[None]] = {}
        self._client = HttpClient(reach.tls)

    def configure(self, configured: BrokerConfig | None) -> None:
        """Another one in the configuration, for what is activated from now on."""
        self._configured = configured

    # ---- Carrier

    def send(self, sending: Sending) -> None:
        broker = self._moved(sending.sender_id, sending.params)
        if broker is not None:
            link = self._senders.get(broker)
            if link is None:
                topic = sending.params["connection_status_broker_topic"]
                link = self._senders[broker] = _Senders(
                    self._link(broker, topic), topic, self._exchange, self._closing.get(broker)
                )
            link.send(sending)

    def stop_sending(self, sender_id: str) -> None:
        self._leave(sender_id)

    def publish(self, sending: Sending, event: Event) -> None:
        broker = self._at.get(sending.sender_id)
        if broker is not None:
            self._senders[broker].publish(sending, event)

    def receive(self, receiving: Receiving) -> None:
        if not receiving.params["broker_topic"]:
            self._leave(receiving.receiver_id)
            self._exchange.report(receiving.receiver_id, "fault", "no broker_topic is named")
            return
        broker = self._moved(receiving.receiver_id, receiving.params)
        if broker is not None:
            link = self._receivers.get(broker)
            if link is None:
                link = self._receivers[broker] = _Receivers(self._link(broker, None), self._exchange, self._client)
            link.receive(receiving)

    def stop_receiving(self, receiver_id: str) -> None:
        self._leave(receiver_id)

    async def close(self) -> None:
        """Say goodbye to every broker."""
        self._at.clear()
        links: list[_Senders | _Receivers] = [*self._senders.values(), *self._receivers.values()]
        await asyncio.gather(*(link.close() for link in links), *self._closing.values(), return_exceptions=True)
        await self._client.close()

    # ---- inside

    def _moved(self, id: str, params: JSON) -> Broker | None:
        """The broker to use from now on, having left another; ``None`` where there is none, which is reported."""
        broker = broker_of(params, self._configured)
        if self._at.get(id) != broker:
            self._leave(id)
        if isinstance(broker, str):
            self._exchange.report(id, "fault", broker)
            return None
        self._at[id] = broker
        return broker

    def _leave(self, id: str) -> None:
        broker = self._at.pop(id, None)
        if broker is None:
            return
        if (senders := self._senders.get(broker)) is not None and senders.drop(id):
            self._close(broker, self._senders.pop(broker).close())
        if (receivers := self._receivers.get(broker)) is not None and receivers.drop(id):
            self._close(broker, self._receivers.pop(broker).close())

    def _close(self, broker: Broker, closing: Coroutine[None, None, None]) -> None:
        """Whoever connects to the same broker next waits for it: a goodbye must not come after a greeting."""
        before = self._closing.get(broker)

        async def in_turn() -> None:
            await asyncio.gather(closing, *([before] if before is not None else []))
            if self._closing.get(broker) is task:
                del self._closing[broker]

        task = self._closing[broker] = asyncio.create_task(in_turn(), name=f"leaving {broker.name}")

    def _link(self, broker: Broker, status_topic: str | None) -> Link:
        will = status(status_topic, active=False) if status_topic else None
        return Link(broker, self._trusting, will, self._addresses)

    def _trusting(self) -> ssl.SSLContext:
        """The broker's own authority where one is configured, else those of [tls], else those of the system."""
        if self._configured is None or self._configured.ca_file is None:
            return self._reach.tls.trusting()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(self._configured.ca_file)
        return context

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Those of a broker that may be contacted."""
        found = await self._reach.resolve(host, port, "mqtt")
        if self._configured is not None and self._configured.host == host:
            return found
        policy = self._reach.policy()
        return [ip for ip in found if policy.for_controllers(ip, port)]


class _Senders:
    """All senders of this box at one broker."""

    def __init__(
        self, link: Link, status_topic: str | None, exchange: Exchange, after: asyncio.Task[None] | None
    ) -> None:
        self._exchange = exchange
        self._senders: dict[str, Sending] = {}
        self._outbox = Outbox()
        self._emptied = asyncio.Event()
        self._status_topic = status_topic
        self._link = link
        self._link.on_up, self._link.on_down, self._link.on_done = self._up, self._down, self._done
        self._link.start(after)

    def send(self, sending: Sending) -> None:
        self._senders[sending.sender_id] = sending
        if self._link.up:
            self._exchange.report(sending.sender_id, "running")
        else:
            self._exchange.report(sending.sender_id, "starting", f"connecting to {self._link.broker.name}")

    def publish(self, sending: Sending, event: Event) -> None:
        topic = sending.params["broker_topic"]
        if topic:
            self._outbox.put(outgoing(topic, event))
            self._flush()

    def drop(self, sender_id: str) -> bool:
        """Whether nobody is left."""
        sending = self._senders.pop(sender_id, None)
        if sending is not None and sending.params["broker_topic"]:
            self._outbox.forget(sending.params["broker_topic"])
        return sending is not None and not self._senders

    async def close(self) -> None:
        """What is on its way arrives, if the broker takes it; then the status, then the end (section 3.8 step 5)."""
        if self._link.up and self._status_topic:
            self._outbox.put(status(self._status_topic, active=False))
            self._flush()
        if self._link.up and not self._outbox.empty:
            self._emptied.clear()
            try:
                async with asyncio.timeout(GOODBYE_S):
                    await self._emptied.wait()
            except TimeoutError:
                log.warning("the broker %s did not take our goodbye", self._link.broker.name)
        await self._link.close()

    def _up(self) -> None:
        log.info("connected to the broker %s, to send", self._link.broker.name)
        if self._status_topic:
            self._link.publish(status(self._status_topic, active=True))
        self._outbox.connected(
            outgoing(topic, self._exchange.state_of(sending))
            for sending in self._senders.values()
            if (topic := sending.params["broker_topic"])
        )
        self._flush()
        for id in self._senders:
            self._exchange.report(id, "running")

    def _down(self, why: str) -> None:
        self._outbox.lost()
        self._emptied.set()
        _say(self._exchange, self._senders, self._link, why)

    def _done(self, id: int) -> None:
        self._outbox.done(id)
        self._flush()
        if self._outbox.empty:
            self._emptied.set()

    def _flush(self) -> None:
        while (message := self._outbox.head) is not None and (id := self._link.publish(message)) is not None:
            self._outbox.sent(id)


@dataclass(slots=True)
class _Heard:
    """What a receiver has heard since it was activated."""

    receiving: Receiving
    connected: bool = True
    """Its sender has not said otherwise."""
    last: Event | None = None
    problem: str = ""
    late: asyncio.TimerHandle | None = None


class _Receivers:
    """All receivers of this box at one broker."""

    def __init__(self, link: Link, exchange: Exchange, client: HttpClient) -> None:
        self._exchange, self._client = exchange, client
        self._topics = Topics()
        self._heard: dict[str, _Heard] = {}
        self._asking: dict[int, str] = {}
        self._fetches: set[asyncio.Task[None]] = set()
        self._link = link
        self._link.on_up, self._link.on_down = self._up, self._down
        self._link.on_message, self._link.on_subscribed = self._message, self._subscribed
        self._link.start()

    def receive(self, receiving: Receiving) -> None:
        id = receiving.receiver_id
        before = self._topics.all
        if id in self._heard:
            self._drop(id)
        self._topics.put(id, receiving.params)
        self._heard[id] = _Heard(receiving)
        for topic in before - self._topics.all:
            self._link.unsubscribe(topic)
        if self._link.up:
            self._subscribe(self._topics.of(id))  # also where others did: what is retained comes again
        else:
            self._exchange.report(id, "starting", f"connecting to {self._link.broker.name}")

    def drop(self, receiver_id: str) -> bool:
        """Whether nobody is left."""
        if receiver_id not in self._heard:
            return False
        before = self._topics.all
        self._drop(receiver_id)
        for topic in before - self._topics.all:
            self._link.unsubscribe(topic)
        return not self._topics

    async def close(self) -> None:
        for task in self._fetches:
            task.cancel()
        await asyncio.gather(*self._fetches, return_exceptions=True)
        await self._link.close()

    def _drop(self, id: str) -> None:
        self._topics.remove(id)
        heard = self._heard.pop(id)
        if heard.late is not None:
            heard.late.cancel()

    # ---- what the broker says

    def _up(self) -> None:
        log.info("connected to the broker %s, to receive", self._link.broker.name)
        self._asking.clear()
        self._subscribe(self._topics.all)

    def _down(self, why: str) -> None:
        _say(self._exchange, self._heard, self._link, why)

    def _subscribe(self, topics: Iterable[str]) -> None:
        for topic in sorted(topics):
            id = self._link.subscribe(topic)
            if id is not None:
                self._asking[id] = topic

    def _subscribed(self, id: int) -> None:
        topic = self._asking.pop(id, "")
        loop = asyncio.get_running_loop()
        for receiver_id in self._topics.for_events(topic):
            heard = self._heard[receiver_id]
            self._tell(receiver_id, heard)
            if heard.last is None and heard.late is None and heard.receiving.params.get("ext_is_07_rest_api_url"):
                heard.late = loop.call_later(LATE_S, self._ask, receiver_id)

    def _message(self, topic: str, payload: bytes) -> None:
        events, statuses = self._topics.for_events(topic), self._topics.for_status(topic)
        try:
            message = read_message(payload)
            if isinstance(message, Health) or (isinstance(message, ConnectionStatus) and not statuses):
                raise BadRequest(f"message_type: not what belongs on {topic[:100]}")
        except BadRequest as error:
            for id in (*events, *statuses):
                self._dropped(id, error.message)
            return
        if isinstance(message, ConnectionStatus):
            for id in statuses:
                heard = self._heard[id]
                if heard.connected != message.active:  # another fault of its is no better for that
                    heard.connected = message.active
                    self._tell(id, heard)
        else:
            for id in events:
                self._event(id, message)

    def _tell(self, id: str, heard: _Heard) -> None:
        if heard.connected:
            self._exchange.report(id, "running")
        else:
            self._exchange.report(id, "fault", "its sender is not connected to the broker")

    def _event(self, receiver_id: str, event: Event) -> None:
        """One that was heard already, retained and told again after a reconnection, is not news."""
        heard = self._heard[receiver_id]
        if event != heard.last:
            heard.last, heard.problem = event, ""
            self._exchange.received(receiver_id, event)

    def _dropped(self, receiver_id: str, why: str) -> None:
        heard = self._heard[receiver_id]
        if heard.problem != why:
            heard.problem = why
            log.warning("%s: a message was dropped: %s", heard.receiving.label, why)

    # ---- late joining

    def _ask(self, receiver_id: str) -> None:
        heard = self._heard.get(receiver_id)
        if heard is not None and heard.last is None:
            task = asyncio.create_task(self._fetch(heard), name="event state")
            self._fetches.add(task)
            task.add_done_callback(self._fetches.discard)

    async def _fetch(self, heard: _Heard) -> None:
        url = f"{heard.receiving.params['ext_is_07_rest_api_url'].rstrip('/')}/state"
        try:
            reply = await self._client.get(url, _STATE_BOUNDS)
            message = read_message(reply.body) if reply.status == 200 else None
        except (HttpFailure, BadRequest) as error:
            log.info("%s: the state of its source is not known yet: %s", heard.receiving.label, error)
            return
        current = self._heard.get(heard.receiving.receiver_id)
        if isinstance(message, State) and current is heard and heard.last is None:
            self._event(heard.receiving.receiver_id, message)


def _say(exchange: Exchange, ids: Iterable[str], link: Link, why: str) -> None:
    for id in ids:
        exchange.report(id, "fault", f"the broker {link.broker.name}: {why}; trying again")
