"""Registered operation (IS-04 Behaviour - Registration), in virtual time.

Strategy: one request at a time. The machine goes through the candidates, best first, in *sweeps* (choice.py): one that
fails is followed at once by the next, and only when every one has failed does it wait, longer each time, until a timer,
an announcement or a change of the node begins the next sweep. While it is registered, a heartbeat that is due goes
before anything else; then comes what the ledger says. A working registry is never left for a better one.

    SEARCHING   a candidate, and a moment for others: CREATING, or PROBING where this box was registered before (ASKING
                first, where the registry was named in the config and its versions are not known)
    CREATING    201: REGISTERED; 200 or 409: CLEARING; other 4xx: the next candidate
    CLEARING    deleted what was there: CREATING
    PROBING     heartbeat 200: REGISTERED; 404: CREATING; 409: CLEARING
    REGISTERED  heartbeat 404: CREATING; 409: CLEARING
    WAITING     timer, announcement: as SEARCHING
    any         5xx, no connection, time-out, nonsense: the next candidate; none left: WAITING or SEARCHING

A box that never registered since its start begins with the node's POST, also after a failure: a heartbeat answered 200
would only say that the registry still has what an earlier run of this box told it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from appliance.core.store import Change, Store
from appliance.core.types import Kind
from appliance.discovery.registration.choice import Choice
from appliance.discovery.registration.ledger import Ledger, Task
from appliance.discovery.registration.messages import Action, Answer, State, Status
from appliance.discovery.registration.outbox import Outbox, Purpose, UnderWay
from appliance.discovery.registration.services import Candidate
from appliance.discovery.txt import highest_common

HEARTBEAT_S = 5.0
"""IS-04 Behaviour - Registration, "Heartbeating"; IS-09 may say otherwise."""
GATHER_S = 0.4
"""Registries answer the first question of a box within some 100 ms of one another: the best of them is wanted."""
PROBE_S = 2.5
"""How long a registry has while there are others to try: they must be reached within the 12 s after which a registry
forgets a node."""
MAX_TIMEOUT_S = 5.0
FAREWELL_S = 0.8
MAX_CONFLICTS = 3


class Registration:
    """Inputs are ``handle_*`` with ``now`` in monotonic seconds, each returning what to do, in order.

    ``registered`` is for the advertiser: true from the node's first 201 on, false when every registry has failed.
    """

    def __init__(self, store: Store, versions: Sequence[str], random: Callable[[], float]) -> None:
        self._store = store
        self._versions = tuple(versions)
        self._ledger = Ledger(store)
        self._choice = Choice(random)
        self._outbox = Outbox()
        self._state = State.SEARCHING
        self._current: Candidate | None = None
        self._clear_versions: list[str] = []
        self._cleared, self._conflicts = False, 0
        self._ever_registered = self._registered = False
        self._interval_s = HEARTBEAT_S
        self._last_beat = 0.0
        self._retry_at: float | None = None
        self._since: float | None = None

    # ---- what can be read

    @property
    def registered(self) -> bool:
        return self._registered

    @property
    def has_left(self) -> bool:
        return self._state is State.LEFT

    def status(self) -> Status:
        current = self._current
        return Status(
            state=self._state,
            registered=self._registered,
            registry=current.url if current else None,
            name=current.name if current else None,
            version=current.version if current else None,
            since=self._since if self._registered else None,
            last_error=self._outbox.last_error,
            last_error_at=self._outbox.last_error_at,
            next_attempt_at=self._retry_at,
            held=self._ledger.held if self._registered else 0,
            pending=self._ledger.pending if self._registered else 0,
            refused=self._ledger.refusals,
            registries=tuple(candidate.url for candidate in self._choice.candidates),
        )

    # ---- inputs

    def handle_candidates(
        self, now: float, candidates: Sequence[Candidate], announced: Collection[str] = ()
    ) -> list[Action]:
        """The registries that can be used now, best first, and the URLs of those just (re-)announced."""
        news = self._choice.handle_candidates(candidates, announced, self._current)
        if self._state in (State.SEARCHING, State.WAITING) and not candidates:
            self._give_up(now)
        elif self._state is State.SEARCHING and news:
            self._retry_at = self._retry_at or now + GATHER_S
        elif self._state is State.WAITING and news:
            self._sweep(now)
        elif self._state is State.REGISTERED and self._choice.is_outdated(self._used):
            self._outbox.say(self._current, f"it does not speak {self._used.version} any more")
            self._outbox.cancel()
            self._sweep(now)
        return self._outbox.drain()

    def handle_change(self, now: float, change: Change) -> list[Action]:
        """The store has changed."""
        self._ledger.handle_change(change)
        if self._state is State.REGISTERED and self._outbox.under_way is None:
            self._proceed(now)
        elif Kind.NODE in change.kinds() and self._choice.forget_refusals() and self._state is State.WAITING:
            self._sweep(now)  # it is no longer the request that they refused
        return self._outbox.drain()

    def handle_interval(self, now: float, seconds: float) -> list[Action]:
        """The system wants heartbeats so often (IS-09 ``heartbeat_interval``)."""
        self._interval_s = seconds
        if self._state is State.REGISTERED and self._outbox.under_way is None:
            self._proceed(now)
        return self._outbox.drain()

    def handle_answer(self, now: float, serial: int, answer: Answer) -> list[Action]:
        """The request ``serial`` was answered."""
        if (under_way := self._outbox.take(serial)) is None:
            return self._outbox.drain()
        if not (answer.is_success or answer.is_refusal) and under_way.purpose is not Purpose.FAREWELL:
            self._failed(now, under_way, f"it answered {answer}")
            return self._outbox.drain()
        match under_way.purpose:
            case Purpose.ASK:
                self._asked(now, under_way, answer)
            case Purpose.CREATE:
                self._created(now, under_way, answer)
            case Purpose.CLEAR:
                self._clear_answered(now, under_way, answer)
            case Purpose.BEAT:
                self._beat_answered(now, under_way, answer)
            case Purpose.TELL:
                self._told(now, under_way, answer)
            case Purpose.FAREWELL:
                self._state = State.LEFT
        return self._outbox.drain()

    def handle_failure(self, now: float, serial: int, reason: str) -> list[Action]:
        """The request ``serial`` was not answered: refused, cut off, timed out, not HTTP."""
        under_way = self._outbox.take(serial)
        if under_way is not None and under_way.purpose is Purpose.FAREWELL:
            self._state = State.LEFT
        elif under_way is not None:
            self._failed(now, under_way, reason)
        return self._outbox.drain()

    def handle_leave(self, now: float) -> list[Action]:
        """The box shuts down: unregister the node, and with it all that is below it.

        A registry must remove children with their parent, so one DELETE is enough, whatever the box holds.
        """
        if self._state in (State.LEAVING, State.LEFT):
            return self._outbox.drain()
        under_way = self._outbox.under_way
        perhaps = self._registered or (under_way is not None and under_way.purpose in (Purpose.CREATE, Purpose.CLEAR))
        self._outbox.cancel()
        self._retry_at, self._registered = None, False
        self._state = State.LEAVING if perhaps and self._current is not None else State.LEFT
        if self._state is State.LEAVING:
            url = self._used.url + self._node_path(self._used.version or "")
            self._outbox.send(now, Purpose.FAREWELL, "DELETE", url, FAREWELL_S)
        return self._outbox.drain()

    def get_timer(self) -> float | None:
        """When ``handle_timer`` wants to be called."""
        if self._outbox.under_way is not None:
            return None
        if self._state is State.REGISTERED:
            return self._beat_due
        return self._retry_at

    def handle_timer(self, now: float) -> list[Action]:
        if self._outbox.under_way is None and self._state is State.REGISTERED:
            self._proceed(now)
        elif self._outbox.under_way is None and self._retry_at is not None and now >= self._retry_at:
            self._sweep(now)
        return self._outbox.drain()

    # ---- sweeps

    def _sweep(self, now: float) -> None:
        """Try every registry, from the first."""
        self._choice.begin()
        self._retry_at = None
        self._try_next(now)

    def _try_next(self, now: float) -> None:
        candidate = self._choice.next(now)
        if candidate is None:
            self._give_up(now)
            return
        self._current = candidate
        self._cleared, self._conflicts = False, 0
        self._clear_versions.clear()
        if candidate.version is None:
            self._state = State.ASKING
            self._outbox.send(now, Purpose.ASK, "GET", f"{candidate.url}/x-nmos/registration", self._timeout_s(now))
        else:
            self._approach(now)

    def _give_up(self, now: float) -> None:
        """Every registry has failed, or there is none."""
        if self._registered:
            self._outbox.say(None, "no longer registered with any registry")
        self._registered = False
        self._current = None
        self._state = State.WAITING if self._choice.candidates else State.SEARCHING
        self._retry_at = self._choice.backoff(now) if self._choice.candidates else None

    def _failed(self, now: float, under_way: UnderWay, reason: str) -> None:
        """5xx, no connection, time-out, or nonsense: the next registry, at once."""
        if under_way.task is not None:
            self._ledger.again(under_way.task)
        if (current := self._current) is not None:
            self._outbox.complain(now, current, reason, again=self._choice.failed_recently(current, now))
            self._outbox.doubt(current)
            self._choice.fails(current, now)
        self._try_next(now)

    # ---- the steps with one registry

    def _asked(self, now: float, under_way: UnderWay, answer: Answer) -> None:
        listed = answer.json() if answer.is_success else None
        named = [str(entry).strip("/") for entry in listed] if isinstance(listed, list) else []
        version = highest_common(self._versions, named)
        if version is None:
            self._failed(now, under_way, f"it lists no API version that this box speaks: {', '.join(named[:9])}")
            return
        self._current = replace(self._used, version=version, versions=tuple(named))
        self._approach(now)

    def _approach(self, now: float) -> None:
        """The first request to this registry, in this sweep."""
        if self._ever_registered:
            self._state = State.PROBING
            self._beat(now)
        else:
            self._create(now)

    def _create(self, now: float) -> None:
        """Register the node; everything else waits for that (IS-04 "Initial Registration")."""
        self._state = State.CREATING
        self._ledger.start(self._used.version or "")
        task = self._ledger.next()
        assert task is not None  # the node itself
        self._tell(now, task, Purpose.CREATE)

    def _created(self, now: float, under_way: UnderWay, answer: Answer) -> None:
        assert under_way.task is not None
        if answer.status == 409:
            self._conflict(now, under_way, answer)
        elif answer.is_refusal:
            self._ledger.refused(under_way.task, str(answer))
            # Not again before the node changes or the registry is announced anew.
            self._outbox.complain(now, self._current, f"it refuses the node: {answer}")
            self._choice.refuses(self._used)
            self._try_next(now)
        elif answer.status == 200 and not self._cleared:
            # Left over from an earlier run ("Node Encounters HTTP 200 On First Registration").
            self._outbox.say(self._current, "it still has this node from an earlier time: deleting that first")
            self._clear(now, [self._used.version or ""])
        else:
            self._ledger.done(under_way.task)
            self._registered_at(now, under_way.sent_at, f"registered ({self._ledger.pending} more resources to tell)")

    def _conflict(self, now: float, under_way: UnderWay, answer: Answer) -> None:
        """409: it has this node under another version, which must be unregistered first."""
        self._conflicts += 1
        if self._conflicts > MAX_CONFLICTS:
            self._failed(now, under_way, "it says again and again that the node is registered under another version")
            return
        used, named = self._used, answer.registered_version
        versions = [named] if named and named != used.version else []
        versions = versions or [version for version in reversed(used.versions) if version != used.version]
        self._outbox.say(used, f"it has this node under {named or 'another version'}: unregistering that first")
        self._clear(now, versions)

    def _clear(self, now: float, versions: Sequence[str]) -> None:
        self._state = State.CLEARING
        self._cleared = True
        self._clear_versions = list(versions)
        self._clear_next(now)

    def _clear_next(self, now: float) -> None:
        if self._clear_versions:
            url = self._used.url + self._node_path(self._clear_versions.pop(0))
            self._outbox.send(now, Purpose.CLEAR, "DELETE", url, self._timeout_s(now))
        else:
            self._create(now)

    def _clear_answered(self, now: float, under_way: UnderWay, answer: Answer) -> None:
        if answer.is_success:
            self._clear_versions.clear()
        elif answer.status == 409 and (named := answer.registered_version) and self._conflicts < MAX_CONFLICTS:
            self._conflicts += 1
            self._clear_versions = [named]
        self._clear_next(now)

    def _beat_answered(self, now: float, under_way: UnderWay, answer: Answer) -> None:
        if answer.status == 409:
            self._conflict(now, under_way, answer)
        elif answer.status == 404 and self._choice.lists(self._used):
            if self._state is State.REGISTERED:
                self._outbox.say(self._current, "it no longer knows this node: registering everything again")
            self._create(now)
        elif answer.is_refusal:
            self._failed(now, under_way, f"it refuses a heartbeat: {answer}")
        elif self._ledger.version != self._used.version:
            self._create(now)
        elif self._state is State.PROBING:
            self._registered_at(now, under_way.sent_at, "it has this node already: going on there")
        else:
            self._conflicts = 0
            self._proceed(now)

    def _registered_at(self, now: float, sent_at: float, text: str) -> None:
        self._state = State.REGISTERED
        self._registered = self._ever_registered = True
        self._since = now
        self._cleared = False
        self._last_beat = sent_at
        self._choice.works(self._used)
        self._outbox.say(self._current, text)
        self._proceed(now)

    def _proceed(self, now: float) -> None:
        """Registered, and nothing is under way: what is next?"""
        if now >= self._beat_due:
            self._beat(now)
        elif task := self._ledger.next():
            self._tell(now, task, Purpose.TELL)

    def _told(self, now: float, under_way: UnderWay, answer: Answer) -> None:
        task = under_way.task
        assert task is not None
        if answer.status == 409:
            self._conflict(now, under_way, answer)
            return
        if answer.is_refusal and not (task.body is None and answer.status == 404):
            self._ledger.refused(task, str(answer))
            text = f"{task.kind} {task.id} was refused and is not sent again as it is: {answer}"
            self._outbox.complain(now, self._current, text)
        else:
            self._ledger.done(task)
            if task.kind is Kind.NODE and answer.status == 201:
                # An update that creates: the registry had forgotten the node, and so all that was below it.
                self._ledger.lost_children()
        self._proceed(now)

    # ---- requests

    @property
    def _beat_due(self) -> float:
        return self._last_beat + self._interval_s

    def _beat(self, now: float) -> None:
        self._last_beat = now
        url = f"{self._used.url}/x-nmos/registration/{self._used.version}/health/nodes/{self._store.node['id']}"
        self._outbox.send(now, Purpose.BEAT, "POST", url, self._timeout_s(now))

    def _tell(self, now: float, task: Task, purpose: Purpose) -> None:
        url, timeout_s = f"{self._used.url}/x-nmos/registration/{self._used.version}/resource", self._timeout_s(now)
        if task.body is None:
            url = f"{url}/{task.kind.plural}/{task.id}"
            self._outbox.send(now, purpose, "DELETE", url, timeout_s, task=task)
        else:
            body = {"type": task.kind.value, "data": task.body}
            self._outbox.send(now, purpose, "POST", url, timeout_s, body=body, task=task)

    def _timeout_s(self, now: float) -> float:
        """The heartbeat interval; less in a failover while there is somebody else to ask."""
        in_failover = self._state is not State.REGISTERED and self._ever_registered
        if in_failover and self._choice.peek(now) is not None:
            return PROBE_S
        return min(self._interval_s, MAX_TIMEOUT_S)

    @property
    def _used(self) -> Candidate:
        """The registry that all this is about."""
        assert self._current is not None
        return self._current

    def _node_path(self, version: str) -> str:
        return f"/x-nmos/registration/{version}/resource/nodes/{self._store.node['id']}"
