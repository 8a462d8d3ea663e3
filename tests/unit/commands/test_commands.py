"""The commands against the panel's real API, without a socket between them."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.commands import show, watch
from appliance.commands.client import CommandError, Daemon
from appliance.commands.take import take
from appliance.core.types import JSON, Kind
from appliance.discovery.world import PeerStatus
from appliance.edge.server import call_bottle
from appliance.media.engine import StreamStatus
from appliance.media.figures import LegFigures, StreamFigures
from appliance.panel.api import PanelApi
from appliance.panel.health import Feed
from appliance.panel.streams import Streams
from appliance.panel.updates import Updates
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.unit.panel.worlds import AUDIO, VIDEO, Scene, audio_entry, connection, id_of

MIC = id_of("Mic")


class InProcess(Daemon):
    """A daemon whose API is called directly."""

    def __init__(self, scene: Scene) -> None:
        super().__init__("http://box")
        self.scene = scene
        self.site = Site()
        PanelApi(scene.menu, scene.store, scene.clock, self._take).declare(self.site)
        self.figures = StreamFigures()
        Streams(scene.store, scene.clock, self._status, lambda _: self.figures).declare(self.site)

    def get(self, path: str, **query: str | int) -> Any:
        asked = {key: str(value) for key, value in query.items()}
        return self._answer(Request("GET", path, asked))

    def post(self, path: str, body: object) -> Any:
        return self._answer(Request("POST", path, {}, {"content-type": "application/json"}, json.dumps(body).encode()))

    def events(self, path: str, **query: str) -> Any:
        updates = Updates(self.scene.menu, self.scene.clock, None)
        self.scene.menu.subscribe(updates.on_change)
        yield from _drain(updates)
        self.scene.connect(AUDIO, connection(MIC))
        self.scene.world.update("p", [audio_entry("Mic", lost_since=self.scene.clock.tai_ns())])
        yield "", None
        yield from _drain(updates)
        self.scene.world.remove_peer("p")
        yield from _drain(updates)

    def _status(self, id: str) -> StreamStatus:
        return StreamStatus("running", signal=False, last_error="no card") if self.figures.legs else StreamStatus()

    async def _take(self, receiver_id: str, sender_id: str | None) -> Answer:
        self.scene.connect(receiver_id, connection(sender_id, enabled=sender_id is not None))
        return Answer({})

    def _answer(self, request: Request) -> Any:
        answer = call_bottle(self.site, request)
        if not isinstance(answer, Answer):
            answer = asyncio.run(answer)
        body = json.loads(answer.payload())
        if answer.status != 200:
            raise CommandError(body["error"])
        return body


def _drain(updates: Updates) -> Iterator[tuple[str, Any]]:
    while (event := updates.next()) is not None:
        name, data = event.decode().removesuffix("\n\n").split("\n")
        yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@pytest.fixture
def daemon() -> InProcess:
    scene = Scene(audio_entry("Mic"), audio_entry("Guitar", confirmed=False))
    scene.menu.set_feed(Feed("peer-to-peer", "mDNS"))
    return InProcess(scene)


def test_status(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.scene.connect(AUDIO, connection(MIC))
    daemon.scene.world.update("p", [audio_entry("Mic", lost_since=daemon.scene.clock.tai_ns())])
    daemon.scene.clock.advance(60)
    assert show.status(daemon, as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Display A  http://box",
        "mode      peer-to-peer (mDNS)",
        "health    warning",
        "          Speakers: its source Mic is lost",
        "nodes     0",
        "sources   2, 1 of them lost",
        "",
        "RECEIVER  FORMAT  ID                                    SHOWS  STATE",
        f"Speakers  audio   {AUDIO}  Mic    source lost 60 s ago",
        f"Screen    video   {VIDEO}  -      off",
    ]


def test_status_tells_how_it_goes_with_the_other_nodes(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    now = daemon.scene.clock.tai_ns()
    well = PeerStatus("a", "a", ("10.0.0.2",), 80, "v1.3", "1", "Stage box", last_fetch=now, senders=2)
    ill = PeerStatus("b", "cam", ("10.0.0.3",), 8080, last_error="it answers 500", lost_since=now, left_out=1)
    for peer in (well, ill):
        daemon.scene.world.set_peer(peer)
    daemon.scene.clock.advance(5)
    show.status(daemon, as_json=False)
    troubles = "lost 5 s ago; it answers 500; 1 of its resources cannot be used"
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "NODE       AT                  API   SOURCES  ASKED    STATE",
        f"cam        10.0.0.3 port 8080  -     0        never    {troubles}",
        "Stage box  10.0.0.2 port 80    v1.3  2        5 s ago  ok",
    ]
    for number in range(show.NODES_SHOWN):
        daemon.scene.world.set_peer(PeerStatus(f"n{number}", f"n{number}"))
    show.status(daemon, as_json=False)
    assert capsys.readouterr().out.splitlines()[-1] == "and 2 more"


def test_status_tells_what_arrives_and_what_is_lost(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    legs = (LegFigures(12_345, 0, True, "eth0"), LegFigures(11_345, 1000, False, "eth1"))
    daemon.figures = StreamFigures(legs, lost=2, refused=7, peak_db=(-18.2, -60.0))
    show.status(daemon, as_json=False)
    out = capsys.readouterr().out
    assert "STREAM" in out
    assert "eth0 12,345; eth1 11,345  0; 1,000  -18 dB" in out
    assert "running; no signal; last error: no card; 2 packets were silence; 7 packets are not what the SDP says" in out


def test_status_as_json(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    show.status(daemon, as_json=True)
    body = json.loads(capsys.readouterr().out)
    assert (body["status"]["mode"], len(body["receivers"]), body["peers"]) == ("peer-to-peer", 2, [])


def test_sources(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert show.sources(daemon, receiver="screen", as_json=False) == 0
    reason = "it is audio, this receiver takes video"
    assert capsys.readouterr().out.splitlines() == [
        "NODE       DEVICE  SOURCE  FORMAT                 ID                                    STATE",
        f"Stage box  Inputs  Guitar  audio L24 48 kHz 2 ch  {id_of('Guitar')}  remembered, not yet seen; {reason}",
        f"Stage box  Inputs  Mic     audio L24 48 kHz 2 ch  {MIC}  {reason}",
    ]


def test_sources_as_json_are_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene(*(audio_entry(f"Mic {n}") for n in range(501)))
    scene.settle()
    show.sources(InProcess(scene), receiver=None, as_json=True)
    found: list[JSON] = json.loads(capsys.readouterr().out)
    assert [item["label"] for item in found] == [f"Mic {n}" for n in range(501)]


def test_no_sources_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene()
    scene.menu.set_feed(Feed("peer-to-peer", "mDNS", "no media interface has a link"))
    show.sources(InProcess(scene), receiver=None, as_json=False)
    assert capsys.readouterr().out == "no media interface has a link\n"


def test_receivers(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    show.receivers(daemon, as_json=False)
    assert capsys.readouterr().out.splitlines()[1] == f"Speakers  audio   {AUDIO}  -      off"
    show.receivers(daemon, as_json=True)
    assert [item["label"] for item in json.loads(capsys.readouterr().out)] == ["Speakers", "Screen"]


def test_no_receivers(capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene()
    with scene.store.transaction("config") as tx:
        tx.delete(Kind.RECEIVER, AUDIO)
        tx.delete(Kind.RECEIVER, VIDEO)
    show.receivers(InProcess(scene), as_json=False)
    assert capsys.readouterr().out == "this box has no receivers\n"


def test_take_by_label_and_off(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert take(daemon, "speakers", "Mic", as_json=False) == 0
    item = daemon.scene.menu.receiver(AUDIO)
    assert item is not None
    assert item.shows == "Mic"
    assert take(daemon, AUDIO, None, as_json=False) == 0
    assert capsys.readouterr().out == "Speakers: Mic\nSpeakers: off\n"
    take(daemon, AUDIO, MIC, as_json=True)
    assert json.loads(capsys.readouterr().out)["receiver"]["sender_id"] == MIC


@pytest.mark.parametrize(
    ("receiver", "sender", "message"),
    [
        ("nobody", "Mic", "no receiver is called 'nobody'"),
        ("Speakers", "Mike", "no source is called 'Mike'; did you mean 'Mic'"),
        ("Screen", "Mic", "Mic does not fit Screen: it is audio, this receiver takes video"),
    ],
)
def test_takes_that_cannot_be(daemon: InProcess, receiver: str, sender: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        take(daemon, receiver, sender, as_json=False)


def test_watch_says_each_thing_once(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch.watch(daemon, as_json=False) == 1
    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert [*lines[:-2], *sorted(lines[-2:])] == [
        "Display A: peer-to-peer (mDNS), ok",
        "receiver Speakers (off)",
        "receiver Screen (off)",
        "source Stage box / Inputs / Guitar (remembered, not yet seen)",
        "source Stage box / Inputs / Mic",
        "Display A: peer-to-peer (mDNS), warning; Speakers: its source Mic is lost",
        "receiver Speakers: Mic (source lost 0 s ago)",
        "source Stage box / Inputs / Mic (lost 0 s ago)",
        (
            "Display A: peer-to-peer (mDNS), warning; Speakers: its source Mic is lost; "
            "No other NMOS node has been found on the network yet"
        ),
        "source Guitar is gone",
        "source Mic is gone",
    ]
    assert output.err == "the box at http://box went away\n"


def test_watch_as_json_is_a_line_an_event(daemon: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    watch.watch(daemon, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["reset", "change", "ready", "change", "change"]
