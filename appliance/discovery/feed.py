"""Who feeds the world: the peers one by one, or the network's Query API.

Strategy (IS-04 Discovery - Peer to Peer Operation, "Client Interaction Procedure"): as long as no Query API works, the
peers. One that is announced is tried while the peers go on; only when it has told everything does it take their place,
so the menu never empties. When it goes, what it told stays for a moment while it, or the next one, is tried again: a
registry that restarts is no reason to ask every peer. After that moment the peers feed again, and what the Query API
told lingers as lost until they have been fetched. Whether this node is registered has no part in it.

Time is an argument; after every input, wake ``handle_timer`` at ``get_timer()``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.discovery.registration.choice import Choice
from appliance.discovery.registration.services import Candidate

SYNC_S = 20.0
"""So long a Query API may take until it has told everything."""
RETURN_S = 8.0
"""So long the world waits for a Query API that went, before the peers feed it."""
STEADY_S = 10.0
"""One that fed for so long is worth another try at once; one that did not is one that fails."""
LINGER_S = 20.0
"""So long what a Query API told stays, as lost, while the peers are fetched."""


class FeedState(StrEnum):
    PEERS = "peers"
    """The peers feed. There is no Query API, or those there are failed and it is not time to try again."""
    TRYING = "trying"
    """The peers feed; a Query API is asked for everything it has."""
    NETWORK = "network"
    """A Query API feeds."""
    RETURNING = "returning"
    """It went: what it told is still shown, and it or another one is tried."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Action: subscribe to everything; come back with ``handle_synced`` or ``handle_lost`` and ``attempt``."""

    attempt: int
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Action: this connection is no longer of interest."""

    attempt: int


@dataclass(frozen=True, slots=True)
class UseNetwork:
    """Action: what this attempt told is the world from now on."""

    attempt: int


@dataclass(frozen=True, slots=True)
class UsePeers:
    """Action: the peers are the world again; what a Query API told is lost."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Action: what a Query API told is gone."""


@dataclass(frozen=True, slots=True)
class Say:
    """Action: a line for the log."""

    level: int
    text: str


Action = Connect | Disconnect | UseNetwork | UsePeers | Forget | Say


class FeedMachine:
    """``random`` gives numbers in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._choice = Choice(random)
        self._state = FeedState.PEERS
        self._serial = 0
        self._attempt: tuple[int, Candidate] | None = None
        self._sync_until: float | None = None
        self._return_until: float | None = None
        self._forget_at: float | None = None
        self._try_at: float | None = None
        self._fed_since = 0.0
        self._last_error = ""

    # ---- reading

    @property
    def state(self) -> FeedState:
        return self._state

    @property
    def candidate(self) -> Candidate | None:
        """The Query API that feeds."""
        return self._attempt[1] if self._attempt and self._state is FeedState.NETWORK else None

    @property
    def last_error(self) -> str:
        """Why the last one did not work, or works no more; empty while one does."""
        return self._last_error

    def get_timer(self) -> float | None:
        times = (self._sync_until, self._return_until, self._forget_at, self._try_at)
        return min((time for time in times if time is not None), default=None)

    # ---- inputs

    def handle_candidates(
        self, now: float, candidates: Sequence[Candidate], announced: Collection[str] = ()
    ) -> list[Action]:
        """These Query APIs are on the network now, the best first; ``announced`` are URLs that were just said again."""
        current = self._attempt[1] if self._attempt else None
        news = self._choice.handle_candidates(candidates, announced, current)
        if self._state is FeedState.NETWORK:
            return []  # as long as it works, it feeds, whoever else comes and whatever is no longer announced
        if self._attempt is not None:
            if any(candidate.url == self._attempt[1].url for candidate in candidates):
                return []
            return [self._give_up(), *self._next(now)]
        if not candidates:
            self._try_at = None
            return []
        return self._next(now) if news or self._try_at is None else []

    def handle_synced(self, now: float, attempt: int) -> list[Action]:
        """It has told everything."""
        if self._attempt is None or self._attempt[0] != attempt or self._state is FeedState.NETWORK:
            return []
        candidate = self._attempt[1]
        self._state = FeedState.NETWORK
        self._fed_since = now
        self._sync_until = self._return_until = self._forget_at = self._try_at = None
        self._last_error = ""
        return [UseNetwork(attempt), Say(logging.INFO, f"the Query API {candidate.name} feeds the menu")]

    def handle_lost(self, now: float, attempt: int, reason: str) -> list[Action]:
        """The attempt came to nothing, or its connection ended."""
        if self._attempt is None or self._attempt[0] != attempt:
            return []
        candidate, self._attempt = self._attempt[1], None
        self._sync_until = None
        self._last_error = f"{candidate.name}: {reason}"
        if self._state is FeedState.NETWORK and now - self._fed_since >= STEADY_S:
            self._choice.works(candidate)
            self._choice.begin()  # the same one may be back at once
        self._choice.fails(candidate, now)
        said: list[Action] = [Say(logging.WARNING, f"the Query API {self._last_error}")]
        if self._state is FeedState.NETWORK:
            self._state = FeedState.RETURNING
            self._return_until = now + RETURN_S
        return [*said, *self._next(now)]

    def handle_timer(self, now: float) -> list[Action]:
        actions: list[Action] = []
        if _due(self._return_until, now):
            self._return_until = None
            self._forget_at = now + LINGER_S
            self._state = FeedState.TRYING if self._attempt else FeedState.PEERS
            actions += [UsePeers(), Say(logging.INFO, "the peers feed the menu")]
        if _due(self._forget_at, now):
            self._forget_at = None
            actions.append(Forget())
        if _due(self._sync_until, now) and self._attempt is not None:
            attempt = self._attempt[0]
            reason = f"it did not tell everything within {SYNC_S:g} s"
            actions += [Disconnect(attempt), *self.handle_lost(now, attempt, reason)]
        if _due(self._try_at, now):
            self._choice.begin()
            actions += self._next(now)
        return actions

    # ---- inside

    def _next(self, now: float) -> list[Action]:
        """Try the next one; where none is left in this sweep, all again after a while."""
        self._try_at = None
        candidate = self._choice.next(now)
        if candidate is None:
            self._try_at = self._choice.backoff(now) if self._choice.candidates else None
            if self._state is FeedState.TRYING:
                self._state = FeedState.PEERS
            return []
        self._serial += 1
        self._attempt = self._serial, candidate
        self._sync_until = now + SYNC_S
        if self._state is FeedState.PEERS:
            self._state = FeedState.TRYING
        return [Connect(self._serial, candidate)]

    def _give_up(self) -> Action:
        assert self._attempt is not None
        attempt, self._attempt = self._attempt[0], None
        self._sync_until = None
        return Disconnect(attempt)


def _due(when: float | None, now: float) -> bool:
    return when is not None and when <= now
