"""What a POST to /map/activations asks for, and everything that can be wrong with it, each with its key and reason."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from appliance.core.types import JSON
from appliance.errors import BadRequest, TooLarge
from appliance.nmos.is05.patch import Requested, requested_activation
from appliance.nmos.is05.state import ABSOLUTE, IMMEDIATE, RELATIVE
from appliance.nmos.is08.matrix import Matrix, Output, Route
from appliance.nmos.is08.rules import exists
from appliance.web.schema import Validate, compiled

MAX_OUTPUTS = 1024
MAX_CHANNELS = 64
"""The most Outputs of one map, and channels of one Output; over that 413."""
_CHANNEL = re.compile(r"0|[1-9][0-9]{0,5}")
_ENTRY = {"input", "channel_index"}


@dataclass(frozen=True, slots=True)
class Action:
    """What becomes of some channels of some Outputs: by Output and channel. ``body`` is how it was asked for."""

    routes: dict[str, dict[int, Route]]
    body: JSON


def read_request(body: JSON, matrix: Matrix) -> tuple[Requested, Action]:
    """:class:`BadRequest` or :class:`TooLarge` unless it could be done, whatever is routed now."""
    _check_size(body.get("action"))
    validator()(body)
    requested = requested_activation(body)
    assert requested is not None  # the schema wants a mode
    if not body["action"]:
        raise BadRequest("action: names no output")
    routes = {id: _output(id, entries, matrix) for id, entries in body["action"].items()}
    return requested, Action(routes, body["action"])


@functools.cache
def validator() -> Validate:
    """For all but what is in ``action``."""
    time: JSON = {"type": ["string", "null"], "pattern": _TAI}
    activation: JSON = {
        "type": "object",
        "properties": {"mode": {"enum": [IMMEDIATE, ABSOLUTE, RELATIVE]}, "requested_time": time},
        "required": ["mode"],
        "additionalProperties": False,
    }
    schema: JSON = {
        "type": "object",
        "properties": {"activation": activation, "action": {"type": "object"}},
        "required": ["activation", "action"],
        "additionalProperties": False,
    }
    return compiled(schema, meanings={_TAI: "<seconds>:<nanoseconds>"})


_TAI = "^[0-9]+:[0-9]+$"


def _check_size(action: Any) -> None:
    if not isinstance(action, dict):
        return  # the schema says so
    if len(action) > MAX_OUTPUTS:
        raise TooLarge(f"action: names {len(action)} outputs, and {MAX_OUTPUTS} is the most of one map")
    for id, entries in action.items():
        if isinstance(entries, dict) and len(entries) > MAX_CHANNELS:
            raise TooLarge(
                f"action.{id[:80]}: has {len(entries)} channels, and {MAX_CHANNELS} is the most of one output"
            )


def _output(id: str, entries: Any, matrix: Matrix) -> dict[int, Route]:
    output = matrix.outputs.get(id)
    if output is None:
        raise BadRequest(f"action.{id[:80]}: there is no such output")
    if not isinstance(entries, dict) or not entries:
        raise BadRequest(f"action.{id}: must be an object with one channel at least")
    return {_channel(output, key): _route(f"action.{id}.{key}", entry, matrix) for key, entry in entries.items()}


def _channel(output: Output, key: str) -> int:
    if not _CHANNEL.fullmatch(key) or int(key) >= len(output.channels):
        raise BadRequest(
            f"action.{output.id}.{key[:80]}: is no channel of it; those are 0 to {len(output.channels) - 1}"
        )
    return int(key)


def _route(key: str, entry: Any, matrix: Matrix) -> Route:
    if not isinstance(entry, dict) or entry.keys() != _ENTRY:
        raise BadRequest(f"{key}: must be an object with input and channel_index, and nothing else")
    id, index = entry["input"], entry["channel_index"]
    if id is not None and not isinstance(id, str):
        raise BadRequest(f"{key}.input: must be the id of an input, or null")
    if index is not None and (isinstance(index, bool) or not isinstance(index, int)):
        raise BadRequest(f"{key}.channel_index: must be a whole number, or null")
    if (id is None) != (index is None):
        raise BadRequest(f"{key}: input and channel_index are both null, or neither is")
    if id is None or index is None:
        return None
    if id not in matrix.inputs:
        raise BadRequest(f"{key}.input: there is no input {id[:80]!r}")
    if not exists((id, index), matrix.inputs):
        channels = len(matrix.inputs[id].channels)
        raise BadRequest(f"{key}.channel_index: {id} has the channels 0 to {channels - 1}, not {str(index)[:20]}")
    return id, index
