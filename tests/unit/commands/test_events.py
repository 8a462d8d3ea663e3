"""``events``, against the real board."""

import json
from typing import Any

import pytest

from appliance.commands.client import CommandError, Daemon, NotThere
from appliance.commands.events import events
from appliance.edge.server import call_bottle
from appliance.nmos.is07.types import Payload
from appliance.web.messages import Answer, Request
from tests.unit.nmos.is07.tallies import source
from tests.unit.tally.test_inputs import Desk, site_of


class InProcess(Daemon):
    def __init__(self) -> None:
        super().__init__("http://box")
        self.desk = Desk()
        self.site = site_of(self.desk)

    def get(self, path: str, **query: str | int) -> Any:
        return self._answer(Request("GET", path))

    def post(self, path: str, body: object) -> Any:
        return self._answer(Request("POST", path, {}, {"content-type": "application/json"}, json.dumps(body).encode()))

    def _answer(self, request: Request) -> Any:
        answer = call_bottle(self.site, request)
        assert isinstance(answer, Answer)
        if answer.status != 200:
            raise CommandError(answer.body["error"])
        return answer.body


def test_everything_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert events(InProcess(), None, None, as_json=False) == 0
    shown = capsys.readouterr().out
    for line in ("button  off        boolean                  by hand", "lamp      on     boolean"):
        assert line in shown
    assert events(InProcess(), None, None, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["lamps"] == []


@pytest.mark.parametrize(
    ("name", "text", "payload"),
    [
        ("Button", "on", Payload(True)),
        ("button", "TRUE", Payload(True)),
        ("fader", "12.5", Payload(125, 10)),
        ("mode", "on", Payload("on")),
        ("mode", "Off", Payload("off")),
    ],
)
def test_one_is_set(name: str, text: str, payload: Payload) -> None:
    daemon = InProcess()
    assert events(daemon, name, text, as_json=False) == 0
    assert daemon.desk.box.sources.state(source(name.lower())).payload == payload


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("butter", "on", "did you mean 'button'"),
        ("button", None, "which value"),
        ("button", "maybe", "must be a boolean"),
        ("fader", "loud", "'loud' is no number"),
        ("fader", "101", "must be 0 to 100"),
        ("mode", "dim", "must be one of off, on"),
    ],
)
def test_what_cannot_be_set(name: str, text: str | None, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        events(InProcess(), name, text, as_json=False)


def test_a_box_without_events_says_so() -> None:
    class WithoutEvents(Daemon):
        def get(self, path: str, **query: str | int) -> Any:
            raise NotThere("there is nothing at /panel/tally")

    with pytest.raises(CommandError, match="no events"):
        events(WithoutEvents("http://box"), None, None, as_json=False)
