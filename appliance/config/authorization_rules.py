"""What [authorization] must keep to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from appliance.config.authorization import AuthorizationConfig
from appliance.config.model import Config, DiscoveryMode

SCOPES = ("registration", "events", "query", "system", "node", "connection", "channelmapping")
_VISIBLE = re.compile(r"[\x21-\x7e]{1,4000}")
_NAME = re.compile(r"[a-z0-9_.-]{1,253}", re.IGNORECASE)


def check(config: Config) -> Iterator[tuple[str, str]]:
    authorization = config.authorization
    if authorization.enabled:
        yield from _enabled(config)
    if authorization.server is not None and not _is_issuer(authorization.server):
        yield "authorization.server", "must be an https URL without query or fragment"
    for index, scope in enumerate(authorization.scopes):
        if scope not in SCOPES:
            yield f"authorization.scopes[{index}]", f'must be one of {", ".join(SCOPES)}, not "{scope[:60]}"'
    for index, name in enumerate(authorization.audience):
        if not _NAME.fullmatch(name):
            yield f"authorization.audience[{index}]", f'must be the name of a host, not "{name[:60]}"'
    yield from _credentials(authorization)


def _enabled(config: Config) -> Iterator[tuple[str, str]]:
    if config.tls is None or not config.tls.certificates:
        yield "authorization.enabled", "wants tls.certificates: tokens never go in the clear (IS-10)"
    if config.discovery.mode is DiscoveryMode.OFF and config.authorization.server is None:
        yield "authorization.server", "is missing: with discovery.mode off none is looked for"
    if not config.authorization.scopes:
        yield "authorization.scopes", "must name one API at least"


def _credentials(authorization: AuthorizationConfig) -> Iterator[tuple[str, str]]:
    if (authorization.client_id is None) != (authorization.client_secret is None):
        missing = "client_id" if authorization.client_id is None else "client_secret"
        yield f"authorization.{missing}", "is missing: an id and its secret go together"
    for key in ("client_id", "client_secret", "initial_token"):
        value = getattr(authorization, key)
        if value is not None and not _VISIBLE.fullmatch(value):
            yield f"authorization.{key}", "must be visible ASCII characters, 1 to 4000"


def _is_issuer(url: str) -> bool:
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return good and url.isprintable() and url.isascii() and not any(sign in url for sign in "?#@ ") and len(url) < 1000
