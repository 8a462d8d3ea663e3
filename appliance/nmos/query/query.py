"""What is asked for: the parameters of a query, from a URL or from a subscription, as one test of resources."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from appliance.core.types import JSON, Kind
from appliance.discovery.catalogue import Catalogue, Resource
from appliance.errors import BadRequest
from appliance.nmos.query.errors import NotSupported
from appliance.nmos.query.rql import compile_rql
from appliance.nmos.query.values import Test, equal_to
from appliance.nmos.query.versions import older, read_downgrade, show

MAX_PARAMS = 100
MAX_FOLLOWED_WEIGHT = 100
"""A subscription looks at every change."""

Shown = Callable[[Resource], JSON | None]
"""What a query shows of a resource; ``None`` where it does not match."""

Raw = Sequence[tuple[str, str]]
"""The parameters of a URL as they were sent, encoded."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query of one kind. ``paging`` are its paging parameters, decoded; ``weight`` is about the µs one look takes."""

    kind: Kind
    shown: Shown
    paging: Mapping[str, str]
    weight: int


def split(query: str) -> Raw:
    """``a=1&b=2`` in pieces, still encoded."""
    pieces = [piece.partition("=") for piece in query.split("&") if piece]
    if len(pieces) > MAX_PARAMS:
        raise BadRequest(f"the query has over {MAX_PARAMS} parameters")
    return [(key, value) for key, _, value in pieces]


def question(catalogue: Catalogue, kind: Kind, version: str, raw: Raw) -> Question:
    """What a URL asks for; :class:`BadRequest` or :class:`NotSupported` names the parameter."""
    decoded = {unquote_plus(key): (unquote_plus(value), value) for key, value in raw}
    paging = {key: value for key, (value, _) in decoded.items() if key.startswith("paging.")}
    # RQL is decoded by its own rules, after it was taken apart.
    params = {
        key: encoded if key == "query.rql" else value for key, (value, encoded) in decoded.items() if key not in paging
    }
    return Question(kind, _shown(catalogue, version, params), paging, _weight(params))


def subscribed(catalogue: Catalogue, version: str, params: Mapping[str, Any]) -> Shown:
    """What a subscription's ``params`` ask for. There are no pages here (APIs - Query Parameters, "Pagination")."""
    if len(params) > MAX_PARAMS:
        raise BadRequest(f"params: has over {MAX_PARAMS} parameters")
    texts = {}
    for key, value in params.items():
        if isinstance(value, list | dict):
            raise BadRequest(f"params: {key[:60]} must be a string")
        if key.startswith("paging."):
            raise NotSupported(f"params: {key[:60]} is not for subscriptions")
        texts[key] = value if isinstance(value, str) else json.dumps(value)
    if _weight(texts) > MAX_FOLLOWED_WEIGHT:
        raise BadRequest("params: query.rql is too complex to be followed")
    return _shown(catalogue, version, texts)


def _weight(params: Mapping[str, str]) -> int:
    return 10 + len(params) + params.get("query.rql", "").count("(")


def _shown(catalogue: Catalogue, version: str, params: Mapping[str, str]) -> Shown:
    oldest = version
    tests: list[Test] = []

    def look_up(kind: Kind, id: str) -> JSON | None:
        resource = catalogue.get(kind, id)
        return None if resource is None else show(resource, version, oldest)

    for key, value in params.items():
        if key == "query.downgrade":
            wanted = read_downgrade(value, version)
            oldest = wanted if older(wanted, version) else version
        elif key == "query.rql":
            tests.append(compile_rql(value, look_up))
        elif key.startswith("query."):
            raise NotSupported(f"{key[:60]}: is not supported")
        else:
            tests.append(equal_to(key, value))

    def shown(resource: Resource) -> JSON | None:
        body = show(resource, version, oldest)
        return body if body is not None and all(test(body) for test in tests) else None

    return shown
