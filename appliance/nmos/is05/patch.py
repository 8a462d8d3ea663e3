"""What a PATCH to /staged means: a request, checked, merged into what is staged. Nothing here touches the store.

What a request does not mention stays, also inside ``transport_params``. A transport file gives the parameters new
values first, and those in the same request win over it (IS-05 Behaviour - RTP Transport Type).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.core.tai import parse_tai
from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.is05.constraints import check
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.schemas import canonical, patch_validator
from appliance.nmos.is05.state import IMMEDIATE, SDP_TYPE, TransportFile, no_file

ReadFile = Callable[[str], list[JSON]]
"""Turns an SDP file into transport parameters for each leg; :class:`BadRequest` says why it does not fit."""


@dataclass(frozen=True, slots=True)
class Requested:
    """The activation that a request asks for: at once, at a TAI time in ns, or after so many ns."""

    mode: str
    time: str | None = None
    time_ns: int = 0


def validate(endpoint: Endpoint, body: Any) -> None:
    """:class:`BadRequest` unless the body is a request that this endpoint could get, whatever its state."""
    patch_validator(endpoint.kind, endpoint.parameters)(body)
    legs = body.get("transport_params")
    if legs is not None and len(legs) != len(endpoint.legs):
        raise BadRequest(f"transport_params: has {len(legs)} legs, and this {endpoint.kind} has {len(endpoint.legs)}")


def requested_activation(body: JSON) -> Requested | None:
    """``None``: only stage. Call after :func:`validate`."""
    activation = body.get("activation")
    if activation is None:
        return None
    mode, time = activation["mode"], activation.get("requested_time")
    if mode is None:
        if time is not None:
            raise BadRequest("activation.requested_time: must be null where activation.mode is null")
        return None
    if mode == IMMEDIATE:  # a time beside it means nothing, and is shown as null (activation-response-schema.json)
        return Requested(mode)
    if time is None:
        raise BadRequest(f"activation.requested_time: is needed for {mode}")
    try:
        return Requested(mode, time, parse_tai(time))
    except BadRequest as error:
        raise BadRequest(f"activation.requested_time: {error.message}") from None


def is_cancelling(body: JSON) -> bool:
    """Whether the request takes back a pending activation, the one kind that is let through while one is pending."""
    return "activation" in body and body["activation"]["mode"] is None


def stage(endpoint: Endpoint, staged: JSON, body: JSON, constraints: Sequence[JSON], read_file: ReadFile) -> JSON:
    """``staged`` as it is after the request; both are left alone. Call after :func:`validate`."""
    changed = dict(staged)
    for key in (endpoint.peer_key, "master_enable"):
        if key in body:
            changed[key] = body[key]
    if "transport_file" in body:
        changed["transport_file"] = file = _transport_file(body["transport_file"], staged["transport_file"])
        if file["data"] is not None and "data" in body["transport_file"]:
            changed["transport_params"] = _merged(changed["transport_params"], read_file(file["data"]))
    if "transport_params" in body:
        given = [_normal(leg) for leg in body["transport_params"]]
        check(constraints, given)
        changed["transport_params"] = _merged(changed["transport_params"], given)
    return changed


def _transport_file(given: JSON, before: TransportFile) -> TransportFile:
    """``data`` and ``type`` are both strings or both null; what v1.0 lets a request leave out stays."""
    data = given.get("data", before["data"])
    if data is None:  # a type alone describes nothing
        return no_file()
    kind = given.get("type", before["type"] if "data" not in given else before["type"] or SDP_TYPE)
    if kind is None:
        raise BadRequest("transport_file.type: is needed beside transport_file.data")
    if kind.partition(";")[0].strip().lower() != SDP_TYPE:
        raise BadRequest(f"transport_file.type: {kind[:80]} is not supported, only {SDP_TYPE}")
    return {"data": data, "type": kind}


def _merged(legs: Sequence[JSON], given: Sequence[JSON]) -> list[JSON]:
    return [{**leg, **new} if new else leg for leg, new in zip(legs, given, strict=True)]


_ADDRESSES: Collection[str] = frozenset(
    {"source_ip", "destination_ip", "interface_ip", "multicast_ip", "fec_destination_ip", "rtcp_destination_ip"}
)


def _normal(leg: JSON) -> JSON:
    """One spelling for each address, the one that /constraints has."""
    return {
        name: canonical(value) if name in _ADDRESSES and isinstance(value, str) else value
        for name, value in leg.items()
    }
