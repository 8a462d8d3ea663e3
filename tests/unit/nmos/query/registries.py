"""A local Query API without a server: a catalogue filled from made-up nodes, asked through the site's routes."""

import asyncio
import json
from collections.abc import Awaitable, Generator, Mapping
from itertools import count
from typing import Any

from appliance.core.types import JSON, Kind
from appliance.discovery.catalogue import Catalogue
from appliance.edge.server import call_bottle
from appliance.nmos.query.api import QueryApi
from appliance.nmos.query.subscriptions import Subscriptions
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.lan.documents import VERSIONS, Resources, cut_down, peer_documents
from tests.support.clock import FakeClock

SOURCE_ID = "00000000-0000-5000-8000-00000000000a"
HOST = "127.0.0.1:8080"


class NoProxy:
    """A network without a Query API, or, once ``active``, one whose Query API says only that it was asked."""

    def __init__(self) -> None:
        self.active = False

    async def forward(self, request: Request) -> Answer:
        return Answer({"forwarded": request.path})


class Registry:
    """``slices`` counts how often the others had their turn while an answer was made."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.catalogue = Catalogue(self.clock.tai_ns)
        ids = count(1)
        self.subscriptions = Subscriptions(
            self.catalogue, SOURCE_ID, lambda: f"00000000-0000-4000-8000-{next(ids):012}", self.clock.tai_ns
        )
        self.proxy = NoProxy()
        self.site = Site()
        self.slices = 0
        QueryApi(self.catalogue, self.subscriptions, VERSIONS, self.clock, self._patiently, self.proxy).mount(self.site)

    def add(self, name: str, version: str = "v1.3", **more: Any) -> Resources:
        """A node as it answers in ``version``."""
        resources = cut_down(peer_documents(name, "10.0.0.9", **more).node_api["v1.3"], version)
        self.write(name, resources, version)
        return resources

    def write(self, owner: str, resources: Resources, version: str = "v1.3") -> None:
        for kind in Kind:
            bodies = [resources["self"]] if kind is Kind.NODE else resources[kind.plural]
            self.put(owner, kind, bodies, version)

    def put(self, owner: str, kind: Kind, bodies: list[JSON], version: str = "v1.3") -> None:
        """All that an owner has of a kind. Equal ones must stay the same objects."""
        for _ in self.catalogue.replacing(owner, kind, {body["id"]: body for body in bodies}, version):
            pass

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        local: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        path, _, query = path.partition("?")
        request = Request(
            method,
            f"/x-nmos/query{path}",
            query=dict(pair.split("=", 1) for pair in query.split("&") if pair),
            headers={"host": HOST, **(headers or {})},
            body=b"" if body is None else json.dumps(body).encode(),
            local=local,
            raw_query=query,
        )
        answer = call_bottle(self.site, request)
        return asyncio.run(_awaited(answer)) if isinstance(answer, Awaitable) else answer

    def get(self, path: str) -> Any:
        """The JSON of a GET that is answered 200."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return json.loads(answer.payload())

    def labels(self, path: str) -> list[str]:
        return [body["label"] for body in self.get(path)]

    async def _patiently(self, work: Generator[None, None, Answer]) -> Answer:
        while True:
            try:
                next(work)
                self.slices += 1
            except StopIteration as done:
                answer: Answer = done.value
                return answer


async def _awaited(answer: Awaitable[Answer]) -> Answer:
    return await answer
