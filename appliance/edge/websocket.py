"""WebSockets, both sides: those that programs open to this box, and those that it opens to a Query API.

Each message has a limit in size and a time in which the other end must take it; who does not is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http import WSCloseCode, WSMessage, WSMsgType

from appliance.discovery.contact import ContactPolicy
from appliance.discovery.registration.services import Candidate
from appliance.edge.client import HttpFailure, host_in_url, in_words
from appliance.edge.tls import Tls
from appliance.errors import BadRequest
from appliance.system.lean import load_client

if TYPE_CHECKING:
    import aiohttp

WRITE_S = 10.0
CLOSE_S = 0.5
MAX_INCOMING = 64 * 1024
"""Programs have nothing to say here that is longer."""
MESSAGE_BYTES = 32 * 1024 * 1024
"""A Query API tells everything of a kind in one message: 10,000 senders, as they were and as they are."""
LOOK_S = 60.0
"""Whether the permission for a socket still holds is looked at so often at least, for the clock may be put right."""
HEARTBEAT_S = 10.0
"""A server that is silent is asked so often whether it is still there, and has half of it to answer."""


_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)

log = logging.getLogger(__name__)

Lasting = Callable[[], float]
"""For how many seconds from now somebody may have what was given to him."""


class ServedSocket:
    """One WebSocket that a program opened. Use ``accept``; then ``send``, and ``close`` in the end.

    ``messages`` must be read by somebody, for pings are answered there; it ends when the program goes, or when it may
    not stay any longer.
    """

    def __init__(
        self, response: web.WebSocketResponse, incoming: web.BaseRequest, lasting: Lasting | None = None
    ) -> None:
        self.response = response
        self._incoming = incoming
        self._lasting = lasting

    @classmethod
    async def accept(cls, incoming: web.BaseRequest, lasting: Lasting | None = None) -> ServedSocket:
        """Answer 101; :class:`BadRequest` where the request is no WebSocket's. It ends when nothing is left of
        ``lasting``."""
        response = web.WebSocketResponse(timeout=CLOSE_S, compress=False, max_msg_size=MAX_INCOMING)
        if not response.can_prepare(incoming):
            raise BadRequest("this path is for WebSockets of version 13 (RFC 6455)")
        await response.prepare(incoming)
        return cls(response, incoming, lasting)

    async def messages(self) -> AsyncIterator[str]:
        """What the program says, until it goes. Only text counts."""
        while (message := await self._message()).type not in _ENDS:
            if message.type is WSMsgType.TEXT:
                yield message.data
        error = self.response.exception()
        while error is not None:  # its frames have the connection, and that has it: see Connection.connection_lost
            error.__traceback__, error = None, error.__context__

    async def _message(self) -> WSMessage:
        while self._lasting is not None:
            left = self._lasting()
            if left <= 0:
                log.info("a WebSocket ends with the access token by which %s opened it", self._incoming.remote)
                await self.close(WSCloseCode.POLICY_VIOLATION)
                break
            try:
                async with asyncio.timeout(min(left, LOOK_S)):
                    return await self.response.receive()
            except TimeoutError:
                pass  # look again
        return await self.response.receive()

    async def send(self, text: str) -> None:
        """Send; TimeoutError or ConnectionError where the program does not take it or has gone."""
        async with asyncio.timeout(WRITE_S):
            await self.response.send_str(text)

    async def close(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(2 * CLOSE_S):
                await self.response.close(code=code)

    def drop(self) -> None:
        """It does not read: what waits for it will not be read either."""
        if self._incoming.transport is not None:
            self._incoming.transport.abort()


class SocketClient:
    """Opens WebSockets; ``close`` ends all of them. aiohttp's client is loaded with the first.

    Over TLS the other end must be whom the ``Host`` header says, as with :class:`HttpClient`."""

    def __init__(self, tls: Tls | None = None) -> None:
        self._tls = tls or Tls(None)
        self._session: aiohttp.ClientSession | None = None

    async def connect(
        self, url: str, headers: dict[str, str], limit: int, connect_s: float, heartbeat_s: float | None = HEARTBEAT_S
    ) -> OpenedSocket:
        """A WebSocket whose messages have at most ``limit`` bytes; :class:`HttpFailure` says why there is none.

        Without a ``heartbeat_s`` it is not asked whether it is there: by protocols that do so themselves.
        """
        load_client()
        import aiohttp

        from appliance.edge.way import Resolver, way

        if refusal := self._tls.refusal(url):
            raise HttpFailure(refusal, reached=True)
        if self._session is None:
            staying = aiohttp.TraceConfig()
            staying.on_request_redirect.append(_stay)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, use_dns_cache=False, resolver=Resolver()),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                trace_configs=[staying],
            )
        try:
            with way(self._tls, url, headers) as (target, options):
                async with asyncio.timeout(connect_s):
                    response = await self._session.ws_connect(
                        target, headers=headers, max_msg_size=limit, heartbeat=heartbeat_s, autoping=True, **options
                    )
        except TimeoutError as error:
            raise HttpFailure("its WebSocket does not answer", reached=False) from error
        except aiohttp.WSServerHandshakeError as error:
            raise HttpFailure(f"its WebSocket answers {error.status}", reached=True) from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise HttpFailure(in_words(error.certificate_error), reached=True) from error
        except aiohttp.ClientConnectorSSLError as error:
            raise HttpFailure(in_words(error.os_error), reached=True) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise HttpFailure(f"no WebSocket: {str(error)[:200] or type(error).__name__}", reached=False) from error
        return OpenedSocket(response)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class OpenedSocket:
    """One WebSocket that this box opened."""

    def __init__(self, response: aiohttp.ClientWebSocketResponse) -> None:
        self._response = response

    async def messages(self) -> AsyncIterator[str]:
        """Each text message, until the other end goes."""
        async for message in self._response:
            if message.type is WSMsgType.TEXT:
                yield message.data

    async def send(self, text: str) -> None:
        async with asyncio.timeout(WRITE_S):
            await self._response.send_str(text)

    @property
    def ending(self) -> str:
        """Why it ended, in words."""
        error = self._response.exception()
        if isinstance(error, TimeoutError) or (error is not None and "heartbeat" in str(error).lower()):
            return "it no longer answers"
        if error is not None:
            return f"its WebSocket broke: {str(error)[:200] or type(error).__name__}"
        return f"it closed the WebSocket ({self._response.close_code})"

    async def close(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._response.close()


async def _stay(_session: object, _context: object, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    """Nobody leads this box elsewhere, to where nothing is encrypted least of all. aiohttp would follow, and has no
    other way to be told not to where it opens a WebSocket."""
    redirect.response.close()
    raise HttpFailure(f"its WebSocket redirects elsewhere ({redirect.response.status})", reached=True)


def socket_url(href: object, target: Candidate, policy: ContactPolicy) -> tuple[str, dict[str, str]]:
    """Where to connect for a ``ws_href``, and with which headers; :class:`HttpFailure` where this box does not.

    A host *name* is taken for the Query API itself, so no DNS is asked.
    """
    if not isinstance(href, str) or not href.isprintable() or " " in href:
        raise HttpFailure("its ws_href is no URL", reached=True)
    try:
        parts = urlsplit(href)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
    except ValueError as error:
        raise HttpFailure(f"its ws_href {href[:200]!r} is no URL", reached=True) from error
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise HttpFailure(f"its ws_href {href[:200]!r} is no ws URL", reached=True)
    own = urlsplit(target.url).hostname or ""
    literal = ":" in parts.hostname or parts.hostname.replace(".", "").isdigit()
    address = parts.hostname if literal else own
    if address != own and not policy.permitted(address, port):
        raise HttpFailure(f"its ws_href leads to {address}, which this box does not contact for others", reached=True)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = (target.headers if address == own else {}) if literal else {"Host": f"{parts.hostname}:{port}"}
    return f"{parts.scheme}://{host_in_url(address)}:{port}{path}", headers
