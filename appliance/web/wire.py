"""The heads of HTTP answers as bytes, and the headers that answers carry whoever made them.

An answer is serialised once, here; what belongs to one moment or one connection (Date, Connection) is added by
the edge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus

from appliance.web.messages import Answer

END = b"\r\n"
"""Ends a head, after whatever the edge added to it."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}


ANY_PAGE = b"Access-Control-Allow-Origin: *\r\n"
"""The line that an edge puts others in the place of, where not every page may read it (access.py)."""


def is_for_any_page(path: str) -> bool:
    """Every answer of an NMOS API may be read by any page; nothing else of this box may."""
    return path.startswith("/x-nmos")


def cors_headers(path: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": "*"} if is_for_any_page(path) else {}


def fields_of(path: str, answer: Answer, payload: bytes) -> dict[str, str]:
    """The header fields of an answer. A handler's own win; the rest is what is right for nearly all."""
    fields = cors_headers(path)
    if not fields:
        fields["X-Content-Type-Options"] = "nosniff"  # pages live there, and what they load is what it says it is
    fields["Cache-Control"] = "no-store"
    fields.update(answer.headers)
    if answer.status not in (204, 304):
        if payload:
            fields["Content-Type"] = answer.content_type
        fields["Content-Length"] = str(len(payload))
    return fields


def head(status: int, fields: Mapping[str, str]) -> bytes:
    """Status line and fields, each with its line end; :data:`END` is still to come. ValueError for a split header."""
    lines = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} "]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise ValueError("a line end in a header")
    return text.encode("utf-8", "surrogateescape") + END


def etag_of(payload: bytes) -> str:
    """A strong validator: equal bytes, equal tag, also after a restart."""
    return f'"{hashlib.blake2b(payload, digest_size=9).hexdigest()}"'


def tag_matches(if_none_match: str, etag: str) -> bool:
    """Whether the client has these bytes already (RFC 9110 section 13.1.2: weak comparison)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]
