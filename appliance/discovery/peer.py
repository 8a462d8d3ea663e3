"""One peer: what it announced, what was fetched of it, what is to be fetched, and how that goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from appliance.core.types import JSON, Kind
from appliance.discovery.limits import backoff_s
from appliance.discovery.records import Instance
from appliance.discovery.txt import NodeTxt
from appliance.discovery.world import PeerStatus

FETCH_ORDER = (Kind.NODE, Kind.DEVICE, Kind.SOURCE, Kind.FLOW, Kind.SENDER, Kind.RECEIVER)
"""What belongs to a sender before the sender, so that it is shown whole."""

MAX_ROUND = 20
"""So many fetches in a round; a peer whose counters never rest must."""
MIN_REST_S = 0.1
MAX_REST_S = 10.0

Table = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Action: GET this, and come back with ``handle_answer`` or ``handle_failure`` and its ``id``.

    ``address`` is where to connect, ``host`` (and port) whom it must prove to be, where that is not the address.
    """

    id: int
    peer: str
    kind: Kind
    scheme: str
    address: str
    port: int
    path: str
    host: str = ""
    authorization: bool = False
    """It wants a token (``api_auth``)."""


@dataclass(frozen=True, slots=True)
class Abort:
    """Action: the answer to this fetch is no longer of interest."""

    id: int


@dataclass(frozen=True, slots=True)
class Reconfirm:
    """Action: ask by mDNS whether the instance is still there (RFC 6762 section 10.4)."""

    instance: str


Action = Fetch | Abort | Reconfirm


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a fetch failed. ``reached``: something answered, though not what was asked for."""

    reason: str
    reached: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many resources of a list could not be used, and what was wrong with the first."""

    count: int
    reason: str


Standing = Literal["remembered", "announced"]


@dataclass(slots=True)
class Peer:
    """The state of one peer; the rules are in peers.py. Times are monotonic seconds, but for those of the status."""

    key: str
    instance: Instance
    txt: NodeTxt
    api_version: str | None = None
    standing: Standing = "announced"
    refusal: str = ""
    """Why nothing is fetched from it at all."""
    targets: tuple[str, ...] = ()
    """The addresses that may be contacted; the first is used."""
    tables: dict[Kind, Table] = field(default_factory=dict)
    stale: set[Kind] = field(default_factory=set)
    checking: bool = False
    """/self is fetched to see whether the peer began anew: if it differs, all the rest is stale too."""
    fetching: Fetch | None = None
    due: float | None = None
    round_fetches: int = 0
    round_began: float = 0.0
    rest_until: float = float("-inf")
    """A round of fetches does not follow another at once, and the less so the longer that took."""
    retry_at: dict[Kind, float] = field(default_factory=dict)
    attempts: dict[Kind, int] = field(default_factory=dict)
    errors: dict[Kind, str] = field(default_factory=dict)
    left_out: dict[Kind, LeftOut] = field(default_factory=dict)
    failures: int = 0
    silence: str = ""
    """Why it seems not to be there; empty while it answers."""
    lost_at: float | None = None
    """When it is to be shown as lost, if it has not answered by then."""
    lost_since: int | None = None
    confirmed: bool = True
    last_fetch: int | None = None
    shown: set[str] = field(default_factory=set)
    dirty: bool = False
    gone: bool = False

    @property
    def node(self) -> JSON | None:
        return next(iter(self.tables.get(Kind.NODE, {}).values()), None)

    @property
    def doubtful(self) -> bool:
        """Whether the last fetch found nobody."""
        return self.failures > 0

    def next_kind(self, now: float) -> Kind | None:
        """What to fetch now: what was tried least, in the order of FETCH_ORDER."""
        ready = [kind for kind in FETCH_ORDER if kind in self.stale and self.retry_at.get(kind, now) <= now]
        return min(ready, key=lambda kind: self.attempts.get(kind, 0), default=None)

    def next_due(self, now: float) -> float | None:
        """When to go on after a round that left something; ``None`` where nothing is left."""
        if not self.stale or self.refusal:
            return None
        if self.doubtful:
            return now + backoff_s(self.failures)
        return max(self.rest_until, min(self.retry_at.get(kind, now) for kind in self.stale))

    @property
    def host_to_prove(self) -> str:
        """Over TLS: the name (and port) of its announcement, which its certificate must have."""
        return f"{self.instance.server.rstrip('.')}:{self.instance.port}" if self.txt.api_proto == "https" else ""

    def note_answer(self) -> None:
        """Something came back from it: it is there."""
        self.failures, self.silence = 0, ""
        if self.lost_since is not None:
            self.lost_since, self.dirty = None, True

    def note_failure(self, now: float, kind: Kind, failure: Failure) -> None:
        """A fetch came to nothing: its kind waits for another try, and if nobody was found, so does all the rest."""
        attempts = self.attempts[kind] = self.attempts.get(kind, 0) + 1
        self.stale.add(kind)
        self.retry_at[kind] = now + backoff_s(attempts)
        if failure.reached:
            self.errors[kind] = f"/{kind.path}: {failure.reason}"
            self.note_answer()
            return
        self.failures += 1
        self.silence = failure.reason
        # Whether it is there at all is asked with the smallest request.
        self.stale.add(Kind.NODE)
        if len(self.targets) > 1:  # perhaps another of its addresses works
            self.targets = (*self.targets[1:], self.targets[0])

    def note_table(self, kind: Kind, table: Table, left_out: LeftOut | None) -> None:
        """A list was fetched and can be used."""
        for notes in (self.errors, self.attempts, self.retry_at, self.left_out):
            notes.pop(kind, None)
        if left_out is not None:
            self.left_out[kind] = left_out
        known = self.tables.get(kind)
        self.tables[kind] = table
        self.dirty |= known is None or list(known.items()) != list(table.items())

    def end_round(self, now: float) -> None:
        """All that could be fetched was: rest as long as four such rounds take, at least a moment."""
        self.round_fetches = 0
        self.rest_until = now + min(MAX_REST_S, max(MIN_REST_S, 4 * (now - self.round_began)))
        if not self.confirmed and not self.stale:
            self.confirmed, self.dirty = True, True

    def status(self) -> PeerStatus:
        """For the panel and /metrics."""
        node = self.node
        return PeerStatus(
            key=self.key,
            name=self.instance.label,
            addresses=self.instance.addresses,
            port=self.instance.port,
            api_version=self.api_version,
            node_id=str(node["id"]) if node else None,
            label=str(node["label"]) if node else "",
            last_fetch=self.last_fetch,
            last_error=self._error(),
            senders=len(self.shown),
            left_out=sum(left_out.count for left_out in self.left_out.values()),
            lost_since=self.lost_since,
            confirmed=self.confirmed,
        )

    def _error(self) -> str:
        problems = (*self.errors.values(), *(left_out.reason for left_out in self.left_out.values()))
        return self.refusal or self.silence or next(iter(problems), "")
