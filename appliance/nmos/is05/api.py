"""The routes of the IS-05 Connection API: /x-nmos/connection/ and all below it, v1.0 and v1.1 alike but where said."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, TypeAlias

from appliance.core.types import JSON, Kind
from appliance.errors import ApplianceError, NotFound
from appliance.nmos.is05.connections import Connections, Outcome
from appliance.nmos.is05.endpoint import API_VERSIONS, Endpoint
from appliance.nmos.is05.schemas import bulk_validator
from appliance.nmos.is05.state import ASPECT, SDP_TYPE
from appliance.nmos.is05.transportfile import TransportFiles
from appliance.web.messages import Answer, Handler, Request, error_answer
from appliance.web.site import Site

BASE = "/x-nmos/connection"
NEWEST = API_VERSIONS[-1]
_KINDS = (Kind.SENDER, Kind.RECEIVER)
_NO_CACHE = {"Cache-Control": "no-cache"}

_Show: TypeAlias = Callable[[Endpoint], Answer]


class ConnectionApi:
    """Serves :class:`Connections` over HTTP."""

    def __init__(self, connections: Connections, transport_files: TransportFiles) -> None:
        self._connections = connections
        self._files = transport_files

    def mount(self, site: Site) -> None:
        site.route(BASE, get=_listing(f"{version}/" for version in API_VERSIONS))
        for version in API_VERSIONS:
            base = f"{BASE}/{version}"
            site.route(base, get=_listing(("bulk/", "single/")))
            for interface in ("bulk", "single"):
                site.route(f"{base}/{interface}", get=_listing(f"{kind.plural}/" for kind in _KINDS))
            for kind in _KINDS:
                site.route(f"{base}/bulk/{kind.plural}", post=self._bulk(kind, version))
                self._mount_single(site, kind, version)

    def _mount_single(self, site: Site, kind: Kind, version: str) -> None:
        base = f"{BASE}/{version}/single/{kind.plural}"
        shown = self._shown(kind, version)
        site.route(base, get=self._list(kind, version))
        site.route(f"{base}/<id>", get=self._each(kind, version, lambda endpoint: Answer([f"{x}/" for x in shown])))
        for name, show in shown.items():
            get = self._each(kind, version, show)
            if name == "staged":
                site.route(f"{base}/<id>/{name}", get=get, patch=self._patch(kind, version))
            else:
                site.route(f"{base}/<id>/{name}", get=get)

    def _shown(self, kind: Kind, version: str) -> dict[str, _Show]:
        """What there is to GET below one sender or receiver."""
        shown: dict[str, _Show] = {
            "constraints": lambda endpoint: Answer(self._connections.constraints(endpoint)),
            "staged": lambda endpoint: self._state(endpoint, "staged"),
            "active": lambda endpoint: self._state(endpoint, "active"),
        }
        if kind is Kind.SENDER:
            shown["transportfile"] = self._transport_file
        if version != "v1.0":
            shown["transporttype"] = lambda endpoint: Answer(endpoint.transport_type)
        return shown

    # ---- one sender or receiver

    def _list(self, kind: Kind, version: str) -> Handler:
        return lambda request: Answer(
            [f"{id}/" for id, endpoint in self._connections.all(kind).items() if endpoint.known_to(version)]
        )

    def _each(self, kind: Kind, version: str, show: _Show) -> Handler:
        def get(request: Request) -> Answer:
            endpoint = self._connections.endpoint(kind, request.params["id"])
            return show(endpoint) if endpoint.known_to(version) else _elsewhere(request, version)

        return get

    def _state(self, endpoint: Endpoint, which: str) -> Answer:
        connection: JSON = {**self._connections.connection(endpoint)}
        return Answer(connection[which], depends=((ASPECT, endpoint.id),))

    def _transport_file(self, endpoint: Endpoint) -> Answer:
        try:
            text = self._files.sdp(endpoint)
        except NotFound as error:
            return replace(error_answer(error.status, error.message), headers=_NO_CACHE)
        depends = self._files.depends(endpoint)
        return Answer(text.encode(), content_type=SDP_TYPE, headers=_NO_CACHE, depends=depends)

    def _patch(self, kind: Kind, version: str) -> Handler:
        def patch(request: Request) -> Answer:
            endpoint = self._connections.endpoint(kind, request.params["id"])
            if not endpoint.known_to(version):
                return _elsewhere(request, version)
            outcome = self._connections.patch(kind, endpoint.id, request.json_object())
            return Answer(outcome.staged, outcome.status, settle=(endpoint.id,) if outcome.activated else ())

        return patch

    # ---- many at once

    def _bulk(self, kind: Kind, version: str) -> Handler:
        async def post(request: Request) -> Answer:
            await _Pause()
            items = request.json()
            await _Pause()
            bulk_validator()(items)
            await _Pause()
            answers, activated = [], []
            for item in items:
                answer, outcome = self._bulk_item(kind, version, item)
                answers.append(answer)
                if outcome is not None and outcome.activated:
                    activated.append(item["id"])
                await _Pause()
            return Answer(answers, settle=tuple(dict.fromkeys(activated)))

        return post

    def _bulk_item(self, kind: Kind, version: str, item: JSON) -> tuple[JSON, Outcome | None]:
        """What a PATCH of its own would have answered (IS-05 ConnectionAPI.raml, /bulk)."""
        id = item["id"]
        try:
            if not self._connections.endpoint(kind, id).known_to(version):
                return {"id": id, "code": 409, "error": _only_newer(kind), "debug": None}, None
            outcome = self._connections.patch(kind, id, item["params"])
        except ApplianceError as error:
            return {"id": id, "code": error.status, "error": error.message, "debug": error.debug}, None
        return {"id": id, "code": outcome.status}, outcome


class _Pause:
    """Awaited between the parts of a long request: lets the event loop, whichever it is, do something else."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def _listing(names: Any) -> Handler:
    body = list(names)
    return lambda request: Answer(body)


def _only_newer(kind: Kind) -> str:
    return f"this {kind} can only be seen with {NEWEST} of this API"


def _elsewhere(request: Request, version: str) -> Answer:
    """409 with the way to the version that knows the endpoint's transport (IS-05 Upgrade Path)."""
    location = request.path.replace(f"/{version}/", f"/{NEWEST}/", 1)
    answer = error_answer(409, f"this can only be seen with {NEWEST} of this API: {location}")
    return replace(answer, headers={"Location": location})
