"""`WebSocket`: a client as a program on a host of the LAN has it, plain enough to see every message (RFC 6455)."""

import base64
import json
import os
import socket
import ssl
import struct
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.lan.namespace import Namespace

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class WebSocket:
    """One connection. `status` is 101, or what the server answered instead."""

    def __init__(
        self,
        namespace: Namespace,
        url: str,
        timeout_s: float = 10.0,
        *,
        tls: ssl.SSLContext | None = None,
        address: str | None = None,
    ) -> None:
        """`tls` is for wss; `address` is where the URL's name leads, as no name is looked up here."""
        parts = urlsplit(url)
        assert parts.scheme == ("ws" if tls is None else "wss"), url
        assert parts.hostname
        self._socket = namespace.connect(address or parts.hostname, parts.port or 80, timeout_s)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname=parts.hostname)
        self._socket.settimeout(timeout_s)
        self._data = b""
        key = base64.b64encode(os.urandom(16)).decode()
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self._data:
            self._fill()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def receive(self) -> Any:
        """The next message read as JSON; None when the server closed. TimeoutError when nothing comes."""
        while True:
            opcode, payload = self._frame()
            if opcode == _TEXT:
                return json.loads(payload)
            if opcode == _CLOSE:
                self._send(_CLOSE, payload[:2])
                return None
            if opcode == _PING:
                self._send(_PONG, payload)

    @property
    def raw(self) -> socket.socket:
        """For those who cannot wait until a message has been read."""
        return self._socket

    def say(self, body: Any) -> None:
        """Send a message as JSON."""
        self.say_text(json.dumps(body))

    def say_text(self, text: str) -> None:
        self._send(_TEXT, text.encode())

    def quiet(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        self._socket.settimeout(seconds)
        try:
            return not self._data and not self._socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(10.0)

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._take(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8))
        assert first & 0x80, "no server here sends fragments"
        return first & 0x0F, self._take(length)

    def _send(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        length = len(payload)
        if length < 126:
            head = bytes([0x80 | opcode, 0x80 | length])
        elif length < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        self._socket.sendall(head + mask + masked)

    def _take(self, count: int) -> bytes:
        while len(self._data) < count:
            self._fill()
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def _fill(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._data += data
