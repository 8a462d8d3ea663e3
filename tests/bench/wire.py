"""Finds in a capture what a node's TXT record said when."""

from __future__ import annotations

from typing import Any

from tests.lan.capture import Capture, MdnsPacket
from tests.lan.peer import NODE_TYPE
from tests.lan.waiting import eventually


def counters(packet: MdnsPacket) -> dict[str, str]:
    """The TXT record of the node that the packet announces; {} where it announces none."""
    if not packet.is_response:
        return {}
    for record in packet.records():
        text: Any = getattr(record, "text", None)
        if isinstance(text, bytes) and record.name.endswith(NODE_TYPE) and record.ttl:
            return _pairs(text)
    return {}


def first_with_counter(capture: Capture, key: str, value: str, after: int = 0) -> MdnsPacket:
    """The first captured packet, from number `after` on, in which the counter stands at this value."""

    def look() -> MdnsPacket | None:
        packets = list(capture.mdns)[after:]
        return next((packet for packet in packets if counters(packet).get(key) == value), None)

    return eventually(look, f"{key}={value} on the wire")


def last_counter(capture: Capture, key: str) -> str:
    """Where the counter stood when it was last announced."""
    return next(value for packet in reversed(capture.mdns) if (value := counters(packet).get(key)) is not None)


def _pairs(text: bytes) -> dict[str, str]:
    """The strings of a TXT record, each after its length (RFC 6763 section 6)."""
    pairs: dict[str, str] = {}
    while text:
        key, _, value = text[1 : 1 + text[0]].decode("utf-8", "replace").partition("=")
        pairs[key] = value
        text = text[1 + text[0] :]
    return pairs
