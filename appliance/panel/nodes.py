"""The other nodes, for whoever looks for why a source is not in the menu: who they are, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.core.tai import format_tai
from appliance.core.types import JSON
from appliance.discovery.world import SELF, PeerStatus
from appliance.panel.text import MAX_SENTENCE, clean, natural_key


def listed(peers: Iterable[PeerStatus]) -> list[PeerStatus]:
    """All but this box itself, those with an error first, then by name."""
    others = [peer for peer in peers if peer.key != SELF]
    return sorted(others, key=lambda peer: (not peer.last_error, natural_key(peer.label or peer.name), peer.key))


def to_json(peer: PeerStatus) -> JSON:
    """Texts are a stranger's: one line each, fit to be shown. ``error`` is empty while all is well."""
    return {
        "name": clean(peer.name),
        "label": clean(peer.label),
        "id": peer.node_id,
        "addresses": list(peer.addresses),
        "port": peer.port,
        "api_version": peer.api_version,
        "sources": peer.senders,
        "left_out": peer.left_out,
        "error": clean(peer.last_error, MAX_SENTENCE),
        "last_fetch": _time(peer.last_fetch),
        "lost_since": _time(peer.lost_since),
        "confirmed": peer.confirmed,
    }


def _time(tai_ns: int | None) -> str | None:
    return None if tai_ns is None else format_tai(tai_ns)
