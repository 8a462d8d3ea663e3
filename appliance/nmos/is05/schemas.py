"""What a request to the Connection API must look like, before it is asked whether it makes sense.

JSON Schemas from the tables here and in parameters.py, each compiled when it is first needed (milliseconds) and kept.
One difference to AMWA's own: a parameter that the sender or receiver does not have is refused, also an ``ext_`` one.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from appliance.core.types import JSON, Kind
from appliance.nmos.is05.parameters import IS_AUTO, SCHEMAS
from appliance.nmos.is05.state import ABSOLUTE, IMMEDIATE, RELATIVE
from appliance.web.schema import UUID, Validate, compiled


@functools.cache
def patch_validator(kind: Kind, parameters: tuple[str, ...]) -> Validate:
    """For the body of PATCH /staged of a sender or receiver that has these transport parameters."""
    properties: JSON = {
        "receiver_id" if kind is Kind.SENDER else "sender_id": {"type": ["string", "null"], "pattern": UUID},
        "master_enable": {"type": "boolean"},
        "activation": _ACTIVATION,
        "transport_params": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: SCHEMAS[kind][name] for name in parameters},
                "additionalProperties": False,
            },
        },
    }
    if kind is Kind.RECEIVER:
        properties["transport_file"] = _TRANSPORT_FILE
    schema: JSON = {"type": "object", "properties": properties, "additionalProperties": False}
    return compiled(schema, formats=_FORMATS, meanings=_MEANINGS)


@functools.cache
def bulk_validator() -> Validate:
    """For the body of a bulk POST; what is in ``params`` is each endpoint's own business."""
    item = {
        "type": "object",
        "properties": {"id": {"type": "string", "pattern": UUID}, "params": {"type": "object"}},
        "required": ["id", "params"],
        "additionalProperties": False,
    }
    return compiled({"type": "array", "items": item})


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


def is_host(text: str) -> bool:
    """An address, or a name as RFC 1123 section 2.1 has it."""
    return ip_version(text) is not None or (len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None)


def is_uri(text: str, schemes: Collection[str]) -> bool:
    """An absolute URI with a host; no fragment, which means nothing to who answers (RFC 6455 section 3)."""
    if len(text) > _LONGEST_URI or "#" in text or not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_topic(text: str) -> bool:
    """What can be published to (MQTT 5.0 section 4.7): no wildcard, no NUL, not empty nor too long."""
    return bool(text) and not set(text) & {"#", "+", "\0"} and len(text.encode(errors="replace")) <= _LONGEST_TOPIC


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
_LONGEST_NAME = 253
_LONGEST_URI = 2048
_LONGEST_TOPIC = 65_535
_NAME = re.compile(r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?", re.IGNORECASE)


# The names are what an error message says: "transport_params[0].source_ip: must be an IP address or auto".
_FORMATS = {
    "an IP address": lambda text: ip_version(text) is not None,
    "an IP address or auto": lambda text: text == "auto" or ip_version(text) is not None,
    "a unicast IP address": is_unicast,
    "a unicast IP address or auto": lambda text: text == "auto" or is_unicast(text),
    "a multicast IP address": is_multicast,
    "a host name, an IP address or auto": is_host,
    "a ws or wss URI": lambda text: is_uri(text, ("ws", "wss")),
    "a ws or wss URI or auto": lambda text: text == "auto" or is_uri(text, ("ws", "wss")),
    "an http or https URL": lambda text: is_uri(text, ("http", "https")),
    "an MQTT topic without wildcards": is_topic,
}

_TAI = "^[0-9]+:[0-9]+$"
_MEANINGS = {_TAI: "<seconds>:<nanoseconds>", IS_AUTO: "a number or auto"}
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
