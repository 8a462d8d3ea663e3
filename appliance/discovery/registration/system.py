"""Finding out what the system wants (IS-09 Behaviour - Node Start-Up), in virtual time.

Strategy: the System APIs are gone through, best first, until one answers; its document is handed out. Where all fail it
waits, longer each time. Once there is a document it is asked for again only where a System API is announced anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from appliance.core.types import JSON
from appliance.discovery.registration.choice import Choice
from appliance.discovery.registration.messages import Action, Answer
from appliance.discovery.registration.outbox import Outbox, Purpose
from appliance.discovery.registration.services import Candidate
from appliance.errors import BadRequest
from appliance.nmos.is09.settings import read_global

SYSTEM_VERSIONS = ("v1.0",)
TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """The document of a System API; it was found good."""

    document: JSON


class SystemSearch:
    """Inputs as those of ``machine.Registration``; ``found`` is taken after each."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._choice = Choice(random)
        self._outbox = Outbox("System API")
        self._current: Candidate | None = None
        self._done = False
        self._retry_at: float | None = None
        self._found: Found | None = None

    @property
    def source(self) -> str | None:
        """The System API that was heard last."""
        return self._current.url if self._current and self._done else None

    @property
    def last_error(self) -> str | None:
        return self._outbox.last_error

    def take_found(self) -> Found | None:
        """A document that has just come, once."""
        found, self._found = self._found, None
        return found

    def handle_candidates(
        self, now: float, candidates: Sequence[Candidate], announced: Collection[str] = ()
    ) -> list[Action]:
        """The System APIs that can be used now, best first, and the URLs of those just (re-)announced."""
        news = self._choice.handle_candidates(candidates, announced, self._current)
        if news and self._outbox.under_way is None:
            self._sweep(now)
        elif not candidates:
            self._retry_at = None
        return self._outbox.drain()

    def handle_answer(self, now: float, serial: int, answer: Answer) -> list[Action]:
        """The request ``serial`` was answered."""
        if self._outbox.take(serial) is not None:
            document = answer.json() if answer.status == 200 and not answer.is_page else None
            if isinstance(document, dict):
                self._read(now, document)
            else:
                self._failed(now, f"it answered {answer}")
        return self._outbox.drain()

    def handle_failure(self, now: float, serial: int, reason: str) -> list[Action]:
        """The request ``serial`` was not answered."""
        if self._outbox.take(serial) is not None:
            self._failed(now, reason)
        return self._outbox.drain()

    def get_timer(self) -> float | None:
        """When ``handle_timer`` wants to be called."""
        return self._retry_at if self._outbox.under_way is None else None

    def handle_timer(self, now: float) -> list[Action]:
        if self._outbox.under_way is None and self._retry_at is not None and now >= self._retry_at:
            self._sweep(now)
        return self._outbox.drain()

    def _sweep(self, now: float) -> None:
        self._choice.begin()
        self._retry_at = None
        self._try_next(now)

    def _try_next(self, now: float) -> None:
        candidate = self._choice.next(now)
        if candidate is None:
            self._retry_at = self._choice.backoff(now) if self._choice.candidates else None
            return
        self._current = candidate
        url = f"{candidate.url}/x-nmos/system/{candidate.version}/global"
        self._outbox.send(now, Purpose.ASK, "GET", url, TIMEOUT_S)

    def _read(self, now: float, document: JSON) -> None:
        try:
            read_global(document)
        except BadRequest as error:
            self._failed(now, error.message)
            return
        assert self._current is not None
        self._choice.works(self._current)
        self._done = True
        self._found = Found(document)

    def _failed(self, now: float, reason: str) -> None:
        if (current := self._current) is not None:
            self._outbox.complain(now, current, reason, again=self._choice.failed_recently(current, now))
            self._outbox.doubt(current)
            self._choice.fails(current, now)
        self._try_next(now)
