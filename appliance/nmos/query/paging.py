"""Pages of a list (IS-04 APIs - Query Parameters, "Pagination"): cursors are creation or update times.

Nothing is remembered between two pages: a cursor is a time, and times never repeat.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlencode

from appliance.core.tai import format_tai, parse_tai
from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.query.errors import NotSupported

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
SLICE_WEIGHT = 2000
"""So many resources, each times the weight of the query, are looked at in one go: about two milliseconds' work."""


class Stamped(Protocol):
    @property
    def created(self) -> int: ...

    @property
    def updated(self) -> int: ...


S = TypeVar("S", bound=Stamped)


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page is wanted: ``(since, until]`` in TAI ns. ``limit`` ``None``: all of it."""

    limit: int | None = DEFAULT_LIMIT
    since: int | None = None
    until: int | None = None
    by_creation: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[S]):
    """``items`` are the newest first, each with what is shown of it; the bounds are those of X-Paging-*."""

    items: Sequence[tuple[S, JSON]]
    since: int
    until: int


def read_paging(params: Mapping[str, str], default_limit: int | None) -> Paging:
    """The ``paging.*`` parameters; :class:`BadRequest` names the one that is wrong."""
    unknown = [key for key in params if key not in _KEYS]
    if unknown:
        raise NotSupported(f"{unknown[0][:60]}: is not supported")
    order = params.get("paging.order", "update")
    if order not in ("create", "update"):
        raise BadRequest(f"paging.order: {order[:40]!r} is neither 'create' nor 'update'")
    since, until = _time(params, "paging.since"), _time(params, "paging.until")
    if since is not None and until is not None and since > until:
        raise BadRequest("paging.since: is after paging.until")
    limit = default_limit
    if "paging.limit" in params:
        text = params["paging.limit"]
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise BadRequest(f"paging.limit: {text[:40]!r} is no number of resources")
        limit = min(int(text), MAX_LIMIT)
    elif since is not None or until is not None:
        limit = limit or DEFAULT_LIMIT
    return Paging(limit, since, until, order == "create")


def select(
    items: Sequence[S], newest: int, paging: Paging, shown: Callable[[S], JSON | None], weight: int = 10
) -> Generator[None, None, Page[S]]:
    """The page of ``items`` (in update order, the oldest first) that ``shown`` shows, found a slice at a time."""
    stamp = _created if paging.by_creation else _updated
    ordered = sorted(items, key=stamp) if paging.by_creation else items
    upper = paging.until if paging.until is not None else max(newest, paging.since or 0)
    lower = paging.since or 0
    inside = ordered[bisect_right(ordered, lower, key=stamp) : bisect_right(ordered, upper, key=stamp)]
    # With a lower bound the page begins there, without one it ends at the upper (Examples 1 to 5).
    upwards = paging.since is not None
    at_a_time = max(1, SLICE_WEIGHT // weight)
    found: list[tuple[S, JSON]] = []
    more: S | None = None
    for count, item in enumerate(inside if upwards else reversed(inside), 1):
        body = shown(item)
        if body is not None:
            if paging.limit is not None and len(found) >= paging.limit:
                more = item
                break
            found.append((item, body))
        if count % at_a_time == 0:
            yield
    if upwards:
        if more is not None or paging.limit == 0:
            upper = stamp(found[-1][0]) if found else lower
        found.reverse()
    elif paging.limit == 0:
        lower = upper
    elif more is not None:
        lower = stamp(more)
    return Page(found, lower, upper)


def headers(page: Page[S], paging: Paging, url: str, params: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """``Link`` and ``X-Paging-*``; ``params`` are the other parameters of the query, encoded."""
    if paging.limit is None:
        return {}
    kept = [f"{key}={value}" for key, value in params if key not in _CURSORS]
    since, until = format_tai(page.since), format_tai(page.until)
    cursors = {
        "next": {"paging.since": until},
        "prev": {"paging.until": since},
        "first": {"paging.since": "0:0"},
        "last": {},
    }
    links = []
    for rel, cursor in cursors.items():
        query = "&".join([*kept, urlencode({**cursor, "paging.limit": paging.limit}, safe=":")])
        links.append(f'<{url}?{query}>; rel="{rel}"')
    fields = {
        "Link": ", ".join(links),
        "X-Paging-Limit": str(paging.limit),
        "X-Paging-Since": since,
        "X-Paging-Until": until,
    }
    # A page of another origin may read no other header without this (Fetch standard, CORS-safelisted response headers).
    return {**fields, "Access-Control-Expose-Headers": ", ".join(fields)}


_CURSORS = ("paging.since", "paging.until", "paging.limit")
_KEYS = (*_CURSORS, "paging.order")


def _created(item: Stamped) -> int:
    return item.created


def _updated(item: Stamped) -> int:
    return item.updated


def _time(params: Mapping[str, str], key: str) -> int | None:
    if key not in params:
        return None
    try:
        return parse_tai(params[key])
    except BadRequest as error:
        raise BadRequest(f"{key}: {error.message}") from None
