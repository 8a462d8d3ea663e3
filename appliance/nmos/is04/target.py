"""What PUT /receivers/{id}/target must carry: a sender as that version of IS-04 has them, or an empty object.

Only what the version makes mandatory is asked for, and only as far as it means something here; what else a controller
says of the sender is its own business (nodeapi-receiver-target.json, sender.json, resource_core.json).
"""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import urlsplit

from appliance.core.types import JSON
from appliance.web.schema import UUID, Validate, compiled

_VERSION = "^[0-9]+:[0-9]+$"
_MEANINGS = {_VERSION: "<seconds>:<nanoseconds>"}
_LONGEST_URI = 2048


def check(body: Any, version: str) -> None:
    """:class:`~appliance.errors.BadRequest` naming the key, unless the body is a sender or empty."""
    if body != {}:
        _validator(version)(body)


@functools.cache
def _validator(version: str) -> Validate:
    required = ["id", "label", "description", "flow_id", "transport", "device_id", "manifest_href"]
    properties: JSON = {
        "id": {"type": "string", "pattern": UUID},
        "version": {"type": "string", "pattern": _VERSION},
        "label": {"type": "string"},
        "description": {"type": "string"},
        "flow_id": {"type": ["string", "null"] if version > "v1.0" else "string", "pattern": UUID},
        "transport": {"type": "string", "format": "a URN or URI"},
        "device_id": {"type": "string", "pattern": UUID},
        "manifest_href": {"type": ["string", "null"] if version > "v1.2" else "string", "format": "an absolute URL"},
        "tags": {"type": "object"},
    }
    if version > "v1.0":
        required += ["version", "tags"]  # v1.0's own example of this request has no version
        properties["tags"] = {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        }
    if version > "v1.1":
        required += ["interface_bindings", "subscription"]
        properties["interface_bindings"] = {"type": "array", "items": {"type": "string"}}
        properties["subscription"] = {
            "type": "object",
            "properties": {
                "receiver_id": {"type": ["string", "null"], "pattern": UUID},
                "active": {"type": "boolean"},
            },
            "required": ["receiver_id", "active"],
        }
    schema: JSON = {"type": "object", "properties": properties, "required": required}
    formats = {"a URN or URI": _is_uri, "an absolute URL": _is_url}
    return compiled(schema, formats=formats, meanings=_MEANINGS)


def _is_uri(text: str) -> bool:
    scheme, colon, rest = text.partition(":")
    return bool(scheme and colon and rest) and len(text) <= _LONGEST_URI and text.isprintable() and " " not in text


def _is_url(text: str) -> bool:
    try:
        return _is_uri(text) and bool(urlsplit(text).hostname)
    except ValueError:
        return False
