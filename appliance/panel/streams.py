"""The streams of this box as JSON: packets, losses by leg and levels, for ``/panel/streams`` and the meters."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from appliance.core.store import Store
from appliance.core.tai import format_tai
from appliance.core.types import JSON, Clock, Kind
from appliance.errors import NotFound
from appliance.media.engine import StreamStatus
from appliance.media.figures import StreamFigures
from appliance.panel.describe import label_of
from appliance.panel.text import MAX_SENTENCE, clean
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

StatusOf = Callable[[str], StreamStatus]
FiguresOf = Callable[[str], StreamFigures]
_ROLES = ((Kind.SENDER, "sender"), (Kind.RECEIVER, "receiver"))


class Streams:
    """What each sender's and receiver's stream is doing. ``declare`` puts it on a site."""

    def __init__(self, store: Store, clock: Clock, status_of: StatusOf, figures_of: FiguresOf) -> None:
        self._store, self._clock, self._status_of, self._figures_of = store, clock, status_of, figures_of

    def declare(self, site: Site) -> None:
        site.route("/panel/streams", get=self.answer)

    def answer(self, _request: Request) -> Answer:
        """All of them, senders first, in the configuration's order."""
        streams = [
            {"id": id, "label": label_of(resource), "role": role, **self.stream(id)}
            for kind, role in _ROLES
            for id, resource in self._store.all(kind).items()
        ]
        body = {"now": format_tai(self._clock.tai_ns()), "streams": streams}
        return Answer(body, headers={"Cache-Control": "no-store"})

    def stream(self, id: str) -> JSON:
        """How one is doing, and its figures."""
        status, figures = self._status_of(id), self._figures_of(id)
        return {
            "phase": status.phase,
            "detail": clean(status.detail, MAX_SENTENCE),
            "last_error": clean(status.last_error, MAX_SENTENCE),
            "restarts": status.restarts,
            "signal": status.signal,
            **figures_json(figures),
        }

    def meters(self, only: str | None) -> Iterator[JSON]:
        """The figures of what runs: of all, or of one."""
        ids = [only] if only else [id for kind, _ in _ROLES for id in self._store.all(kind)]
        for id in ids:
            status = self._status_of(id)
            if status.phase == "running" or only:
                yield {"id": id, "signal": status.signal, **figures_json(self._figures_of(id))}

    def check(self, id: str) -> None:
        """:class:`NotFound` where this box has no such sender or receiver."""
        if not any(self._store.get(kind, id) for kind, _ in _ROLES):
            raise NotFound(f"id: this box has no sender or receiver {id[:60]!r}")


def figures_json(figures: StreamFigures) -> JSON:
    """``legs`` in the order of the Connection API's; ``peak`` and ``rms`` of each channel in dBFS."""
    return {
        "legs": [
            {"interface": leg.interface, "packets": leg.packets, "lost": leg.lost, "signal": leg.signal}
            for leg in figures.legs
        ],
        "lost": figures.lost,
        "refused": figures.refused,
        "peak": list(figures.peak_db),
        "rms": list(figures.rms_db),
    }
