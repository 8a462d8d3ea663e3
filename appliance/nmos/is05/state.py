"""The shapes of the Connection API's JSON, and of the store's aspect "connection" (IS-05 v1.1, response schemas)."""

from __future__ import annotations

from typing import Final, TypedDict

from appliance.core.types import JSON
from appliance.nmos.is05.endpoint import Endpoint

ASPECT: Final = "connection"
IMMEDIATE: Final = "activate_immediate"
ABSOLUTE: Final = "activate_scheduled_absolute"
RELATIVE: Final = "activate_scheduled_relative"
SDP_TYPE: Final = "application/sdp"
UNSPECIFIED: Final = "0.0.0.0"
"""Stands in /active for an address that is not known yet: AMWA's schemas allow no null there, and no auto is due."""


class Activation(TypedDict):
    """``requested_time`` as asked for (relative ones too), ``activation_time`` always absolute TAI."""

    mode: str | None
    requested_time: str | None
    activation_time: str | None


class TransportFile(TypedDict):
    data: str | None
    type: str | None


class Desired(TypedDict):
    """What was last activated, ``auto`` still in it: what /active is resolved from again when the network moves."""

    peer_id: str | None
    master_enable: bool
    transport_file: TransportFile
    transport_params: list[JSON]


class Connection(TypedDict):
    """All that IS-05 knows of one sender or receiver.

    ``staged`` and ``active`` are what GET answers; ``desired`` is what was last activated; ``reason`` says for each leg
    why it uses its interface; ``fault`` why the active state is not the desired one, ``notice`` why the last scheduled
    activation did not happen; ``pending`` is one that is still to come.
    """

    staged: JSON
    active: JSON
    desired: Desired
    reason: list[str]
    fault: str | None
    notice: str | None
    pending: Activation | None


def no_activation() -> Activation:
    return {"mode": None, "requested_time": None, "activation_time": None}


def no_file() -> TransportFile:
    return {"data": None, "type": None}


def desired_of(endpoint: Endpoint, staged: JSON) -> Desired:
    """What activating ``staged`` asks for."""
    return {
        "peer_id": staged[endpoint.peer_key],
        "master_enable": staged["master_enable"],
        "transport_file": staged.get("transport_file") or no_file(),
        "transport_params": staged["transport_params"],
    }


def document(endpoint: Endpoint, desired: Desired, activation: Activation) -> JSON:
    """``desired`` in the form of /staged and /active; a sender has no transport file to be given."""
    body: JSON = {
        endpoint.peer_key: desired["peer_id"],
        "master_enable": desired["master_enable"],
        "activation": activation,
    }
    if not endpoint.is_sender:
        body["transport_file"] = desired["transport_file"]
    body["transport_params"] = desired["transport_params"]
    return body


def is_connection_of(endpoint: Endpoint, kept: JSON) -> bool:
    """Whether what an earlier run kept still is this endpoint's: by the same keys, legs and parameters."""
    try:
        bodies = (kept["staged"], kept["active"], kept["desired"])
        return (
            kept.keys() == Connection.__annotations__.keys()
            and bodies[0].keys() == bodies[1].keys()
            and endpoint.peer_key in bodies[0]
            and all(_fits(endpoint, body["transport_params"]) for body in bodies)
        )
    except (KeyError, TypeError, AttributeError):
        return False


def _fits(endpoint: Endpoint, legs: list[JSON]) -> bool:
    return len(legs) == len(endpoint.legs) and all(leg.keys() == set(endpoint.parameters) for leg in legs)
