"""A box for tests of the Connection API: a store with IS-04 resources, a network on paper, a clock that waits."""

from __future__ import annotations

import asyncio
import inspect
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from appliance.config.model import Config, DeviceConfig, LegConfig, ReceiverConfig, SenderConfig, Transport
from appliance.core.ids import Identities
from appliance.core.store import Change, Store
from appliance.core.types import JSON, Kind
from appliance.edge.server import call_bottle
from appliance.errors import ApplianceError
from appliance.network import policy
from appliance.network.model import NetworkState, Route
from appliance.network.policy import Question
from appliance.network.pool import pick
from appliance.nmos.is04.build import Builder, Host
from appliance.nmos.is05.api import ConnectionApi
from appliance.nmos.is05.connections import Connections
from appliance.nmos.is05.endpoint import Endpoint, endpoints
from appliance.nmos.is05.transportfile import TransportFiles
from appliance.web.messages import Answer, Request
from appliance.web.site import Site, answer_error
from tests.support.clock import FakeClock
from tests.unit.network.hosts import Kernel, host, interface

RED = interface("eth0", "10.0.0.1/24", "fd00::1/64", index=2)
BLUE = interface("eth1", "10.1.0.1/24", index=3)
TWO_PORTS = host(RED, BLUE)
NO_NETWORK = host(media=("eth0", "eth1"))

_PAIR = (LegConfig(interfaces=("eth0",)), LegConfig(interfaces=("eth1",)))
CONFIG = Config(
    devices=(DeviceConfig("box"),),
    senders=(
        SenderConfig("tone", "box"),
        SenderConfig("pair", "box", legs=_PAIR),
        SenderConfig("off", "box", active=False),
    ),
    receivers=(
        ReceiverConfig("speaker", "box"),
        ReceiverConfig("dual", "box", legs=_PAIR),
        ReceiverConfig("direct", "box", transport=Transport.RTP_UCAST),
    ),
)
IDENTITIES = Identities(uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"))
RETURN_AFTER_S = 35.0
SENDER_ID = "11111111-1111-4111-8111-111111111111"
"""Some sender of another node."""


def sender_id(name: str) -> str:
    return IDENTITIES.of(Kind.SENDER, name)


def receiver_id(name: str) -> str:
    return IDENTITIES.of(Kind.RECEIVER, name)


def multicast_sdp(
    group: str = "239.1.2.3", port: int = 5010, *, media: str = "L24/48000/2", source: str | None = None
) -> str:
    """A one-leg file as an AES67 sender writes it."""
    filter_line = f"a=source-filter: incl IN IP4 {group} {source}\r\n" if source else ""
    return (
        "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=there\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 97\r\nc=IN IP4 {group}/32\r\n{filter_line}a=rtpmap:97 {media}\r\na=ptime:1\r\n"
    )


def pair_sdp() -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=there\r\nt=0 0\r\na=group:DUP A B\r\n"
        "m=audio 5010 RTP/AVP 97\r\nc=IN IP4 239.1.2.3/32\r\na=rtpmap:97 L24/48000/2\r\na=mid:A\r\n"
        "m=audio 5012 RTP/AVP 97\r\nc=IN IP4 239.1.2.4/32\r\na=rtpmap:97 L24/48000/2\r\na=mid:B\r\n"
    )


@dataclass
class PaperNetwork:
    """The real policy over a network on paper; ``state`` is set by tests."""

    state: NetworkState = TWO_PORTS
    kernel: Kernel = field(default_factory=Kernel)

    def choose(self, question: Question) -> policy.Choice | policy.Refusal:
        return policy.choose(question, self.state, self.kernel)

    def route(self, **interfaces: str) -> None:
        """The only routes there are: ``route(**{"10.0.0.9": "eth0"})``."""
        self.kernel = Kernel({destination: Route(name, None) for destination, name in interfaces.items()})


@dataclass
class PaperPool:
    network: str | None = "239.64.0.0/12"

    def address(self, sender_id: str, leg: int) -> str:
        group = pick(self.network, sender_id, leg) if self.network else None
        if group is None:
            raise ApplianceError("the multicast pool is used up")
        return group


class Box:
    """One box from power-on; :meth:`rebooted` is the same one after a restart."""

    def __init__(
        self,
        config: Config = CONFIG,
        *,
        state: NetworkState = TWO_PORTS,
        clock: FakeClock | None = None,
        kept: Store | None = None,
        pool: PaperPool | None = None,
        change: Callable[[Endpoint], Endpoint] = lambda endpoint: endpoint,
    ) -> None:
        self.config = config
        self.clock = clock or FakeClock()
        self.store = Store(self.clock)
        self.network = PaperNetwork(state)
        self.pool = pool or PaperPool()
        if kept is not None:
            resources = [(kind, body) for kind in Kind for body in kept.all(kind).values()]
            self.store.restore(
                resources, [(a, id, value) for a in kept.aspect_names() for id, value in kept.aspects(a).items()]
            )
        self.builder = Builder(config, IDENTITIES)
        self.reached_at(("10.0.0.1",))
        self.rearmed = 0
        made = [change(endpoint) for endpoint in endpoints(config, IDENTITIES)]
        self.broker = config.events.mqtt_broker
        self.connections = Connections(
            self.store, made, self.network, self.pool, self.clock, self._rearm, lambda: self.broker, RETURN_AFTER_S
        )
        self.connections.start()
        self.store.reset_counters()
        self.changes: list[Change] = []
        self.store.subscribe(self.changes.append)

    def reached_at(self, addresses: tuple[str, ...], port: int = 8080) -> None:
        """Where the APIs of the box are; tell ``connections`` of the change as the box does."""
        self.builder.populate(self.store, Host("box", addresses, port, TWO_PORTS), "reached at")

    @cached_property
    def site(self) -> Site:
        """Its HTTP API, made when it is first asked."""
        site = Site()
        files = TransportFiles(self.store, self.connections, self.network, ttl=32)
        ConnectionApi(self.connections, files).mount(site)
        self.store.subscribe(site.ready.on_change)
        return site

    def rebooted(self, config: Config | None = None) -> Box:
        return Box(config or self.config, state=self.network.state, clock=self.clock, kept=self.store, pool=self.pool)

    def ask(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> Answer:
        """One request, answered as the server edge would."""
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        request = Request(method, f"/x-nmos/connection{path}", body=data)
        answer = call_bottle(self.site, request)
        if inspect.isawaitable(answer):
            try:
                answer = asyncio.run(_awaited(answer))
            except ApplianceError as error:
                answer = answer_error(error)
        assert isinstance(answer, Answer)
        return answer

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.body

    def patch(self, kind: Kind, id: str, body: Any, version: str = "v1.1") -> Answer:
        return self.ask("PATCH", f"/{version}/single/{kind.plural}/{id}/staged", body)

    def staged(self, kind: Kind, id: str) -> JSON:
        return dict(self.get(f"/v1.1/single/{kind.plural}/{id}/staged"))

    def active(self, kind: Kind, id: str) -> JSON:
        return dict(self.get(f"/v1.1/single/{kind.plural}/{id}/active"))

    def aspect(self, id: str) -> JSON:
        value = self.store.aspect("connection", id)
        assert value is not None
        return value

    def resource(self, kind: Kind, id: str) -> JSON:
        body = self.store.get(kind, id)
        assert body is not None
        return body

    def endpoint(self, kind: Kind, id: str) -> Endpoint:
        return self.connections.endpoint(kind, id)

    def _rearm(self) -> None:
        self.rearmed += 1


async def _awaited(answer: Any) -> Any:
    return await answer


IMMEDIATE: JSON = {"mode": "activate_immediate"}
NO_ACTIVATION: JSON = {"mode": None, "requested_time": None, "activation_time": None}
