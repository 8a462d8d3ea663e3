"""The status line of `systemctl status`, and what systemd and local commands are told."""

import asyncio
import json
import socket
from pathlib import Path

from appliance.panel.health import Feed
from appliance.panel.items import BoxStatus, Named, ReceiverItem
from appliance.system.service import Service, status_line
from tests.unit.panel.worlds import Scene, audio_entry

DEVICE = Named("d", "Foyer")


def receiver(label: str, shows: str = "", *, enabled: bool = False) -> ReceiverItem:
    return ReceiverItem(id=label, label=label, device=DEVICE, enabled=enabled, shows=shows)


def test_mode_peers_senders_and_routes_are_in_one_line() -> None:
    status = BoxStatus(Named("n", "Box"), "peer-to-peer", peers=3, sources=12)
    receivers = (receiver("Speaker", "Stage left", enabled=True), receiver("Recorder"))
    line = status_line(status, receivers)
    assert line == "peer-to-peer, 3 peers, 12 senders | Speaker < Stage left | Recorder off"


def test_one_of_each_what_is_lost_many_receivers_and_the_worst_problem() -> None:
    status = BoxStatus(Named("n", "Box"), "registered", peers=1, sources=1, lost=1, problems=("first", "second"))
    line = status_line(status, tuple(receiver(f"R{number}") for number in range(6)))
    assert line.startswith("registered, 1 peer, 1 sender (1 lost) | R0 off | ")
    assert line.endswith("| R3 off | 2 more receivers | first")


def test_systemd_hears_ready_status_and_life_and_commands_find_the_api(tmp_path: Path) -> None:
    async def scenario(listener: socket.socket) -> list[str]:
        scene = Scene(audio_entry("Mic"))
        environment = {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "100000",
            "RUNTIME_DIRECTORY": str(tmp_path),
        }
        service = Service(scene.menu, lambda: 8080, environment)
        service.start()
        scene.menu.set_feed(Feed("peer-to-peer", "mDNS"))
        loop = asyncio.get_running_loop()
        told = [(await loop.sock_recv(listener, 1000)).decode() for _ in range(5)]
        service.stopping()
        service.stop()
        return [*told, (await loop.sock_recv(listener, 1000)).decode()]

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        told = asyncio.run(scenario(listener))
    assert told[0] == "READY=1"
    assert told[1].startswith("STATUS=starting")
    assert told[2] == "WATCHDOG=1"
    assert told[3].startswith("STATUS=peer-to-peer")
    assert told[4] == "WATCHDOG=1"
    assert told[5] == "STOPPING=1"
    assert json.loads((tmp_path / "api.json").read_text()) == {"url": "http://127.0.0.1:8080"}
    assert (tmp_path / "api.json").stat().st_mode & 0o777 == 0o644


def test_a_runtime_directory_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    async def scenario() -> None:
        service = Service(Scene().menu, lambda: 8080, {"RUNTIME_DIRECTORY": str(tmp_path / "missing")})
        service.start()
        service.stop()

    asyncio.run(scenario())
