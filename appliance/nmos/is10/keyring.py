"""The authorization servers, and the keys with which they sign (IS-10 Resource Servers, "Public keys").

One server of those that are announced (or the configured one) is asked once an hour for its keys, the next where it
does not answer; after all have failed there is a growing, random pause. Its keys stay good while nobody can be reached.
Where no key fits a token, its issuer is asked, seldom and only if it lives at the host of a known server: the ``iss``
of a token that nobody has verified is the word of a stranger, who else could have this box call, and trust, anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from appliance.nmos.is10.documents import Metadata, https_url, well_known
from appliance.nmos.is10.errors import KeysUnknown

REFRESH_S = 3600.0
SPREAD_S = 60.0
FIRST_BACKOFF_S = 1.0
MAX_BACKOFF_S = 60.0
ASK_AGAIN_S = float(KeysUnknown.RETRY_S)
"""An issuer is asked so often at most because of a token that no key fits, and ``AT_ONCE`` issuers at a time. Who comes
again when he was told to is worth another question."""
AT_ONCE = 2
MAX_OTHERS = 8
MAX_KEYS = 16


@dataclass(frozen=True, slots=True)
class Key:
    """``public`` is the edge's."""

    id: str | None
    public: object


@dataclass(frozen=True, slots=True)
class Server:
    metadata: Metadata
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get the metadata from ``url``, then the keys from where it says."""

    serial: int
    url: str


@dataclass(slots=True)
class _Other:
    server: Server | None
    asked_at: float


class KeyRing:
    """Inputs are ``handle_*`` with ``now`` in monotonic seconds; ``random`` gives numbers in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._places: tuple[str, ...] = ()
        self._untried: list[str] = []
        self._sweep: tuple[int, str] | None = None
        self._sweep_at: float | None = None
        self._failures = 0
        self._serial = 0
        self._asking: dict[int, str] = {}
        self._others: dict[str, _Other] = {}
        self.main: Server | None = None
        self.main_place = ""
        self.last_error = ""

    # ---- reading

    @property
    def issuers(self) -> tuple[str, ...]:
        """Whose keys are here."""
        mine = (self.main.metadata.issuer,) if self.main else ()
        return mine + tuple(issuer for issuer, other in self._others.items() if other.server)

    def keys(self, now: float, issuer: str, key_id: str | None) -> list[Key]:
        """The keys of an issuer, the one that a token names first (all are tried: IS-10)."""
        if self.main is not None and self.main.metadata.issuer == issuer:
            found = self.main.keys
        else:
            other = self._others.get(issuer)
            fresh = other is not None and other.server is not None and now < other.asked_at + REFRESH_S + SPREAD_S
            found = other.server.keys if fresh and other is not None and other.server is not None else ()
        return sorted(found[:MAX_KEYS], key=lambda key: key.id != key_id)

    def get_timer(self) -> float | None:
        return None if self._sweep is not None else self._sweep_at

    # ---- what happens

    def handle_places(self, now: float, places: Sequence[str]) -> Iterator[Fetch]:
        """Where metadata is to be had, best first."""
        before, self._places = self._places, tuple(places)
        idle = self._sweep is None and self._sweep_at is None
        if not places:
            self._sweep_at = None
        elif self.main is not None and self.main_place in places:
            self._sweep_at = now + self._hour() if idle else self._sweep_at
        elif idle or set(places) - set(before) or (self.main is not None and self._places != before):
            self._failures = 0
            yield from self._begin()

    def handle_server(self, now: float, serial: int, server: Server) -> Iterator[Fetch]:
        """What a fetch brought."""
        if self._sweep is not None and self._sweep[0] == serial:
            self.main, self.main_place = server, self._sweep[1]
            self._others.pop(server.metadata.issuer, None)
            self._sweep, self._sweep_at = None, now + self._hour()
            self._failures, self.last_error = 0, ""
        elif (issuer := self._asking.pop(serial, None)) is None:
            return
        elif server.metadata.issuer != issuer:  # RFC 8414 section 3.3
            self.last_error = "the metadata of an issuer names another one"
        elif self.main is not None and self.main.metadata.issuer == issuer:
            self.main = server
        else:
            self._others[issuer] = _Other(server, now)
        yield from ()

    def handle_failure(self, now: float, serial: int, reason: str) -> Iterator[Fetch]:
        if self._asking.pop(serial, None) is not None or self._sweep is None or self._sweep[0] != serial:
            return
        self._sweep, self.last_error = None, reason
        if self._untried:
            yield self._next()
            return
        wait_s = min(FIRST_BACKOFF_S * 2.0**self._failures, MAX_BACKOFF_S) * (0.5 + 0.5 * self._random())
        self._failures = min(self._failures + 1, 10)
        self._sweep_at = now + wait_s if self._places else None

    def handle_timer(self, now: float) -> Iterator[Fetch]:
        if self._sweep is None and self._sweep_at is not None and now >= self._sweep_at:
            yield from self._begin()

    def handle_missing(self, now: float, issuer: str) -> tuple[bool, tuple[Fetch, ...]]:
        """No key here fits a token of this issuer: whether it is worth to wait, and what to do meanwhile."""
        if self.main is None:
            return True, ()
        if issuer in self._asking.values():
            return True, ()
        other = self._others.get(issuer)
        url = well_known(issuer)
        soon = other is not None and now < other.asked_at + ASK_AGAIN_S
        if url is None or soon or len(self._asking) >= AT_ONCE or _host(issuer) not in self._hosts():
            return False, ()
        if other is not None:
            other.asked_at = now
        else:
            if len(self._others) >= MAX_OTHERS:
                del self._others[min(self._others, key=lambda name: self._others[name].asked_at)]
            self._others[issuer] = _Other(None, now)
        self._serial += 1
        self._asking[self._serial] = issuer
        return True, (Fetch(self._serial, url),)

    # ---- inside

    def _begin(self) -> Iterator[Fetch]:
        self._untried = list(self._places)
        yield self._next()

    def _next(self) -> Fetch:
        self._serial += 1
        url = self._untried.pop(0)
        self._sweep = self._serial, url
        return Fetch(self._serial, url)

    def _hour(self) -> float:
        return REFRESH_S + SPREAD_S * self._random()

    def _hosts(self) -> Collection[str]:
        known = [*self._places, *([self.main.metadata.issuer] if self.main else [])]
        return {_host(url) for url in known}


def _host(url: str) -> str:
    parts = https_url(url)
    return "" if parts is None else (parts.hostname or "")
