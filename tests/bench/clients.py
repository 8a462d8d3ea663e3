"""Three hundred clients ask at once, each over a new connection: how long the last of them waits."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator

from tests.bench.figures import Row, at_most, row
from tests.bench.stage import NODE, Stage
from tests.lan.box import LOOPBACK

_CLIENTS = 300
_GIVE_UP_S = 30.0


def measure(stage: Stage) -> Iterator[Row]:
    box = stage.box(stage.host("box"))
    for path in (f"{NODE}/self", f"{NODE}/senders"):
        served = []
        for _ in range(stage.some(10, 2)):
            time.sleep(0.2)
            served.append(max(box.host.call(lambda path=path: _all_at_once(box.port, path))) * 1000)  # type: ignore[misc]
        name = path.rpartition("/")[2]
        yield row(f"{_CLIENTS} clients GET /{name} at once: the last is served", "ms", served, goal=at_most(150))


def _all_at_once(port: int, path: str) -> list[float]:
    """When each has its whole answer, in seconds after all were told to begin."""
    request = f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode()
    waiting, times = selectors.DefaultSelector(), []
    clients = [socket.socket() for _ in range(_CLIENTS)]
    try:
        began = time.monotonic()
        for client in clients:
            client.setblocking(False)
            client.connect_ex((LOOPBACK, port))
            waiting.register(client, selectors.EVENT_WRITE, b"")
        while waiting.get_map():
            for key, _ in waiting.select(_GIVE_UP_S):
                asking, heard = key.fileobj, key.data
                assert isinstance(asking, socket.socket)
                if key.events == selectors.EVENT_WRITE:
                    asking.sendall(request)
                    waiting.modify(asking, selectors.EVENT_READ, b"")
                elif said := asking.recv(1 << 16):
                    waiting.modify(asking, selectors.EVENT_READ, heard + said)
                else:
                    assert heard.startswith(b"HTTP/1.1 200 "), heard[:200]
                    waiting.unregister(asking)
                    times.append(time.monotonic() - began)
            assert time.monotonic() < began + _GIVE_UP_S, f"{len(times)} of {_CLIENTS} were served"
    finally:
        for client in clients:
            client.close()
        waiting.close()
    return times
