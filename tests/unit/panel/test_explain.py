"""A receiver explained, over the real Connection API and policy on a network on paper."""

import json
from dataclasses import replace

import pytest

from appliance.commands.client import Daemon
from appliance.commands.explain import explain
from appliance.core.types import JSON, Kind
from appliance.discovery.world import World
from appliance.edge.server import call_bottle
from appliance.errors import BadRequest, NotFound
from appliance.network.model import NetworkState
from appliance.panel.explain import PATH, ExplainApi
from appliance.panel.menu import MenuModel
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.unit.network.hosts import host
from tests.unit.nmos.is05.boxes import BLUE, IMMEDIATE, RED, Box, multicast_sdp, pair_sdp, receiver_id
from tests.unit.panel.worlds import audio_entry

SPEAKER, DUAL = receiver_id("speaker"), receiver_id("dual")
CAN_TAKE = "speaker can take: L24, 48 kHz, up to 8 channels; L16, 48 kHz, up to 8 channels."


class Network:
    """The paper network, with the property that the live one has."""

    def __init__(self, box: Box) -> None:
        self.choose = box.network.choose
        self._box = box

    @property
    def state(self) -> NetworkState:
        return self._box.network.state


class Inspector:
    """What lies in the way, made up."""

    def traps(self, id: str) -> tuple[str, ...]:
        return ("eth0: it will be dropped",)

    def hints(self, id: str) -> tuple[str, ...]:
        return ("a route would help",)

    def host_traps(self) -> tuple[str, ...]:
        return ("eth0 and eth1 are one",)


class Scene:
    """A box and its explanations."""

    def __init__(self) -> None:
        self.box = Box()
        self.box.network.route(**{"10.0.0.9": "eth0"})
        self.world = World(self.box.clock.tai_ns)
        self.menu = MenuModel(self.box.store, self.world, self.box.clock, lambda call: call())
        by_id = {id: self.box.endpoint(Kind.RECEIVER, id) for id in self.box.connections.all(Kind.RECEIVER)}
        self.api = ExplainApi(self.menu, self.box.store, by_id, Network(self.box), Inspector())

    def connect(self, id: str, sdp: str) -> None:
        body = {"master_enable": True, "transport_file": {"data": sdp, "type": "application/sdp"}}
        answer = self.box.patch(Kind.RECEIVER, id, {**body, "activation": IMMEDIATE})
        assert answer.status == 200, answer.body

    def explained(self, id: str, **query: str) -> JSON:
        body = self.api.explain(Request("GET", PATH, {"receiver": id, **query})).body
        assert isinstance(body, dict)
        return body


def test_a_receiver_that_is_off() -> None:
    body = Scene().explained(SPEAKER)
    assert body["sentences"] == ["speaker is off.", CAN_TAKE, "Trap: eth0 and eth1 are one."]
    assert body["legs"] == []


def test_one_leg_and_the_other_port() -> None:
    scene = Scene()
    scene.connect(SPEAKER, multicast_sdp())
    notes = "the kernel routes the source 10.0.0.9 to eth0, the kernel has no route to the group 239.1.2.3"
    assert scene.explained(SPEAKER)["sentences"] == [
        "speaker shows there.",
        "It takes 239.1.2.3 port 5010 from 10.0.0.9 on eth0: the kernel routes the source 10.0.0.9 there.",
        f"eth1 could be used too: the only interface of this leg that can be used ({notes}).",
        CAN_TAKE,
        "Trap: eth0: it will be dropped.",
        "Trap: eth0 and eth1 are one.",
        "Hint: a route would help.",
    ]


@pytest.mark.parametrize(
    ("change", "why"),
    [({"up": False}, "is down"), ({"carrier": False}, "has no carrier"), ({"addresses": ()}, "has no address")],
)
def test_a_port_that_cannot_be_used(change: dict[str, object], why: str) -> None:
    scene = Scene()
    scene.connect(SPEAKER, multicast_sdp())
    scene.box.network.state = host(RED, replace(BLUE, **change), media=("eth0", "eth1"))  # type: ignore[arg-type]
    assert f"eth1 cannot be used: it {why}." in scene.explained(SPEAKER)["sentences"]


def test_two_legs_and_one_of_them_off() -> None:
    scene = Scene()
    scene.connect(DUAL, pair_sdp())
    said = scene.explained(DUAL)["sentences"]
    assert [sentence.split(" on ")[0] for sentence in said[1:3]] == [
        "Leg 1 takes 239.1.2.3 port 5010 from 10.0.0.9",
        "Leg 2 takes 239.1.2.4 port 5012",
    ]
    scene.connect(DUAL, multicast_sdp())
    assert "Leg 2 is off." in scene.explained(DUAL)["sentences"]


def test_whether_a_sender_would_fit() -> None:
    scene = Scene()
    mic, rate = audio_entry("Mic"), {"numerator": 96_000, "denominator": 1}
    fast = audio_entry("Fast", flow={**(mic.flow or {}), "sample_rate": rate})
    nothing = audio_entry("Nothing", flow=None, source=None)
    scene.world.update("p", [mic, fast, nothing])
    for entry, sentence in (
        (mic, "Mic fits, as L24, 48 kHz, up to 8 channels."),
        (fast, "Fast does not fit: its sample rate is 96000, this receiver takes 48000."),
        (nothing, "Nothing may fit: its format is not known yet."),
    ):
        assert sentence in scene.explained(SPEAKER, sender=entry.id)["sentences"]
    with pytest.raises(NotFound, match="sender: no source 'nobody'"):
        scene.explained(SPEAKER, sender="nobody")


def test_what_cannot_be_explained() -> None:
    scene = Scene()
    with pytest.raises(BadRequest, match="receiver: is missing"):
        scene.api.explain(Request("GET", PATH))
    with pytest.raises(NotFound, match="no receiver 'nobody'"):
        scene.explained("nobody")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene()
    scene.world.update("p", [audio_entry("Mic")])
    site = Site()
    scene.api.declare(site)
    site.route("/panel/receivers", get=lambda _: Answer({"receivers": [i.to_json() for i in scene.menu.receivers]}))
    sources = [scene.menu.source(entry.id) for entry in scene.world.entries.values()]
    listed = [source.to_json() for source in sources if source]
    site.route("/panel/sources", get=lambda _: Answer({"sources": listed, "total": len(listed)}))

    class InProcess(Daemon):
        def get(self, path: str, **query: str | int) -> object:
            answer = call_bottle(site, Request("GET", path, {key: str(value) for key, value in query.items()}))
            assert isinstance(answer, Answer)
            return json.loads(answer.payload())

    assert explain(InProcess("http://box"), "SPEAKER", as_json=False) == 0
    assert capsys.readouterr().out == f"speaker is off.\n{CAN_TAKE}\nTrap: eth0 and eth1 are one.\n"
    assert explain(InProcess("http://box"), "speaker", "mic", as_json=False) == 0
    assert "Mic fits, as L24" in capsys.readouterr().out
    assert explain(InProcess("http://box"), SPEAKER, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["receiver"]["id"] == SPEAKER


def test_what_was_scheduled_and_did_not_happen_is_said() -> None:
    scene = Scene()
    connection = scene.box.store.aspect("connection", SPEAKER)
    assert connection is not None
    notice = "the activation scheduled for 5:0 was lost in a restart"
    with scene.box.store.transaction("restart") as tx:
        tx.attach("connection", SPEAKER, {**connection, "notice": notice})
    assert scene.explained(SPEAKER)["sentences"][-1] == f"speaker: {notice}."
