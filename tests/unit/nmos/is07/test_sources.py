"""Sources of events: what each says now, and the Events API that shows it."""

import json
from typing import Any

import pytest

from appliance.edge.server import call_bottle
from appliance.errors import BadRequest, NotFound
from appliance.nmos.is07.api import EventsApi
from appliance.nmos.is07.messages import Ending, Event
from appliance.nmos.is07.sources import EventSource
from appliance.nmos.is07.types import Payload
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.support.specs import problems
from tests.unit.nmos.is07.tallies import TallyBox, receiver, source


def test_an_event_is_told_once_with_its_flow_and_kept_without() -> None:
    box = TallyBox()
    heard: list[tuple[EventSource, Event]] = []
    box.sources.subscribe(lambda *event: heard.append(event))
    box.clock.advance(1)
    assert box.sources.set(source("fader"), 50.04, origin_ns=7)
    assert not box.sources.set(source("fader"), 50)
    ((of, told),) = heard
    assert told == box.sources.carried(of.id)
    kept = box.sources.state(source("fader"))
    assert (kept.payload, kept.origin_ns, kept.flow_id) == (Payload(500, 10), 7, None)
    assert kept.creation_ns == box.clock.tai_ns()
    assert box.sources.set(source("fader"), 50, again=True)
    assert len(heard) == 2


def test_a_bad_value_changes_nothing() -> None:
    box = TallyBox()
    before = box.sources.state(source("mode"))
    with pytest.raises(BadRequest, match="one of off, on"):
        box.sources.set(source("mode"), "full")
    with pytest.raises(NotFound):
        box.sources.set(receiver("lamp"), True)
    assert box.sources.state(source("mode")) == before


def test_the_end_is_told_for_every_source() -> None:
    box = TallyBox()
    heard: list[Event] = []
    box.sources.subscribe(lambda _, event: heard.append(event))
    box.sources.end("shutdown")
    assert [event.source_id for event in heard] == list(box.sources.all)
    assert {type(event) for event in heard} == {Ending}


def get(site: Site, path: str) -> tuple[int, Any]:
    answer = call_bottle(site, Request("GET", f"/x-nmos/events{path}"))
    assert isinstance(answer, Answer)
    return answer.status, json.loads(answer.payload())


def test_the_events_api() -> None:
    box = TallyBox()
    site = Site()
    EventsApi(box.sources).mount(site)
    assert get(site, "") == (200, ["v1.0/"])
    for path, schema in (("/v1.0", "base"), ("/v1.0/sources", "sources")):
        status, body = get(site, path)
        assert (status, problems("is-07", "v1.0", schema, body)) == (200, [])
    ids = [id.rstrip("/") for id in get(site, "/v1.0/sources/")[1]]
    assert ids == [source("button"), source("fader"), source("mode")]
    for id in ids:
        for path, schema in ((id, "source"), (f"{id}/type", "type"), (f"{id}/state", "event")):
            status, body = get(site, f"/v1.0/sources/{path}")
            assert (status, problems("is-07", "v1.0", schema, body)) == (200, [])
        assert "flow_id" not in get(site, f"/v1.0/sources/{id}/state")[1]["identity"]
    for path in (receiver("lamp"), f"{receiver('lamp')}/type", "x/state"):
        status, body = get(site, f"/v1.0/sources/{path}")
        assert (status, problems("is-07", "v1.0", "error", body)) == (404, [])
