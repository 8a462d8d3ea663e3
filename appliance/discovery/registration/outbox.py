"""What the machine wants done: the one request under way, and the lines to say; collected, and handed out in order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from appliance.core.types import JSON
from appliance.discovery.registration.ledger import Task
from appliance.discovery.registration.messages import Action, Cancel, Doubt, Request, Say
from appliance.discovery.registration.services import Candidate

MAX_REMEMBERED = 200


class Purpose(Enum):
    """Why a request was sent, and so what its answer means."""

    ASK = auto()
    CREATE = auto()
    CLEAR = auto()
    BEAT = auto()
    TELL = auto()
    FAREWELL = auto()


@dataclass(frozen=True, slots=True)
class UnderWay:
    serial: int
    purpose: Purpose
    sent_at: float
    task: Task | None


class Outbox:
    """Actions in the order in which they are to be done. ``noun`` is what the candidates are."""

    def __init__(self, noun: str = "registry") -> None:
        self._noun = noun
        self.under_way: UnderWay | None = None
        self.last_error: str | None = None
        self.last_error_at: float | None = None
        self._serial = 0
        self._complaints: dict[str, str] = {}
        self._actions: list[Action] = []

    def send(
        self,
        now: float,
        purpose: Purpose,
        method: Literal["GET", "POST", "DELETE"],
        url: str,
        timeout_s: float,
        *,
        body: JSON | None = None,
        task: Task | None = None,
    ) -> None:
        """A request; there is none under way."""
        self._serial += 1
        self.under_way = UnderWay(self._serial, purpose, now, task)
        self._actions.append(Request(self._serial, method, url, body, timeout_s))

    def take(self, serial: int) -> UnderWay | None:
        """The request that an answer belongs to, which is no longer under way; ``None`` if it was given up."""
        under_way = self.under_way
        if under_way is None or under_way.serial != serial:
            return None
        self.under_way = None
        return under_way

    def cancel(self) -> None:
        """Give up what is under way, if anything is."""
        if self.under_way is not None:
            self.under_way = None
            self._actions.append(Cancel())

    def doubt(self, candidate: Candidate) -> None:
        if candidate.instance is not None:
            self._actions.append(Doubt(candidate.instance))

    def say(self, about: Candidate | None, text: str) -> None:
        """Something that happened, for the log."""
        self._actions.append(Say(logging.INFO, f"{self._called(about)}{text}"))

    def complain(self, now: float, about: Candidate | None, text: str, *, again: bool = False) -> None:
        """Something that went wrong: for the panel, and for the log unless that was the last word on it (``again``)."""
        said, key = f"{self._called(about)}{text}", about.url if about else ""
        if not again or said != self._complaints.get(key):
            self._actions.append(Say(logging.WARNING, said))
        if len(self._complaints) > MAX_REMEMBERED:
            self._complaints.clear()
        self._complaints[key] = said
        self.last_error, self.last_error_at = said, now

    def drain(self) -> list[Action]:
        """All that is to be done now."""
        actions, self._actions = self._actions, []
        return actions

    def _called(self, candidate: Candidate | None) -> str:
        if candidate is None:
            return ""
        at = f" at {candidate.url}" if candidate.instance else ""
        return f"{self._noun} {candidate.name}{at}: "
