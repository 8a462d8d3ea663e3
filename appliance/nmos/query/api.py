"""The routes of the local Query API: /x-nmos/query/ and all below it, in every configured version.

For programs on this box only: unless both ends of the connection are loopback there is nothing here (IS-04 Discovery -
Peer-to-Peer Operation, "Recommendations for Dual-Mode Operation"). Where the network has a Query API, every request
goes there instead.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Protocol

from appliance.core.types import JSON, Clock, Kind
from appliance.discovery.catalogue import Catalogue
from appliance.errors import NotFound
from appliance.nmos.query import BASE
from appliance.nmos.query.errors import NotSupported
from appliance.nmos.query.paging import DEFAULT_LIMIT, Page, headers, read_paging, select
from appliance.nmos.query.query import question, split
from appliance.nmos.query.subscriptions import Subscription, Subscriptions, WrongVersion
from appliance.nmos.query.versions import VERSIONS
from appliance.web.messages import Answer, Handler, Request, encode_json
from appliance.web.site import Site

ENCODED_AT_A_TIME = 50

Work = Generator[None, None, Answer]
Patiently = Callable[[Work], Awaitable[Answer]]
"""Does work of which each slice is short, and lets others have their turn between two slices."""

_LISTS = (Kind.NODE, Kind.SOURCE, Kind.FLOW, Kind.DEVICE, Kind.SENDER, Kind.RECEIVER)


class Proxy(Protocol):
    """The network's Query API, where there is one."""

    @property
    def active(self) -> bool: ...

    def forward(self, request: Request) -> Awaitable[Answer]:
        """The answer of the network's Query API to the same request."""
        ...


class QueryApi:
    """Serves ``catalogue`` as a registry would."""

    def __init__(
        self,
        catalogue: Catalogue,
        subscriptions: Subscriptions,
        versions: Sequence[str],
        clock: Clock,
        patiently: Patiently,
        proxy: Proxy,
    ) -> None:
        self._catalogue = catalogue
        self._subscriptions = subscriptions
        self._versions = tuple(version for version in VERSIONS if version in versions)
        self._clock = clock
        self._patiently = patiently
        self._proxy = proxy

    def mount(self, site: Site) -> None:
        def route(rule: str, **methods: Handler) -> None:
            guarded = {method: self._guarded(handler) for method, handler in methods.items()}
            site.route(rule, only=_is_local, **guarded)

        route(BASE, get=lambda request: Answer([f"{version}/" for version in self._versions]))
        for version in self._versions:
            base = f"{BASE}/{version}"
            paths = [f"{kind.plural}/" for kind in _LISTS] + ["subscriptions/"]
            route(base, get=lambda request, paths=paths: Answer(paths))  # type: ignore[misc]
            for kind in _LISTS:
                route(f"{base}/{kind.plural}", get=self._list(kind, version))
                route(f"{base}/{kind.plural}/<id>", get=self._single(kind, version))
            route(f"{base}/subscriptions", get=self._subscribed(version), post=self._subscribe(version))
            route(f"{base}/subscriptions/<id>", get=self._subscription(version), delete=self._unsubscribe(version))
        # What only the network's Query API may know.
        nothing = dict.fromkeys(("get", "post", "put", "patch", "delete"), _nothing)
        route(f"{BASE}/<rest:path>", **nothing)

    def _guarded(self, handler: Handler) -> Handler:
        def handle(request: Request) -> Answer | Awaitable[Answer]:
            if self._proxy.active:
                return self._proxy.forward(request)
            try:
                return handler(request)
            except WrongVersion as error:
                return _elsewhere(error.message, error.location)

        return handle

    # ---- resources

    def _list(self, kind: Kind, version: str) -> Handler:
        def get(request: Request) -> Awaitable[Answer]:
            raw = split(request.raw_query)
            asked = question(self._catalogue, kind, version, raw)
            # v1.0 knows no pages: a client of it would take the first for everything.
            paging = read_paging(asked.paging, None if version == "v1.0" else DEFAULT_LIMIT)
            items = list(self._catalogue.all(kind).values())
            pages = select(items, self._catalogue.newest, paging, asked.shown, asked.weight)

            def work() -> Work:
                page = yield from pages
                url = f"http://{_host(request)}{BASE}/{version}/{kind.plural}"
                return Answer((yield from _encoded(page)), headers=headers(page, paging, url, raw))

            return self._patiently(work())

        return get

    def _single(self, kind: Kind, version: str) -> Handler:
        def get(request: Request) -> Answer:
            id = request.params["id"]
            for key in request.query:
                if key != "query.downgrade":
                    raise NotSupported(f"{key[:60]}: is not supported for a single {kind}")
            resource = self._catalogue.get(kind, id)
            if resource is None:
                raise NotFound(f"no {kind} {id[:64]} is known")
            asked = question(self._catalogue, kind, version, split(request.raw_query))
            body = asked.shown(resource)
            if body is None:
                location = f"{BASE}/{resource.api_version}/{kind.plural}/{id}"
                return _elsewhere(f"this {kind} is of {resource.api_version}: {location}", location)
            return Answer(body)

        return get

    # ---- subscriptions

    def _subscribed(self, version: str) -> Handler:
        def get(request: Request) -> Awaitable[Answer]:
            raw = split(request.raw_query)
            paging = read_paging(request.query, None if version == "v1.0" else DEFAULT_LIMIT)
            all = self._subscriptions.of(version)
            newest = max((subscription.updated for subscription in all), default=0)

            def shown(subscription: Subscription) -> JSON:
                return subscription.body(_ws_href(request, subscription))

            def work() -> Work:
                page = yield from select(all, newest, paging, shown)
                url = f"http://{_host(request)}{BASE}/{version}/subscriptions"
                return Answer((yield from _encoded(page)), headers=headers(page, paging, url, raw))

            return self._patiently(work())

        return get

    def _subscribe(self, version: str) -> Handler:
        def post(request: Request) -> Answer:
            now = self._clock.monotonic()
            subscription, new = self._subscriptions.create(now, version, request.json_object())
            location = f"{BASE}/{version}/subscriptions/{subscription.id}"
            body = subscription.body(_ws_href(request, subscription))
            return Answer(body, 201 if new else 200, headers={"Location": location})

        return post

    def _subscription(self, version: str) -> Handler:
        def get(request: Request) -> Answer:
            subscription = self._subscriptions.get(version, request.params["id"])
            return Answer(subscription.body(_ws_href(request, subscription)))

        return get

    def _unsubscribe(self, version: str) -> Handler:
        def delete(request: Request) -> Answer:
            self._subscriptions.delete(version, request.params["id"])
            return Answer(b"", 204)

        return delete


SOCKET_PATH = re.compile(f"{BASE}/(v[0-9]+\\.[0-9]+)/sockets/([0-9a-f-]{{36}})")
"""Where the WebSockets are: version and subscription."""


def socket_href(request: Request, version: str, id: str) -> str:
    """The WebSocket of a subscription, at the address that the client has used."""
    return f"ws://{_host(request)}{BASE}/{version}/sockets/{id}"


def _ws_href(request: Request, subscription: Subscription) -> str:
    return socket_href(request, subscription.version, subscription.id)


def _encoded(page: Page[Any]) -> Generator[None, None, bytes]:
    parts = [b"["]
    for count, (_, body) in enumerate(page.items):
        parts += (b"," if count else b"", encode_json(body))
        if count % ENCODED_AT_A_TIME == ENCODED_AT_A_TIME - 1:
            yield
    return b"".join((*parts, b"]"))


def _is_local(request: Request) -> bool:
    return request.local


def _nothing(request: Request) -> Answer:
    raise NotFound(f"there is nothing at {request.path[:200]}")


def _elsewhere(message: str, location: str) -> Answer:
    body = {"code": 409, "error": message, "debug": None}
    return Answer(body, 409, headers={"Location": location})


def _host(request: Request) -> str:
    host = request.headers.get("host", "")
    return host if _HOST.fullmatch(host) else "127.0.0.1"


_HOST = re.compile(r"[A-Za-z0-9.-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
