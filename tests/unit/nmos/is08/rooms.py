"""A box whose channels are mapped, for the tests of IS-08."""

from __future__ import annotations

import json
from functools import cached_property
from itertools import count
from typing import Any

from appliance.config.mapping import MappedInputConfig, MappedOutputConfig, MappingConfig
from appliance.config.model import Config, DeviceConfig, InputConfig, ReceiverConfig, SenderConfig
from appliance.core.store import Change, Store
from appliance.core.types import JSON, Kind
from appliance.edge.server import call_bottle
from appliance.nmos.is04.build import Builder, Host
from appliance.nmos.is08.api import ChannelMappingApi
from appliance.nmos.is08.channelmap import ChannelMap
from appliance.nmos.is08.matrix import matrix
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.support.clock import FakeClock
from tests.unit.nmos.is05.boxes import IDENTITIES, TWO_PORTS

MAPPING = MappingConfig(
    inputs=(
        MappedInputConfig("receiver-blocks", reordering=False, block_size=2, label="In pairs"),
        MappedInputConfig("mono", sum_of="receiver-speaker", channels=(0, 1)),
    ),
    outputs=(MappedOutputConfig("sender-narrow", routable_inputs=("local-narrow", "mono")),),
)
CONFIG = Config(
    mapping=MAPPING,
    devices=(DeviceConfig("box"), DeviceConfig("bare")),
    senders=(
        SenderConfig("tone", "box", label="Tone", input=InputConfig("tone", frequency_hz=440)),
        SenderConfig("wide", "box", channels=8, packet_time_ms=0.125, input=InputConfig("silence")),
        SenderConfig("narrow", "box", channels=1),
    ),
    receivers=(
        ReceiverConfig("speaker", "box", label="Speaker", max_channels=4),
        ReceiverConfig("blocks", "box", max_channels=4),
    ),
)
IMMEDIATE: JSON = {"mode": "activate_immediate"}
ABSOLUTE, RELATIVE = "activate_scheduled_absolute", "activate_scheduled_relative"
MUTED: JSON = {"input": None, "channel_index": None}


def at(input_id: str, index: int) -> JSON:
    """An entry of a map."""
    return {"input": input_id, "channel_index": index}


def relative(seconds: int) -> JSON:
    return {"mode": RELATIVE, "requested_time": f"{seconds}:0"}


def source_id(name: str) -> str:
    return IDENTITIES.of(Kind.SOURCE, name)


class Room:
    """One box from power-on; :meth:`rebooted` is the same one after a restart."""

    def __init__(self, config: Config = CONFIG, clock: FakeClock | None = None, kept: Store | None = None) -> None:
        self.clock = clock or FakeClock()
        self.store = Store(self.clock)
        if kept is not None:
            resources = [(kind, body) for kind in Kind for body in kept.all(kind).values()]
            aspects = [
                (a, id, json.loads(json.dumps(v))) for a in kept.aspect_names() for id, v in kept.aspects(a).items()
            ]
            self.store.restore(resources, aspects)
        Builder(config, IDENTITIES).populate(self.store, Host("box", ("10.0.0.1",), 8080, TWO_PORTS), "start")
        self.rearmed = 0
        ids = count(1)
        self.channels = ChannelMap(
            matrix(config, IDENTITIES), self.store, self.clock, lambda: f"activation-{next(ids)}", self._rearm
        )
        self.channels.start()
        self.changes: list[Change] = []
        self.store.subscribe(self.changes.append)

    def rebooted(self, config: Config = CONFIG) -> Room:
        return Room(config, self.clock, self.store)

    @cached_property
    def site(self) -> Site:
        site = Site()
        ChannelMappingApi(self.channels, self.store).mount(site)
        self.store.subscribe(site.ready.on_change)
        return site

    def ask(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> Answer:
        """One request below /x-nmos/channelmapping/v1.0, answered as the server edge would."""
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        answer = call_bottle(self.site, Request(method, f"/x-nmos/channelmapping/v1.0{path}", body=data))
        assert isinstance(answer, Answer)
        return answer

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return json.loads(answer.payload())

    def post(self, action: Any, activation: Any = IMMEDIATE) -> Answer:
        return self.ask("POST", "/map/activations", {"activation": activation, "action": action})

    def routed(self, output: str) -> list[tuple[str, int] | None]:
        return list(self.channels.routes(self.channels.output(output)))

    def version(self, kind: Kind, id: str) -> str:
        body = self.store.get(kind, id)
        assert body is not None
        return str(body["version"])

    def _rearm(self) -> None:
        self.rearmed += 1
