"""What a stream of each kind costs: CPU of all that runs for it, at the sender and at the receiver, besides the boxes.

Pictures are small and from a test pattern, which costs something itself; nothing is shown, H.264 is not even decoded.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.bench.figures import Row, row
from tests.bench.load import cpu_s, descendants
from tests.bench.stage import Connection, Stage
from tests.lan.box import Box
from tests.lan.waiting import eventually

_SETTLE_S = 1.5
_GIVE_UP_S = 30.0


@dataclass(frozen=True, slots=True)
class Kind:
    """``sender`` are the keys that make it; ``needs`` an element that is not in GStreamer's usual packages."""

    what: str
    format: str
    media_type: str
    sender: str
    needs: str = ""


_SMALL = "video = { frame_width = 320, frame_height = 240"
_BALL = 'input = { kind = "pattern", pattern = "ball" }'
_KINDS = (
    Kind("L24 stereo, 1 ms", "audio", "audio/L24", ""),
    Kind("L24 stereo, 125 us", "audio", "audio/L24", "packet_time_ms = 0.125"),
    Kind("L24 8 channels, 125 us", "audio", "audio/L24", "channels = 8\npacket_time_ms = 0.125"),
    Kind("L24 64 channels, 125 us", "audio", "audio/L24", "channels = 64\npacket_time_ms = 0.125"),
    Kind("video/raw 320x240, 25 a second", "video", "video/raw", f"{_SMALL} }}\n{_BALL}"),
    Kind("video/H264 320x240, 25 a second", "video", "video/H264", f"{_SMALL} }}\n{_BALL}", "openh264enc"),
    Kind("video/MP2T 320x240, 25 a second", "mux", "video/MP2T", f"{_SMALL} }}\n{_BALL}", "mpegtsmux"),
)


def measure(stage: Stage) -> Iterator[Row]:
    if shutil.which("gst-launch-1.0") is None:
        return
    kinds = [kind for kind in _KINDS if not kind.needs or _is_there(kind.needs)]
    source = stage.box(stage.host("source"), config=_config(map(_sender, kinds)))
    display = stage.box(stage.host("display"), config=_config(map(_receiver, kinds)))

    def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = display.get("/panel/sources").json()["sources"]
        return found if len(found) >= len(kinds) else []

    senders = {sender["label"]: sender["id"] for sender in eventually(listed, "all senders on the menu")}
    with Connection(source) as sending, Connection(display) as receiving:
        for kind, receiver in zip(kinds, receiving.ids("receivers"), strict=True):
            sender = senders[kind.what]
            _switch(sending, sender, on=True)
            receiving.send("POST", "/panel/take", {"receiver_id": receiver, "sender_id": sender})
            eventually(partial(_runs, display, receiver), f"{kind.what} to run", _GIVE_UP_S)
            time.sleep(_SETTLE_S)
            yield from _cost(stage, kind.what, {"sending": source.pid, "receiving": display.pid})
            receiving.send("POST", "/panel/take", {"receiver_id": receiver, "sender_id": None})
            _switch(sending, sender, on=False)


def _switch(connection: Connection, sender: str, *, on: bool) -> None:
    path = f"/x-nmos/connection/v1.1/single/senders/{sender}/staged"
    connection.send("PATCH", path, {"master_enable": on, "activation": {"mode": "activate_immediate"}})


def _runs(box: Box, receiver: str) -> bool:
    listed = box.get("/panel/receivers").json()["receivers"]
    return any(one["id"] == receiver and one["stream"]["phase"] == "running" for one in listed)


def _cost(stage: Stage, what: str, boxes: dict[str, int]) -> Iterator[Row]:
    processes = {side: descendants(pid) for side, pid in boxes.items()}
    before, began = {side: _spent(pids) for side, pids in processes.items()}, time.monotonic()
    time.sleep(stage.some(10, 3))
    seconds = time.monotonic() - began
    for side, pids in processes.items():
        yield row(f"{what}, {side}", "% of a core", [100 * (_spent(pids) - before[side]) / seconds])


def _spent(pids: list[int]) -> float:
    return sum(map(cpu_s, pids))


def _is_there(element: str) -> bool:
    return subprocess.run(["gst-inspect-1.0", "--exists", element], check=False).returncode == 0


def _config(endpoints: Iterator[str]) -> str:
    return (
        '[node]\nlabel = "bench"\n[network]\ninterfaces = ["eth0"]\n[discovery]\nmode = "peer-to-peer"\n'
        '[[devices]]\nname = "device"\n' + "".join(endpoints)
    )


def _sender(kind: Kind) -> str:
    return (
        f'[[senders]]\nname = "{kind.what}"\ndevice = "device"\nformat = "{kind.format}"\n'
        f'media_type = "{kind.media_type}"\nactive = false\n{kind.sender}\n'
    )


def _receiver(kind: Kind) -> str:
    limit = "max_channels = 64\n" if kind.format == "audio" else ""
    return (
        f'[[receivers]]\nname = "{kind.what}"\ndevice = "device"\nformat = "{kind.format}"\n{limit}'
        f'media_types = ["{kind.media_type}"]\noutput = {{ kind = "none" }}\n'
    )
