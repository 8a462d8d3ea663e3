"""The routes of the IS-04 Node API: /x-nmos/, /x-nmos/node/ and all below it, in every configured version."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

from appliance.core.store import Change, Store
from appliance.core.types import JSON, Kind
from appliance.errors import NotFound
from appliance.nmos.is04 import target
from appliance.nmos.is04.project import NEWEST, VERSIONS, project
from appliance.web.messages import Answer, Handler, Request, encode_json
from appliance.web.site import Site

Target = Callable[[str, Request], Answer | Awaitable[Answer]]
"""What PUT /receivers/{id}/target does: an immediate activation by the Connection API's rules."""

_EVERYTHING_LISTED = (Kind.DEVICE, Kind.SOURCE, Kind.FLOW, Kind.SENDER, Kind.RECEIVER)
_WARMED_FIRST = (Kind.SENDER, Kind.RECEIVER, Kind.DEVICE, Kind.SOURCE, Kind.FLOW)
_WARMED_A_STEP = 20
_WARMED_BYTES = 4 * 1024 * 1024
"""What is beyond that is encoded when it is asked for."""
_SELF_AND_LISTS = ("self/", "sources/", "flows/", "devices/", "senders/", "receivers/")


class NodeApi:
    """Serves the store as IS-04 shows it."""

    def __init__(self, store: Store, versions: Sequence[str], take: Target) -> None:
        self._store = store
        self._versions = tuple(version for version in VERSIONS if version in versions)
        self._take = take
        self._fragments: dict[tuple[Kind, str], dict[str, tuple[JSON, bytes | None]]] = {}
        """By kind and version, then by id: the resource, and its bytes."""

    def mount(self, site: Site) -> None:
        site.route("/x-nmos/node", get=lambda request: Answer([f"{version}/" for version in self._versions]))
        for version in self._versions:
            base = f"/x-nmos/node/{version}"
            site.route(base, get=lambda request: Answer(list(_SELF_AND_LISTS)))
            site.route(f"{base}/self", get=self._self(version))
            for kind in _EVERYTHING_LISTED:
                site.route(f"{base}/{kind.plural}", get=self._list(kind, version))
                site.route(f"{base}/{kind.plural}/<id>", get=self._single(kind, version))
            site.route(f"{base}/receivers/<id>/target", put=self._put_target(version))

    def on_change(self, change: Change) -> None:
        """What an older version can express of one resource may hang on another: forget that when any comes or goes."""
        if any(resource.before is None or resource.after is None for resource in change.resources):
            self._fragments = {of: known for of, known in self._fragments.items() if of[1] == NEWEST}
        for resource in change.resources:
            # Now, one by one, and not all of them when the next one asks for the list.
            known = self._fragments.get((resource.kind, self._versions[-1]))
            if known is not None and resource.after is None:
                known.pop(resource.id, None)
            elif known is not None and resource.after is not None and (resource.before is None or resource.id in known):
                self._encoded(resource.kind, resource.after, self._versions[-1])

    def warm_up(self) -> Iterator[None]:
        """Encode the resources in the newest version, some a step, so that whoever asks first for a long list need not
        wait for all of it, and nobody for him. All else is encoded when it is asked for."""
        size = 0
        for kind in _WARMED_FIRST:
            ids = tuple(self._store.all(kind))
            for start in range(0, len(ids), _WARMED_A_STEP):
                for body in filter(None, (self._store.get(kind, id) for id in ids[start : start + _WARMED_A_STEP])):
                    size += len(self._encoded(kind, body, self._versions[-1]) or b"")
                if size > _WARMED_BYTES:
                    return
                yield

    def _self(self, version: str) -> Handler:
        def get(request: Request) -> Answer:
            body = project(Kind.NODE, self._store.node, version, self._store.get)
            return Answer(body, depends=((Kind.NODE.value, None),))

        return get

    def _list(self, kind: Kind, version: str) -> Handler:
        def get(request: Request) -> Answer:
            encoded = (self._encoded(kind, body, version) for body in self._store.all(kind).values())
            payload = b"[" + b",".join(item for item in encoded if item is not None) + b"]"
            return Answer(payload, depends=((kind.value, None),))

        return get

    def _single(self, kind: Kind, version: str) -> Handler:
        def get(request: Request) -> Answer:
            id = request.params["id"]
            encoded = self._encoded(kind, self._find(kind, id), version)
            if encoded is None:
                return _only_newer(kind, id)
            return Answer(encoded, depends=((kind.value, id),))

        return get

    def _encoded(self, kind: Kind, body: JSON, version: str) -> bytes | None:
        """The resource as bytes, ``None`` where the version cannot express it; made anew only when the body is new.

        A list of a thousand senders is then joined, not encoded, after one of them changed.
        """
        fragments = self._fragments.setdefault((kind, version), {})
        known = fragments.get(body["id"])
        if known is None or known[0] is not body:
            projected = project(kind, body, version, self._store.get)
            known = fragments[body["id"]] = (body, None if projected is None else encode_json(projected))
        return known[1]

    def _put_target(self, version: str) -> Handler:
        def put(request: Request) -> Answer | Awaitable[Answer]:
            id = request.params["id"]
            if project(Kind.RECEIVER, self._find(Kind.RECEIVER, id), version, self._store.get) is None:
                return _only_newer(Kind.RECEIVER, id)
            target.check(request.json_object(), version)
            return self._take(id, request)

        return put

    def _find(self, kind: Kind, id: str) -> JSON:
        body = self._store.get(kind, id)
        if body is None:
            raise NotFound(f"this node has no {kind} {id[:64]}")
        return body


def _only_newer(kind: Kind, id: str) -> Answer:
    """409 with the way to the version that can express the resource (IS-04 NodeAPI.raml)."""
    location = f"/x-nmos/node/{NEWEST}/{kind.plural}/{id}"
    body = {"code": 409, "error": f"this {kind} can only be shown by {NEWEST}: {location}", "debug": None}
    return Answer(body, 409, headers={"Location": location})
