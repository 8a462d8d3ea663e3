"""Others to whom a controller sends this box: whether it may, where they are, how they prove who they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.discovery.contact import ContactPolicy
from appliance.edge.tls import Tls


@dataclass(frozen=True, slots=True)
class Reach:
    """``addresses_of(host, scheme)``: what was announced; nothing where the C library has to be asked."""

    policy: Callable[[], ContactPolicy]
    addresses_of: Callable[[str, str], Sequence[str]]
    tls: Tls
