"""The routes of the IS-07 Events API: the sources of events of this box, the type and the state of each."""

from __future__ import annotations

from appliance.nmos.is05.events import EVENTS_PATH
from appliance.nmos.is07.sources import Sources
from appliance.web.messages import Answer, Handler, Request
from appliance.web.site import Site


class EventsApi:
    """The handlers; ``mount`` puts them on a site."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def mount(self, site: Site) -> None:
        """Where there are no sources (any more), there is nothing of it."""
        base, _, version = EVENTS_PATH.rpartition("/")
        handlers: dict[str, Handler] = {
            base: lambda request: Answer([f"{version}/"]),
            EVENTS_PATH: lambda request: Answer(["sources/"]),
            f"{EVENTS_PATH}/sources": self._list,
            f"{EVENTS_PATH}/sources/<id>": self._one,
            f"{EVENTS_PATH}/sources/<id>/type": self._type,
            f"{EVENTS_PATH}/sources/<id>/state": self._state,
        }
        for path, handler in handlers.items():
            site.route(path, only=lambda request: bool(self._sources.all), get=handler)

    def _list(self, request: Request) -> Answer:
        return Answer([f"{id}/" for id in self._sources.all])

    def _one(self, request: Request) -> Answer:
        self._sources.source(request.params["id"])
        return Answer(["state/", "type/"])

    def _type(self, request: Request) -> Answer:
        return Answer(self._sources.source(request.params["id"]).definition.to_json())

    def _state(self, request: Request) -> Answer:
        return Answer(self._sources.state(request.params["id"]).to_json())
