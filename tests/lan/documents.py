"""Valid IS-04 resources for a fake peer: a node with a device, audio senders with their transport files, receivers.

Made in the v1.3 form and cut down to older versions. The ids come from the peer's name, so they are the same on
every run.
"""

import copy
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.specs import recorded_documents

VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3")
NODE_PORT = 8000
RTP_PORT = 5004
_SAMPLE_RATE = 48000
_BIT_DEPTH = 24
_FIRST_VERSION_S = 1_700_000_037
_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # NAMESPACE_URL of RFC 4122

# What each version added (the schemas of IS-04 v1.0 to v1.3), so what an older one must not show.
_ADDED = {
    "v1.1": {
        "self": ("api", "clocks", "description", "tags"),
        "devices": ("controls", "description", "tags"),
        "sources": ("channels", "clock_name", "grain_rate"),
        "flows": ("bit_depth", "device_id", "grain_rate", "media_type", "sample_rate"),
    },
    "v1.2": {
        "self": ("interfaces",),
        "senders": ("caps", "interface_bindings", "subscription"),
        "receivers": ("interface_bindings",),
    },
}

Resources = dict[str, Any]  # "self" → the node; "devices", "sources", ... → a list


@dataclass(frozen=True, slots=True)
class Documents:
    """What a peer serves: per API version its resources, and files (transport files) by their path."""

    node_api: dict[str, Resources]
    files: dict[str, str]


def peer_documents(
    name: str,
    address: str,
    *,
    port: int = NODE_PORT,
    senders: int = 1,
    receivers: int = 0,
    channels: int = 2,
    versions: Sequence[str] = ("v1.3",),
) -> Documents:
    """A valid node called `name` whose every href leads to `address` and `port`."""
    builder = _Builder(name, f"http://{address}:{port}", address, channels)
    resources = builder.node(port, versions)
    for number in range(1, senders + 1):
        builder.add_sender(resources, number)
    for number in range(1, receivers + 1):
        builder.add_receiver(resources, number)
    return Documents({version: cut_down(resources, version) for version in versions}, builder.files)


def recorded_peer(product: str = "nmos-cpp-node") -> Documents:
    """What a real product answered, in every version that was recorded."""
    return Documents({version: recorded_documents(product, "node", version) for version in VERSIONS}, {})


def cut_down(resources: Resources, version: str) -> Resources:
    """A copy of v1.3 resources without what `version` does not know."""
    older = copy.deepcopy(resources)
    for later, added in _ADDED.items():
        if version < later:
            for kind, keys in added.items():
                for resource in [older[kind]] if kind == "self" else older[kind]:
                    for key in keys:
                        resource.pop(key, None)
    if version < "v1.2":
        for receiver in older["receivers"]:
            receiver["subscription"].pop("active")
    return older


def resource_id(peer: str, what: str) -> str:
    """The id of a resource of a peer made here: `resource_id("desk", "sender 1")`; "node" and "device" have one."""
    return str(uuid.uuid5(_NAMESPACE, f"{peer}/{what}"))


def group_address(peer: str, number: int) -> str:
    """The multicast address of a sender: administratively scoped (RFC 2365), its own for each peer and sender."""
    high, low = uuid.uuid5(_NAMESPACE, f"{peer}/group").bytes[:2]
    return f"239.{high}.{low}.{number}"


class _Builder:
    def __init__(self, name: str, base: str, address: str, channels: int) -> None:
        self.files: dict[str, str] = {}
        self._name = name
        self._base = base
        self._address = address
        self._channels = channels
        self._made = 0

    def node(self, port: int, versions: Sequence[str]) -> Resources:
        node = self._core("node", self._name) | {
            "href": f"{self._base}/",
            "hostname": f"{self._name}.local",
            "caps": {},
            "api": {
                "versions": list(versions),
                "endpoints": [{"host": self._address, "port": port, "protocol": "http"}],
            },
            "services": [],
            "clocks": [{"name": "clk0", "ref_type": "internal"}],
            "interfaces": [{"name": "eth0", "chassis_id": None, "port_id": "02-00-5e-00-53-01"}],
        }
        device = self._core("device", f"{self._name} device") | {
            "type": "urn:x-nmos:device:generic",
            "node_id": node["id"],
            "senders": [],
            "receivers": [],
            "controls": [],
        }
        return {"self": node, "devices": [device], "sources": [], "flows": [], "senders": [], "receivers": []}

    def add_sender(self, resources: Resources, number: int) -> None:
        device = resources["devices"][0]
        label = f"{self._name} {number}"
        source = self._core(f"source {number}", label) | {
            "format": "urn:x-nmos:format:audio",
            "caps": {},
            "device_id": device["id"],
            "parents": [],
            "clock_name": "clk0",
            "channels": [{"label": f"channel {channel}"} for channel in range(1, self._channels + 1)],
        }
        flow = self._core(f"flow {number}", label) | {
            "format": "urn:x-nmos:format:audio",
            "source_id": source["id"],
            "device_id": device["id"],
            "parents": [],
            "media_type": f"audio/L{_BIT_DEPTH}",
            "sample_rate": {"numerator": _SAMPLE_RATE},
            "bit_depth": _BIT_DEPTH,
        }
        sender = self._core(f"sender {number}", label)
        path = f"/x-nmos/connection/v1.1/single/senders/{sender['id']}/transportfile"
        sender |= {
            "flow_id": flow["id"],
            "transport": "urn:x-nmos:transport:rtp.mcast",
            "device_id": device["id"],
            "manifest_href": self._base + path,
            "interface_bindings": ["eth0"],
            "caps": {},
            "subscription": {"receiver_id": None, "active": True},
        }
        self.files[path] = self._sdp(label, number)
        device["senders"].append(sender["id"])
        for kind, resource in (("sources", source), ("flows", flow), ("senders", sender)):
            resources[kind].append(resource)

    def add_receiver(self, resources: Resources, number: int) -> None:
        device = resources["devices"][0]
        receiver = self._core(f"receiver {number}", f"{self._name} in {number}") | {
            "format": "urn:x-nmos:format:audio",
            "device_id": device["id"],
            "transport": "urn:x-nmos:transport:rtp.mcast",
            "interface_bindings": ["eth0"],
            "caps": {"media_types": [f"audio/L{_BIT_DEPTH}"]},
            "subscription": {"sender_id": None, "active": False},
        }
        device["receivers"].append(receiver["id"])
        resources["receivers"].append(receiver)

    def _core(self, what: str, label: str) -> dict[str, Any]:
        self._made += 1
        return {
            "id": resource_id(self._name, what),
            "version": f"{_FIRST_VERSION_S}:{self._made}",
            "label": label,
            "description": f"{label}, a fake for tests",
            "tags": {},
        }

    def _sdp(self, label: str, number: int) -> str:
        group = group_address(self._name, number)
        lines = (
            "v=0",
            f"o=- {number} 1 IN IP4 {self._address}",
            f"s={label}",
            "t=0 0",
            f"m=audio {RTP_PORT} RTP/AVP 97",
            f"c=IN IP4 {group}/32",
            f"a=source-filter: incl IN IP4 {group} {self._address}",
            f"a=rtpmap:97 L{_BIT_DEPTH}/{_SAMPLE_RATE}/{self._channels}",
            "a=ptime:1",
            "a=ts-refclk:localmac=02-00-5e-00-53-01",
            "a=mediaclk:direct=0",
        )
        return "\r\n".join(lines) + "\r\n"
