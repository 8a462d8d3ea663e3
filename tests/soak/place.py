"""`Place`: two boxes that send and receive real audio, one with one of everything, and who else is on their LAN."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from tests.lan.box import CHECKOUT, Box
from tests.lan.documents import peer_documents
from tests.lan.network import RED_AND_BLUE, Lan
from tests.lan.peer import Peer
from tests.lan.registry import Registry
from tests.lan.waiting import eventually
from tests.support.mosquitto import Mosquitto

EVERYTHING = (CHECKOUT / "docs" / "examples" / "everything.toml").read_text(encoding="utf-8")
SINGLE = "/x-nmos/connection/v1.1/single"
_AUDIO = '[node]\nlabel = "{}"\n[[devices]]\nname = "device"\n'
_TONES = "".join(
    f'[[senders]]\nname = "tone-{hertz}"\ndevice = "device"\ninput = {{ kind = "tone", frequency_hz = {hertz} }}\n'
    for hertz in (440, 1000)
)
_SPEAKER = '[[receivers]]\nname = "speaker"\ndevice = "device"\noutput = { kind = "none" }\n'
_PEERS = 3


class Place:
    """On a `Lan`, running. ``desk`` has one of everything and no streams, ``source`` and ``display`` have audio."""

    def __init__(self, lan: Lan, folder: Path, environment: dict[str, str] | None = None) -> None:
        desk, source, display = lan.host("desk", RED_AND_BLUE), lan.host("source"), lan.host("display")
        self.broker = Mosquitto(folder / "broker", host=desk)
        self.desk = Box(desk, folder / "desk", EVERYTHING, name="desk", environment=environment)
        self.source = Box(source, folder / "source", _AUDIO.format("source") + _TONES, name="source")
        self.display = Box(display, folder / "display", _AUDIO.format("display") + _SPEAKER, name="display")
        self.boxes = (self.desk, self.source, self.display)
        self.registry = Registry(lan.host("registry"), "registry")
        self.visitor = lan.host("visitor")
        hosts = [lan.host(f"peer{number}") for number in range(_PEERS)]
        self.peers = [Peer(host, host.label, peer_documents(host.label, host.address(), senders=4)) for host in hosts]
        self.broker.start()
        lan.at_close(self.broker.kill)
        running: tuple[AbstractContextManager[object], ...] = (*self.boxes, *self.peers, self.registry)
        for one in running:
            lan.enter(one)
        for peer in self.peers:
            peer.announce()
        self.registry.announce()
        self.tones = ids(self.source, "senders")
        for tone in self.tones:
            body = {"master_enable": True, "activation": {"mode": "activate_immediate"}}
            staged = f"{SINGLE}/senders/{tone}/staged"
            assert self.source.patch(staged, body).status == 200, "a tone to be sent"
        eventually(self._are_tones_shown, "both tones on the menu", patience_s=60)

    def _are_tones_shown(self) -> bool:
        return set(self.tones) <= {source["id"] for source in self.display.json("/panel/sources")["sources"]}


def ids(box: Box, plural: str) -> list[str]:
    """Of all its "senders", "receivers", ..."""
    return [resource["id"] for resource in box.json(f"/x-nmos/node/v1.3/{plural}")]
