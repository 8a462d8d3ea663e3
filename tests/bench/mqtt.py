"""From a press at the panel to the event at a subscriber, by MQTT; and what the broker alone takes for as much."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as paho

from tests.bench.events import CONFIG
from tests.bench.figures import Row, at_most, row
from tests.bench.stage import Connection, Stage
from tests.lan.network import Host
from tests.support.mosquitto import Mosquitto

_QOS = 2
_APART_S = 0.02
_GIVE_UP_S = 5.0


def measure(stage: Stage) -> Iterator[Row]:
    house = stage.host("broker")
    broker = Mosquitto(stage.file("broker"), host=house)
    broker.start()
    address = house.address()
    listener = _Client(stage.host("other"), address, broker.port)
    neighbour = _Client(stage.host("desk"), address, broker.port)
    config = CONFIG.replace('"websocket"', '"mqtt"') + f'[events.mqtt_broker]\nhost = "{address}"\n'
    box = stage.box(stage.host("box"), config=config)
    sender = box.json("/x-nmos/node/v1.3/senders")[0]["id"]
    (leg,) = box.json(f"/x-nmos/connection/v1.1/single/senders/{sender}/active")["transport_params"]
    source = leg["broker_topic"].rpartition("/")[2]
    try:
        for topic in (leg["broker_topic"], "bench/bare"):
            listener.subscribe(topic)
        listener.next()  # what is retained
        count = stage.some(300, 20)
        bare = _latencies(listener, count, lambda turn: neighbour.publish("bench/bare", f"{turn}"))
        with Connection(box) as connection:
            ours = _latencies(
                listener,
                count,
                lambda turn: (
                    connection.send("POST", "/panel/tally", {"source_id": source, "value": turn % 2 == 0}).sent
                ),
            )
        yield row("bare: publish to received, QoS 2", "ms", bare)
        yield row("press to event received, QoS 2", "ms", ours, aim=at_most(8))
    finally:
        listener.close()
        neighbour.close()
        broker.kill()


def _latencies(listener: _Client, count: int, send: Callable[[int], float]) -> list[float]:
    """Milliseconds from each sending, by the wall clock, to its arrival."""
    took = []
    for turn in range(count):
        time.sleep(_APART_S)
        sent = send(turn)
        took.append((listener.next() - sent) * 1000)
    return took


class _Client:
    """A client on a host of the LAN, by paho's own thread. ``next`` is when the next message came."""

    def __init__(self, host: Host, address: str, port: int) -> None:
        class Client(paho.Client):  # type: ignore[misc]
            def _create_socket_connection(self) -> Any:
                return host.connect(address, port)

        api = [paho.CallbackAPIVersion.VERSION2] if hasattr(paho, "CallbackAPIVersion") else []
        self._client = Client(*api, client_id=host.label)
        self._arrivals: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._subscribed: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._client.on_message = lambda *_: self._arrivals.put(time.time())
        self._client.on_subscribe = lambda _c, _d, id, *_: self._subscribed.put(id)
        self._client.connect(address, port)
        self._client.loop_start()

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, _QOS)
        self._subscribed.get(timeout=_GIVE_UP_S)

    def publish(self, topic: str, payload: str) -> float:
        """When it was sent."""
        sent = time.time()
        self._client.publish(topic, payload, _QOS)
        return sent

    def next(self) -> float:
        return self._arrivals.get(timeout=_GIVE_UP_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
