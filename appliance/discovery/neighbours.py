"""Addresses of others that somebody has named: whose streams are received, who registers us, who was announced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from urllib.parse import urlsplit

from appliance.core.types import JSON
from appliance.discovery.world import World

MAX_NAMED = 200
"""Of each kind; a few are enough."""


def neighbours(connections: Mapping[str, JSON], registry: str | None, world: World) -> Iterator[str]:
    """The likeliest to be there first. ``connections`` as IS-05's aspect has them; a name in place of an address is
    nobody."""
    for connection in islice(connections.values(), MAX_NAMED):
        active = connection["active"]
        if active["master_enable"] and "sender_id" in active:
            yield from (leg["source_ip"] for leg in active["transport_params"] if leg.get("source_ip"))
    yield from _hosts(registry)
    peers = sorted(islice(world.peers.values(), MAX_NAMED), key=lambda peer: peer.lost_since is not None)
    for peer in peers:
        yield from peer.addresses
    for entry in islice(world.entries.values(), MAX_NAMED):
        yield from _hosts((entry.node or {}).get("href"))


def _hosts(url: str | None) -> Iterator[str]:
    try:
        host = urlsplit(url or "").hostname
    except ValueError:
        return
    if host:
        yield host
