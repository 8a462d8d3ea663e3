"""The benches, in the order they are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.bench import (
    activation,
    clients,
    events,
    get,
    growth,
    idle,
    keys,
    menu,
    mqtt,
    reload,
    scale,
    scaling,
    scheduled,
    sound,
    stalls,
    start,
    streams,
    take,
    txt,
)
from tests.bench.figures import Row
from tests.bench.stage import Stage


@dataclass(frozen=True, slots=True)
class Bench:
    """`measure` yields its rows as it has them: what was measured before a failure is kept."""

    name: str
    purpose: str
    measure: Callable[[Stage], Iterable[Row]]
    needs_network: bool = False


BENCHES = (
    Bench("start", "process start to the first answer", start.answered),
    Bench("announce", "process start to announced, as another host sees it", start.announced, needs_network=True),
    Bench("txt", "commit to changed TXT record on the wire", txt.measure, needs_network=True),
    Bench("menu", "a peer's changed TXT record to the menu", menu.measure, needs_network=True),
    Bench("keys", "a key at the panel with 10,000 sources", keys.measure),
    Bench("take", "a take to the IGMP membership", take.measure, needs_network=True),
    Bench("sound", "real sound: the gap of a take, a take to its sound, CPU", sound.measure, needs_network=True),
    Bench("streams", "what a stream of each kind costs", streams.measure, needs_network=True),
    Bench("events", "a press to its event at 1 and at 100 subscribers", events.measure, needs_network=True),
    Bench("mqtt", "a press to its event by MQTT, beside the broker alone", mqtt.measure, needs_network=True),
    Bench("get", "GET /self and /senders over 16 connections", get.measure),
    Bench("patch", "immediate activations, one connection", activation.single),
    Bench("bulk", "immediate activations in bulk", activation.bulk),
    Bench("clients", "300 clients at once", clients.measure),
    Bench("growth", "what grows with the number of receivers", growth.measure),
    Bench("scaling", "how single pieces of work grow with what there is", scaling.measure),
    Bench("scheduled", "how late scheduled activations are", scheduled.measure),
    Bench("idle", "memory and CPU of a box that does nothing", idle.measure),
    Bench("stalls", "the longest callback of the event loop under each load", stalls.measure),
    Bench("reload", "the longest callback of the event loop under a reload", reload.measure),
    Bench("scale", "500 peers with 20 senders each", scale.measure, needs_network=True),
)
