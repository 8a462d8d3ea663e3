"""From what inputs read to what sources say: each at its own pace, within what its type has."""

from __future__ import annotations

from collections.abc import Callable, Collection

from appliance.config.model import EventValue
from appliance.core.store import Store
from appliance.core.types import Clock
from appliance.errors import BadRequest, NotFound
from appliance.nmos.is07.rates import Pace
from appliance.nmos.is07.sources import EventSource, Sources

BY_HAND = "panel"
ASPECT = "event"
"""The store's table of what was set by hand: id of a source → {"value": ...}. It is read again after a restart, for no
input says it."""


def restore(store: Store, sources: Sources) -> None:
    """Let the sources say what was set by hand before the restart; forget what they no longer can."""
    kept = {id: body.get("value") for id, body in store.aspects(ASPECT).items()}
    with store.transaction("events set by hand") as tx:
        for id, value in kept.items():
            try:
                if sources.source(id).config.event.input.kind != BY_HAND:
                    raise NotFound(f"{id} is set by its input now")
                sources.set(id, value)
            except (BadRequest, NotFound):
                tx.attach(ASPECT, id, None)


class Inputs:
    """``rearm`` is called when :attr:`due` may be sooner than it was; ``problem`` hears what an input cannot say."""

    def __init__(
        self,
        sources: Sources,
        clock: Clock,
        rearm: Callable[[], None] = lambda: None,
        problem: Callable[[EventSource, str | None], None] = lambda source, why: None,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._rearm = rearm
        self._problem = problem
        self._paces: dict[str, Pace] = {}
        self.reconfigure(tuple(sources.all))

    def reconfigure(self, begun: Collection[str]) -> None:
        """The sources are others now; ``begun``: those that are new or of another kind."""
        now = self._clock.monotonic()
        self._paces = {id: pace for id, pace in self._paces.items() if id in self._sources.all}
        for id in begun:
            self._paces[id] = Pace(self._sources.source(id).config.event, now)
            self._paces[id].begin(self._sources.state(id).payload.plain, now)

    def read(self, source_id: str, value: EventValue) -> None:
        """An input says ``value``. It becomes an event now, or when its pace allows it."""
        now = self._clock.monotonic()
        pace = self._paces[source_id]
        pace.read(_within(self._sources.source(source_id), value), now)
        self._say(source_id, pace, now)
        self._rearm()

    def press(self, source_id: str, value: object) -> None:
        """The same for a person at the panel, who is told what is wrong (:class:`BadRequest`)."""
        self.read(source_id, self._sources.source(source_id).definition.payload(value).plain)

    @property
    def due(self) -> float | None:
        """The monotonic time at which to call :meth:`tick`."""
        return min((due for pace in self._paces.values() if (due := pace.due) is not None), default=None)

    def tick(self) -> None:
        now = self._clock.monotonic()
        for id, pace in self._paces.items():
            self._say(id, pace, now)

    def _say(self, source_id: str, pace: Pace, now: float) -> None:
        said = pace.tick(now)
        if said is None:
            return
        source = self._sources.source(source_id)
        try:
            self._sources.set(source_id, said.value, again=said.again)
        except BadRequest as error:
            self._problem(source, f"its input says {str(said.value)[:60]!r}: {error.message}")
        else:
            self._problem(source, None)


def _within(source: EventSource, value: EventValue) -> EventValue:
    """A sensor beyond the range of its type is at the end of it."""
    definition = source.definition
    if definition.base == "number" and not definition.is_enum and isinstance(value, int | float):
        return min(max(value, definition.config.min), definition.config.max)
    return value
