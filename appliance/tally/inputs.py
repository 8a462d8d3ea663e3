"""From what inputs read to what sources say: each at its own pace, within what its type has."""

from __future__ import annotations

from collections.abc import Callable

from appliance.config.model import EventValue
from appliance.core.types import Clock
from appliance.errors import BadRequest
from appliance.nmos.is07.rates import Pace
from appliance.nmos.is07.sources import EventSource, Sources


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
        now = clock.monotonic()
        self._paces = {id: Pace(source.config.event, now) for id, source in sources.all.items()}
        for id, pace in self._paces.items():
            pace.begin(sources.state(id).payload.plain, now)

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
