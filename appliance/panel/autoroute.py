"""Auto-route: what a receiver of this box shall show when its source is lost, comes, or comes back.

Strategy: :meth:`AutoRoute.look` looks at one receiver and says what to do now, or when to look again; it is called when
anything that it looks at may have changed. What must outlive a power cut (was it chosen by hand; where to return to) is
given to it and handed back; what may begin anew (how long the source is lost) is kept here. As a menu may hold ten
thousand sources, it looks at all of them only where it must, and then in steps. A change of a source concerns the
receivers that show, await or would return to it, and of those that want a better one the ones whose rules name it: no
other is looked at.

    shows             and its source      then
    what auto-route   is there            a better one, or the one to return to, once that is there for STEADY_S
    chose, or what                        (mode follow; back)
    was released      is lost             after hold_s the best one that fits (modes follow, first)
    nothing           -                   the best one that fits (modes follow, first)
    chosen by hand    any                 nothing, until it is released
    any               has a new version   looked at again: a moved stream is connected to anew (all modes but never)
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Set
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from re import Pattern
from re import compile as compiled
from typing import Protocol, TypeVar

from appliance.config.panel import RouteConfig, RuleConfig
from appliance.panel.items import Fit, ReceiverItem, SourceItem

STEADY_S = 3.0
"""What comes back must stay so long before it is returned to: nobody wants to hear it flap."""
START_S = 30.0
"""So long after the start what was not seen yet may still be on its way."""
FRESH_S = 5.0
"""A source whose version moves all the time is looked at no more often."""
RETRY_S, LONGEST_RETRY_S = 10.0, 300.0
PIECE = 25
"""Sources looked at in one step: well under a millisecond."""
MAX_FRESH = 1000
MAX_FAILED = 500
"""Sources that could not be taken, of one receiver; the oldest is forgotten, and may be tried again."""
_NO_RANK = 1_000_000
_T = TypeVar("_T")


class View(Protocol):
    """The menu, as far as auto-route looks at it."""

    def receiver(self, id: str) -> ReceiverItem | None: ...
    def source(self, id: str) -> SourceItem | None: ...
    def source_ids(self) -> list[str]: ...
    def fit(self, source_id: str, receiver_id: str) -> Fit: ...
    def is_own(self, source: SourceItem) -> bool: ...
    def version(self, source_id: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What must be kept: whether somebody chose by hand, and the source to return to."""

    manual: bool = False
    home: str | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """Take this one, and keep ``home``; ``why`` is a sentence."""

    source_id: str
    home: str
    why: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """See whether the source still sends what is connected to, and connect to it anew where it does not."""

    source_id: str


Step = Switch | Refresh | None
"""``None``: a breath."""


@dataclass(slots=True)
class _Track:
    """What is known of one receiver since the start. ``below``: sources of a lower rank than this are wanted;
    ``fresh``: those of them that changed since all were looked at; ``None``: look at all."""

    lost_at: float | None = None
    home: str | None = None
    below: int = _NO_RANK
    better: str | None = None
    better_at: float = 0.0
    version: str | None = None
    refreshed_at: float = -FRESH_S
    shown: str | None = None
    route: RouteConfig | None = None
    fresh: dict[str, None] | None = None
    failed: dict[str, tuple[float, float]] = field(default_factory=dict)
    wake: float | None = None

    @property
    def concerns(self) -> tuple[frozenset[str], RouteConfig | None]:
        """The sources whose every change matters, and by what else is chosen, where something better is wanted."""
        sources = frozenset(id for id in (self.shown, self.better, self.home) if id is not None)
        return sources, self.route if self.below > 0 else None

    def freshen(self, source_ids: Iterable[str]) -> None:
        if self.fresh is not None:
            self.fresh.update(dict.fromkeys(source_ids))
            if len(self.fresh) > MAX_FRESH:
                self.fresh = None


class _Index:
    """Whom a change of a source concerns. ``of_source``: the receivers that show, await or would return to it;
    ``wanting``: those that want something better than they have, by what they go by."""

    def __init__(self) -> None:
        self.of_source: dict[str, dict[str, None]] = {}
        self.wanting: dict[RouteConfig, dict[str, None]] = {}
        self._put: dict[str, tuple[frozenset[str], RouteConfig | None]] = {}

    def put(self, receiver_id: str, sources: frozenset[str], wants: RouteConfig | None) -> None:
        """In place of what was put for the receiver before."""
        before, wanted = self._put.get(receiver_id, (frozenset[str](), None))
        _move(self.of_source, receiver_id, before, sources)
        _move(self.wanting, receiver_id, _set(wanted), _set(wants))
        if sources or wants is not None:
            self._put[receiver_id] = (sources, wants)
        else:
            self._put.pop(receiver_id, None)


def _set(route: RouteConfig | None) -> frozenset[RouteConfig]:
    return frozenset() if route is None else frozenset({route})


def _move(table: dict[_T, dict[str, None]], id: str, before: Set[_T], after: Set[_T]) -> None:
    """The id out of those entries and into these; no empty one is left."""
    for key in before - after:
        del table[key][id]
        if not table[key]:
            del table[key]
    for key in after - before:
        table.setdefault(key, {})[id] = None


class AutoRoute:
    """All receivers. Times are monotonic seconds; ``started`` is when the box did."""

    def __init__(self, view: View, started: float) -> None:
        self._view, self._started = view, started
        self._tracks: dict[str, _Track] = {}
        self._index = _Index()

    @property
    def wake(self) -> float | None:
        """When to look again at what :meth:`due` names, if nothing happens before."""
        return min((track.wake for track in self._tracks.values() if track.wake is not None), default=None)

    def due(self, now: float) -> list[str]:
        return [id for id, track in self._tracks.items() if track.wake is not None and track.wake <= now]

    def changed(self, source_ids: Collection[str]) -> list[str]:
        """Sources that came, went or are different in the menu; the receivers to look at for that."""
        concerned = {id: None for source_id in source_ids for id in self._index.of_source.get(source_id, ())}
        there = [source for id in source_ids if (source := self._view.source(id)) is not None]
        for route, receiver_ids in self._index.wanting.items():
            ranks = {source.id: rank for source in there if (rank := _rank(route, source)) < _NO_RANK}
            for id in receiver_ids if ranks else ():
                wanted = [source_id for source_id, rank in ranks.items() if rank < self._tracks[id].below]
                if wanted:
                    concerned[id] = None
                    self._tracks[id].freshen(wanted)
        return list(concerned)

    def showing(self, source_ids: Collection[str]) -> list[str]:
        """The receivers that show one of these."""
        linked = ((id, source_id) for source_id in source_ids for id in self._index.of_source.get(source_id, ()))
        return [id for id, source_id in linked if self._tracks[id].shown == source_id]

    def not_refreshed(self, receiver_id: str, now: float) -> None:
        """It could not be seen what the source sends: again in a while."""
        track = self._tracks.setdefault(receiver_id, _Track())
        track.version, track.refreshed_at, track.wake = None, now + RETRY_S - FRESH_S, now + RETRY_S

    def failed(self, receiver_id: str, source_id: str, now: float) -> None:
        """It could not be taken: try another, and this one later."""
        track = self._tracks.setdefault(receiver_id, _Track())
        _, wait = track.failed.pop(source_id, (0.0, RETRY_S / 2))
        wait = min(LONGEST_RETRY_S, wait * 2)
        track.failed[source_id] = (now + wait, wait)
        if len(track.failed) > MAX_FAILED:
            del track.failed[next(iter(track.failed))]
        track.fresh, track.better, track.wake = None, None, now

    def look(self, receiver_id: str, route: RouteConfig, standing: Standing, now: float) -> Iterator[Step]:
        """Steps, of which one at most is something to do: the last."""
        receiver = self._view.receiver(receiver_id)
        if receiver is None:
            self._tracks.pop(receiver_id, None)
            self._index.put(receiver_id, frozenset(), None)
            return
        track = self._tracks.setdefault(receiver_id, _Track())
        track.wake, track.home = None, standing.home
        self._follow(track, receiver, route)
        self._index.put(receiver_id, *track.concerns)  # what changes between two steps must be noticed, too
        yield from self._decide(track, receiver, route, standing, now)
        self._index.put(receiver_id, *track.concerns)

    def _decide(
        self, track: _Track, receiver: ReceiverItem, route: RouteConfig, standing: Standing, now: float
    ) -> Iterator[Step]:
        if receiver.pending is not None:
            return
        current = None if track.shown is None else self._view.source(track.shown)
        is_there = current is not None and current.lost_since is None and current.confirmed
        if is_there and track.shown is not None and route.mode != "never" and self._is_new_version(track, now):
            yield Refresh(track.shown)
            return
        if standing.manual or route.mode in ("keep", "never") or (receiver.enabled and track.shown is None):
            track.below = 0  # somebody wanted it so, maybe a stream that no NMOS sender is known of
            return
        if is_there or track.shown is None:
            track.lost_at = None
        if not receiver.enabled:
            yield from self._begin(track, receiver, route, now)
        elif is_there:
            yield from self._better(track, receiver, route, standing, now)
        else:
            yield from self._replace(track, receiver, route, standing, now)

    def _follow(self, track: _Track, receiver: ReceiverItem, route: RouteConfig) -> None:
        """Begin anew to look where another question is asked than before."""
        shown = receiver.sender_id if receiver.enabled else None
        if track.shown != shown:
            track.shown, track.version, track.lost_at, track.better = shown, None, None, None
            track.fresh = None
            if shown is not None:
                track.failed.pop(shown, None)
        if track.route != route:
            track.route, track.fresh, track.better = route, None, None

    def _is_new_version(self, track: _Track, now: float) -> bool:
        """Also the first time that it is seen: it may have moved while this box had no power."""
        assert track.shown is not None
        version = self._view.version(track.shown)
        if version is None or version == track.version:
            return False
        if now < track.refreshed_at + FRESH_S:
            track.wake = track.refreshed_at + FRESH_S
            return False
        track.version, track.refreshed_at = version, now
        return True

    # ---- what else it could show

    def _begin(self, track: _Track, receiver: ReceiverItem, route: RouteConfig, now: float) -> Iterator[Step]:
        best = yield from self._best(track, receiver, route, _NO_RANK, now)
        if best is not None:
            yield Switch(best.id, best.id, f"{best.label}: {_reason(route, best)}")

    def _better(
        self, track: _Track, receiver: ReceiverItem, route: RouteConfig, standing: Standing, now: float
    ) -> Iterator[Step]:
        """Its source is there: is a better one, or the one to return to? The one that is waited for comes first."""
        assert track.shown is not None
        current = self._view.source(track.shown)
        if not route.back or current is None:
            track.below = 0
            return
        rank = _rank(route, current)
        found = yield from self._best(track, receiver, route, rank, now)
        best: SourceItem | None = None
        for id in (track.better, None if found is None else found.id, standing.home):
            source = None if id in (None, track.shown) else self._view.source(str(id))
            limit = rank + 1 if id == standing.home else rank
            if best is not None:
                limit = min(limit, _rank(route, best))
            if source is not None and _rank(route, source) < limit and self._can(track, source, receiver, now):
                best = source
        if best is None:
            track.better = None
            return
        if track.better != best.id:
            track.better, track.better_at = best.id, now
        if now < track.better_at + STEADY_S:
            track.wake = track.better_at + STEADY_S
            return
        is_back = best.id == standing.home
        yield Switch(best.id, best.id, f"{best.label} {'is back' if is_back else 'is there'}: {_reason(route, best)}")

    def _replace(
        self, track: _Track, receiver: ReceiverItem, route: RouteConfig, standing: Standing, now: float
    ) -> Iterator[Step]:
        """Its source is lost."""
        assert track.shown is not None
        if track.lost_at is None:
            track.lost_at, track.fresh = now, None
        due = track.lost_at + route.hold_s
        if receiver.lost_since is None:
            due = max(due, self._started + START_S)  # not seen since the start
        if now < due:
            track.wake = due
            return
        best = yield from self._best(track, receiver, route, _NO_RANK, now)
        if best is not None:
            why = f"{best.label}: {receiver.shows} was lost for {now - track.lost_at:.0f} s"
            yield Switch(best.id, standing.home or track.shown, why)

    def _best(
        self, track: _Track, receiver: ReceiverItem, route: RouteConfig, below: int, now: float
    ) -> Generator[Step, None, SourceItem | None]:
        """The first by rank and then in the menu's order that can be taken and whose rank is below that."""
        if below > track.below:
            track.fresh = None  # what was not worth a look may be now
        track.below = below
        ids: Collection[str] = self._view.source_ids() if track.fresh is None else track.fresh
        track.fresh = {}
        if below == 0:
            return None
        best: tuple[int, SourceItem] | None = None
        for number, id in enumerate(ids, 1):
            if number % PIECE == 0:
                yield None
            source = self._view.source(id)
            if source is None or id == track.shown:
                continue
            rank = _rank(route, source)
            if rank < (below if best is None else best[0]) and self._can(track, source, receiver, now):
                best = (rank, source)
                if rank == 0:
                    break
        return None if best is None else best[1]

    def _can(self, track: _Track, source: SourceItem, receiver: ReceiverItem, now: float) -> bool:
        """Whether it may be taken by itself: there, sending, fitting, of another node, and not just tried in vain."""
        if (
            source.lost_since is not None
            or not source.confirmed
            or source.sending is False
            or self._view.is_own(source)
        ):
            return False
        if self._view.fit(source.id, receiver.id).verdict != "yes":
            return False
        again, _ = track.failed.get(source.id, (now, 0.0))
        if now < again:
            track.wake = again if track.wake is None else min(track.wake, again)
            track.fresh = None
            return False
        return True


def _rank(route: RouteConfig, source: SourceItem) -> int:
    """Which rule names it; without rules all are alike."""
    if route.mode == "first":
        return 0
    return next((number for number, rule in enumerate(route.rules) if matches(rule, source)), _NO_RANK)


def matches(rule: RuleConfig, source: SourceItem) -> bool:
    """Everything that the rule says is so."""
    return (
        (rule.format is None or rule.format == source.format)
        and _is_like(rule.label, (source.label,))
        and _is_like(rule.device, (source.device.label, source.node.label))
        and _is_like(rule.group, (source.group,))
        and _is_like(rule.tag, (*source.tags, *(tag.partition("=")[2] for tag in source.tags)))
    )


def _is_like(pattern: str | None, texts: Iterable[str]) -> bool:
    if pattern is None:
        return True
    match = _compiled(pattern).match
    return any(match(text.casefold()) is not None for text in texts)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Pattern[str]:
    """Only * is special."""
    return compiled(translate(pattern.casefold().replace("[", "[[]").replace("?", "[?]")))


def _reason(route: RouteConfig, source: SourceItem) -> str:
    return "the first that fits" if route.mode == "first" else f"rule {_rank(route, source) + 1}"
