"""What a request to the Connection API must look like, before it is asked whether it makes sense.

JSON Schemas for fastjsonschema, from the tables below, each compiled when it is first needed (milliseconds) and kept.
One difference to AMWA's own: a parameter that the sender or receiver does not have is refused, also an ``ext_`` one.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable
from typing import Any, TypeAlias

from appliance.core.types import JSON, Kind
from appliance.errors import BadRequest
from appliance.nmos.is05.state import ABSOLUTE, IMMEDIATE, RELATIVE

Validate: TypeAlias = Callable[[Any], None]
"""Raises :class:`BadRequest` naming the key."""

MAX_MESSAGE = 300
UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


@functools.cache
def patch_validator(kind: Kind, parameters: tuple[str, ...]) -> Validate:
    """For the body of PATCH /staged of a sender or receiver that has these transport parameters."""
    table = _SENDER_PARAMETERS if kind is Kind.SENDER else _RECEIVER_PARAMETERS
    properties: JSON = {
        "receiver_id" if kind is Kind.SENDER else "sender_id": {"type": ["string", "null"], "pattern": UUID},
        "master_enable": {"type": "boolean"},
        "activation": _ACTIVATION,
        "transport_params": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: table[name] for name in parameters},
                "additionalProperties": False,
            },
        },
    }
    if kind is Kind.RECEIVER:
        properties["transport_file"] = _TRANSPORT_FILE
    return _compiled({"type": "object", "properties": properties, "additionalProperties": False})


@functools.cache
def bulk_validator() -> Validate:
    """For the body of a bulk POST; what is in ``params`` is each endpoint's own business."""
    item = {
        "type": "object",
        "properties": {"id": {"type": "string", "pattern": UUID}, "params": {"type": "object"}},
        "required": ["id", "params"],
        "additionalProperties": False,
    }
    return _compiled({"type": "array", "items": item})


def ip_version(text: str) -> int | None:
    """4 or 6, ``None`` where it is no address. A zone (``%eth0``) is no part of one: it means nothing to others."""
    address = _parsed(text) if len(text) <= _LONGEST_ADDRESS else None
    return address.version if address else None


def is_multicast(text: str) -> bool:
    address = _parsed(text) if len(text) <= _LONGEST_ADDRESS else None
    return address is not None and address.is_multicast


def is_unicast(text: str) -> bool:
    address = _parsed(text) if len(text) <= _LONGEST_ADDRESS else None
    return address is not None and not address.is_multicast


def canonical(text: str) -> str:
    """One spelling for each IPv6 address (RFC 5952); IPv4 only has one."""
    return ipaddress.ip_address(text).compressed if ":" in text else text


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Reading an address costs more than all else that is done with it, and the same few come again and again."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


_LONGEST_ADDRESS = 45


# The names are what an error message says: "transport_params[0].source_ip: must be an IP address or auto".
_FORMATS = {
    "an IP address": lambda text: ip_version(text) is not None,
    "an IP address or auto": lambda text: text == "auto" or ip_version(text) is not None,
    "a unicast IP address": is_unicast,
    "a unicast IP address or auto": lambda text: text == "auto" or is_unicast(text),
    "a multicast IP address": is_multicast,
}

_TAI = "^[0-9]+:[0-9]+$"
_AUTO = "^auto$"
_PATTERNS = {
    UUID: "a UUID in lower case, of version 1 to 5",
    _TAI: "<seconds>:<nanoseconds>",
    _AUTO: "a number or auto",
}
_TIME = {"type": ["string", "null"], "pattern": _TAI}
_ACTIVATION = {
    "type": "object",
    "properties": {"mode": {"enum": [None, IMMEDIATE, ABSOLUTE, RELATIVE]}, "requested_time": _TIME},
    "required": ["mode"],
    "additionalProperties": False,
}
# v1.0 requires neither of the two, and a later version must go on understanding an earlier one's request.
_TRANSPORT_FILE = {
    "type": "object",
    "properties": {"data": {"type": ["string", "null"]}, "type": {"type": ["string", "null"]}},
    "additionalProperties": False,
}
_PORT = {"type": ["integer", "string"], "minimum": 1, "maximum": 65535, "pattern": _AUTO}
_SOURCE_PORT = _PORT | {"minimum": 0}
_SENDER_PARAMETERS: dict[str, JSON] = {
    "source_ip": {"type": "string", "format": "a unicast IP address or auto"},
    "destination_ip": {"type": "string", "format": "an IP address or auto"},
    "source_port": _SOURCE_PORT,
    "destination_port": _PORT,
    "rtp_enabled": {"type": "boolean"},
}
_RECEIVER_PARAMETERS: dict[str, JSON] = {
    "source_ip": {"type": ["string", "null"], "format": "a unicast IP address"},
    "multicast_ip": {"type": ["string", "null"], "format": "a multicast IP address"},
    "interface_ip": {"type": "string", "format": "a unicast IP address or auto"},
    "destination_port": _PORT,
    "rtp_enabled": {"type": "boolean"},
}


def _compiled(schema: JSON) -> Validate:
    import fastjsonschema

    check = fastjsonschema.compile({"$schema": "http://json-schema.org/draft-04/schema#", **schema}, formats=_FORMATS)

    def validate(body: Any) -> None:
        try:
            check(body)
        except fastjsonschema.JsonSchemaValueException as error:
            raise BadRequest(_explanation(error)[:MAX_MESSAGE]) from None

    return validate


def _explanation(error: Any) -> str:
    """The key, and what is wrong with it, of a ``fastjsonschema.JsonSchemaValueException``."""
    where = error.name.removeprefix("data").removeprefix(".")
    if error.rule == "additionalProperties":
        known = error.definition["properties"]
        unknown = next(key for key in error.value if key not in known)
        return f"{where + '.' if where else ''}{unknown}: is not a parameter here; known are {', '.join(known)}"
    if error.rule == "required":
        missing = next(key for key in error.definition["required"] if key not in error.value)
        return f"{where + '.' if where else ''}{missing}: is needed"
    problem = error.message.removeprefix(error.name).strip()
    if error.rule == "pattern":
        problem = f"must be {_PATTERNS[error.definition['pattern']]}"
    return f"{where}: {problem}" if where else f"the body {problem}"
