"""How a configuration may call what it has: names, labels, tags, group hints, asset information, services."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from appliance.config.model import Config, EndpointConfig

Problem = tuple[str, str]

MAX_TEXT = 200
OWN_TAGS = ("urn:x-nmos:tag:asset:", "urn:x-nmos:tag:grouphint/")
"""How the tags begin that the box makes itself, from keys of their own (BCP-002-01, BCP-002-02)."""
_GROUP_HINT = re.compile(r"([^:]+):([^:]+)(?::(device|node))?")
_URN = re.compile(r"urn:[a-z0-9][a-z0-9-]{0,31}:[!-~]+", re.IGNORECASE)
_SCHEMES = ("http", "https", "ws", "wss")


def check(config: Config) -> Iterator[Problem]:
    """Everything that is wrong with how things are called."""
    for key in ("manufacturer", "product", "serial_number"):
        value = getattr(config.node, key)
        if value is not None:  # BCP-002-02 tags have one value that is not empty
            yield from _name(f"node.{key}", value)
    yield from _tags("node.tags", config.node.tags)
    for index, service in enumerate(config.node.services):
        yield from ((f"node.services[{index}].{key}", why) for key, why in service_problems(service.href, service.type))
    yield from names("devices", [device.name for device in config.devices])
    for index, device in enumerate(config.devices):
        yield from _text(f"devices[{index}].label", device.label)
        yield from _tags(f"devices[{index}].tags", device.tags)
        for place, function in enumerate(device.function):
            yield from _name(f"devices[{index}].function[{place}]", function)
    yield from _endpoints(config)


def names(table: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        yield from _name(f"{table}[{index}].name", name)
        if name in names[:index]:
            yield f"{table}[{index}].name", f'"{name}" is there already: ids derive from names'


def service_problems(href: str, type: str) -> Iterator[Problem]:
    """What is wrong with a service of the node (IS-04 node.json), by key."""
    if not is_url(href.replace("{host}", "host")):
        yield "href", f'must be an absolute URL such as "http://{{host}}:9090/status", not "{href[:60]}"'
    if len(type) > MAX_TEXT or not _URN.fullmatch(type):
        yield "type", f'must be a URN such as "urn:x-manufacturer:service:status", not "{type[:60]}"'


def is_url(text: str) -> bool:
    """``http``, ``https``, ``ws`` or ``wss``, with a host."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - ValueError where it is none
    except ValueError:
        return False
    plain = len(text) <= 10 * MAX_TEXT and text.isascii() and text.isprintable() and not set(text) & set(' "<>\\^`{|}')
    return plain and parts.scheme in _SCHEMES and bool(parts.hostname)


def tag_problem(name: str) -> str | None:
    """Why somebody may not set a tag of that name."""
    if name.startswith(OWN_TAGS):
        return "is the box's own: group_hint, manufacturer, product, serial_number and function make it"
    if not name or len(name) > MAX_TEXT or not name.isprintable():
        return f"must be called by 1 to {MAX_TEXT} printable characters"
    return None


def _endpoints(config: Config) -> Iterator[Problem]:
    roles: dict[tuple[str | None, ...], str] = {}
    for table, endpoints in (("senders", config.senders), ("receivers", config.receivers)):
        for index, endpoint in enumerate(endpoints):
            key = f"{table}[{index}]"
            yield from _text(f"{key}.label", endpoint.label)
            yield from _tags(f"{key}.tags", endpoint.tags)
            if endpoint.group_hint is not None:
                yield from _group_hint(f"{key}.group_hint", endpoint, roles)


def _group_hint(key: str, endpoint: EndpointConfig, roles: dict[tuple[str | None, ...], str]) -> Iterator[Problem]:
    """A role is there once in its group, and a group is one device's unless it says that it is the node's."""
    hint = _GROUP_HINT.fullmatch(endpoint.group_hint or "")
    if hint is None:
        yield key, 'must be "group:role", with ":device" or ":node" behind it at most (BCP-002-01)'
        return
    group, role, scope = hint.groups()
    taken = roles.setdefault((group, role, None if scope == "node" else endpoint.device), key)
    if taken != key:
        yield key, f'"{group}:{role}" is there already, as {taken}: a role is unique in its group (BCP-002-01)'


def _tags(key: str, tags: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    for name in tags:
        if problem := tag_problem(name):
            yield f"{key}.{name[:60]}", problem


def _name(key: str, name: str) -> Iterator[Problem]:
    if not name or not name.isprintable() or len(name) > MAX_TEXT:
        yield key, f"must be 1 to {MAX_TEXT} printable characters"


def _text(key: str, text: str) -> Iterator[Problem]:
    if len(text) > MAX_TEXT or not all(character.isprintable() for character in text):
        yield key, f"must be at most {MAX_TEXT} printable characters"
