"""Requests and answers as values, so that a handler is a plain function and a test needs no server."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from appliance.core.types import JSON
from appliance.errors import BadRequest

JSON_TYPE = "application/json"
MAX_DEPTH_ERROR = "the JSON is nested too deeply"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Most bodies have none, and need not be looked through."""

Dependency: TypeAlias = tuple[str, str | None]
"""What an answer was made from: (kind or aspect, id), or (kind or aspect, None) for the whole table."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read whole. ``params`` are the named parts of its path, ``local``: both ends are loopback.

    ``raw_query`` is the query as it was sent, for those who must take it apart before they decode it. ``lasting``: for
    how many seconds from now what it was allowed by is good, where that ends.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)
    local: bool = False
    remote: str = ""
    raw_query: str = ""
    lasting: Callable[[], float] | None = None

    def json(self) -> Any:
        """The body as JSON; :class:`BadRequest` naming line and column where it is not."""
        try:
            text = self.body.decode("utf-8-sig")  # RFC 8259 section 8.1; json would take UTF-16 too
            body = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique)
            if _SURROGATE.search(text) and (key := _half_a_pair(body)) is not None:
                raise BadRequest(f"{key}: the text holds half of a surrogate pair, which is no character")
            return body
        except RecursionError:
            raise BadRequest(MAX_DEPTH_ERROR) from None
        except UnicodeDecodeError:
            raise BadRequest("the body is not UTF-8") from None
        except ValueError as error:
            raise BadRequest(f"the body is not valid JSON: {error}") from None

    def json_object(self) -> JSON:
        """The body as a JSON object; :class:`BadRequest` for anything else."""
        body = self.json()
        if not isinstance(body, dict):
            raise BadRequest(f"the body must be a JSON object, not {_json_type(body)}")
        return body


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``body`` is JSON unless it is bytes (then ``content_type`` says what).

    ``depends`` (for a 200 to a GET only): the answer may be kept and given again until one of these changes.
    ``settle``: ids of senders or receivers whose streams the answer waits for, a moment (see media reconciliation).
    """

    body: Any = None
    status: int = 200
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    depends: tuple[Dependency, ...] = ()
    settle: tuple[str, ...] = ()

    def payload(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return encode_json(self.body)


Handler: TypeAlias = Callable[[Request], Answer | Awaitable[Answer]]
"""What a path does for one method. An awaitable is for the few that must ask another host before they can answer."""


def encode_json(value: object) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def error_answer(status: int, message: str, debug: str | None = None) -> Answer:
    """The error body of every NMOS API: ``code``, ``error``, ``debug``."""
    return Answer({"code": status, "error": message, "debug": debug}, status)


def _half_a_pair(value: Any, key: str = "the body") -> str | None:
    """The key at or below which a text cannot be written as UTF-8 (RFC 8259 section 8.2: JSON can spell such)."""
    if isinstance(value, str):
        return None if _is_text(value) else key
    if isinstance(value, dict):
        if not all(map(_is_text, value)):
            return key
        return next(filter(None, (_half_a_pair(inner, name) for name, inner in value.items())), None)
    if isinstance(value, list):
        return next(filter(None, (_half_a_pair(inner, key) for inner in value)), None)
    return None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise BadRequest(f"the body is not valid JSON: {name} is not a JSON value")


def _unique(pairs: list[tuple[str, Any]]) -> JSON:
    """A key that is there twice means two things at once (RFC 8259 section 4: what comes of it is unpredictable)."""
    body = dict(pairs)
    if len(body) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BadRequest(f"the body is not valid JSON: the key {twice[:80]!r} is there twice")
    return body


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise BadRequest(f"the body is not valid JSON: {digits[:40]} is too large a number")
    return number


def _json_type(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
