"""The routes of the IS-07 Events API: the sources of events of this box, the type and the state of each."""

from __future__ import annotations

from appliance.nmos.is05.events import EVENTS_PATH
from appliance.nmos.is07.sources import Sources
from appliance.web.messages import Answer, Request
from appliance.web.site import Site


class EventsApi:
    """The handlers; ``mount`` puts them on a site."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def mount(self, site: Site) -> None:
        base, _, version = EVENTS_PATH.rpartition("/")
        site.route(base, get=lambda request: Answer([f"{version}/"]))
        site.route(EVENTS_PATH, get=lambda request: Answer(["sources/"]))
        site.route(f"{EVENTS_PATH}/sources", get=self._list)
        site.route(f"{EVENTS_PATH}/sources/<id>", get=self._one)
        site.route(f"{EVENTS_PATH}/sources/<id>/type", get=self._type)
        site.route(f"{EVENTS_PATH}/sources/<id>/state", get=self._state)

    def _list(self, request: Request) -> Answer:
        return Answer([f"{id}/" for id in self._sources.all])

    def _one(self, request: Request) -> Answer:
        self._sources.source(request.params["id"])
        return Answer(["state/", "type/"])

    def _type(self, request: Request) -> Answer:
        return Answer(self._sources.source(request.params["id"]).definition.to_json())

    def _state(self, request: Request) -> Answer:
        return Answer(self._sources.state(request.params["id"]).to_json())
