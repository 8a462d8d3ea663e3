"""What [access] must keep to beyond its shape."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from appliance.config.model import Config

ANY_PAGE = "*"


def check(config: Config) -> Iterator[tuple[str, str]]:
    access = config.access
    for key in ("read", "change", "contact"):
        for index, network in enumerate(getattr(access, key)):
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                yield f"access.{key}[{index}]", f'must be a network such as "10.0.0.0/24": {error}'
    for index, origin in enumerate(access.origins):
        if origin == ANY_PAGE and len(access.origins) > 1:
            yield f"access.origins[{index}]", '"*" is every site: no other can stand beside it'
        if origin != ANY_PAGE and not _is_origin(origin):
            yield f"access.origins[{index}]", f'must be like "https://control.example.com", not "{origin[:60]}"'


def _is_origin(text: str) -> bool:
    """``scheme://host`` or ``scheme://host:port``, as a browser writes it (RFC 6454 section 6.2)."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    usual = {"http": 80, "https": 443}
    if parts.scheme not in usual or not parts.hostname or port in (0, usual[parts.scheme]):
        return False
    plain = text.isascii() and text.isprintable() and not set(text) & set(' @"')
    return plain and text == f"{parts.scheme}://{parts.netloc}".lower()
