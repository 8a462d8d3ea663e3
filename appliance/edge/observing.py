"""``/healthz`` and ``/metrics``: what the parts of a running box tell those who watch it.

Everything is read when it is asked for. The one exception are the counts that parts keep of what they do (answers by
status, writes of the journal, fetches): an addition each.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from appliance import __version__
from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.discovery.world import SELF, PeerStatus, World
from appliance.edge.discovering import Discovering
from appliance.edge.files import StateWriter
from appliance.edge.media import Media
from appliance.edge.server import HttpServer
from appliance.edge.tls import Tls
from appliance.media.engine import Phase
from appliance.network.model import Network
from appliance.panel.duty import off_duty
from appliance.panel.menu import MenuModel
from appliance.system.metrics import HistogramReading, Metrics, Reading, by, counter, counter_by, gauge
from appliance.system.turns import Turns
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

if TYPE_CHECKING:
    from appliance.edge.eventing import Eventing

_ROLES = ("sender", "receiver")


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts that have something to tell. ``turns`` is ``None`` where nobody measures the loop, ``eventing``
    gives it where the box has no events."""

    store: Store
    world: World
    menu: MenuModel
    site: Site
    server: HttpServer
    media: Media
    writer: StateWriter
    discovering: Discovering
    network: Network
    turns: Turns | None
    tls: Tls
    eventing: Callable[[], Eventing | None]


def declare(watched: Watched) -> None:
    """Put both paths on the site."""
    watched.site.route("/healthz", get=lambda request: health(watched, request))
    watched.site.route("/metrics", get=Metrics(lambda: readings(watched)).answer)


def health(watched: Watched, _request: Request) -> Answer:
    """200 with the panel's health (ok, warning, fault); 503 where the box cannot do its job, with the reason."""
    status = watched.menu.status
    reason = off_duty(watched.network.snapshot(), watched.media.statuses().values())
    body = {"status": "fault" if reason else status.health, "problems": list(status.problems)}
    return Answer({**body, "off_duty": reason}, 503) if reason else Answer(body)


def readings(watched: Watched) -> Iterator[Reading | HistogramReading]:
    """Every metric of this product, as it is now."""
    yield by("version", "info", "Which version this is.", {__version__: 1})
    health = watched.menu.status.health
    states = {name: float(name == health) for name in ("ok", "warning", "fault")}
    yield by("status", "health", "1 for the health that the panel shows.", states)
    yield from _loop(watched.turns)
    yield from _memory()
    yield from _store(watched.store)
    yield from _peers(watched)
    yield from _streams(watched)
    yield from _events(watched.eventing())
    yield from _figures(watched)
    yield from _http(watched)
    yield from _certificates(watched)
    yield from _tokens(watched)
    yield from _journal(watched.writer)


def _loop(turns: Turns | None) -> Iterator[Reading | HistogramReading]:
    if turns is not None:
        meaning = "How long the event loop was busy between two waits: no event is seen sooner."
        yield HistogramReading("loop_turn_seconds", meaning, turns.buckets(), turns.busy_s)
        yield gauge("loop_longest_turn_seconds", "The longest turn of the last one to two minutes.", turns.longest_s)


def _memory() -> Iterator[Reading]:
    """What a leak shows in before the resident memory does."""
    yield gauge("loop_tasks", "What the box does at the same time, or waits for.", len(asyncio.all_tasks()))
    yield gauge("python_blocks", "Pieces of memory that Python has given out.", sys.getallocatedblocks())
    meaning = "Objects that the garbage collector looks at no more, as they have lived for long."
    yield gauge("python_objects_set_aside", meaning, gc.get_freeze_count())


def _store(store: Store) -> Iterator[Reading]:
    yield counter("commits", "Transactions that changed something.", store.commits)
    versions = {kind.counter: float(count) for kind, count in store.counters.items()}
    yield by("counter", "announced_version", "The ver_ counters of the mDNS announcement (0 to 255).", versions)
    resources = {kind.value: float(len(store.all(kind))) for kind in Kind}
    yield by("type", "resources", "This box's own IS-04 resources.", resources)
    ptp = next((clock for clock in store.node.get("clocks", ()) if clock["ref_type"] == "ptp"), None)
    state = "none" if ptp is None else "locked" if ptp["locked"] else "unlocked"
    states = {name: float(name == state) for name in ("none", "unlocked", "locked")}
    yield by("state", "ptp_clock", "1 for how the box follows a PTP clock.", states)


def _peers(watched: Watched) -> Iterator[Reading]:
    states = dict.fromkeys(("well", "error", "lost", "remembered"), 0.0)
    for key, peer in watched.world.peers.items():
        if key != SELF:
            states[_state(peer)] += 1
    yield by("state", "peers", "Other nodes that are known, by how it goes with them.", states)
    status = watched.menu.status
    sources: dict[str, float] = {"there": status.sources - status.lost, "lost": status.lost}
    yield by("state", "sources", "Senders that can be chosen, and those whose node is lost.", sources)
    answered, failed = watched.discovering.fetches
    fetches: dict[str, float] = {"answered": answered, "failed": failed}
    yield counter_by("result", "peer_fetches", "Lists that peers were asked for.", fetches)
    registered = watched.discovering.registering.registered
    yield gauge("registered", "1 while a registry has this node.", registered)


def _state(peer: PeerStatus) -> str:
    if peer.lost_since is not None:
        return "lost"
    if not peer.confirmed:
        return "remembered"
    return "error" if peer.last_error else "well"


def _streams(watched: Watched) -> Iterator[Reading]:
    phases: dict[tuple[str, ...], float] = {(role, phase): 0.0 for role in _ROLES for phase in get_args(Phase)}
    restarts = dict.fromkeys(_ROLES, 0.0)
    receivers = watched.store.all(Kind.RECEIVER)
    events = {} if (eventing := watched.eventing()) is None else eventing.exchange.statuses
    for id, status in {**watched.media.statuses(), **events}.items():
        role = "receiver" if id in receivers else "sender"
        phases[role, status.phase] += 1
        restarts[role] += status.restarts
    yield Reading("streams", "Senders and receivers by the phase of their stream.", phases, ("role", "phase"))
    yield by("role", "stream_restarts", "How often what runs now had to be started again.", restarts)


def _events(eventing: Eventing | None) -> Iterator[Reading]:
    if eventing is not None:
        told = {"sender": float(eventing.sources.told), "receiver": float(eventing.exchange.heard)}
        yield counter_by("role", "events", "Events that sources made and that receivers heard.", told)
        yield gauge("event_clients", "WebSockets of programs that hear this box's events.", eventing.clients)


def _figures(watched: Watched) -> Iterator[Reading]:
    """By the names of the configuration: they are the operator's own, and stay."""
    packets: dict[tuple[str, ...], float] = {}
    lost: dict[tuple[str, ...], float] = {}
    unrecovered: dict[tuple[str, ...], float] = {}
    signal: dict[tuple[str, ...], float] = {}
    peaks: dict[tuple[str, ...], float] = {}
    receivers = watched.store.all(Kind.RECEIVER)
    for id, status in watched.media.statuses().items():
        role, name = "receiver" if id in receivers else "sender", watched.media.name(id)
        figures = watched.media.figures(id)
        if status.signal is not None:
            signal[role, name] = float(status.signal)
        for number, leg in enumerate(figures.legs, start=1):
            packets[role, name, str(number)] = leg.packets
            lost[role, name, str(number)] = leg.lost
        if figures.legs and role == "receiver":
            unrecovered[(name,)] = figures.lost
        for channel, peak in enumerate(figures.peak_db, start=1):
            peaks[role, name, str(channel)] = peak
    legs = ("role", "name", "leg")
    yield Reading("stream_signal", "1 where something arrives or is sent, 0 where not.", signal, ("role", "name"))
    yield Reading("stream_packets", "RTP packets of each leg since the activation.", packets, legs, "counter")
    yield Reading("stream_lost_packets", "RTP packets that did not come on a leg.", lost, legs, "counter")
    meaning = "RTP packets that came on no leg in time to be played."
    yield Reading("stream_unrecovered_packets", meaning, unrecovered, ("name",), "counter")
    meaning = "The highest level of the last tenth of a second, of each channel, in dBFS."
    yield Reading("stream_peak_dbfs", meaning, peaks, ("role", "name", "channel"))


def _http(watched: Watched) -> Iterator[Reading]:
    yield gauge("http_connections", "Open connections.", watched.server.connections)
    answers = {status.decode("ascii"): float(count) for status, count in sorted(watched.server.answers.items())}
    yield counter_by("status", "http_answers", "HTTP answers given; endless streams are not among them.", answers)
    yield gauge("http_kept_answers", "Answers kept as bytes, to be given again.", len(watched.site.ready))
    yield gauge("http_kept_bytes", "What they take.", watched.site.ready.size)


def _tokens(watched: Watched) -> Iterator[Reading]:
    """Where the NMOS APIs want access tokens (IS-10)."""
    if (tokens := watched.server.tokens) is not None:
        yield counter("authorization_allowed", "Requests that a token allowed.", tokens.allowed)
        meaning = "Requests to the NMOS APIs that were refused for want of a good token."
        yield counter_by("reason", "authorization_refused", meaning, tokens.refused)


def _certificates(watched: Watched) -> Iterator[Reading]:
    """Where the box speaks TLS."""
    if watched.tls.certificates:
        ends = {one.path: one.ends for one in watched.tls.certificates}
        yield by("file", "certificate_expiry_timestamp_seconds", "When no client takes it any more, since 1970.", ends)
        yield counter("tls_failed_handshakes", "TLS handshakes that came to nothing.", watched.server.failed_handshakes)


def _journal(writer: StateWriter) -> Iterator[Reading]:
    yield counter("journal_writes", "Times the state was written and synced.", writer.writes)
    yield counter("journal_written_bytes", "Bytes of state written, for the wear of the flash.", writer.bytes_written)
    yield counter("journal_failures", "Times it could not be written.", writer.failures)
    yield gauge("journal_problem", "1 while the state cannot be saved.", writer.problem is not None)
