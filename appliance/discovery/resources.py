"""Checks what strangers answer: of each IS-04 resource, the keys that this box reads have the right type.

Not the schemas: those of five versions and of every vendor would turn down nodes that work. A resource that fails is
left out with a reason; its peer and its neighbours stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from appliance.core.types import JSON, Kind

MAX_DEPTH = 20

Check = Callable[[Any], bool]

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_TAI = re.compile(r"[0-9]{1,12}:[0-9]{1,9}")


def fault(kind: Kind, body: Any, max_string: int) -> str | None:
    """Why this cannot be used as a resource of its kind, naming the key; ``None`` where it can."""
    if not isinstance(body, dict):
        return f"a {kind} must be an object"
    for key, (check, expected) in _REQUIRED[kind].items():
        if key not in body:
            return f"{key} is missing"
        if not check(body[key]):
            return f"{key} must be {expected}"
    for key, (check, expected) in _OPTIONAL[kind].items():
        if key in body and not check(body[key]):
            return f"{key} must be {expected}"
    return _unfit(body, max_string, MAX_DEPTH)


def name_of(body: Any) -> str:
    """What to call a resource that is left out."""
    id = body.get("id") if isinstance(body, dict) else None
    return id[:40] if isinstance(id, str) else "one without an id"


def endpoint_hosts(node: JSON) -> frozenset[str]:
    """The hosts that a node says it answers at: those of ``api.endpoints``."""
    api = node.get("api")
    endpoints = api.get("endpoints", []) if isinstance(api, dict) else []
    return frozenset(endpoint["host"].lower() for endpoint in endpoints)


def _unfit(value: Any, max_string: int, depth: int) -> str | None:
    """Strings that no one can show or save, and nesting that no one can walk."""
    if isinstance(value, str):
        return _unfit_text(value, max_string)
    if isinstance(value, dict | list):
        if depth == 0:
            return f"it is nested more than {MAX_DEPTH} deep"
        parts = (*value, *value.values()) if isinstance(value, dict) else value
        for part in parts:
            if isinstance(part, str | dict | list) and (reason := _unfit(part, max_string, depth - 1)):
                return reason
    return None


def _unfit_text(text: str, max_string: int) -> str | None:
    if len(text) > max_string:
        return f"a string of {len(text)} characters is longer than {max_string}"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "a string holds half of a surrogate pair"
    return None


# ---- the checks


def _string(value: Any) -> bool:
    return isinstance(value, str)


def _uuid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _version(value: Any) -> bool:
    return isinstance(value, str) and _TAI.fullmatch(value) is not None


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _tags(value: Any) -> bool:
    return isinstance(value, dict) and all(_strings(values) for values in value.values())


_strings = _list_of(_string)


def _keys(**checks: Check) -> Check:
    """An object with all of these keys."""
    return lambda value: (
        isinstance(value, dict) and all(key in value and check(value[key]) for key, check in checks.items())
    )


def _port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536


def _subscription(value: Any) -> bool:
    # v1.0 and v1.1 have no "active" here.
    return isinstance(value, dict) and value.get("active") in (None, True, False)


_endpoint = _keys(host=_string, port=_port, protocol=_string)


def _api(value: Any) -> bool:
    return isinstance(value, dict) and _list_of(_endpoint)(value.get("endpoints", []))


_Table = Mapping[str, tuple[Check, str]]

_A_STRING = (_string, "a string")
_A_UUID = (_uuid, "a UUID")
_STRINGS = (_strings, "a list of strings")
_COMMON: _Table = {"id": _A_UUID, "version": (_version, "<seconds>:<nanoseconds>"), "label": _A_STRING}
_COMMON_OPTIONAL: _Table = {"description": _A_STRING, "tags": (_tags, "an object of lists of strings")}

_REQUIRED: Mapping[Kind, _Table] = {
    Kind.NODE: {**_COMMON, "href": _A_STRING},
    Kind.DEVICE: {**_COMMON, "node_id": _A_UUID},
    Kind.SOURCE: {**_COMMON, "device_id": _A_UUID, "format": _A_STRING},
    Kind.FLOW: {**_COMMON, "source_id": _A_UUID, "format": _A_STRING},
    Kind.SENDER: {**_COMMON, "device_id": _A_UUID, "transport": _A_STRING},
    Kind.RECEIVER: {**_COMMON, "device_id": _A_UUID, "transport": _A_STRING, "format": _A_STRING},
}

_OPTIONAL: Mapping[Kind, _Table] = {
    Kind.NODE: {**_COMMON_OPTIONAL, "api": (_api, "an object whose endpoints have host, port and protocol")},
    Kind.DEVICE: {
        **_COMMON_OPTIONAL,
        "controls": (_list_of(_keys(href=_string, type=_string)), "a list of objects with href and type"),
    },
    Kind.SOURCE: {**_COMMON_OPTIONAL, "channels": (_list_of(_object), "a list of objects")},
    Kind.FLOW: {**_COMMON_OPTIONAL, "device_id": _A_UUID, "media_type": _A_STRING},
    Kind.SENDER: {
        **_COMMON_OPTIONAL,
        "flow_id": (_or_null(_uuid), "a UUID or null"),
        "manifest_href": (_or_null(_string), "a string or null"),
        "subscription": (_subscription, "an object whose active is true or false"),
        "interface_bindings": _STRINGS,
    },
    Kind.RECEIVER: {
        **_COMMON_OPTIONAL,
        "caps": (_object, "an object"),
        "subscription": (_subscription, "an object whose active is true or false"),
        "interface_bindings": _STRINGS,
    },
}
