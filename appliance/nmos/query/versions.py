"""A resource of one API version as another one shows it (IS-04 Upgrade Path, "Version Translations").

A Query API only takes keys away that a version did not have; new *values* stay, and what is older than the version
asked for is left out, unless the client says how far down it goes (``query.downgrade``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from appliance.core.types import JSON, Kind
from appliance.discovery.catalogue import Resource
from appliance.errors import BadRequest

VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3")

_VERSION = re.compile(r"v([0-9]+)\.([0-9]+)")

_ADDED: Mapping[str, Mapping[Kind, tuple[str, ...]]] = {
    "v1.3": {
        Kind.NODE: ("interfaces.attached_network_device", "api.endpoints.authorization", "services.authorization"),
        Kind.DEVICE: ("controls.authorization",),
        Kind.SOURCE: ("event_type",),
        Kind.FLOW: ("event_type",),
    },
    "v1.2": {
        Kind.NODE: ("interfaces",),
        Kind.SENDER: ("caps", "interface_bindings", "subscription"),
        Kind.RECEIVER: ("interface_bindings", "subscription.active"),
    },
    "v1.1": {
        Kind.NODE: ("api", "clocks", "description", "tags"),
        Kind.DEVICE: ("controls", "description", "tags"),
        Kind.SOURCE: ("channels", "clock_name", "grain_rate"),
        Kind.FLOW: (
            "bit_depth", "colorspace", "components", "device_id", "DID_SDID", "frame_height", "frame_width",
            "grain_rate", "interlace_mode", "media_type", "sample_rate", "transfer_characteristic",
        ),
    },
}  # fmt: skip
"""In which version keys appeared; ``a.b`` is b inside the object, or inside each object of the list, a."""


def read_downgrade(value: object, version: str) -> str:
    """The oldest version wanted by ``query.downgrade``; :class:`BadRequest` for another major version."""
    match = _VERSION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadRequest(f"query.downgrade: {str(value)[:20]!r} is no API version such as 'v1.0'")
    if match[1] != version[1:].partition(".")[0]:
        raise BadRequest(f"query.downgrade: {match[0]} is of another major version than {version}")
    return match[0]


def show(resource: Resource, version: str, oldest: str) -> JSON | None:
    """The resource as ``version`` shows it, ``None`` where it is older than ``oldest``, the downgrade wanted."""
    theirs = resource.api_version
    if theirs == version:
        return resource.body
    if older(theirs, version):
        return None if older(theirs, oldest) else resource.body
    body = resource.body
    for added, keys in _ADDED.items():
        if older(version, added) and not older(theirs, added):
            for key in keys.get(resource.kind, ()):
                body = _without(body, key)
    return body


def older(one: str, other: str) -> bool:
    """Whether one version is older than another."""
    return _key(one) < _key(other)


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version[1:].split("."))


def _without(body: JSON, path: str) -> JSON:
    """A copy without that key, or ``body`` itself where it has none."""
    key, _, rest = path.partition(".")
    if key not in body:
        return body
    if not rest:
        return {name: value for name, value in body.items() if name != key}
    inner = body[key]
    if isinstance(inner, dict):
        return {**body, key: _without(inner, rest)}
    if isinstance(inner, list):
        return {**body, key: [_without(item, rest) if isinstance(item, dict) else item for item in inner]}
    return body
