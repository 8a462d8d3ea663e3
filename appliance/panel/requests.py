"""What the panel's API asks of every request that changes something, and how it reads one."""

from __future__ import annotations

from collections.abc import Collection

from appliance.core.types import JSON
from appliance.errors import BadRequest, Forbidden
from appliance.panel.text import clean
from appliance.web.messages import Request


def check_origin(request: Request) -> None:
    """:class:`Forbidden` where a page from elsewhere makes a browser send this."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != request.headers.get("host", "").lower():
        raise Forbidden("Origin: a page of another site may not operate this box")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("Sec-Fetch-Site: a page of another site may not operate this box")


def trusted_object(request: Request, required: Collection[str] = (), optional: Collection[str] = ()) -> JSON:
    """The body as an object with these keys and no others."""
    check_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BadRequest("Content-Type: must be application/json")
    body = request.json_object()
    for key in required:
        if key not in body:
            raise BadRequest(f"{key}: is missing")
    for key in body:
        if key not in required and key not in optional:
            expected = ", ".join((*required, *optional)) or "nothing"
            raise BadRequest(f"{clean(key)}: is not known here; expected {expected}")
    return body


def string(body: JSON, key: str) -> str:
    value = body[key]
    if not isinstance(value, str):
        raise BadRequest(f"{key}: must be a string")
    return value


def boolean(body: JSON, key: str) -> bool:
    value = body[key]
    if not isinstance(value, bool):
        raise BadRequest(f"{key}: must be true or false")
    return value


def shown_text(body: JSON, key: str, limit: int) -> str:
    """One clean line."""
    text = string(body, key).strip()
    if len(text) > limit:
        raise BadRequest(f"{key}: is longer than {limit} characters")
    if clean(text, limit) != text:
        raise BadRequest(f"{key}: must be one line without control characters")
    return text


def slice_asked(request: Request, default: int, most: int) -> tuple[int, int]:
    """``offset`` and ``limit``."""
    return _number(request, "offset", 0, 0, 10_000_000), _number(request, "limit", default, 1, most)


def _number(request: Request, key: str, default: int, lowest: int, highest: int) -> int:
    text = request.query.get(key)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or not lowest <= int(text[:18]) <= highest:
        raise BadRequest(f"{key}: must be a number from {lowest} to {highest}, not {clean(text, 40)!r}")
    return int(text)
