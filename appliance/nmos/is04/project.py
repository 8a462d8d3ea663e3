"""Older API versions as projections of the newest form, by key tables.

IS-04 only ever added keys between minor versions, so a v1.0 resource is a v1.3 one with the later keys left out. What
an older version cannot express at all (a WebSocket or MQTT sender before v1.3, a mux before v1.1) is left out of it
whole, together with every reference to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from appliance.core.types import JSON, Kind

VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3")
NEWEST = VERSIONS[-1]

Lookup = Callable[[Kind, str], JSON | None]
"""How a projection asks about other resources: the store's ``get``."""

_KEYS: Mapping[Kind, Mapping[str, str]] = {
    Kind.NODE: {
        "v1.0": "id version label href hostname caps services",
        "v1.1": "description tags api clocks",
        "v1.2": "interfaces",
    },
    Kind.DEVICE: {
        "v1.0": "id version label type node_id senders receivers",
        "v1.1": "description tags controls",
    },
    Kind.SOURCE: {
        "v1.0": "id version label description format caps tags device_id parents",
        "v1.1": "grain_rate clock_name channels",
    },
    Kind.FLOW: {
        "v1.0": "id version label description format tags source_id parents",
        "v1.1": "grain_rate device_id media_type sample_rate bit_depth DID_SDID frame_width frame_height"
        " interlace_mode colorspace transfer_characteristic components",
    },
    Kind.SENDER: {
        "v1.0": "id version label description flow_id transport tags device_id manifest_href",
        "v1.2": "caps interface_bindings subscription",
    },
    Kind.RECEIVER: {
        "v1.0": "id version label description format caps tags device_id transport subscription",
        "v1.2": "interface_bindings",
    },
}
"""In which version each top-level key appeared. Keys not named here came with v1.3, or from a register after it."""

_SHOWN = {
    (kind, version): frozenset(key for added, keys in by_version.items() if added <= version for key in keys.split())
    for kind, by_version in _KEYS.items()
    for version in VERSIONS
}

_NESTED_ADDED_IN: Mapping[tuple[Kind, str], Mapping[str, str]] = {
    (Kind.NODE, "interfaces"): {"attached_network_device": "v1.3"},
    (Kind.NODE, "services"): {"authorization": "v1.3"},
    (Kind.DEVICE, "controls"): {"authorization": "v1.3"},
    (Kind.RECEIVER, "subscription"): {"active": "v1.2"},
}
"""The same for keys of an object, or of each object of a list, inside a top-level key."""

_OLD_TRANSPORTS = frozenset(f"urn:x-nmos:transport:{name}" for name in ("rtp", "rtp.ucast", "rtp.mcast", "dash"))
_MUX = "urn:x-nmos:format:mux"


def project(kind: Kind, body: JSON, version: str, get: Lookup) -> JSON | None:
    """``body`` (v1.3 form) as API ``version`` shows it, or ``None`` where that version cannot express it."""
    if version == NEWEST:
        return body
    if not expressible(kind, body, version, get):
        return None
    shown = _SHOWN[kind, version]
    result = {key: value for key, value in body.items() if key in shown}
    for (nested_kind, key), nested in _NESTED_ADDED_IN.items():
        if nested_kind is kind and key in result:
            result[key] = _without_later(result[key], nested, version)
    if kind is Kind.NODE and "api" in result:
        endpoints = _without_later(result["api"]["endpoints"], {"authorization": "v1.3"}, version)
        result["api"] = {**result["api"], "endpoints": endpoints}
    if kind is Kind.FLOW and body.get("media_type") != "video/raw":
        result.pop("components", None)  # of coded video since v1.3 (NMOS Flow Attributes register)
    if kind is Kind.DEVICE:
        for key, child in (("senders", Kind.SENDER), ("receivers", Kind.RECEIVER)):
            result[key] = [id for id in body[key] if _shown(child, id, version, get)]
    if kind in (Kind.SENDER, Kind.RECEIVER) and version >= "v1.2":
        result["subscription"] = _subscription(kind, result["subscription"], version, get)
    return result


def expressible(kind: Kind, body: JSON, version: str, get: Lookup) -> bool:
    """Whether API ``version`` has words for this resource."""
    if version == NEWEST:
        return True
    if kind in (Kind.SENDER, Kind.RECEIVER) and body["transport"] not in _OLD_TRANSPORTS:
        return False
    if version == "v1.0":
        if body.get("format") == _MUX:
            return False
        if kind is Kind.SENDER and body.get("flow_id"):
            flow = get(Kind.FLOW, body["flow_id"])
            return flow is None or flow["format"] != _MUX
    return True


def _shown(kind: Kind, id: str, version: str, get: Lookup) -> bool:
    body = get(kind, id)
    return body is not None and expressible(kind, body, version, get)


def _subscription(kind: Kind, subscription: JSON, version: str, get: Lookup) -> JSON:
    """A subscription without the id of one of our own senders or receivers that this version does not show."""
    key, other = ("receiver_id", Kind.RECEIVER) if kind is Kind.SENDER else ("sender_id", Kind.SENDER)
    peer = subscription.get(key)
    if peer is None or (body := get(other, peer)) is None or expressible(other, body, version, get):
        return subscription
    return {**subscription, key: None}


def _without_later(value: object, added: Mapping[str, str], version: str) -> object:
    if isinstance(value, list):
        return [_without_later(item, added, version) for item in value]
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if added.get(key, "v1.0") <= version}
    return value
