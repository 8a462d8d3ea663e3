"""A box of events for tests: a store, the Connection API, sources, and a carrier that writes down what it is told."""

import json
from dataclasses import dataclass, field
from typing import Any

from appliance.config.loader import parse
from appliance.config.model import Transport
from appliance.core.types import JSON, Kind
from appliance.nmos.is05.endpoint import endpoints
from appliance.nmos.is07.exchange import Exchange, Receiving, Sending
from appliance.nmos.is07.messages import Event
from appliance.nmos.is07.sources import Sources
from tests.unit.nmos.is05.boxes import IDENTITIES
from tests.unit.nmos.is05.boxes import Box as ConnectionBox

CONFIG = """
[events.mqtt_broker]
host = "10.0.0.9"
[[devices]]
name = "desk"
[[devices]]
name = "rack"
[[senders]]
name = "button"
device = "desk"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
[[senders]]
name = "fader"
device = "desk"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "number/position/percent"
event = { min = 0, max = 100, step = 0.1, scale = 10 }
[[senders]]
name = "mode"
device = "rack"
format = "data"
transport = "mqtt"
media_type = "application/json"
event_type = "string/enum/Mode"
event = { values = [{ value = "off", label = "Off" }, { value = "on", label = "On", description = "It is on" }] }
[[receivers]]
name = "lamp"
device = "desk"
format = "data"
transport = "websocket"
media_types = ["application/json"]
event_types = ["boolean", "number/*"]
[[receivers]]
name = "display"
device = "desk"
format = "data"
transport = "mqtt"
media_types = ["application/json"]
event_types = ["string/enum/Mode"]
"""


@dataclass
class Notes:
    """A carrier on paper."""

    said: list[tuple[Any, ...]] = field(default_factory=list)

    def send(self, sending: Sending) -> None:
        self.said.append(("send", sending.sender_id, sending.params))

    def stop_sending(self, sender_id: str) -> None:
        self.said.append(("stop_sending", sender_id))

    def publish(self, sending: Sending, event: Event) -> None:
        self.said.append(("publish", sending.sender_id, event))

    def receive(self, receiving: Receiving) -> None:
        self.said.append(("receive", receiving.receiver_id, receiving.params))

    def stop_receiving(self, receiver_id: str) -> None:
        self.said.append(("stop_receiving", receiver_id))

    async def close(self) -> None:
        self.said.append(("close",))

    def take(self) -> list[tuple[Any, ...]]:
        said, self.said = self.said, []
        return said


class TallyBox:
    def __init__(self, config: str = CONFIG) -> None:
        self.box = ConnectionBox(parse(config))
        self.clock = self.box.clock
        made = endpoints(self.box.config, IDENTITIES)
        self.sources = Sources(made, self.clock)
        self.exchange = Exchange(self.box.store, made, self.sources)
        self.websocket, self.mqtt = Notes(), Notes()
        self.exchange.carriers.update({Transport.WEBSOCKET: self.websocket, Transport.MQTT: self.mqtt})

    def patch(self, kind: Kind, name: str, leg: JSON | None = None, *, enable: bool = True) -> None:
        body: JSON = {"master_enable": enable, "activation": {"mode": "activate_immediate"}}
        if leg is not None:
            body["transport_params"] = [leg]
        self.box.connections.patch(kind, IDENTITIES.of(kind, name), json.loads(json.dumps(body)))


def sender(name: str) -> str:
    return IDENTITIES.of(Kind.SENDER, name)


def source(name: str) -> str:
    return IDENTITIES.of(Kind.SOURCE, name)


def receiver(name: str) -> str:
    return IDENTITIES.of(Kind.RECEIVER, name)
