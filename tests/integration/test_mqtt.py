"""Events by MQTT through a real broker: what another's lamp hears, whatever becomes of the broker meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from appliance.config.model import BrokerConfig, TlsConfig, Transport
from appliance.core.types import JSON, Kind
from appliance.discovery.contact import ContactPolicy
from appliance.edge.mqtt import MqttCarrier
from appliance.edge.mqtt_link import Link
from appliance.edge.reach import Reach
from appliance.edge.tls import Tls
from appliance.media.engine import StreamStatus
from appliance.nmos.is07.exchange import Receiving
from appliance.nmos.is07.messages import Ending, Event, State
from appliance.nmos.is07.mqtt import MAX_PACKET, Broker, Outgoing
from tests.support.leaks import run
from tests.support.mosquitto import PASSWORD, USER, Mosquitto, mosquitto
from tests.unit.nmos.is05.boxes import IDENTITIES
from tests.unit.nmos.is07.tallies import TallyBox, receiver, sender, source

LIMIT_S = 30
TOPIC = f"x-nmos/events/v1.0/sources/{source('mode')}"
STATUS = f"x-nmos/events/v1.0/connections/{IDENTITIES.of(Kind.NODE)}"


async def itself(host: str, _port: int) -> tuple[str]:
    return (host,)


class Party:
    """A box of events with a real carrier for MQTT. ``heard`` is what its receiver was told."""

    def __init__(self, broker: Mosquitto, config: BrokerConfig | None = None, tls: Tls | None = None) -> None:
        self.box = TallyBox()
        configured = config or BrokerConfig("127.0.0.1", broker.port)
        self.carrier = MqttCarrier(self.box.exchange, configured, Reach(ContactPolicy, lambda *_: (), tls or Tls(None)))
        self.box.exchange.carriers[Transport.MQTT] = self.carrier
        self.heard: list[Event] = []
        self.statuses: dict[str, StreamStatus] = {}
        self.news = asyncio.Event()
        self.box.exchange.on_event(lambda _, event: self._note(self.heard.append, event))
        self.box.exchange.on_status(lambda id, status: self._note(self.statuses.__setitem__, id, status))
        self._port = broker.port
        self.secure = config is not None and config.protocol == "secure-mqtt"

    def _note(self, call: Callable[..., None], *args: Any) -> None:
        call(*args)
        self.news.set()

    def activate_sender(self, **more: Any) -> None:
        self.box.patch(Kind.SENDER, "mode", self._leg("destination", **more))

    def activate_receiver(self, **more: Any) -> None:
        self.box.clock.advance(0.001)
        topics = {"broker_topic": TOPIC, "connection_status_broker_topic": STATUS}
        self.box.patch(Kind.RECEIVER, "display", self._leg("source", **topics | more))

    def _leg(self, side: str, **more: Any) -> JSON:
        protocol = "secure-mqtt" if self.secure else "mqtt"
        leg = {f"{side}_host": "127.0.0.1", f"{side}_port": self._port, "broker_protocol": protocol}
        return {**leg, "broker_authorization": self.secure, **more}

    def says(self, value: str) -> None:
        self.box.clock.advance(0.001)
        self.box.sources.set(source("mode"), value, again=True)

    @property
    def values(self) -> list[object]:
        return [event.payload.value for event in self.heard if isinstance(event, State)]

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not true():
                self.news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self.news.wait()

    async def until_status(self, id: str, phase: str, part: str = "") -> None:
        def reached() -> bool:
            status = self.statuses.get(id, StreamStatus())
            return status.phase == phase and part in status.detail

        await self.until(reached)


@asynccontextmanager
async def parties(
    broker: Mosquitto, count: int = 2, config: BrokerConfig | None = None, tls: Tls | None = None
) -> AsyncIterator[list[Party]]:
    made = [Party(broker, config, tls) for _ in range(count)]
    for party in made:
        party.box.patch(Kind.SENDER, "mode", enable=False)
        party.box.exchange.start()
    try:
        yield made
    finally:
        for party in made:
            await party.carrier.close()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not true():  # noqa: ASYNC110 - somebody else's news
            await asyncio.sleep(0.01)


class Observer:
    """Somebody else's client."""

    def __init__(self, broker: Mosquitto) -> None:
        self.messages: list[tuple[str, Any, bool]] = []
        self.link = Link(Broker("127.0.0.1", broker.port, secure=False), None, None, itself)
        self._up = asyncio.Event()
        self.link.on_up = self._up.set
        self._raw = self.link.on_message

    async def connect(self, *topics: str) -> None:
        self.link.start()
        await asyncio.wait_for(self._up.wait(), LIMIT_S)
        self.link.on_message = lambda topic, payload: self.messages.append((topic, payload, False))
        for topic in topics:
            self.link.subscribe(topic)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        assert self.link.publish(Outgoing(topic, payload, retain)) is not None


def test_a_lamp_hears_every_event_in_its_order_and_the_last_one_when_it_comes_late(tmp_path: Path) -> None:
    async def test(broker: Mosquitto) -> None:
        async with parties(broker) as (desk, lamp):
            desk.activate_sender()
            desk.says("on")
            await desk.until_status(sender("mode"), "running")
            lamp.activate_receiver()
            await lamp.until(lambda: lamp.values == ["on"])
            for number in range(300):
                desk.says(("off", "on")[number % 2])
            await lamp.until(lambda: len(lamp.values) == 301)
            assert lamp.values == ["on"] + ["off", "on"] * 150
            assert lamp.statuses[receiver("display")] == StreamStatus("running")
            first = lamp.heard[0]
            assert isinstance(first, State)
            assert (first.source_id, first.event_type) == (source("mode"), "string/enum/Mode")

    with mosquitto(tmp_path) as broker:
        run(test(broker))


def test_a_broker_that_is_killed_and_comes_back_loses_nothing_and_no_storm_follows(tmp_path: Path) -> None:
    async def test(broker: Mosquitto) -> None:
        async with parties(broker) as (desk, lamp):
            desk.activate_sender()
            lamp.activate_receiver()
            await lamp.until(lambda: lamp.values == ["off"])
            broker.kill()
            await desk.until_status(sender("mode"), "fault", "trying again")
            await lamp.until_status(receiver("display"), "fault", "trying again")
            for _ in range(500):
                desk.says("off")
                desk.says("on")
            await asyncio.to_thread(broker.start)
            await lamp.until(lambda: lamp.values[-1] == "on")
            desk.says("off")
            await lamp.until(lambda: lamp.values[-1] == "off")
            assert lamp.values == ["off", "on", "off"], "what it says now, and not a thousand times what it said"
            await desk.until_status(sender("mode"), "running")
            await lamp.until_status(receiver("display"), "running")

    with mosquitto(tmp_path) as broker:
        run(test(broker))


def test_the_status_is_retained_true_then_false_when_it_leaves_and_false_when_it_dies(tmp_path: Path) -> None:
    async def status(broker: Mosquitto) -> bool:
        """What is retained."""
        observer = Observer(broker)
        try:
            await observer.connect(STATUS)
            await until(lambda: observer.messages)
        finally:
            await observer.link.close()
        body = json.loads(observer.messages[-1][1])
        assert body["message_type"] == "connection_status"
        return bool(body["active"])

    async def test(broker: Mosquitto) -> None:
        async with parties(broker, 1) as (desk,):
            desk.activate_sender()
            await desk.until_status(sender("mode"), "running")
            async with asyncio.timeout(LIMIT_S):
                while not await status(broker):
                    pass
            desk.box.patch(Kind.SENDER, "mode", enable=False)
            async with asyncio.timeout(LIMIT_S):
                while await status(broker):
                    pass
            desk.activate_sender()  # at once: the goodbye may still be on its way
            desk.box.patch(Kind.SENDER, "mode", enable=False)
            desk.activate_sender()
            await desk.until_status(sender("mode"), "running")
            async with asyncio.timeout(LIMIT_S):
                while not await status(broker):
                    pass
            (task,) = [task for task in asyncio.all_tasks() if task.get_name().startswith("MQTT")]
            task.cancel()  # as if the power went: the connection ends without a word
            async with asyncio.timeout(LIMIT_S):
                while await status(broker):
                    pass

    with mosquitto(tmp_path) as broker:
        run(test(broker))


def test_when_the_box_stops_its_sources_say_so_and_nothing_of_that_is_retained(tmp_path: Path) -> None:
    async def test(broker: Mosquitto) -> None:
        async with parties(broker) as (desk, lamp):
            desk.activate_sender()
            lamp.activate_receiver()
            await lamp.until(lambda: lamp.values == ["off"])
            desk.box.sources.end("shutdown")
            await desk.carrier.close()
            await lamp.until(lambda: len(lamp.heard) == 2)
            assert isinstance(lamp.heard[1], Ending)
            await lamp.until_status(receiver("display"), "fault", "its sender is not connected to the broker")
            lamp.activate_receiver()  # again: what is retained is heard again
            await lamp.until(lambda: len(lamp.heard) == 3)
            assert isinstance(lamp.heard[2], State)

    with mosquitto(tmp_path) as broker:
        run(test(broker))


def test_tls_and_a_password_and_none_of_it_for_strangers(tmp_path: Path) -> None:
    async def test(broker: Mosquitto) -> None:
        good = BrokerConfig("127.0.0.1", broker.port, "secure-mqtt", True, USER, PASSWORD, broker.ca_file)
        async with parties(broker, 2, good) as (desk, lamp):
            desk.activate_sender()
            lamp.activate_receiver()
            await lamp.until(lambda: lamp.values == ["off"])
            desk.says("on")
            await lamp.until(lambda: lamp.values == ["off", "on"])
            lamp.activate_receiver(source_host="localhost")
            await lamp.until_status(receiver("display"), "fault", "localhost wants authorization")
        wrong = BrokerConfig("127.0.0.1", broker.port, "secure-mqtt", True, USER, "wrong", broker.ca_file)
        async with parties(broker, 1, wrong) as (desk,):
            desk.activate_sender()
            await desk.until_status(sender("mode"), "fault", "it refuses us")
        untrusted = BrokerConfig("127.0.0.1", broker.port, "secure-mqtt", True, USER, PASSWORD)
        async with parties(broker, 1, untrusted) as (desk,):
            desk.activate_sender()
            await desk.until_status(sender("mode"), "fault", "its certificate is not trusted")
        async with parties(broker, 1, untrusted, Tls(TlsConfig(ca=broker.ca_file))) as (desk,):
            desk.activate_sender()
            await desk.until_status(sender("mode"), "running")
        assert "wrong" not in repr(wrong)

    with mosquitto(tmp_path, secure=True) as broker:
        run(test(broker))


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"{", "JSON"),
        (b"[]", "object"),
        (b'{"message_type": "dance"}', "message_type"),
        (b'{"message_type": "state", "payload": {"value": 1}}', "identity"),
        (b'{"message_type": "health", "timing": {"creation_timestamp": "1:0"}}', "message_type"),
        (b"\xff\xfe", ""),
        (b"x" * 70_000, ""),
    ],
)
def test_rubbish_on_the_topic_is_dropped_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, payload: bytes, problem: str
) -> None:
    async def test(broker: Mosquitto) -> None:
        async with parties(broker, 1) as (lamp,):
            lamp.activate_receiver()
            await lamp.until_status(receiver("display"), "running")
            observer = Observer(broker)
            await observer.connect()
            observer.publish(TOPIC, payload)
            observer.publish(TOPIC, payload)
            await until(lambda: "a message was dropped" in caplog.text)
            assert problem in caplog.text
            state = TallyBox().sources.carried(source("mode"))
            observer.publish(TOPIC, json.dumps(state.to_json()).encode())
            await lamp.until(lambda: lamp.values == ["off"])
            assert caplog.text.count("a message was dropped") == 1
            await observer.link.close()

    with mosquitto(tmp_path) as broker:
        run(test(broker))


def test_a_flood_reaches_the_end_and_the_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    async def test(broker: Mosquitto) -> None:
        async with parties(broker, 1) as (lamp,):
            lamp.activate_receiver()
            await lamp.until_status(receiver("display"), "running")
            state = TallyBox().sources.carried(source("mode")).to_json()
            flooder = paho.Client(*([paho.CallbackAPIVersion.VERSION2] if hasattr(paho, "CallbackAPIVersion") else []))
            flooder.connect("127.0.0.1", broker.port)
            turns = 0
            for number in range(3_000):
                state["timing"]["creation_timestamp"] = f"1000:{number}"
                flooder.publish(TOPIC, json.dumps(state), 0)
            flooding = asyncio.get_running_loop().run_in_executor(None, _drain, flooder)
            async with asyncio.timeout(LIMIT_S):
                while len(lamp.heard) < 1_000:
                    await asyncio.sleep(0)
                    turns += 1
            assert turns > 100
            await flooding
            creations = [event.creation_ns for event in lamp.heard]
            assert creations == sorted(creations)

    with mosquitto(tmp_path) as broker:
        run(test(broker))


def _drain(client: Any) -> None:
    while client.want_write():
        client.loop()
    client.disconnect()
    client.loop()


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ""),
        (b"\x30\xff\xff\xff\x7f" + b"x" * 100, "too long"),
        (b"\x20\x02\x00\x05", "refuses"),
        (b"\x20\x02\x00\x63", "refuses"),
        (b"", ""),
    ],
)
def test_a_broker_that_lies(tmp_path: Path, answer: bytes, part: str) -> None:
    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async def test() -> None:
        server = await asyncio.start_server(lie, "127.0.0.1", 0)
        fake = Mosquitto(tmp_path)
        fake.port = server.sockets[0].getsockname()[1]
        async with parties(fake, 1) as (desk,):
            desk.activate_sender()
            await desk.until_status(sender("mode"), "fault", part)
        server.close()
        await server.wait_closed()

    run(test())


def test_a_message_of_the_longest_packet_passes_and_a_longer_one_ends_the_connection(tmp_path: Path) -> None:
    async def test(broker: Mosquitto) -> None:
        async with parties(broker, 1) as (lamp,):
            lamp.activate_receiver()
            await lamp.until_status(receiver("display"), "running")
            observer = Observer(broker)
            await observer.connect()
            observer.publish(TOPIC, b"x" * (MAX_PACKET - 200))
            observer.publish(TOPIC, b"x" * (MAX_PACKET + 1))
            await lamp.until_status(receiver("display"), "fault", "too long")
            await lamp.until_status(receiver("display"), "running")
            await observer.link.close()

    with mosquitto(tmp_path) as broker:
        run(test(broker))


def test_a_controller_cannot_send_it_to_its_own_host_nor_to_this_process(tmp_path: Path) -> None:
    async def test(broker: Mosquitto) -> None:
        async with parties(broker, 1, BrokerConfig("10.0.0.9")) as (lamp,):
            lamp.activate_receiver()
            await lamp.until_status(receiver("display"), "fault", "no address that this box contacts")
        assert "New connection" not in broker.log.replace("New connection from 127.0.0.1", "", 1)

    with mosquitto(tmp_path) as broker:
        run(test(broker))


@pytest.mark.parametrize("host", ["x" * 64 + ".example", ".broker", "a..b"])
def test_a_host_that_nobody_can_look_up_is_a_fault_and_another_works_at_once(tmp_path: Path, host: str) -> None:
    async def test(broker: Mosquitto) -> None:
        async with parties(broker, 1) as (lamp,):
            leg = {"source_host": host, "source_port": broker.port, "broker_protocol": "mqtt"}
            leg |= {"broker_authorization": False, "broker_topic": TOPIC, "connection_status_broker_topic": None}
            lamp.carrier.receive(Receiving(receiver("display"), "Display", leg, "1:0"))
            await lamp.until_status(receiver("display"), "fault", "trying again")
            lamp.activate_receiver()
            await lamp.until_status(receiver("display"), "running")

    with mosquitto(tmp_path) as broker:
        run(test(broker))


def test_a_parked_receiver_unsubscribes_and_another_on_the_same_broker_goes_on(tmp_path: Path) -> None:
    async def test(broker: Mosquitto) -> None:
        async with parties(broker) as (desk, lamp):
            desk.activate_sender()
            lamp.activate_receiver()
            await lamp.until(lambda: lamp.values == ["off"])
            lamp.box.patch(Kind.RECEIVER, "display", enable=False)
            await lamp.until_status(receiver("display"), "idle")
            observer = Observer(broker)
            await observer.connect(TOPIC)
            desk.says("on")
            await until(lambda: observer.messages and b'"on"' in observer.messages[-1][1])
            await observer.link.close()
            assert lamp.values == ["off"], "parked, it heard nothing"
            lamp.activate_receiver(broker_topic=None)
            await lamp.until_status(receiver("display"), "fault", "no broker_topic is named")
            lamp.activate_receiver()
            await lamp.until(lambda: lamp.values == ["off", "on"])

    with mosquitto(tmp_path) as broker:
        run(test(broker))
