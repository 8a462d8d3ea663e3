"""What senders and receivers of events tell each other: messages and commands, written and read (IS-07 Message types).

What is read comes from strangers: it is checked whole before anything is done with it, and is bounded in every part.
Unknown keys mean nothing. Times are nanoseconds of TAI, but for those that must be given back as they came.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeAlias

from appliance.core.tai import format_tai, parse_tai
from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.is07.types import MAX_STRING, Payload, is_text
from appliance.web.messages import encode_json
from appliance.web.schema import UUID

MAX_BYTES = 64 * 1024
"""Of one message or command: a subscription to 1500 sources."""
MAX_NUMBER = 10**18
MAX_EVENT_TYPE = 200
_UUID = re.compile(UUID)
_TIME = re.compile("[0-9]{1,12}:[0-9]{1,9}")
_EVENT_TYPE = re.compile(r"(boolean|string|number)(/[^\s/]+)*")


@dataclass(frozen=True, slots=True)
class State:
    """The state of a source (section 1.1). ``flow_id`` is there on a transport only, not in the Events API."""

    source_id: str
    event_type: str
    payload: Payload
    creation_ns: int
    flow_id: str | None = None
    origin_ns: int | None = None
    action_ns: int | None = None

    def to_json(self) -> JSON:
        timing = {"creation_timestamp": format_tai(self.creation_ns)}
        if self.origin_ns is not None:
            timing["origin_timestamp"] = format_tai(self.origin_ns)
        if self.action_ns is not None:
            timing["action_timestamp"] = format_tai(self.action_ns)
        return {
            "identity": _identity(self.source_id, self.flow_id),
            "event_type": self.event_type,
            "timing": timing,
            "payload": self.payload.to_json(),
            "message_type": "state",
        }


@dataclass(frozen=True, slots=True)
class Ending:
    """A source is about to go, for good or to come back (sections 1.2 and 1.3)."""

    kind: Literal["reboot", "shutdown"]
    source_id: str
    creation_ns: int
    flow_id: str | None = None

    def to_json(self) -> JSON:
        return {
            "identity": _identity(self.source_id, self.flow_id),
            "timing": {"creation_timestamp": format_tai(self.creation_ns)},
            "message_type": self.kind,
        }


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """Whether an MQTT client has its broker (section 1.4)."""

    active: bool

    def to_json(self) -> JSON:
        return {"active": self.active, "message_type": "connection_status"}


@dataclass(frozen=True, slots=True)
class Health:
    """The answer to a ``health`` command (section 1.5); ``origin`` is the time in that, as it came."""

    origin: str
    creation_ns: int

    def to_json(self) -> JSON:
        timing = {"origin_timestamp": self.origin, "creation_timestamp": format_tai(self.creation_ns)}
        return {"timing": timing, "message_type": "health"}


Event: TypeAlias = State | Ending
"""What a source says."""
Message: TypeAlias = State | Ending | ConnectionStatus | Health


@dataclass(frozen=True, slots=True)
class Subscription:
    """The sources that a WebSocket client wants to hear from now on, and no others (Transport - Websocket
    section 4)."""

    sources: tuple[str, ...]

    def to_json(self) -> JSON:
        return {"command": "subscription", "sources": list(self.sources)}


@dataclass(frozen=True, slots=True)
class HealthCommand:
    """A WebSocket client is there, and wants to know whether the server is (section 4.1)."""

    timestamp: str

    def to_json(self) -> JSON:
        return {"command": "health", "timestamp": self.timestamp}


Command: TypeAlias = Subscription | HealthCommand


def encode(message: Message | Command) -> str:
    return encode_json(message.to_json()).decode()


def read_message(text: str | bytes) -> Message:
    """A message; :class:`BadRequest` names what is wrong with it."""
    body = _object(text)
    kind = body.get("message_type")
    if kind == "state":
        return _state(body)
    if kind in ("reboot", "shutdown"):
        source_id, flow_id = _read_identity(body)
        timing = _part(body, "timing")
        return Ending(kind, source_id, parse_tai(_text(timing, "creation_timestamp")), flow_id)
    if kind == "health":
        timing = _part(body, "timing")
        # The prose has it optional, the schema not.
        origin = _time(timing, "origin_timestamp") if "origin_timestamp" in timing else ""
        return Health(origin, parse_tai(_text(timing, "creation_timestamp")))
    if kind == "connection_status":
        if not isinstance(body.get("active"), bool):
            raise BadRequest("active: must be true or false")
        return ConnectionStatus(body["active"])
    raise BadRequest(f"message_type: {_said(kind)} is none of state, reboot, shutdown, health, connection_status")


def read_command(text: str | bytes) -> Command:
    """A command; :class:`BadRequest` names what is wrong with it."""
    body = _object(text)
    kind = body.get("command")
    if kind == "health":
        return HealthCommand(_time(body, "timestamp"))
    if kind != "subscription":
        raise BadRequest(f"command: {_said(kind)} is none of subscription, health")
    sources = body.get("sources")
    if not isinstance(sources, list):
        raise BadRequest("sources: must be an array")
    return Subscription(tuple(dict.fromkeys(_id(source, f"sources[{at}]") for at, source in enumerate(sources))))


def _state(body: JSON) -> State:
    source_id, flow_id = _read_identity(body)
    timing = _part(body, "timing")
    event_type = _text(body, "event_type")
    match = _EVENT_TYPE.fullmatch(event_type)
    if match is None or len(event_type) > MAX_EVENT_TYPE:
        raise BadRequest(f"event_type: {_said(event_type)} is no boolean, string or number")
    times = {key: parse_tai(_text(timing, f"{key}_timestamp")) for key in ("origin", "action") if _has(timing, key)}
    return State(
        source_id,
        event_type,
        _payload(match[1], _part(body, "payload")),
        parse_tai(_text(timing, "creation_timestamp")),
        flow_id,
        times.get("origin"),
        times.get("action"),
    )


def _payload(base: str, payload: JSON) -> Payload:
    value = payload.get("value")
    if base == "boolean" and isinstance(value, bool):
        return Payload(value)
    if base == "string" and isinstance(value, str):
        if len(value) > MAX_STRING or not is_text(value):
            raise BadRequest(f"payload.value: must be at most {MAX_STRING} characters of UTF-8")
        return Payload(value)
    if base == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        scale = payload.get("scale")
        if not -MAX_NUMBER <= value <= MAX_NUMBER:
            raise BadRequest("payload.value: is too large a number")
        if scale is not None and (type(scale) is not int or not 1 <= scale <= MAX_NUMBER):
            raise BadRequest("payload.scale: must be a whole number from 1")
        return Payload(value, scale)
    raise BadRequest(f"payload.value: must be a {base}, as event_type says")


def _identity(source_id: str, flow_id: str | None) -> JSON:
    return {"source_id": source_id} if flow_id is None else {"source_id": source_id, "flow_id": flow_id}


def _read_identity(body: JSON) -> tuple[str, str | None]:
    identity = _part(body, "identity")
    flow_id = identity.get("flow_id")
    source_id = _id(identity.get("source_id"), "identity.source_id")
    return source_id, None if flow_id is None else _id(flow_id, "identity.flow_id")


def _object(text: str | bytes) -> JSON:
    if len(text) > MAX_BYTES:
        raise BadRequest(f"it is over {MAX_BYTES} bytes")
    try:
        body = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise BadRequest("the JSON is nested too deeply") from None
    except ValueError as error:
        raise BadRequest(f"it is not JSON: {str(error)[:100]}") from None
    if not isinstance(body, dict):
        raise BadRequest("it is no JSON object")
    return body


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:40]} is too large a number")
    return number


def _part(body: JSON, key: str) -> JSON:
    part = body.get(key)
    if not isinstance(part, dict):
        raise BadRequest(f"{key}: must be an object")
    return part


def _has(timing: JSON, key: str) -> bool:
    return timing.get(f"{key}_timestamp") is not None


def _text(body: JSON, key: str) -> str:
    text = body.get(key)
    if not isinstance(text, str):
        raise BadRequest(f"{key}: must be a string")
    return text


def _time(body: JSON, key: str) -> str:
    text = _text(body, key)
    if not _TIME.fullmatch(text):
        raise BadRequest(f"{key}: {_said(text)} is not a TAI time of the form <seconds>:<nanoseconds>")
    return text


def _id(value: Any, key: str) -> str:
    if not isinstance(value, str) or not _UUID.match(value):
        raise BadRequest(f"{key}: {_said(value)} is no UUID in lower case")
    return value


def _said(value: object) -> str:
    return repr(value)[:60]
