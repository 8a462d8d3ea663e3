"""HTTP as a host on the test LAN speaks it: one request over one connection that starts in its namespace."""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.lan.namespace import Namespace

_TIMEOUT_S = 10.0
_LARGEST_BODY = 1 << 26  # more than any test asks for, and less than a fake peer's endless body


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` has lower-case names; of a repeated header the values are joined by ", "."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        """The body read as JSON; an AssertionError shows a body that is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise AssertionError(f"{self.status}, not JSON ({error}): {self.body[:500]!r}") from None


def request(
    namespace: Namespace,
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> Answer:
    """One exchange from inside `namespace`; OSError where there is no connection. No redirect is followed.

    A body that ends before its time raises `http.client.IncompleteRead`.
    """
    with _exchange(namespace, method, url, body, headers or {}, timeout_s) as response:
        return Answer(response.status, _headers(response), _whole_body(response, url))


def get_all(namespace: Namespace, url: str, paths: Iterable[str], timeout_s: float = _TIMEOUT_S) -> Iterator[Answer]:
    """GETs over one connection, one after the other: cheaper where there are many."""
    with closing(_connect(namespace, url, timeout_s)) as connection:
        connection.auto_open = 0  # a new connection would not start in the namespace
        for path in paths:
            connection.request("GET", path)
            with connection.getresponse() as response:
                yield Answer(response.status, _headers(response), _whole_body(response, path))


@contextmanager
def streaming(
    namespace: Namespace, url: str, headers: Mapping[str, str] | None = None, timeout_s: float = _TIMEOUT_S
) -> Iterator[http.client.HTTPResponse]:
    """A GET whose answer is read bit by bit: for streams of events. `timeout_s` bounds each read."""
    with _exchange(namespace, "GET", url, None, headers or {}, timeout_s) as response:
        yield response


@contextmanager
def _exchange(
    namespace: Namespace,
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    timeout_s: float,
) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with closing(_connect(namespace, url, timeout_s)) as connection:
        connection.request(method, target, body, dict(headers))
        with connection.getresponse() as response:
            yield response


def _connect(namespace: Namespace, url: str, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"not an http URL: {url}")
    port = parts.port or 80
    connection = http.client.HTTPConnection(parts.hostname, port, timeout=timeout_s)
    # The zone of a link-local address is %25eth0 in a URL (RFC 6874) and %eth0 to the socket.
    connection.sock = namespace.connect(unquote(parts.hostname), port, timeout_s)
    return connection


def _whole_body(response: http.client.HTTPResponse, url: str) -> bytes:
    if response.length is not None:
        return response.read()
    body = response.read(_LARGEST_BODY)  # a chunked one, or one that ends with the connection
    if len(body) == _LARGEST_BODY:
        raise AssertionError(f"the body of {url} goes on after {_LARGEST_BODY} bytes")
    return body


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return headers
