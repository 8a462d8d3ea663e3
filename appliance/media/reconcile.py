"""Desired against running: which groups to join and leave, which processes to start, end and start again, and when.

A machine in virtual time, one :class:`Stream` of state for each endpoint. What happened goes in with ``now`` (monotonic
seconds); what to do comes out of :meth:`Reconciler.actions`, in order; :meth:`Reconciler.due` is when
:meth:`Reconciler.tick` is wanted. Whatever happens to one stream costs the same however many there are. The strategy:

- equal jobs change nothing; another job leaves and joins its groups at once, before anything else;
- the same job of a later activation is done again, as IS-05 wants of a re-activation: another process, and its groups
  are left, and joined again :data:`REJOIN_S` later, for within less the kernel would tell the switch of neither;
- each process is a *run* with a number of its own, so that a late word of an old one is never taken for the new one's;
- a run that only has to read from elsewhere goes on, and is given the new sockets (:class:`Switch`);
- else the old run is told to end at once. The new one starts at once too, unless both claim the same thing (a sound
  card, a file): then it starts when the old one is gone;
- a run that ends unasked, a plan that cannot be made and a join that fails are faults: kept, shown, and tried again
  after 0.25 s, then twice as long each time up to 10 s. A run that lasted :data:`GOOD_WHILE_S` starts this anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from appliance.errors import ApplianceError
from appliance.media.alarms import Alarms
from appliance.media.engine import Job, Leg, NotYet, Phase, Plan, StreamStatus
from appliance.media.jobs import Desired, Refusal

FIRST_RETRY_S = 0.25
LAST_RETRY_S = 10.0
GOOD_WHILE_S = 30.0
REJOIN_S = 0.03
"""Linux reports a group that was left after two ticks of its clock (20 ms at most), and not if it is joined by then."""
AT_ONCE = 40
"""So many of those that are due at one time are dealt with before others have their turn: some milliseconds."""


@dataclass(frozen=True, slots=True)
class Membership:
    """One group on one interface, from any source or from one."""

    group: str
    interface: str
    source: str | None


@dataclass(frozen=True, slots=True)
class Join:
    id: str
    membership: Membership


@dataclass(frozen=True, slots=True)
class Leave:
    id: str
    membership: Membership


@dataclass(frozen=True, slots=True)
class Spawn:
    id: str
    run: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class Terminate:
    id: str
    run: int


@dataclass(frozen=True, slots=True)
class Switch:
    """The run goes on, with the sockets of this plan."""

    id: str
    run: int
    plan: Plan


Action: TypeAlias = Join | Leave | Spawn | Switch | Terminate

Planner = Callable[[Job], Plan]
"""The driver's plan for a job; raises :class:`~appliance.errors.ApplianceError` with what to do about it."""


@dataclass(slots=True)
class Stream:
    """All that is known of one endpoint."""

    desired: Desired = None
    plan: Plan | None = None
    joins: dict[Membership, str | None] = field(default_factory=dict)
    """Each wanted membership: ``None`` while it is asked for, "" when it is there, else why it is not."""
    rejoin: tuple[Membership, ...] = ()
    """Left for a re-activation, to be joined again when their time comes."""
    run: int | None = None
    alive: bool = False
    started: float = 0.0
    ending: dict[int, frozenset[str]] = field(default_factory=dict)
    fault: str = ""
    last_error: str = ""
    signal: bool | None = None
    silent: tuple[str, ...] = ()
    failures: int = 0
    restarts: int = 0


class Reconciler:
    """The streams of a box. ``planner`` asks the driver that a job names."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._streams: dict[str, Stream] = {}
        self._actions: list[Action] = []
        self._retries = Alarms()
        self._rejoins = Alarms()
        self._runs = 0

    # ---- what happened

    def set_desired(self, id: str, desired: Desired, now: float) -> None:
        """This is what the endpoint should be doing from now on."""
        stream = self._streams.setdefault(id, Stream())
        if desired == stream.desired:
            return
        again = _is_again(desired, stream.desired)
        stream.desired = desired
        stream.fault, stream.last_error, stream.failures, stream.restarts = "", "", 0, 0
        self._forget_times(id, stream)
        job = desired if isinstance(desired, Job) else None
        if isinstance(desired, Refusal):
            stream.fault = stream.last_error = desired.reason
        wanted = memberships(job) if job else ()
        if again and wanted:
            stream.rejoin = wanted
            self._rejoins.set(id, now + REJOIN_S)
        self._set_memberships(id, stream, () if again else wanted)
        if job is not None and not again and self._switched(id, stream, job):
            return
        self._end_run(id, stream)
        stream.plan = None
        if job is not None:
            self._start(id, stream, job, now)

    def joined(self, id: str, membership: Membership) -> None:
        self._answered(id, membership, "")

    def join_failed(self, id: str, membership: Membership, why: str, now: float) -> None:
        """Tried again with the next retry of this stream."""
        self._answered(id, membership, why)
        stream = self._streams[id]
        if membership in stream.joins:
            stream.last_error = why
            if id not in self._retries:
                self._retry_later(id, stream, now)

    def sign_of_life(self, id: str, run: int) -> None:
        """The process says that it does what it should."""
        stream = self._streams[id]
        if run == stream.run:
            stream.alive, stream.fault = True, ""

    def signal(self, id: str, run: int, present: bool, legs: Sequence[bool] = ()) -> None:
        """Whether anything arrives to be played, or is there to be sent; and on which legs."""
        stream = self._streams[id]
        if run == stream.run:
            stream.signal = present
            named = zip(self.interfaces(id), legs, strict=False)
            stream.silent = tuple(name for name, heard in named if not heard) if present else ()

    def spawn_failed(self, id: str, run: int, why: str, now: float) -> None:
        self._failed(id, run, why, now)

    def exited(self, id: str, run: int, code: int, last_lines: Sequence[str], now: float) -> None:
        """A process is gone, asked or not; ``code`` is negative for a signal. ``last_lines`` of its standard error."""
        stream = self._streams[id]
        if run in stream.ending:
            del stream.ending[run]
            if isinstance(stream.desired, Job) and stream.run is None and id not in self._retries:
                self._start(id, stream, stream.desired, now)
            return
        plan = stream.plan
        if run == stream.run and plan and plan.ends and code == 0 and now - stream.started >= FIRST_RETRY_S:
            self._spawn(id, stream, plan, now)
            return
        self._failed(id, run, sentence(plan, code, last_lines) if plan else "", now)

    def tick(self, now: float) -> list[str]:
        """Time has passed: start again what is due, and say which that were. Where it is much, :meth:`due` stays in
        the past until all of it is done."""
        touched: list[str] = []
        while len(touched) < AT_ONCE and (id := self._rejoins.take(now)) is not None:
            stream = self._streams[id]
            wanted, stream.rejoin = stream.rejoin, ()
            self._set_memberships(id, stream, wanted)
            touched.append(id)
        while len(touched) < AT_ONCE and (id := self._retries.take(now)) is not None:
            self._retry(id, self._streams[id], now)
            touched.append(id)
        return touched

    def stop(self) -> None:
        """End everything, for good."""
        for id, stream in self._streams.items():
            stream.desired = None
            self._forget_times(id, stream)
            self._set_memberships(id, stream, ())
            self._end_run(id, stream)

    # ---- what to do

    def actions(self) -> list[Action]:
        """What to do now, in this order; handed out once."""
        actions, self._actions = self._actions, []
        return actions

    def due(self) -> float | None:
        """When :meth:`tick` is wanted next."""
        times = (self._retries.due(), self._rejoins.due())
        return min((at for at in times if at is not None), default=None)

    # ---- how it is

    def status(self, id: str) -> StreamStatus:
        stream = self._streams.get(id)
        if stream is None or stream.desired is None:
            return StreamStatus()
        return StreamStatus(
            _phase(stream), _detail(stream), stream.restarts, stream.signal, stream.silent, stream.last_error
        )

    def run(self, id: str) -> int | None:
        """The number of what runs now, if anything does."""
        stream = self._streams.get(id)
        return None if stream is None else stream.run

    def interfaces(self, id: str) -> tuple[str, ...]:
        """By which each leg of its job arrives or leaves."""
        stream = self._streams.get(id)
        job = None if stream is None else stream.desired
        return tuple(leg.interface for leg in job.legs) if isinstance(job, Job) else ()

    def ids(self) -> tuple[str, ...]:
        return tuple(self._streams)

    def settled(self, id: str) -> bool:
        """Whether a receiver has its joins and a sender its process, or what keeps them from it is known."""
        stream = self._streams.get(id)
        if stream is None or not isinstance(stream.desired, Job):
            return True
        if None in stream.joins.values() or stream.rejoin:
            return False
        if stream.desired.role == "receiver" and stream.joins:
            return True
        return bool(stream.fault) or stream.run is not None or (stream.plan is not None and stream.plan.argv is None)

    def members(self, membership: Membership) -> tuple[str, ...]:
        """The endpoints that have this membership now."""
        return tuple(id for id, stream in self._streams.items() if stream.joins.get(membership) == "")

    # ---- inside

    def _set_memberships(self, id: str, stream: Stream, wanted: Iterable[Membership]) -> None:
        wanted = tuple(wanted)
        for gone in [membership for membership in stream.joins if membership not in wanted]:
            if not stream.joins.pop(gone):
                self._actions.append(Leave(id, gone))
        for new in wanted:
            if new not in stream.joins or stream.joins[new]:
                stream.joins[new] = None
                self._actions.append(Join(id, new))

    def _answered(self, id: str, membership: Membership, answer: str) -> None:
        stream = self._streams[id]
        if membership in stream.joins:
            stream.joins[membership] = answer

    def _switched(self, id: str, stream: Stream, job: Job) -> bool:
        """Let what runs go on with the new job, if it can."""
        if stream.run is None or stream.plan is None or stream.plan.relay is None:
            return False
        try:
            plan = self._planner(job)
        except ApplianceError:
            return False
        if not stream.plan.becomes(plan):
            return False
        stream.plan, stream.signal, stream.silent = plan, None, ()
        self._actions.append(Switch(id, stream.run, plan))
        return True

    def _start(self, id: str, stream: Stream, job: Job, now: float) -> None:
        try:
            stream.plan = plan = self._planner(job)
        except ApplianceError as impossible:
            if not isinstance(impossible, NotYet):
                stream.fault = stream.last_error = impossible.message
            self._retry_later(id, stream, now)
            return
        if plan.argv is None:
            stream.alive, stream.fault = True, ""
            return
        if not any(plan.claims & claims for claims in stream.ending.values()):
            self._spawn(id, stream, plan, now)

    def _spawn(self, id: str, stream: Stream, plan: Plan, now: float) -> None:
        self._runs += 1
        stream.run, stream.started, stream.alive = self._runs, now, plan.ready is None
        self._actions.append(Spawn(id, stream.run, plan))

    def _end_run(self, id: str, stream: Stream) -> None:
        stream.alive, stream.signal, stream.silent = False, None, ()
        if stream.run is not None:
            stream.ending[stream.run] = stream.plan.claims if stream.plan else frozenset()
            self._actions.append(Terminate(id, stream.run))
            stream.run = None

    def _failed(self, id: str, run: int, why: str, now: float) -> None:
        stream = self._streams[id]
        if run != stream.run:
            return
        stream.run, stream.alive, stream.signal, stream.silent, stream.fault = None, False, None, (), why
        stream.last_error = why
        stream.restarts += 1
        if now - stream.started >= GOOD_WHILE_S:
            stream.failures = 0
        self._retry_later(id, stream, now)

    def _retry_later(self, id: str, stream: Stream, now: float) -> None:
        self._retries.set(id, now + min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(stream.failures, 10)))
        stream.failures += 1

    def _retry(self, id: str, stream: Stream, now: float) -> None:
        if not isinstance(stream.desired, Job):
            return
        for membership, answer in stream.joins.items():
            if answer:
                stream.joins[membership] = None
                self._actions.append(Join(id, membership))
        if stream.run is None:
            self._start(id, stream, stream.desired, now)

    def _forget_times(self, id: str, stream: Stream) -> None:
        stream.rejoin = ()
        self._retries.cancel(id)
        self._rejoins.cancel(id)


def memberships(job: Job) -> tuple[Membership, ...]:
    """What a receiver has to be a member of. A sender needs not, nor does unicast."""
    if job.role == "sender":
        return ()
    return tuple(dict.fromkeys(_membership(leg) for leg in job.legs if leg.multicast))


def sentence(plan: Plan, code: int, last_lines: Sequence[str]) -> str:
    """``gst-launch-1.0 ended with 1: Could not open audio device for playback.``"""
    program = plan.argv[0].rpartition("/")[2] if plan.argv else ""
    how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
    why = _last_words(last_lines)
    advice = next((advice for words, advice in plan.advice if words in why), "")
    return ": ".join(filter(None, (f"{program} {how}", why.rstrip(".") if advice else why, advice)))


def _is_again(desired: Desired, before: Desired) -> bool:
    """Whether nothing differs but the time of the activation."""
    if not isinstance(desired, Job) or not isinstance(before, Job):
        return False
    return before.legs == desired.legs and replace(before, activation=desired.activation) == desired


def _membership(leg: Leg) -> Membership:
    return Membership(leg.destination_ip, leg.interface, leg.source_ip)


def _last_words(lines: Sequence[str]) -> str:
    """The first error that the process named, without where in its pipeline that was; else its last line."""
    for line in lines:
        if line.startswith("ERROR: from element "):
            return line.split(": ", 2)[-1].strip()
        if line.startswith("WARNING: erroneous pipeline: "):
            return line.removeprefix("WARNING: erroneous pipeline: ").strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _phase(stream: Stream) -> Phase:
    if stream.fault or any(stream.joins.values()):
        return "fault"
    return "running" if stream.alive and None not in stream.joins.values() and not stream.rejoin else "starting"


def _detail(stream: Stream) -> str:
    not_joined = "; ".join(why for why in stream.joins.values() if why)
    if stream.fault or not_joined:
        return "; ".join(filter(None, (stream.fault, not_joined)))
    if isinstance(stream.desired, Job) and stream.run is None and stream.ending:
        return "waiting for the stream before this one to end"
    return ""
