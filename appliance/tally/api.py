"""``/panel/tally``: the sources and receivers of events of this box, its lamps, what is shown; and buttons."""

from __future__ import annotations

from collections.abc import Callable

from appliance.config.model import EventValue, LampConfig
from appliance.core.store import Store
from appliance.core.tai import format_tai
from appliance.core.types import JSON, Clock, Kind
from appliance.errors import Conflict
from appliance.nmos.is07.sources import EventSource, Sources
from appliance.panel.requests import trusted_object
from appliance.panel.text import MAX_SENTENCE, clean
from appliance.tally.actions import Actions, written
from appliance.tally.inputs import ASPECT, BY_HAND, Inputs
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

_FRESH = {"Cache-Control": "no-store"}


class TallyBoard:
    """What the panel shows of events, as JSON; ``receivers`` are the ids of those for events."""

    def __init__(
        self,
        store: Store,
        sources: Sources,
        actions: Actions,
        lamps: tuple[LampConfig, ...],
        receivers: tuple[str, ...],
    ) -> None:
        self._store, self._sources, self._actions = store, sources, actions
        self.reconfigure(lamps, receivers)

    def reconfigure(self, lamps: tuple[LampConfig, ...], receivers: tuple[str, ...]) -> None:
        self._lamps, self._receivers = lamps, receivers

    def keep(self, source_id: str, value: EventValue) -> None:
        """What was set by hand is so after a restart too."""
        with self._store.transaction("event set by hand") as tx:
            tx.attach(ASPECT, source_id, {"value": value})

    def to_json(self) -> JSON:
        lit = self._actions.lit
        return {
            "sources": [self._source(source) for source in self._sources.all.values()],
            "receivers": [self._receiver(id) for id in self._receivers],
            "lamps": [
                {"name": lamp.name, "label": lamp.label or lamp.name, "lit": lamp.name in lit} for lamp in self._lamps
            ],
            "shown": [clean(text, MAX_SENTENCE) for text in self._actions.shown],
        }

    def _source(self, source: EventSource) -> JSON:
        state = self._sources.state(source.id)
        return {
            "id": source.id,
            "label": self._label(Kind.SENDER, source.sender_id),
            "event_type": source.definition.event_type,
            "type": source.definition.to_json(),
            "value": state.payload.plain,
            "text": _text(source.definition.to_json(), state.payload.plain),
            "since": format_tai(state.creation_ns),
            "by_hand": source.config.event.input.kind == BY_HAND,
        }

    def _receiver(self, id: str) -> JSON:
        state = self._actions.heard.get(id)
        heard: JSON = {"value": None, "text": "", "event_type": None, "since": None}
        if state is not None:
            value = state.payload.plain
            heard = {"value": value, "text": clean(written(value), MAX_SENTENCE), "event_type": state.event_type}
            heard["since"] = format_tai(state.creation_ns)
        return {"id": id, "label": self._label(Kind.RECEIVER, id), **heard}

    def _label(self, kind: Kind, id: str) -> str:
        return str((self._store.get(kind, id) or {}).get("label", ""))


class TallyApi:
    """The handlers; ``declare`` puts them on a site."""

    def __init__(
        self, board: TallyBoard, sources: Sources, inputs: Inputs, clock: Clock, check_unlocked: Callable[[], None]
    ) -> None:
        self._board, self._sources, self._inputs, self._clock = board, sources, inputs, clock
        self._check_unlocked = check_unlocked

    def declare(self, site: Site) -> None:
        site.route("/panel/tally", get=self.board, post=self.press)

    def board(self, _request: Request) -> Answer:
        return Answer({"now": format_tai(self._clock.tai_ns()), **self._board.to_json()}, headers=_FRESH)

    def press(self, request: Request) -> Answer:
        """``{"source_id", "value"}``: what a source says that is operated by hand."""
        body = trusted_object(request, required=("source_id", "value"))
        self._check_unlocked()
        source = self._sources.source(str(body["source_id"]))
        if source.config.event.input.kind != BY_HAND:
            raise Conflict(f"source_id: it says what its input reads ({source.config.event.input.kind})")
        self._inputs.press(source.id, body["value"])
        self._board.keep(source.id, body["value"])
        return self.board(request)


def _text(definition: JSON, value: object) -> str:
    """The value as people read it: by its label, or with its unit."""
    for item in definition.get("values", ()):
        if item["value"] == value:
            return str(item["label"])
    text = written(value) if isinstance(value, bool | int | float | str) else ""
    return f"{text} {definition['unit']}" if "unit" in definition else text
