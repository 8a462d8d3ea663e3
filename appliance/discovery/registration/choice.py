"""Which registry to try next, and how long to wait when none is left.

A *sweep* goes through the candidates, best first, each once. One that failed a moment ago comes after those that did
not, so that a hanging one costs its time-out only when there is nobody else; one that refused the node as it is (4xx)
is left out until the node or the registry changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from appliance.discovery.registration.services import Candidate

FIRST_BACKOFF_S = 1.0
MAX_BACKOFF_S = 20.0
RECENTLY_S = 60.0


class Choice:
    """``random`` gives numbers in [0, 1): hundreds of boxes that lost one registry do not come back in step."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self.candidates: tuple[Candidate, ...] = ()
        self._tried: set[str] = set()
        self._failed_at: dict[str, float] = {}
        self._refused: set[str] = set()
        self._failures = 0

    def handle_candidates(
        self, candidates: Sequence[Candidate], announced: Collection[str], current: Candidate | None
    ) -> bool:
        """These are the candidates now; whether one of them is new, or announced again and so worth another try."""
        known = {candidate.url for candidate in self.candidates}
        self.candidates = tuple(candidates)
        urls = {candidate.url for candidate in candidates}
        new = (urls - known) | (urls & set(announced))
        for url in new:
            self._failed_at.pop(url, None)
            self._refused.discard(url)
        self._tried -= new - {current.url if current else ""}
        # What is known of those that are gone is of no use: they would be new if they came back.
        self._failed_at = {url: at for url, at in self._failed_at.items() if url in urls}
        self._refused &= urls
        self._tried &= urls | {current.url if current else ""}
        return bool(new)

    def begin(self) -> None:
        """A new sweep."""
        self._tried.clear()

    def next(self, now: float) -> Candidate | None:
        """The one to try, which is tried from now on."""
        candidate = self.peek(now)
        if candidate is not None:
            self._tried.add(candidate.url)
        return candidate

    def peek(self, now: float) -> Candidate | None:
        """The one that would be tried next."""
        left_out = self._tried | self._refused
        untried = [candidate for candidate in self.candidates if candidate.url not in left_out]
        return min(untried, key=lambda candidate: self.failed_recently(candidate, now), default=None)

    def works(self, candidate: Candidate) -> None:
        """This one is used now; if it fails, every other is worth a try, and this one is not before them."""
        self._tried = {candidate.url}
        self._failures = 0
        self._failed_at.pop(candidate.url, None)

    def fails(self, candidate: Candidate, now: float) -> None:
        self._failed_at[candidate.url] = now

    def refuses(self, candidate: Candidate) -> None:
        self._refused.add(candidate.url)

    def forget_refusals(self) -> bool:
        """The node has changed; whether anybody had refused it."""
        refused, self._refused = self._refused, set()
        return bool(refused)

    def lists(self, used: Candidate) -> bool:
        """Whether the one in use is still a candidate: after a goodbye it is not one to begin anew with."""
        return any(candidate.url == used.url for candidate in self.candidates)

    def is_outdated(self, used: Candidate) -> bool:
        """Whether the one in use is announced now without the API version in which it is used."""
        said = [candidate for candidate in self.candidates if candidate.url == used.url]
        return bool(said and said[0].version and used.version not in said[0].versions)

    def failed_recently(self, candidate: Candidate, now: float) -> bool:
        return self._failed_at.get(candidate.url, float("-inf")) > now - RECENTLY_S

    def backoff(self, now: float) -> float | None:
        """When to begin the next sweep; ``None`` where all have refused, so that time alone changes nothing."""
        if all(candidate.url in self._refused for candidate in self.candidates):
            return None
        wait_s = min(FIRST_BACKOFF_S * 2.0**self._failures, MAX_BACKOFF_S)
        self._failures = min(self._failures + 1, 10)
        return now + wait_s * (0.5 + 0.5 * self._random())
