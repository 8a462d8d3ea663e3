"""The panel API of a running box, as the command line and the terminal panel call it.

The standard library's HTTP client only: a command should answer before its reader has let go of the key, and aiohttp
alone takes a quarter of a second to import.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from appliance.core.shown import visible
from appliance.errors import ApplianceError

RUNTIME_FILE = Path("/run/nmos-appliance/api.json")
URL_VARIABLE, PASSWORD_VARIABLE = "NMOS_APPLIANCE_URL", "NMOS_APPLIANCE_PASSWORD"
LOGIN = "/panel/login"
DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_S = 15.0
KEEP_ALIVE_TIMEOUT_S = 40.0
"""An event stream that says nothing for this long is dead: the box sends a comment every 15 s."""
_MAX_ANSWER = 64 * 1024 * 1024
_MAX_LINE = 4 * 1024 * 1024


class CommandError(ApplianceError):
    """What a command could not do, in one line."""


class Unreachable(CommandError):
    """The box does not answer: not started, or another address."""


class NotThere(CommandError):
    """The box has nothing at that path."""


def find_url(given: str | None, environ: Mapping[str, str], runtime_file: Path = RUNTIME_FILE) -> str:
    """Where the daemon is: ``--url``, else ``$NMOS_APPLIANCE_URL``, else what it left in /run, else port 8080 here."""
    named = given or environ.get(URL_VARIABLE)
    if named:
        return named
    try:
        written = json.loads(runtime_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return DEFAULT_URL
    except (OSError, ValueError) as error:
        raise CommandError(f"{runtime_file} cannot be read ({error}); say with --url where the box is") from None
    url = written.get("url") if isinstance(written, dict) else None
    if not isinstance(url, str) or not url:
        raise CommandError(f"{runtime_file} has no 'url'; say with --url where the box is")
    return url


class Daemon:
    """One running box. ``password`` is its panel's, which it does not ask for on the box itself."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S, password: str | None = None) -> None:
        self._password, self._cookie = password, ""
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname, parts.port
        except ValueError as error:
            raise CommandError(f"{url!r} is not a URL: {error}") from None
        if parts.scheme not in ("http", "https") or not self._host:
            raise CommandError(f"{url!r} is not a URL of a box, such as {DEFAULT_URL}")
        self.url = url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._timeout_s = timeout_s

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON at ``path``."""
        return self._call("GET", f"{quote(path)}?{urlencode(query)}" if query else quote(path), None)

    def post(self, path: str, body: object) -> Any:
        """Post JSON, and what is answered."""
        return self._call("POST", quote(path), json.dumps(body).encode())

    def read(self, path: str) -> tuple[int, bytes]:
        """Status and bytes of whatever ``path`` answers."""
        return self._exchange("GET", quote(path), None)

    def events(self, path: str, **query: str) -> EventStream:
        """The server-sent events at ``path``."""
        target = f"{quote(path)}?{urlencode(query)}" if query else quote(path)
        return EventStream(self._connect(KEEP_ALIVE_TIMEOUT_S), target, self._session(), self._unreachable)

    def _call(self, method: str, target: str, body: bytes | None) -> Any:
        status, payload = self._exchange(method, target, body)
        if status not in (http.client.OK, http.client.ACCEPTED):
            raise (NotThere if status == http.client.NOT_FOUND else CommandError)(_reason(status, payload))
        try:
            return _read(payload)
        except (ValueError, RecursionError):
            raise CommandError(f"what answers at {self.url} is not an nmos-appliance") from None

    def _exchange(self, method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        connection = self._connect(self._timeout_s)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, target, body, headers if target == LOGIN else headers | self._session())
            answer = connection.getresponse()
            if target == LOGIN:
                self._cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
            return answer.status, answer.read(_MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()

    def _session(self) -> dict[str, str]:
        """The header of a session; logs in first, where there is a password."""
        if self._password and not self._cookie:
            status, payload = self._exchange("POST", LOGIN, json.dumps({"password": self._password}).encode())
            if status == http.client.NOT_FOUND:  # it wants none
                self._password = None
            elif status != http.client.OK:
                raise CommandError(_reason(status, payload))
        return {"Cookie": self._cookie} if self._cookie else {}

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        assert self._host is not None
        return kind(self._host, self._port, timeout=timeout_s)

    def _unreachable(self, error: OSError | http.client.HTTPException) -> Unreachable:
        if isinstance(error, TimeoutError):
            return Unreachable(f"the box at {self.url} does not answer")
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        return Unreachable(f"no box at {self.url}: {why}. Is nmos-appliance running? --url says where else it is")


class EventStream:
    """Named events as (name, JSON) until the stream ends; a keep-alive comes out as ``("", None)``.

    ``close`` may be called by another thread: the one that waits for the next event then sees the end.
    """

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        target: str,
        headers: Mapping[str, str],
        unreachable: Callable[[OSError | http.client.HTTPException], CommandError],
    ) -> None:
        self._connection, self._target, self._headers, self._unreachable = connection, target, headers, unreachable
        self._socket: socket.socket | None = None
        self._closed = False

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        connection = self._connection
        try:
            connection.connect()
            self._socket = connection.sock
            if self._closed:
                return
            connection.request("GET", self._target, headers=dict(self._headers))
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise CommandError(_reason(answer.status, answer.read(_MAX_ANSWER)))
            yield from _events(answer)
        except (OSError, http.client.HTTPException) as error:
            if not self._closed:
                raise self._unreachable(error) from None
        finally:
            connection.close()

    def close(self) -> None:
        self._closed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)


def _events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    name, data = "", ""
    while line := answer.readline(_MAX_LINE):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if not text and name:
            yield name, _event_data(data)
            name, data = "", ""
        elif text and not field:
            yield "", None
        elif field == "event":
            name = value
        elif field == "data":
            data += value


def _read(text: str | bytes) -> Any:
    """JSON whose texts may be shown on a terminal, whoever it was that answered."""
    return _visible(json.loads(text))


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): _visible(inner) for key, inner in value.items()}
    return list(map(_visible, value)) if isinstance(value, list) else value


def _event_data(data: str) -> Any:
    try:
        return _read(data)
    except (ValueError, RecursionError):
        raise CommandError("the box sent an event that is not JSON") from None


def _reason(status: int, payload: bytes) -> str:
    """The ``error`` of an error body, else the status."""
    try:
        body = json.loads(payload)
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), str):
        return "\n".join(map(visible, body["error"].splitlines()))
    return f"the box answered {status} {http.client.responses.get(status, '')}".rstrip()
