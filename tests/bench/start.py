"""From the start of the process to its first answer, and until another host has seen it announced."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from tests.bench.figures import Row, at_most, row
from tests.bench.load import cpu_s
from tests.bench.stage import NODE, Stage
from tests.lan.box import LOOPBACK, Box
from tests.lan.observer import Observer
from tests.lan.waiting import eventually

_GIVE_UP_S = 30.0
_BETWEEN_TRIES_S = 0.001


def answered(stage: Stage) -> Iterator[Row]:
    """The box has its state from before, as after a power cut; the process starts through `ip netns exec`."""
    for endpoints, aim, goal in ((11, at_most(700), at_most(500)), (1100, None, None)):
        host = stage.host(f"box{endpoints}")
        box = stage.box(host, endpoints, endpoints)
        samples, spent, refusals = [], [], 0
        for _ in range(stage.some(10 if endpoints < 1000 else 4, 2)):
            assert box.stop() == 0
            took_s, other = _until_answered(box)
            samples.append(took_s * 1000)
            spent.append(cpu_s(box.pid) * 1000)
            refusals += other
        box.kill()
        what = f"start to first answer, {endpoints:,} + {endpoints:,}"
        yield row(what, "ms", samples, aim=aim, goal=goal, note=f"{refusals} answers were not 200" if refusals else "")
        yield row(f"{what}: CPU", "ms", spent, note="in steps of 10")


def announced(stage: Stage) -> Iterator[Row]:
    """Until python-zeroconf on another host calls it added, with its counters."""
    host, desk = stage.host("box"), stage.host("desk")
    observer = stage.enter(Observer(desk))
    box = stage.new_box(host)
    samples = []
    for _ in range(stage.some(8, 2)):
        seen = len(observer.sightings)
        began = time.monotonic()
        box.launch()
        samples.append((_first_added(observer, seen) - began) * 1000)
        (service,) = observer.services().values()
        assert "ver_snd" in service.txt, service
        box.stop()
        observer.wait_gone(service.instance)
    yield row("start to announced, with ver_*", "ms", samples, goal=at_most(1500))


def _until_answered(box: Box) -> tuple[float, int]:
    """Seconds until GET /self is 200, and how many answers before that were something else."""
    began = time.monotonic()
    box.launch()
    return box.host.call(lambda: _ask_until_answered(box.port, began))


def _ask_until_answered(port: int, began: float) -> tuple[float, int]:
    others = 0
    while time.monotonic() < began + _GIVE_UP_S:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
                connection.sendall(f"GET {NODE}/self HTTP/1.1\r\nHost: {LOOPBACK}\r\n\r\n".encode())
                status = connection.recv(65536)[:12]
        except ConnectionError:
            time.sleep(_BETWEEN_TRIES_S)
            continue
        if status == b"HTTP/1.1 200":
            return time.monotonic() - began, others
        others += 1
    raise AssertionError("the box does not answer")


def _first_added(observer: Observer, seen: int) -> float:
    def look() -> float | None:
        return next((each.at for each in list(observer.sightings)[seen:] if each.change == "Added"), None)

    return eventually(look, "the box on mDNS")
