"""Follows one ptp4l by its management messages: what to ask when, and what its answers say of the box's clock.

Strategy: ptp4l hears only those who name its PTP domain, so the first questions try them all, the usual ones first.
From then on all data sets are asked for at a slow beat, which also renews the subscription; a notification, or an
answer that differs, has them asked for again soon. Who does not answer for three beats is no longer there. What follows
from the answers goes through `Settling`: a clock that flaps must not flood the network with new versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from appliance.network.ptp import (
    ANYBODY,
    Action,
    CurrentDataSet,
    DefaultDataSet,
    Id,
    Management,
    ParentDataSet,
    PortDataSet,
    PortIdentity,
    PortState,
    PtpClock,
    PtpError,
    TimePropertiesDataSet,
    gmid_of,
    parse,
    subscription,
)
from appliance.network.settling import Settling

FOLLOWS_WITHIN_NS = 1_000_000
"""A clock further off than this is a slave by state only: after a step of its master it may slew for hours."""
NOTIFIED_BEAT_S = 5.0
ASKED_BEAT_S = 1.0
SOON_S = 0.1
PROBE_EACH_S = 0.002
PROBE_PAUSE_S = 5.0
_PROBES_AT_ONCE = 8  # the kernel keeps ten datagrams for a reader that is busy (net.unix.max_dgram_qlen)
_PATIENCE_BEATS = 3
_USUAL_DOMAINS = (127, 0)  # ST 2059-2; IEEE 1588's and AES67's default profile
_DOMAINS = 256
_MAX_PORTS = 64
_ASKED = (
    Id.DEFAULT_DATA_SET,
    Id.PARENT_DATA_SET,
    Id.CURRENT_DATA_SET,
    Id.TIME_PROPERTIES_DATA_SET,
    Id.PORT_DATA_SET,
)


class PtpFollower:
    """``identity`` is what ptp4l knows this client by; it must be another one for each client."""

    def __init__(self, identity: PortIdentity) -> None:
        self._identity = identity
        self._settling: Settling[PtpClock | None] = Settling(None)
        self._outgoing: list[bytes] = []
        self._sequence = 0
        self._seen = _Seen()
        self._last_grandmaster: bytes | None = None
        self._may_subscribe = False
        self._probing: Iterator[int] = iter(())
        self._domain: int | None = None
        self._heard_at = 0.0
        self._next: float | None = None

    @property
    def clock(self) -> PtpClock | None:
        """The clock as it was last told; `None` where no PTP is."""
        return self._settling.value

    @property
    def offset_ns(self) -> float | None:
        """How far the clock is from its master, by the last answer."""
        return self._seen.current.offset_ns if self._seen.current else None

    def opened(self, now: float, *, may_subscribe: bool) -> bool:
        """There is a socket now. Each of these says whether `clock` became another one."""
        self._may_subscribe = may_subscribe
        return self._search(now)

    def closed(self, now: float) -> bool:
        """The socket is gone, and who was behind it."""
        self._next, self._domain, self._seen = None, None, _Seen()
        self._outgoing.clear()
        return self._settling.offer(None, now)

    def received(self, datagram: bytes, now: float) -> bool:
        """What is no answer to us is not looked at."""
        try:
            message = parse(datagram)
        except PtpError:
            return False
        if message.action != Action.RESPONSE or message.error is not None or message.target != self._identity:
            return False
        if self._domain is None:
            self._domain = message.domain
            self._ask(now)
        if message.domain != self._domain:
            return False
        self._heard_at = now
        try:
            moved = self._seen.take(message)
        except PtpError:
            return False
        if moved and self._next is not None:
            self._next = min(self._next, now + SOON_S)
        return self._settling.offer(self._told(), now)

    def tick(self, now: float) -> bool:
        """Time has passed until `due`."""
        changed = False
        if self._next is not None and now >= self._next:
            if self._domain is None:
                self._probe(now)
            elif now - self._heard_at > _PATIENCE_BEATS * self._beat_s:
                changed = self._search(now)
            else:
                self._ask(now)
        return self._settling.tick(now) or changed

    def due(self) -> float | None:
        """When to call `tick`."""
        return min((at for at in (self._next, self._settling.due()) if at is not None), default=None)

    def outgoing(self) -> list[bytes]:
        """What is to be sent, once."""
        sending, self._outgoing = self._outgoing, []
        return sending

    @property
    def _beat_s(self) -> float:
        return NOTIFIED_BEAT_S if self._may_subscribe else ASKED_BEAT_S

    def _search(self, now: float) -> bool:
        self._domain, self._seen = None, _Seen()
        self._probing = iter(())
        self._probe(now)
        return self._settling.offer(None, now)

    def _probe(self, now: float) -> None:
        domains = [domain for _, domain in zip(range(_PROBES_AT_ONCE), self._probing, strict=False)]
        if not domains:
            self._probing = iter(sorted(range(_DOMAINS), key=lambda domain: domain not in _USUAL_DOMAINS))
            domains = [next(self._probing) for _ in range(_PROBES_AT_ONCE)]
        for domain in domains:
            self._send(Id.DEFAULT_DATA_SET, domain)
        self._next = now + (PROBE_PAUSE_S if domains[-1] == _DOMAINS - 1 else PROBE_EACH_S)

    def _ask(self, now: float) -> None:
        assert self._domain is not None
        if self._may_subscribe:
            lasts = round(_PATIENCE_BEATS * NOTIFIED_BEAT_S)
            self._send(Id.SUBSCRIBE_EVENTS_NP, self._domain, Action.SET, subscription(lasts))
        for id in _ASKED:
            self._send(id, self._domain)
        self._next = now + self._beat_s

    def _send(self, id: Id, domain: int, action: Action = Action.GET, data: bytes = b"") -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._outgoing.append(Management(domain, self._identity, ANYBODY, self._sequence, action, id, data).to_bytes())

    def _told(self) -> PtpClock | None:
        """What the answers say, once they are complete."""
        seen = self._seen
        if not (seen.default and seen.parent and seen.current and seen.properties and seen.ports):
            return self._settling.value
        grandmaster, is_own = seen.parent.grandmaster, seen.parent.grandmaster == seen.default.clock
        states = set(seen.ports.values())
        if is_own and PortState.MASTER not in states:
            # ptp4l names itself as long as it hears nobody; it gives no time, and whose time it kept is still known.
            grandmaster = self._last_grandmaster or grandmaster
        else:
            self._last_grandmaster = grandmaster
        return PtpClock(
            gmid=gmid_of(grandmaster),
            domain=seen.default.domain,
            traceable=seen.properties.ptp_timescale and seen.properties.time_traceable,
            locked=PortState.MASTER in states if is_own else _follows(states, seen.current),
        )


def _follows(states: set[int], current: CurrentDataSet) -> bool:
    return PortState.SLAVE in states and abs(current.offset_ns) <= FOLLOWS_WITHIN_NS


class _Seen:
    """The data sets as last answered."""

    def __init__(self) -> None:
        self.default: DefaultDataSet | None = None
        self.parent: ParentDataSet | None = None
        self.current: CurrentDataSet | None = None
        self.properties: TimePropertiesDataSet | None = None
        self.ports: dict[int, int] = {}

    def take(self, message: Management) -> bool:
        """Keep what a message says; whether that makes one wonder about the others."""
        take = self._TAKE.get(message.id)
        return take is not None and take(self, message.data)

    def _default(self, data: bytes) -> bool:
        self.default = DefaultDataSet.from_bytes(data)
        return False

    def _current(self, data: bytes) -> bool:
        self.current = CurrentDataSet.from_bytes(data)
        return False

    def _properties(self, data: bytes) -> bool:
        self.properties = TimePropertiesDataSet.from_bytes(data)
        return False

    def _parent(self, data: bytes) -> bool:
        before, self.parent = self.parent, ParentDataSet.from_bytes(data)
        return before not in (None, self.parent)

    def _port(self, data: bytes) -> bool:
        port = PortDataSet.from_bytes(data)
        before = self.ports.get(port.port)
        if before is not None or len(self.ports) < _MAX_PORTS:
            self.ports[port.port] = port.state
        return before not in (None, port.state)

    _TAKE: Mapping[int, Callable[[_Seen, bytes], bool]] = {
        Id.DEFAULT_DATA_SET: _default,
        Id.CURRENT_DATA_SET: _current,
        Id.PARENT_DATA_SET: _parent,
        Id.TIME_PROPERTIES_DATA_SET: _properties,
        Id.PORT_DATA_SET: _port,
    }
