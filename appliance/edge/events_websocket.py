"""The carrier of events over WebSocket: this box's server for its senders, and a connection for each URI its receivers
were given (IS-07 Transport - Websocket)."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.core.types import Clock
from appliance.edge.client import HttpFailure, host_in_url
from appliance.edge.events_server import EventSockets
from appliance.edge.reach import Reach
from appliance.edge.websocket import OpenedSocket, SocketClient
from appliance.media.engine import Phase
from appliance.nmos.is07.broadcast import Broadcaster
from appliance.nmos.is07.exchange import Exchange, Receiving, Sending
from appliance.nmos.is07.messages import MAX_BYTES, Event
from appliance.nmos.is07.subscriber import Link

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from appliance.edge.authorizing import Authorizing

SCOPE = "events"
CONNECT_S = 4.0
MAX_LINKS = 256
MAX_UNSENT = 64
A_TURN = 20
"""Messages after which others have their turn: some 2 ms."""

_Place = tuple[str, bool]
"""A URI, and whether it wants a token."""


class WebSocketCarrier:
    """``reach``: which addresses may be contacted, and how."""

    def __init__(self, exchange: Exchange, devices: frozenset[str], clock: Clock, reach: Reach) -> None:
        self._exchange = exchange
        self._clock = clock
        self._reach = reach
        self._broadcaster = Broadcaster(devices, lambda id: id in exchange.sources.all)
        self._sources: dict[str, str] = {}
        self._client = SocketClient(reach.tls)
        self._connections: dict[_Place, _Connection] = {}
        self._places: dict[str, _Place] = {}
        self.tokens: Authorizing | None = None
        self.sockets = EventSockets(self._broadcaster, clock)

    @property
    def clients(self) -> int:
        """How many hear this box's events."""
        return self._broadcaster.clients

    def serve(self, devices: frozenset[str]) -> None:
        """Those whose events can be heard here."""
        self._broadcaster.serve(devices)

    async def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        await self.sockets.close()
        await self._client.close()

    def authorize(self, tokens: Authorizing) -> None:
        """There is authorization."""
        self.tokens = tokens
        tokens.subscribe(self._renew)

    def _renew(self) -> None:
        for connection in tuple(self._connections.values()):
            connection.renew()

    # ---- senders

    def send(self, sending: Sending) -> None:
        self._sources[sending.sender_id] = sending.source_id
        self._broadcaster.offer(sending.source_id, sending.device_id)
        self._exchange.report(sending.sender_id, "running")

    def stop_sending(self, sender_id: str) -> None:
        self._broadcaster.withdraw(self._sources.pop(sender_id))

    def publish(self, sending: Sending, event: Event) -> None:
        self._broadcaster.publish(event)

    # ---- receivers

    def receive(self, receiving: Receiving) -> None:
        params = receiving.params
        place = params["connection_uri"], bool(params["connection_authorization"])
        problem = _problem(receiving, len(self._connections), may_authorize=self._may_authorize)
        if self._places.get(receiving.receiver_id) != place or problem:
            self.stop_receiving(receiving.receiver_id)
        if problem:
            self._exchange.report(receiving.receiver_id, "fault", problem)
            return
        self._places[receiving.receiver_id] = place
        if place not in self._connections:
            tokens = self.tokens if place[1] else None
            parts = (self._exchange, self._client, self._clock, self._reach)
            self._connections[place] = _Connection(place[0], *parts, tokens)
        self._connections[place].want(receiving.receiver_id, params["ext_is_07_source_id"])

    def stop_receiving(self, receiver_id: str) -> None:
        place = self._places.pop(receiver_id, None)
        if place is not None and not self._connections[place].unwant(receiver_id):
            del self._connections[place]

    @property
    def _may_authorize(self) -> bool:
        return self.tokens is not None and self.tokens.wants(SCOPE)


class _Connection:
    """A link (nmos/is07/subscriber.py) and what it asks for, done."""

    def __init__(
        self,
        uri: str,
        exchange: Exchange,
        client: SocketClient,
        clock: Clock,
        reach: Reach,
        tokens: Authorizing | None,
    ) -> None:
        self._tokens = tokens
        self._uri = uri
        self._exchange = exchange
        self._client = client
        self._clock = clock
        self._reach = reach
        self._link = Link(self, random.random)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._unsent: deque[str] = deque()
        self._wake = asyncio.Event()

    def want(self, receiver_id: str, source_id: str) -> None:
        self._link.want(receiver_id, source_id, self._clock.monotonic())
        self._rearm()

    def unwant(self, receiver_id: str) -> bool:
        """Whether others still need it."""
        self._link.unwant(receiver_id, self._clock.monotonic())
        self._rearm()
        return self._link.wanted

    def renew(self) -> None:
        if self._tokens is not None and self._tokens.has(SCOPE):
            self._link.renew()
            self._rearm()

    # ---- what the link asks for

    def connect(self) -> None:
        self._end()
        self._task = self._loop.create_task(self._run())

    def send(self, text: str) -> None:
        if len(self._unsent) < MAX_UNSENT:  # else the other end reads nothing, and is given up soon
            self._unsent.append(text)
            self._wake.set()

    def close(self) -> None:
        self._end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def received(self, receiver_id: str, event: Event) -> None:
        self._exchange.received(receiver_id, event)

    def report(self, receiver_id: str, phase: Phase, detail: str = "") -> None:
        self._exchange.report(receiver_id, phase, detail)

    # ---- inside

    def _end(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._task = None
        self._unsent.clear()

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._link.due
        self._timer = None
        if due is not None:
            self._timer = self._loop.call_later(max(0.0, due - self._clock.monotonic()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._link.tick(self._clock.monotonic(), self._clock.tai_ns())
        self._rearm()

    async def _run(self) -> None:
        """One connection; the link tries another when it is over, whatever ended it."""
        me = self._task
        try:
            await self._session(me)
        except HttpFailure as failure:
            self._lost(me, failure.reason)
        except Exception:  # the boundary of this connection
            log.exception("the connection to %s failed", self._uri)
            self._lost(me, "it failed for a reason that is in the log")

    async def _session(self, me: asyncio.Task[None] | None) -> None:
        """From the first packet to the last."""
        url, headers = await self._address()
        if self._tokens is not None:
            headers |= self._tokens.headers(SCOPE, url)
        opened = await self._client.connect(url, headers, MAX_BYTES, CONNECT_S, None)
        sending = self._loop.create_task(self._send_all(opened))
        try:
            self._link.opened(self._clock.monotonic(), self._clock.tai_ns())
            self._rearm()
            await self._read(opened, me)
            self._lost(me, opened.ending)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await opened.close()

    async def _read(self, opened: OpenedSocket, me: asyncio.Task[None] | None) -> None:
        count = 0
        async for text in opened.messages():
            self._link.message(text, self._clock.monotonic())
            if self._task is not me:
                return  # the link gave this connection up
            count += 1
            if count % A_TURN == 0:
                await asyncio.sleep(0)

    async def _send_all(self, opened: OpenedSocket) -> None:
        while True:
            self._wake.clear()
            while self._unsent:
                try:
                    await opened.send(self._unsent.popleft())
                except (ConnectionError, TimeoutError):
                    return  # the reading ends too, or the silence is noticed
            await self._wake.wait()

    def _lost(self, me: asyncio.Task[None] | None, why: str) -> None:
        if self._task is me:
            self._task = None
            self._unsent.clear()
            self._link.lost(why, self._clock.monotonic())
        self._rearm()

    async def _address(self) -> tuple[str, dict[str, str]]:
        """Where to connect, and the Host header: an address that this box may contact."""
        parts = urlsplit(self._uri)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
        if _is_address(host):
            addresses: Sequence[str] = [host]
        else:
            try:
                async with asyncio.timeout(CONNECT_S):
                    addresses = await self._reach.resolve(host, port, parts.scheme)
            except (OSError, UnicodeError) as error:
                raise HttpFailure(f"nobody knows the name {host[:100]}", reached=False) from error
        policy = self._reach.policy()
        # Our own events are ours to hear: a button of this box may light its lamp.
        allowed = [ip for ip in addresses if policy.for_controllers(ip, port) or policy.is_me((ip,), port)]
        if not allowed:
            raise HttpFailure(f"{host} is no address that this box contacts", reached=False)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return f"{parts.scheme}://{host_in_url(allowed[0])}:{port}{path}", {"Host": f"{host_in_url(host)}:{port}"}


def _problem(receiving: Receiving, links: int, *, may_authorize: bool) -> str | None:
    """Why a receiver cannot even try."""
    uri, params = receiving.params["connection_uri"], receiving.params
    if not uri or not params["ext_is_07_source_id"]:
        missing = "connection_uri" if not uri else "ext_is_07_source_id"
        return f"{missing} is not set: where should it listen?"
    if params["connection_authorization"] and not may_authorize:
        return "connection_authorization: this box asks for no tokens (authorization.enabled in its configuration)"
    if params["connection_authorization"] and not uri.startswith("wss:"):
        return "connection_authorization: a token is sent over wss only"
    try:
        parts = urlsplit(uri)
        good = (
            parts.scheme in ("ws", "wss")
            and parts.hostname
            and parts.port != 0
            and uri.isprintable()
            and " " not in uri
        )
    except ValueError:
        good = False
    if not good:
        return f"connection_uri: {uri[:100]} is no ws:// or wss://host:port/path"
    return f"{MAX_LINKS} servers are listened to already" if links >= MAX_LINKS else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
