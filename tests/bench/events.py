"""From a press at the panel to the event in its subscribers' hands, over WebSocket: one of them, and a hundred."""

from __future__ import annotations

import json
import select
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.bench.figures import Row, at_most, row
from tests.bench.stage import Connection, Stage
from tests.lan.box import Box
from tests.lan.websocket import WebSocket

CONFIG = """
[media]
driver = "null"
[[devices]]
name = "desk"
[[senders]]
name = "button"
device = "desk"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
"""
_MANY = 100
_APART_S = 0.02
_GIVE_UP_S = 5.0


def measure(stage: Stage) -> Iterator[Row]:
    box = stage.box(stage.host("box"), config=CONFIG)
    sender = box.json("/x-nmos/node/v1.3/senders")[0]["id"]
    (leg,) = box.json(f"/x-nmos/connection/v1.1/single/senders/{sender}/active")["transport_params"]
    uri, source = leg["connection_uri"], leg["ext_is_07_source_id"]
    other = stage.host("other")
    for count in (1, _MANY):
        clients = [stage.enter(WebSocket(other, uri)) for _ in range(count)]
        for client in clients:
            client.say({"command": "subscription", "sources": [source]})
            client.receive()
        first, last, answered = _presses(box, source, clients, stage.some(300, 20))
        if count == 1:
            yield row("press to event received", "ms", first, aim=at_most(5), goal=at_most(2))
            yield row("press to answer", "ms", answered)
        else:
            yield row(f"press to the first of {count} subscribers", "ms", first)
            yield row(f"press to the last of {count} subscribers", "ms", last, aim=at_most(30), goal=at_most(15))
        for client in clients:
            client.raw.close()


def _presses(
    box: Box, source: str, clients: Sequence[WebSocket], count: int
) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds until the first and the last client had the event, and until the press was answered."""
    first, last, answered = [], [], []
    with Connection(box) as connection, ThreadPoolExecutor(1) as watching:
        for turn in range(count):
            time.sleep(_APART_S)
            if turn % 100 == 99:  # they are there, as the box wants to hear from time to time
                for client in clients:
                    client.say({"command": "health", "timestamp": "1:0"})
                _arrivals(clients)
            watch = watching.submit(_arrivals, clients)
            exchange = connection.send("POST", "/panel/tally", {"source_id": source, "value": turn % 2 == 0})
            arrived = watch.result()
            first.append((arrived[0] - exchange.sent) * 1000)
            last.append((arrived[-1] - exchange.sent) * 1000)
            answered.append(exchange.took_ms)
    return first, last, answered


def _arrivals(clients: Sequence[WebSocket]) -> list[float]:
    """When each client has had something, by the wall clock, in the order of their coming."""
    waiting = {client.raw.fileno(): client.raw for client in clients}
    poll = select.epoll()
    for number in waiting:
        poll.register(number, select.EPOLLIN)
    times: list[float] = []
    give_up = time.monotonic() + _GIVE_UP_S
    while waiting:
        assert time.monotonic() < give_up, f"{len(waiting)} of {len(clients)} clients heard nothing"
        for number, _ in poll.poll(0.5):
            times.append(time.time())
            message = waiting.pop(number).recv(65536)
            assert json.loads(message[message.index(b"{") :])["message_type"] in ("state", "health")
            poll.unregister(number)
    poll.close()
    return times
