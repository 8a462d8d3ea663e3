"""`EventServer`: a WebSocket server of events on a host of the LAN that does what a test wants, however bad.

It is a thread and plain sockets: nothing between the test and the bytes.
"""

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Self

from tests.lan.network import Host

PORT = 8001
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3

Serve = Callable[[socket.socket], None]


class EventServer:
    """`serve` has each connection after the handshake, in a thread of its own; it may raise OSError."""

    def __init__(self, host: Host, serve: Serve, *, shakes_hands: bool = True) -> None:
        self.uri = f"ws://{host.address()}:{PORT}/x"
        self.connections = 0
        self._host, self._serve, self._shakes_hands = host, serve, shakes_hands
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listening = self._host.call(lambda: socket.create_server((self._host.address(), PORT)))
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(10)

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                self._open.append(connection)
                self._run(lambda connection=connection: self._each(connection))  # type: ignore[misc]

    def _each(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._shakes_hands:
                _shake_hands(connection)
                self._serve(connection)
                connection.shutdown(socket.SHUT_RDWR)


def frame(message: Any) -> bytes:
    """A message as a server sends it; JSON unless it is text."""
    payload = (message if isinstance(message, str) else json.dumps(message)).encode()
    if len(payload) < 126:
        return struct.pack("!BB", 0x81, len(payload)) + payload
    if len(payload) < 65536:
        return struct.pack("!BBH", 0x81, 126, len(payload)) + payload
    return struct.pack("!BBQ", 0x81, 127, len(payload)) + payload


def _shake_hands(connection: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            raise ConnectionError
        head += data
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")).split()[1]
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    connection.sendall("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode())
