"""Names shared by everything: JSON, the kinds of IS-04 resources, the clock."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol, TypeAlias

JSON: TypeAlias = dict[str, Any]
"""A JSON object as it goes over the wire. Committed ones are never mutated: make a new one."""


class Kind(StrEnum):
    """The six IS-04 resource types, in the order a registry wants them."""

    NODE = "node"
    DEVICE = "device"
    SOURCE = "source"
    FLOW = "flow"
    SENDER = "sender"
    RECEIVER = "receiver"

    @property
    def plural(self) -> str:
        return self.value + "s"

    @property
    def counter(self) -> str:
        """The name of this kind's counter in the DNS-SD TXT record (IS-04 Discovery - Peer to Peer)."""
        return _COUNTERS[self]

    @property
    def path(self) -> str:
        """Where the Node API lists this kind: ``self`` for the node, else the plural."""
        return "self" if self is Kind.NODE else self.plural


_COUNTERS = {
    Kind.NODE: "ver_slf",
    Kind.DEVICE: "ver_dvc",
    Kind.SOURCE: "ver_src",
    Kind.FLOW: "ver_flw",
    Kind.SENDER: "ver_snd",
    Kind.RECEIVER: "ver_rcv",
}


class Clock(Protocol):
    """Time as an argument: the only two clocks that the rules know."""

    def tai_ns(self) -> int:
        """Nanoseconds of TAI since 1970-01-01T00:00:00 TAI; may be stepped by whoever sets the clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for intervals and time limits."""
        ...
