"""Requests that need no parser, because their very bytes were parsed before.

A client sends the same header fields with every GET. Once the real parser has read a whole request and found nothing in
its fields that the answer hangs on, their bytes are remembered; a later GET with the same bytes for fields, of a path
whose answer is kept, is answered by two look-ups. This is no second parser: bytes that were never parsed, or that are
not exactly one request, are always left to the first one. A field that decides *whether* an answer may be given (a
token) must never be learnt.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.web.ready import ReadyAnswers

MAX_LEARNT = 1024
MAX_REQUEST = 2048

_TELLING = frozenset(
    ("authorization", "connection", "content-encoding", "expect", "range", "transfer-encoding", "upgrade")
)
"""Fields that may change what is answered or what becomes of the connection: never learnt."""


class QuickReads:
    """What :class:`ReadyAnswers` can answer by looking at raw bytes."""

    def __init__(self, ready: ReadyAnswers) -> None:
        self._ready = ready
        self._learnt: dict[bytes, str | None] = {}

    def find(self, request: bytes) -> tuple[bytes, bytes] | None:
        """Head and payload for exactly these bytes, ``None`` where the parser must look at them."""
        line, _, fields = request.partition(b"\r\n")
        if fields not in self._learnt or line[:4] != b"GET " or line[-9:] != b" HTTP/1.1":
            return None
        kept = self._ready.get(line[4:-9].decode("latin-1"))
        return None if kept is None else kept.for_client(self._learnt[fields])

    def forget(self) -> None:
        """What may be answered has become another thing."""
        self._learnt.clear()

    def learn(self, request: bytes, headers: Mapping[str, str]) -> None:
        """``request`` was parsed as exactly one GET by HTTP/1.1, without a body, and had these fields."""
        given = {name.lower(): value for name, value in headers.items()}
        line, _, fields = request.partition(b"\r\n")
        if len(request) > MAX_REQUEST or not _harmless(given) or not line.endswith(b" HTTP/1.1"):
            return
        if len(self._learnt) >= MAX_LEARNT:  # somebody varies his fields: begin again rather than grow
            self._learnt.clear()
        self._learnt[fields] = given.get("if-none-match")


def is_one_request(data: bytes, body_length: int) -> bool:
    """Whether ``data``, which the parser took without complaint, is one request to its last byte and no more."""
    head, end, body = data.partition(b"\r\n\r\n")
    # a lenient parser may also end a line by a lone line feed, and the head earlier than it seems here
    return bool(end) and len(body) == body_length and head.count(b"\n") == head.count(b"\r\n")


def _harmless(given: Mapping[str, str]) -> bool:
    telling = given.keys() & _TELLING
    return not telling or (telling == {"connection"} and given["connection"].lower() == "keep-alive")
