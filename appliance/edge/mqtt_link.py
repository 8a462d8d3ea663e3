"""One connection to an MQTT broker, by paho-mqtt on our loop: no thread, and nothing that blocks.

paho connects and negotiates TLS in a blocking way, so the socket is made here, by the loop, and given to it when it is
ready; then paho reads and writes it when the loop says that it can.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import paho.mqtt.client as paho

from appliance.nmos.is07.mqtt import RETRY_S, STEADY_S, Broker, Outgoing, PacketGuard
from appliance.system.trouble import component

log = logging.getLogger(__name__)

T = TypeVar("T")
KEEP_ALIVE_S = 15
CONNECT_S = 5.0
QOS = 2
READS = 100
REST_S = 0.05
"""So many reads are done in so many seconds: about 1,000 messages a second."""
_MAX_ADDRESSES = 4
_FAILED = "it failed for a reason that is in the log"


Addresses = Callable[[str, int], Awaitable[Sequence[str]]]
"""``addresses(host, port)``: those at which it may be contacted; OSError or ValueError where nobody knows it."""

Trusting = Callable[[], ssl.SSLContext]
"""Whom to believe that he is the broker; OSError where that cannot be read."""


class Lost(Exception):
    """The connection is over, and why."""


class Link:
    """Connected, or trying to be, from ``start`` to ``close``, at one of its ``addresses``. The callbacks come
    within the loop.

    ``on_up``: connected; publish and subscribe now. ``on_down(why)``: not connected, trying again by itself.
    ``on_message(topic, payload)``; ``on_done(id)``: the broker has what ``publish`` sent; ``on_subscribed(id)``.
    """

    def __init__(self, broker: Broker, trusting: Trusting | None, will: Outgoing | None, addresses: Addresses) -> None:
        self.broker = broker
        self._addresses = addresses
        self._trusting, self._will = trusting, will
        self._client: Any = None
        self._task: asyncio.Task[None] | None = None
        self._over: asyncio.Future[str] | None = None
        self.up = False
        self.on_up: Callable[[], None] = lambda: None
        self.on_down: Callable[[str], None] = lambda why: None
        self.on_message: Callable[[str, bytes], None] = lambda topic, payload: None
        self.on_done: Callable[[int], None] = lambda id: None
        self.on_subscribed: Callable[[int], None] = lambda id: None

    def start(self, after: asyncio.Task[None] | None = None) -> None:
        """Connect, when ``after`` is done."""
        self._task = component(self._run(after), f"MQTT {self.broker.name}")

    async def close(self) -> None:
        """Leave the broker, if there is one. Its will is not published then: say goodbye before."""
        if self._client is not None and self.up:
            self._client.disconnect()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def publish(self, message: Outgoing) -> int | None:
        """Its id, for ``on_done``; ``None`` where there is no connection."""
        if not self.up:
            return None
        info = self._client.publish(message.topic, message.payload, QOS, message.retain)
        return int(info.mid) if info.rc == paho.MQTT_ERR_SUCCESS else None

    def subscribe(self, topic: str) -> int | None:
        """The id of the request, for ``on_subscribed``."""
        result, id = self._client.subscribe(topic, QOS) if self.up else (paho.MQTT_ERR_NO_CONN, None)
        return id if result == paho.MQTT_ERR_SUCCESS else None

    def unsubscribe(self, topic: str) -> None:
        if self.up:
            self._client.unsubscribe(topic)

    # ---- the life of connections

    async def _run(self, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await asyncio.wait((after,))
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                why = await self._session()
            except (OSError, ValueError, Lost) as error:  # ValueError: a host that DNS, or TLS, has no way to say
                why = _reason(error)
            except Exception:  # the boundary of this connection: another is tried, and the log has what was wrong
                log.exception("the connection to the broker %s failed", self.broker.name)
                why = _FAILED
            failures = 0 if loop.time() - began > STEADY_S else min(failures + 1, len(RETRY_S) - 1)
            self.on_down(why)
            await asyncio.sleep(RETRY_S[failures] * random.uniform(0.5, 1.0))

    async def _session(self) -> str:
        """One connection, from its socket to its end; why it ended."""
        async with asyncio.timeout(CONNECT_S):
            connection = await self._open()
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        accepted: asyncio.Future[object] = loop.create_future()
        client = self._client = _Client.of(self.broker, connection)
        reader = _Reader(client, self._end)
        connection.refuse = self._end
        client.on_socket_open = lambda *_: reader.open(connection)
        client.on_socket_close = lambda *_: reader.close()
        client.on_socket_register_write = lambda *_: reader.want_write(True)
        client.on_socket_unregister_write = lambda *_: reader.want_write(False)
        client.on_connect = lambda _c, _d, _flags, code, *_: _settle(accepted, code)
        client.on_disconnect = lambda *_: self._end("the broker closed the connection")
        client.on_message = lambda _c, _d, message: self.on_message(message.topic, bytes(message.payload))
        client.on_publish = lambda _c, _d, id, *_: self.on_done(id)
        client.on_subscribe = lambda _c, _d, id, *_: self.on_subscribed(id)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, QOS, retain=True)
        try:
            client.connect_async(self.broker.host, self.broker.port, KEEP_ALIVE_S)
            client.reconnect()
            async with asyncio.timeout(CONNECT_S):
                await asyncio.wait((accepted, self._over), return_when=asyncio.FIRST_COMPLETED)
            if not accepted.done():
                return self._over.result()
            if (code := accepted.result()) != 0:
                raise Lost(f"it refuses us: {paho.connack_string(code) if isinstance(code, int) else code}")
            self.up = True
            self.on_up()
            return await self._over
        finally:
            self.up = False
            self._client = None
            reader.close()
            client.on_disconnect = None
            with contextlib.suppress(OSError):
                connection.close()

    def _end(self, why: str) -> None:
        if self._over is not None:
            _settle(self._over, why)

    # ---- its socket

    async def _open(self) -> _Guarded:
        loop = asyncio.get_running_loop()
        allowed = await self._addresses(self.broker.host, self.broker.port)
        failure: OSError = OSError("it has no address that this box contacts")
        for address in allowed[:_MAX_ADDRESSES]:
            with contextlib.ExitStack() as undo:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                raw = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
                raw.setblocking(False)
                try:
                    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    await loop.sock_connect(raw, (address, self.broker.port))
                    connection = undo.enter_context(self._wrapped(raw)) if self.broker.secure else raw
                    if isinstance(connection, ssl.SSLSocket):
                        await _shake_hands(connection)
                except OSError as error:
                    failure = error
                else:
                    undo.pop_all()
                    return _Guarded(connection)
        raise failure

    def _wrapped(self, raw: socket.socket) -> ssl.SSLSocket:
        assert self._trusting is not None, "a broker with TLS comes with whom to trust"
        return self._trusting().wrap_socket(raw, server_hostname=self.broker.host, do_handshake_on_connect=False)


async def _shake_hands(connection: ssl.SSLSocket) -> None:
    """TLS is negotiated, by the loop."""
    while True:
        try:
            connection.do_handshake()
            return
        except ssl.SSLWantReadError:
            await _ready(connection, asyncio.get_running_loop().add_reader)
        except ssl.SSLWantWriteError:
            await _ready(connection, asyncio.get_running_loop().add_writer)


class _Guarded:
    """A socket of which paho reads no packet that is too long; ``refuse`` hears why it reads no more."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._guard = PacketGuard()
        self.refuse: Callable[[str], None] = lambda why: None

    def recv(self, size: int) -> bytes:
        data = self._connection.recv(size)
        if not self._guard.feed(data):
            self.refuse("it sends a packet that is too long")
            raise ConnectionError
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class _Reader:
    """Has paho read and write when the loop says that it can."""

    def __init__(self, client: Any, end: Callable[[str], None]) -> None:
        self._client, self._end = client, end
        self._loop = asyncio.get_running_loop()
        self._connection: _Guarded | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._since, self._reads = 0.0, 0

    def open(self, connection: _Guarded) -> None:
        self._connection = connection
        self._loop.add_reader(connection.fileno(), self._read)
        self._timer = self._loop.call_later(KEEP_ALIVE_S / 3, self._keep_alive)

    def close(self) -> None:
        self._client = None  # which has this reader: no cycle may be left (system/collector.py)
        if self._connection is None:
            return
        for timer in (self._timer, self._rest):
            if timer is not None:
                timer.cancel()
        self._loop.remove_reader(self._connection.fileno())
        self._loop.remove_writer(self._connection.fileno())
        self._connection = None

    def want_write(self, wanted: bool) -> None:
        if self._connection is None:
            return
        if wanted:
            self._loop.add_writer(self._connection.fileno(), self._write)
        else:
            self._loop.remove_writer(self._connection.fileno())

    def _read(self) -> None:
        now = self._loop.time()
        if now - self._since > REST_S:
            self._since, self._reads = now, 0
        while self._connection is not None:
            self._reads += 1
            if not self._well(self._client.loop_read):
                return
            if self._reads > READS:
                self._pause()
                return
            if not self._decrypted():
                return

    def _pause(self) -> None:
        """Whoever floods waits, by TCP's own means, and all else goes on."""
        if self._connection is not None:
            self._loop.remove_reader(self._connection.fileno())
            self._rest = self._loop.call_later(REST_S, self._rested)

    def _rested(self) -> None:
        if self._connection is not None:
            self._loop.add_reader(self._connection.fileno(), self._read)
            self._read()

    def _decrypted(self) -> bool:
        """TLS has more for us, of which the kernel knows nothing."""
        pending = getattr(self._connection, "pending", None)
        return pending is not None and pending() > 0

    def _write(self) -> None:
        if self._connection is not None:
            self._well(self._client.loop_write)

    def _keep_alive(self) -> None:
        if self._connection is not None and self._well(self._client.loop_misc):
            self._timer = self._loop.call_later(KEEP_ALIVE_S / 3, self._keep_alive)

    def _well(self, step: Callable[[], int]) -> bool:
        try:
            code = step()
        except Exception:  # whatever a broker sent: it costs this connection, and no more
            log.exception("what the broker sent could not be read")
            self._end(_FAILED)
            return False
        if code == paho.MQTT_ERR_SUCCESS:
            return True
        self._end(str(paho.error_string(code)).rstrip(".").lower())
        return False


class _Client(paho.Client):  # type: ignore[misc]
    """What paho makes of a socket that is there already."""

    connection: _Guarded

    @classmethod
    def of(cls, broker: Broker, connection: _Guarded) -> Any:
        """Each under a name that nobody else has: a stolen name is a broker's way to end a connection."""
        options: dict[str, Any] = {"client_id": f"nmos{secrets.token_hex(9)}", "protocol": paho.MQTTv311}
        if hasattr(paho, "CallbackAPIVersion"):  # paho 2
            options["callback_api_version"] = paho.CallbackAPIVersion.VERSION2
        client = cls(**options)
        client.connection = connection
        if broker.login is not None:
            client.username_pw_set(*broker.login)
        return client

    def _create_socket_connection(self) -> _Guarded:
        return self.connection


async def _ready(connection: ssl.SSLSocket, watch: Callable[..., None]) -> None:
    """Until the socket can be read, or written: ``watch`` is the loop's add_reader or add_writer."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    watch(connection.fileno(), _settle, done, None)
    try:
        await done
    finally:
        loop.remove_reader(connection.fileno())
        loop.remove_writer(connection.fileno())


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
