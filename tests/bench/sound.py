"""Real streams: how long a take from one source to another is not heard, when its sound is there, what a stream costs.

Two senders play files of one value each, of opposite sign, and the receiver records: so every sample says where it is
from. The recorder writes each buffer at once; its jitter buffer's latency is part of what is measured.
"""

from __future__ import annotations

import shutil
import time
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.bench.figures import Row, at_most, row
from tests.bench.load import cpu_s, descendants
from tests.bench.stage import Connection, Stage
from tests.lan.waiting import eventually

_RATE, _FRAME = 48_000, 6  # L24, stereo
_LOUD = 1 << 21  # a quarter of full scale
_UNBUFFERED = """#!/bin/sh
for word do
    shift; set -- "$@" "$word"
    [ "$word" != filesink ] || set -- "$@" buffer-mode=unbuffered
done
exec gst-launch-1.0 "$@"
"""
_SETTLE_S = 0.7
_GIVE_UP_S = 5.0


def measure(stage: Stage) -> Iterator[Row]:
    if shutil.which("gst-launch-1.0") is None:
        return
    wav, gst = stage.file("out.wav"), stage.file("gst-launch-unbuffered")
    gst.write_text(_UNBUFFERED, encoding="ascii")
    gst.chmod(0o755)
    for name, value in (("plus", _LOUD), ("minus", -_LOUD)):
        _write(stage.file(f"{name}.wav"), value)
    source = stage.box(stage.host("source"), config=_config(_senders(stage)))
    display = stage.box(stage.host("display"), config=_config(_receiver(wav, gst)))
    eventually(lambda: display.get("/panel/sources").text.count('"L24 48 kHz') >= 2, "both senders on the menu")
    listed = display.get("/panel/sources").json()["sources"]
    senders = [next(sender["id"] for sender in listed if sender["label"] == name) for name in ("plus", "minus")]
    with Connection(source) as connection:
        for sender in connection.ids("senders"):
            connection.send(
                "PATCH",
                f"/x-nmos/connection/v1.1/single/senders/{sender}/staged",
                {"master_enable": True, "activation": {"mode": "activate_immediate"}},
            )
    with Connection(display) as connection:
        receiver = connection.ids("receivers")[0]
        body = {"receiver_id": receiver, "sender_id": None}
        cold, warm = [], []
        for _ in range(stage.some(7, 3)):
            connection.send("POST", "/panel/take", body)
            time.sleep(_SETTLE_S)
            wav.unlink(missing_ok=True)
            sent = connection.send("POST", "/panel/take", {**body, "sender_id": senders[0]}).sent
            cold.append((_sounds(wav, 1, 44) - sent) * 1000)
        time.sleep(_SETTLE_S)
        for turn in range(1, stage.some(31, 5)):
            sign, place = 1 - 2 * (turn % 2), wav.stat().st_size
            sent = connection.send("POST", "/panel/take", {**body, "sender_id": senders[turn % 2]}).sent
            warm.append((_sounds(wav, sign, place) - sent) * 1000)
            time.sleep(_SETTLE_S)
        yield row("gap of a take from source to source", "ms", _gaps(wav), aim=at_most(150), goal=at_most(20))
        yield row("take to its sound, from source to source", "ms", warm, aim=at_most(150), goal=at_most(50))
        first, *cold = cold
        note = f"{first:.0f} ms at the very first, when GStreamer looks through its plugins"
        yield row("take to its sound, receiver was off", "ms", cold, aim=at_most(500), goal=at_most(300), note=note)
        for what, box in (("sending", source), ("receiving", display)):
            yield _cpu(stage, what, box.pid, streams=2 if box is source else 1)


def _config(endpoints: str) -> str:
    return (
        '[node]\nlabel = "bench"\n[network]\ninterfaces = ["eth0"]\n[discovery]\nmode = "peer-to-peer"\n'
        '[[devices]]\nname = "device"\n' + endpoints
    )


def _senders(stage: Stage) -> str:
    return "".join(
        f'[[senders]]\nname = "{name}"\ndevice = "device"\nmedia_type = "audio/L24"\n'
        f'input = {{ kind = "file", path = "{stage.file(f"{name}.wav")}" }}\n'
        for name in ("plus", "minus")
    )


def _receiver(wav: Path, gst: Path) -> str:
    return (
        f'[media]\ngst_launch = "{gst}"\n[[receivers]]\nname = "recorder"\ndevice = "device"\n'
        f'output = {{ kind = "file", path = "{wav}" }}\n'
    )


def _write(path: Path, value: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(_RATE)
        file.writeframes(value.to_bytes(3, "little", signed=True) * 2 * _RATE)


def _sounds(wav: Path, sign: int, place: int) -> float:
    """The wall clock time at which a sample of this sign, half as loud as it will be, has been written behind this
    place."""
    give_up = time.monotonic() + _GIVE_UP_S
    place -= (place - 44) % _FRAME
    while time.monotonic() < give_up:
        if wav.exists() and wav.stat().st_size >= place + _FRAME:
            with wav.open("rb") as file:
                file.seek(place)
                data = file.read()
            if any(sign * sample > _LOUD // 2 for sample in _left(data)):
                return time.time()
            place += len(data) // _FRAME * _FRAME
        time.sleep(0.001)
    raise AssertionError("there is no sound")


def _gaps(wav: Path) -> list[float]:
    """In ms, from the last sample of one source that was half as loud as before or more, to the first of the other."""
    loud = [(at, sample > 0) for at, sample in enumerate(_left(wav.read_bytes()[44:])) if abs(sample) > _LOUD // 2]
    return [(after - before - 1) * 1000 / _RATE for (before, was), (after, becomes) in pairwise(loud) if was != becomes]


def _left(data: bytes) -> Iterator[int]:
    for place in range(0, len(data) - _FRAME + 1, _FRAME):
        yield int.from_bytes(data[place : place + 3], "little", signed=True)


def _cpu(stage: Stage, what: str, pid: int, *, streams: int) -> Row:
    """Of all that runs for a stream, without the box itself."""
    processes = descendants(pid)
    before, began = sum(map(cpu_s, processes)), time.monotonic()
    time.sleep(stage.some(10, 3))
    used = (sum(map(cpu_s, processes)) - before) / (time.monotonic() - began)
    return row(f"CPU of a stream, {what} (L24 stereo, 1 ms)", "% of a core", [used * 100 / streams])
