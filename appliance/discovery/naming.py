"""Names for the network: what people called the box, made fit for DNS-SD and mDNS."""

from __future__ import annotations

import re
import unicodedata

MAX_LABEL_BYTES = 63
"""A DNS label (RFC 1035 section 2.3.4); an instance name is one of them, in UTF-8 (RFC 6763 section 4.1.1)."""
ROOM_FOR_SUFFIX = 4
"""Left free for the "-2" to "-999" that a name conflict adds."""


def instance_label(text: str, fallback: str = "nmos-node") -> str:
    """The instance name to try first: no dots (they would part labels), no control characters, 59 bytes at most."""
    kept = "".join("-" if char == "." else char for char in text if unicodedata.category(char)[0] != "C")
    return _cut(" ".join(kept.split()), MAX_LABEL_BYTES - ROOM_FOR_SUFFIX).strip() or fallback


def host_name(hostname: str, node_id: str) -> str:
    """The mDNS host name of this node, ``studio-3f2a91c0.local.``.

    It is not the host's own ``studio.local.``: that belongs to avahi-daemon where there is one, which would take
    our other set of addresses for a conflict. With a piece of the node id nobody else has it.
    """
    letters = re.sub(r"[^a-z0-9]+", "-", hostname.partition(".")[0].lower()).strip("-")
    piece = re.sub(r"[^0-9a-f]", "", node_id.lower())[:8]
    return f"{letters[: MAX_LABEL_BYTES - 1 - len(piece)].strip('-') or 'nmos'}-{piece}.local."


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode("utf-8", "ignore")
