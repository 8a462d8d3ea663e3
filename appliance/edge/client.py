"""The HTTP client: asks strangers, and takes nothing from them that was not asked for.

Every request has limits on time and size; no proxies of the environment, no cookies, no compressed bodies (a small one
can be a large one), no redirects to another host. Connections are kept for the next request to the same host.

Over TLS the other end must prove that it is who it was said to be: the ``Host`` header where there is one, else the
URL's host. The address is the URL's in either case.
"""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from appliance.edge.tls import Tls, verification
from appliance.system.lean import load_client

if TYPE_CHECKING:
    import aiohttp

    from appliance.edge.authorizing import Authorizing

MAX_REDIRECTS = 3
KEEP_ALIVE_S = 15.0
CONNECTIONS_PER_HOST = 2

_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """``idle_s`` is the longest pause, ``total_s`` all of it from connecting to the last byte."""

    body_bytes: int = 1024 * 1024
    connect_s: float = 3.0
    idle_s: float = 5.0
    total_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status. ``content_type`` without parameters, ``headers`` with lower-case names."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str]
    url: str


class HttpFailure(Exception):
    """There is no answer that could be used. ``reached``: something answered."""

    def __init__(self, reason: str, *, reached: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reached = reached


class HttpClient:
    """One for the whole box; ``aiohttp`` is loaded with the first request."""

    def __init__(self, tls: Tls | None = None) -> None:
        self.tls = tls or Tls(None)
        self._session: aiohttp.ClientSession | None = None
        self.tokens: Authorizing | None = None
        """Where there is authorization."""

    def may_ask(self, scope: str) -> bool:
        """Whether an API of others can be asked now: no token is wanted for it, or there is one."""
        return self.tokens is None or not self.tokens.wants(scope) or self.tokens.has(scope)

    def proof(self, scope: str, url: str) -> dict[str, str]:
        """The header with the token for this API; nothing where there is none, or it would go in the clear."""
        return {} if self.tokens is None else self.tokens.headers(scope, url)

    def check_taken(self, reply: Reply) -> None:
        """:class:`HttpFailure` where the other end does not take this box's token, which is then replaced."""
        if self.tokens is not None and reply.status == HTTPStatus.UNAUTHORIZED:
            self.tokens.rejected()
            raise HttpFailure("it does not take this box's access token", reached=True)

    async def get(
        self,
        url: str,
        bounds: Bounds = Bounds(),
        *,
        headers: Mapping[str, str] | None = None,
        may_follow: Callable[[str], bool] | None = None,
    ) -> Reply:
        """GET; a redirect is followed within the same host and port, or to where ``may_follow`` agrees."""
        origin = url_origin(url)
        for _ in range(MAX_REDIRECTS + 1):
            reply = await self._patiently("GET", url, bounds, headers, None)
            if reply.status not in _REDIRECTS:
                return reply
            url = self._redirected(reply)
            if headers and url_origin(url) != origin:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            if not (may_follow(url) if may_follow else url_origin(url) == origin):
                raise HttpFailure(f"it redirects elsewhere, to {url[:200]}", reached=True)
        raise HttpFailure(f"it redirects more than {MAX_REDIRECTS} times", reached=True)

    async def send(
        self,
        method: str,
        url: str,
        body: Any = None,
        bounds: Bounds = Bounds(),
        *,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Reply:
        """Any other method; ``body`` (if not ``None``) is sent as JSON. Redirects are answers here.

        ``repeatable``: doing it twice is doing it once, so a kept connection that turns out closed does no harm.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        more = dict(headers or {}) | ({"Content-Type": "application/json"} if data is not None else {})
        if repeatable:
            return await self._patiently(method, url, bounds, more, data)
        return await self._once(method, url, bounds, more, data)

    async def post(self, url: str, data: bytes, bounds: Bounds, *, headers: Mapping[str, str]) -> Reply:
        """POST these bytes, whose type is in ``headers``, once."""
        return await self._once("POST", url, bounds, headers, data)

    async def aclose(self) -> None:
        """End every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    close = aclose

    # ---- inside

    async def _patiently(
        self, method: str, url: str, bounds: Bounds, headers: Mapping[str, str] | None, data: bytes | None
    ) -> Reply:
        """A kept connection may have been closed by the other end just now: then, and only then, ask again."""
        try:
            return await self._once(method, url, bounds, headers, data)
        except _Disconnected:
            return await self._once(method, url, bounds, headers, data)

    async def _once(
        self, method: str, url: str, bounds: Bounds, headers: Mapping[str, str] | None, data: bytes | None
    ) -> Reply:
        load_client()
        import aiohttp

        from appliance.edge.way import way

        if refusal := self.tls.refusal(url):
            raise HttpFailure(refusal, reached=True)
        fields = {**_host_header(url), **(headers or {})}
        timeout = aiohttp.ClientTimeout(total=bounds.total_s, sock_connect=bounds.connect_s, sock_read=bounds.idle_s)
        session = self._opened()
        reached = False
        try:
            with way(self.tls, url, fields) as (target, options):
                response = await session.request(
                    method,
                    _wire_url(target),
                    data=data,
                    skip_auto_headers=("Content-Type",),  # an empty POST has none (IS-04 Client Side Impl. Notes)
                    headers=fields,
                    timeout=timeout,
                    allow_redirects=False,
                    **options,
                )
            async with response:
                reached = True
                body = await _read(response, bounds.body_bytes)
                return Reply(
                    status=response.status,
                    body=body,
                    content_type=response.content_type,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    url=url,
                )
        except TimeoutError as error:
            raise HttpFailure(_too_slow(bounds, reached), reached=reached) from error
        except aiohttp.ServerDisconnectedError as error:
            raise _Disconnected("it closes the connection without an answer", reached=False) from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise HttpFailure(in_words(error.certificate_error), reached=True) from error
        except aiohttp.ClientConnectorSSLError as error:
            raise HttpFailure(in_words(error.os_error), reached=True) from error
        except aiohttp.ClientConnectorError as error:
            raise HttpFailure(f"no connection: {in_words(error.os_error)}", reached=False) from error
        except aiohttp.ClientPayloadError as error:
            raise HttpFailure("the connection ended in the middle of the answer", reached=True) from error
        except aiohttp.ClientOSError as error:
            raise _Disconnected(f"the connection broke: {in_words(error)}", reached=reached) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise HttpFailure(f"that is no HTTP: {str(error)[:200] or type(error).__name__}", reached=True) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            load_client()
            import aiohttp

            from appliance.edge.way import Resolver

            connector = aiohttp.TCPConnector(
                limit=0,  # whoever asks bounds how many at a time
                limit_per_host=CONNECTIONS_PER_HOST,
                keepalive_timeout=KEEP_ALIVE_S,
                use_dns_cache=False,
                resolver=Resolver(),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept": "application/json, */*;q=0.5", "Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    @staticmethod
    def _redirected(reply: Reply) -> str:
        from yarl import URL

        try:
            return str(URL(reply.url).join(URL(reply.headers.get("location", ""))))
        except ValueError as error:
            raise HttpFailure("it redirects to what is no URL", reached=True) from error


class _Disconnected(HttpFailure):
    pass


def url_origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL; :class:`HttpFailure` where it is none that this client speaks."""
    from yarl import URL

    try:
        parsed = URL(url)
        origin = parsed.scheme, (parsed.host or "").lower(), parsed.port
    except ValueError as error:
        raise HttpFailure(f"{url[:200]!r} is no URL", reached=True) from error
    if origin[0] not in ("http", "https") or not origin[1]:
        raise HttpFailure(f"{url[:200]!r} is no http URL", reached=True)
    return origin


def host_in_url(ip: str) -> str:
    """An address as a URL has it; the zone of a link-local one stays, for the socket."""
    return f"[{ip}]" if ":" in ip else ip


def _wire_url(url: str) -> Any:
    """What is written rightly is sent as it is: an encoded comma made a plain one may be another query."""
    from yarl import URL

    return URL(url, encoded=_WRITTEN_RIGHTLY.fullmatch(url) is not None)


_WRITTEN_RIGHTLY = re.compile(r"https?://[^/?#%\s]+(/([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)")


def _host_header(url: str) -> Mapping[str, str]:
    """A zone means something on this host only: RFC 6874 section 4 wants it removed."""
    before, percent, rest = url.partition("%")
    if not percent or "]" not in rest or "[" not in before:
        return {}
    port = rest.partition("]")[2].partition("/")[0]
    return {"Host": f"{before[before.index('[') :]}]{port}"}


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("", "identity"):
        raise HttpFailure(f"its answer is compressed ({encoding[:20]}), which was not asked for", reached=True)
    if (response.content_length or 0) > limit:
        raise HttpFailure(f"its answer has {response.content_length} bytes, more than {limit}", reached=True)
    # One piece, which goes back to the kernel (system/allocator.py): many would leave holes in the heap.
    body = bytearray()
    while part := await response.content.read(_CHUNK):
        body += part
        if len(body) > limit:
            response.close()
            body.clear()  # the traceback has this frame
            raise HttpFailure(f"its answer has more than {limit} bytes", reached=True)
    return bytes(body)


def in_words(error: Exception) -> str:
    """Why a connection did not come about, or broke."""
    if isinstance(error, ssl.SSLError):
        return verification(error)
    # asyncio puts addresses into strerror, which say nothing new.
    errno = error.errno if isinstance(error, OSError) else None
    return os.strerror(errno) if errno and errno > 0 else str(error)[:200]


def _too_slow(bounds: Bounds, reached: bool) -> str:
    what = "it answers too slowly" if reached else "it does not answer"
    return f"{what} (limits: {bounds.idle_s:g} s without a byte, {bounds.total_s:g} s in all)"
