"""A box and a world to look at: a store with two receivers, peers whose senders are made by ``entry``."""

import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from appliance.core.store import Store
from appliance.core.types import JSON, Kind
from appliance.discovery.world import SenderEntry, World
from appliance.panel.items import MenuChange
from appliance.panel.menu import MenuModel
from tests.support.clock import FakeClock

NODE, DEVICE, AUDIO, VIDEO = (
    str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in ("node", "device", "audio", "video")
)
RTP = "urn:x-nmos:transport:rtp"


def id_of(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def resource(id: str, label: str, **fields: Any) -> JSON:
    return {"id": id, "label": label, "description": "", "tags": {}, "version": "1:0", **fields}


def receiver(id: str, label: str, format: str, *media_types: str) -> JSON:
    return resource(
        id,
        label,
        device_id=DEVICE,
        format=f"urn:x-nmos:format:{format}",
        transport=RTP,
        caps={"media_types": list(media_types)},
        subscription={"sender_id": None, "active": False},
    )


def audio_entry(
    name: str, *, node: str = "Stage box", device: str = "Inputs", peer: str = "p", **fields: Any
) -> SenderEntry:
    """A sender of L24 stereo at 48 kHz; ``fields`` replace those of the entry."""
    flow = {"format": "urn:x-nmos:format:audio", "media_type": "audio/L24", "bit_depth": 24}
    whole: dict[str, Any] = {
        "peer": peer,
        "sender": resource(id_of(name), name, transport=f"{RTP}.mcast", subscription={"active": True}),
        "flow": resource(id_of(name + "f"), name, **flow, sample_rate={"numerator": 48_000, "denominator": 1}),
        "source": resource(id_of(name + "s"), name, channels=[{"label": "L"}, {"label": "R"}]),
        "device": resource(id_of(node + device), device),
        "node": resource(id_of(node), node),
    }
    return SenderEntry(**{**whole, **fields})


def connection(sender_id: str | None, *, enabled: bool = True, **fields: Any) -> JSON:
    active: JSON = {
        "sender_id": sender_id,
        "master_enable": enabled,
        "transport_file": {"data": None},
        "transport_params": [],
    }
    return {"staged": active, "active": active, "reason": [], "fault": None, "pending": None, **fields}


class Scene:
    """Store, world, menu and clock of one box; ``changes`` is what the menu told."""

    def __init__(self, *entries: SenderEntry) -> None:
        self.clock = FakeClock()
        self.store = Store(self.clock)
        with self.store.transaction("start") as tx:
            tx.put(Kind.NODE, resource(NODE, "Display A"))
            tx.put(Kind.DEVICE, resource(DEVICE, "Box", node_id=NODE))
            tx.put(Kind.RECEIVER, receiver(AUDIO, "Speakers", "audio", "audio/L24", "audio/L16"))
            tx.put(Kind.RECEIVER, receiver(VIDEO, "Screen", "video", "video/raw"))
        self.world = World()
        self.waiting: deque[Callable[[], None]] = deque()
        if entries:
            self.world.update("p", entries)
        self.menu = MenuModel(self.store, self.world, self.clock, self.waiting.append)
        self.changes: list[MenuChange] = []
        self.menu.subscribe(self.changes.append)

    def connect(self, receiver_id: str, value: JSON) -> None:
        with self.store.transaction("take") as tx:
            tx.attach("connection", receiver_id, value)

    def settle(self) -> None:
        """Run what the menu put off."""
        while self.waiting:
            self.waiting.popleft()()
