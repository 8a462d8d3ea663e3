"""How much of a stranger is taken in. One place, so that the sum can be reasoned about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What is above is left out, with a reason that people can see.

    ``body_bytes`` is the one body that is ever taken in whole; it is parsed and checked in pieces.
    """

    peers: int = 1000
    resources_per_peer: int = 10_000
    resource_chars: int = 256 * 1024
    body_bytes: int = 16 * 1024 * 1024
    manifest_bytes: int = 64 * 1024
    string_chars: int = 4096
    concurrent: int = 16
    concurrent_doubtful: int = 4
    """Of these, so many for peers whose last fetch failed: those that hang leave room for the others."""
    connect_s: float = 3.0
    idle_s: float = 5.0
    total_s: float = 20.0
    manifest_s: float = 3.0


DEFAULT_LIMITS = Limits()


def spread_s(peers: int) -> float:
    """Over how long fetches are spread at random, because as many boxes as there are peers may do the same now.

    Nothing for few: the menu of a small room follows at once.
    """
    return min(5.0, max(0.0, (peers - 20) * 0.004))


def backoff_s(failures: int) -> float:
    """How long to wait after so many failures in a row: 1, 2, 4 ... 300 s."""
    return float(min(300.0, 2.0 ** (min(failures, 10) - 1)))
