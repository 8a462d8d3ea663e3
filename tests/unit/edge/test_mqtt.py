"""The carrier of MQTT at a broker on paper: which faults stay, and that no failure ends the trying."""

import asyncio
import contextlib
import gc
import logging
import weakref
from collections.abc import AsyncIterator, Callable

import paho.mqtt.client as paho
import pytest

from appliance.config.model import Transport
from appliance.core.types import Kind
from appliance.discovery.contact import ContactPolicy
from appliance.edge.mqtt import MqttCarrier
from appliance.edge.mqtt_link import Link
from appliance.edge.reach import Reach
from appliance.edge.tls import Tls
from appliance.nmos.is07.messages import ConnectionStatus, Event, State, encode
from appliance.nmos.is07.mqtt import Broker as Address
from appliance.nmos.is07.types import Payload
from tests.support.leaks import run
from tests.unit.nmos.is07.tallies import TallyBox, receiver

THERE = "674e32cb-84b5-475e-b7db-7821530c4375"
CONNECT, SUBSCRIBE, DISCONNECT = 1, 8, 14
RECEIVER = """
[[receivers]]
name = "{name}"
device = "desk"
format = "data"
transport = "mqtt"
media_types = ["application/json"]
event_types = ["boolean"]
"""
DESK = '[[devices]]\nname = "desk"\n' + "".join(RECEIVER.format(name=name) for name in ("lamp", "other", "last"))


class PaperBroker:
    """Takes connections and subscriptions, and says what it is told to."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0
        self._clients: list[asyncio.StreamWriter] = []

    def say(self, topic: str, message: Event | ConnectionStatus) -> None:
        name, payload = topic.encode(), encode(message).encode()
        body = len(name).to_bytes(2, "big") + name + payload
        length = bytes((len(body) & 0x7F | 0x80, len(body) >> 7))
        self._clients[-1].write(b"\x30" + length + body)

    def say_nonsense(self) -> None:
        self._clients[-1].write(b"\x30\x02\x00\x09")

    def hang_up(self) -> None:
        self._clients[-1].close()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for client in self._clients:
                client.close()
            await asyncio.gather(*(client.wait_closed() for client in self._clients), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, length = await reader.readexactly(2)
                if length & 0x80:
                    length = (length & 0x7F) + ((await reader.readexactly(1))[0] << 7)
                body = await reader.readexactly(length)
                if kind >> 4 == CONNECT:
                    self.connections += 1
                    writer.write(b"\x20\x02\x00\x00")
                elif kind >> 4 == SUBSCRIBE:
                    writer.write(b"\x90\x03" + body[:2] + b"\x02")
                elif kind >> 4 == DISCONNECT:
                    writer.close()
                    return


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a socket makes it so
            await asyncio.sleep(0.005)


async def itself(host: str, _port: int) -> tuple[str]:
    return (host,)


class Scene:
    """A box whose receivers are at the broker."""

    def __init__(self, broker: PaperBroker) -> None:
        self.tally = TallyBox(DESK)
        self.exchange = self.tally.exchange
        reach = Reach(lambda: ContactPolicy(allow_local=True), lambda *_: (), Tls(None))
        self.carrier = MqttCarrier(self.exchange, None, reach)
        self.exchange.carriers[Transport.MQTT] = self.carrier
        self.exchange.start()
        self._port = broker.port

    def receive(self, name: str, topic: str | None, status: str | None) -> None:
        at = {"source_host": "127.0.0.1", "source_port": self._port, "broker_protocol": "mqtt"}
        topics = {"broker_topic": topic, "connection_status_broker_topic": status}
        self.tally.patch(Kind.RECEIVER, name, {**at, "broker_authorization": False, **topics})

    def status(self, name: str) -> tuple[str, str]:
        status = self.exchange.statuses[receiver(name)]
        return status.phase, status.detail

    def phase(self, name: str) -> str:
        return self.status(name)[0]


def test_a_status_mends_what_a_status_said_and_no_other_fault() -> None:
    async def main() -> None:
        broker = PaperBroker()
        async with broker.open():
            scene = Scene(broker)
            scene.receive("lamp", "x/lamp", "x/status")
            scene.receive("other", None, "x/status")
            scene.receive("last", "x/last", "x/last/status")
            assert scene.status("other") == ("fault", "no broker_topic is named")
            await until(lambda: scene.phase("lamp") == scene.phase("last") == "running")

            broker.say("x/status", ConnectionStatus(False))
            await until(lambda: scene.phase("lamp") == "fault")
            broker.say("x/status", ConnectionStatus(True))
            await until(lambda: scene.phase("lamp") == "running")
            assert scene.status("other") == ("fault", "no broker_topic is named")

            broker.say("x/lamp", State(THERE, "string", Payload("on"), 5))
            broker.say("x/status", ConnectionStatus(True))
            broker.say("x/last/status", ConnectionStatus(False))  # by when it is here, so is what was said before
            await until(lambda: scene.phase("last") == "fault")
            assert scene.phase("lamp") == "fault"
            await scene.carrier.close()

    run(main())


def test_a_failure_of_ours_is_logged_and_another_connection_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> list[str]:
        broker, downs = PaperBroker(), list[str]()
        async with broker.open():
            link = Link(Address("127.0.0.1", broker.port, secure=False), None, None, itself)

            def up() -> None:
                if broker.connections == 1:
                    raise LookupError("a bug")

            link.on_up, link.on_down = up, downs.append
            link.start()
            await until(lambda: broker.connections == 2 and link.up)
            await link.close()
        return downs

    with caplog.at_level(logging.ERROR):
        assert run(main()) == ["it failed for a reason that is in the log"]
    assert "LookupError: a bug" in caplog.text


def test_nonsense_from_a_broker_costs_one_connection() -> None:
    async def main() -> list[str]:
        broker, downs = PaperBroker(), list[str]()
        async with broker.open():
            link = Link(Address("127.0.0.1", broker.port, secure=False), None, None, itself)
            link.on_down = downs.append
            link.start()
            await until(lambda: link.up)
            broker.say_nonsense()
            await until(lambda: broker.connections == 2 and link.up)
            await link.close()
        return downs

    assert len(run(main())) == 1


def test_a_lost_connection_and_a_link_leave_nothing_for_the_collector() -> None:
    def clients() -> int:
        return sum(isinstance(one, paho.Client) for one in gc.get_objects())

    async def main() -> None:
        broker = PaperBroker()
        async with broker.open():
            links = [Link(Address("127.0.0.1", broker.port, secure=False), None, None, itself)]
            links[0].start()
            await until(lambda: links[0].up)
            broker.hang_up()
            await until(lambda: broker.connections == 2 and links[0].up)
            assert clients() == 1
            await links[0].close()
            await asyncio.sleep(0)  # the loop itself has the end of the link's task until then
            assert clients() == 0
            watched = weakref.ref(links.pop())
            assert watched() is None

    gc.collect()
    gc.disable()
    try:
        run(main())
    finally:
        gc.enable()
