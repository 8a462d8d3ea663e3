"""From DNS-SD records to service instances: which are there, which fell silent, which left, and which begin anew.

Strategy: a table of instances with the times at which their records expire. Every packet's records come in together
(``handle_records``); the queries on the network are heard too (``handle_query``), so that an answer can be told from
an announcement that nobody asked for, and a responder that starts from one that repeats itself. SRV and address
records are kept alive by asking for them at 80, 85, 90 and 95 % of their life (RFC 6762 section 5.2): all who listen
are refreshed by one answer, so whoever asks first asks for everybody. A goodbye is believed after a while only
(section 10.1), for some responders withdraw and announce again to change a TXT record, and where nobody denies it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from appliance.discovery.queries import Queries
from appliance.discovery.query import Query
from appliance.discovery.records import (
    Address,
    Announced,
    Event,
    Evidence,
    Instance,
    Ptr,
    Question,
    Record,
    Silent,
    Srv,
    Txt,
    Withdrawn,
)

GOODBYE_GRACE_S = 2.0
DOUBT_S = 0.5
"""A goodbye may be somebody else's: whoever is said to have left is asked within this time, by the first of all who
heard it (RFC 6762 section 7.3). The answer may take a second (section 6): hence the grace."""
HOST_TTL_S = (10.0, 120.0)
"""SRV and address records live at least and at most so long, whatever they say: neither storms nor ghosts."""
PTR_TTL_S = (60.0, 4500.0)
REFRESH_AT = (0.80, 0.85, 0.90, 0.95)
REFRESH_TOGETHER_S = 1.5
"""Questions that fall due so soon are asked now, in the same packet."""
RECONFIRM_S = 8.0
RECONFIRM_ASK_AT_S = (0.0, 2.0, 5.0)
ASK_MISSING_AT_S = (0.0, 1.0, 3.0, 7.0, 15.0, 31.0)
BURST_S = 0.6
"""Within this python-zeroconf repeats an announcement twice."""
REPETITIONS_S = ((0.96, 1.04), (2.92, 3.08), (6.85, 7.15))
"""Others do as RFC 6762 section 8.3 wants it: a second later, and then after twice the time again. Chance comes at such
a time too, so it is taken for a habit from the second time on only."""
MAX_ADDRESSES = 16
MAX_NAME = 255


Step = tuple[list[Event], list[Question]]


@dataclass(slots=True)
class _Host:
    """When each address expires, and when it was last heard of."""

    expires: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Entry:
    """What is known of one instance. ``told`` is what was announced last, ``None`` while it was not, or is silent."""

    name: str
    ptr_expires: float
    srv: Srv | None = None
    srv_expires: float = 0.0
    txt: bytes | None = None
    told: Instance | None = None
    silent: bool = False
    goodbye_at: float | None = None
    doubt_at: float | None = None
    came_back: bool = False
    told_at: float = float("-inf")
    heard_at: float = float("-inf")
    habits: set[int] = field(default_factory=set)
    ask_at: list[float] = field(default_factory=list)


class Instances:
    """All instances of one service type. Every input returns the events and the questions that it leads to.

    ``random`` gives numbers in [0, 1): RFC 6762 wants refreshes spread by 2 % of a record's life.
    """

    def __init__(self, service_type: str, random: Callable[[], float], max_instances: int = 1000) -> None:
        self.service_type = service_type
        self.refused = 0
        self._type_key = service_type.lower()
        self._random = random
        self._max = max_instances
        self._entries: dict[str, _Entry] = {}
        self._hosts: dict[str, _Host] = {}
        self._queries = Queries()
        self._wake: float | None = None

    # ---- inputs

    def handle_query(self, now: float, query: Query) -> None:
        """Somebody, perhaps this box, asked."""
        self._queries.note(
            now,
            query,
            asked=[name for name in query.asked if self._concerns(name)],
            probed=[name for name in query.probed if self._is_instance(name)],
        )
        for entry in filter(None, map(self._entries.get, map(str.lower, query.asked))):
            entry.doubt_at = None

    def handle_records(self, now: float, records: Iterable[Record]) -> Step:
        """The records of one packet."""
        concerned: dict[str, bool] = {}
        # Addresses last: the SRV record says which hosts matter.
        for record in sorted(records, key=lambda record: isinstance(record, Address)):
            match record:
                case Ptr():
                    self._ptr(now, record, concerned)
                case Srv():
                    self._srv(now, record, concerned)
                case Txt():
                    self._txt(record, concerned)
                case Address():
                    self._address(now, record, concerned)
        events: list[Event] = []
        questions: list[Question] = []
        for key, announced in concerned.items():
            if entry := self._entries.get(key):
                self._judge(now, entry, announced, events, questions)
                entry.heard_at = now
        return events, questions

    def handle_network_lost(self, now: float) -> Step:
        """This box cannot hear anything: all are silent at once."""
        events: list[Event] = []
        for entry in self._entries.values():
            self._silence(entry, events)
        return events, []

    def reconfirm(self, now: float, name: str) -> Step:
        """A fetch failed: is it still there (RFC 6762 section 10.4)? If it does not answer, it falls silent."""
        entry = self._entries.get(name.lower())
        if entry is None or entry.srv is None or entry.silent:
            return [], []
        entry.srv_expires = min(entry.srv_expires, now + RECONFIRM_S)
        entry.ask_at = [now + delay for delay in RECONFIRM_ASK_AT_S]
        self._wake_at(now)
        return self.handle_timer(now)

    def get_timer(self) -> float | None:
        """When ``handle_timer`` wants to be called."""
        return self._wake

    def handle_timer(self, now: float) -> Step:
        events: list[Event] = []
        questions: dict[Question, None] = {}
        self._wake = None
        self._expire_addresses(now)
        for entry in tuple(self._entries.values()):
            if self._left(now, entry):
                self._forget(entry)
                events.append(Withdrawn(entry.name))
                continue
            if entry.told is not None and not entry.silent and self._is_silent(now, entry):
                self._silence(entry, events)
            if entry.ask_at and entry.ask_at[0] <= now + REFRESH_TOGETHER_S:
                entry.ask_at = [at for at in entry.ask_at if at > now + REFRESH_TOGETHER_S]
                questions |= dict.fromkeys(self._questions(entry))
            if entry.doubt_at is not None and entry.doubt_at <= now:
                entry.doubt_at = None
                questions |= dict.fromkeys(self._questions(entry))
            self._wake_for(entry)
        for host in self._hosts.values():
            for expires in host.expires.values():
                self._wake_at(expires)
        return events, list(questions)

    # ---- records

    def _ptr(self, now: float, record: Ptr, concerned: dict[str, bool]) -> None:
        key = record.instance.lower()
        if record.name.lower() != self._type_key or not self._is_instance(record.instance):
            return
        entry = self._entries.get(key)
        if record.ttl <= 0:
            if entry is not None and entry.goodbye_at is None:
                entry.goodbye_at = now + GOODBYE_GRACE_S
                self._wake_at(entry.goodbye_at)
                self._doubt(now, entry)
            return
        expires = now + _within(record.ttl, PTR_TTL_S)
        if entry is None:
            if len(self._entries) >= self._max:
                self.refused += 1
                return
            entry = self._entries[key] = _Entry(record.instance, expires)
            self._plan_missing(now, entry)
        entry.ptr_expires = expires
        self._wake_at(expires)
        self._stays(entry)
        concerned[key] = True

    def _srv(self, now: float, record: Srv, concerned: dict[str, bool]) -> None:
        entry = self._entries.get(record.name.lower())
        if entry is None or record.ttl <= 0 or len(record.server) > MAX_NAME or not 0 < record.port < 65536:
            return
        self._stays(entry)
        life = _within(record.ttl, HOST_TTL_S)
        if entry.srv is not None and entry.srv.server.lower() != record.server.lower():
            self._drop_host(entry)
        entry.srv, entry.srv_expires = record, now + life
        entry.ask_at = [now + life * (part + 0.02 * self._random()) for part in REFRESH_AT]
        self._wake_at(entry.ask_at[0])
        concerned.setdefault(entry.name.lower(), False)

    def _txt(self, record: Txt, concerned: dict[str, bool]) -> None:
        entry = self._entries.get(record.name.lower())
        if entry is not None and record.ttl > 0:
            entry.txt = record.data
            concerned.setdefault(entry.name.lower(), False)

    def _address(self, now: float, record: Address, concerned: dict[str, bool]) -> None:
        server = record.name.lower()
        served = [key for key, entry in self._entries.items() if entry.srv and entry.srv.server.lower() == server]
        if not served:
            return
        host = self._hosts.setdefault(server, _Host())
        if record.ttl <= 0:
            if record.ip in host.expires:
                host.expires[record.ip] = min(host.expires[record.ip], now + 1.0)
                self._wake_at(now + 1.0)
                for key in served:
                    self._doubt(now, self._entries[key])
            return
        if record.flush:
            self._flush(now, host, record.ip)
        if record.ip in host.expires or len(host.expires) < MAX_ADDRESSES:
            host.expires[record.ip] = now + _within(record.ttl, HOST_TTL_S)
            host.seen[record.ip] = now
            for key in served:
                concerned.setdefault(key, False)

    def _flush(self, now: float, host: _Host, ip: str) -> None:
        """RFC 6762 section 10.2: what is older than a second and not confirmed expires in one second."""
        for other, expires in host.expires.items():
            if other != ip and (":" in other) == (":" in ip) and host.seen[other] < now - 1.0:
                host.expires[other] = min(expires, now + 1.0)
                self._wake_at(now + 1.0)

    def _doubt(self, now: float, entry: _Entry) -> None:
        """Did it say that itself? Ask soon."""
        if entry.doubt_at is None and not entry.silent:
            entry.doubt_at = now + DOUBT_S * (0.2 + 0.8 * self._random())
            self._wake_at(entry.doubt_at)

    def _stays(self, entry: _Entry) -> None:
        """It speaks, so it has not left."""
        entry.doubt_at = None
        if entry.goodbye_at is not None:
            entry.goodbye_at, entry.came_back = None, True
            self._wake_at(entry.srv_expires)

    # ---- what they mean

    def _judge(
        self, now: float, entry: _Entry, announced: bool, events: list[Event], questions: list[Question]
    ) -> None:
        instance = self._instance(entry)
        if instance is None:
            questions += self._questions(entry)
            return
        evidence = self._evidence(now, entry, instance, announced)
        if evidence is None:
            return
        if evidence is not Evidence.AGAIN:
            entry.told_at = now
        self._queries.forget_probe(entry.name)
        entry.told, entry.silent, entry.came_back = instance, False, False
        events.append(Announced(instance, evidence))

    def _evidence(self, now: float, entry: _Entry, instance: Instance, announced: bool) -> Evidence | None:
        """Why this is worth telling, if it is."""
        if entry.silent:
            return Evidence.RETURN
        if entry.told is None:
            return Evidence.CHANGE
        if announced and self._queries.probed(now, entry.name):
            return Evidence.RESTART
        if instance != entry.told:
            return Evidence.CHANGE
        if entry.came_back:
            return Evidence.AGAIN
        if not announced or self._repeated(entry, now - entry.told_at):
            return None
        names = (self.service_type, entry.name, instance.server)
        if self._queries.explain(now, names, entry.name, entry.heard_at):
            return None
        return Evidence.AGAIN

    def _repeated(self, entry: _Entry, elapsed: float) -> bool:
        """It says once more what it just said, as it always does after such a time."""
        if elapsed <= BURST_S:
            return True
        for number, (start, end) in enumerate(REPETITIONS_S):
            if start <= elapsed <= end:
                usual = number in entry.habits
                entry.habits.add(number)
                return usual
        return False

    def _instance(self, entry: _Entry) -> Instance | None:
        if entry.srv is None or entry.txt is None:
            return None
        host = self._hosts.get(entry.srv.server.lower())
        if host is None or not host.expires:
            return None
        addresses = tuple(sorted(host.expires, key=_preference))
        return Instance(entry.name, entry.srv.server, entry.srv.port, addresses, entry.txt)

    def _questions(self, entry: _Entry) -> list[Question]:
        questions = [Question(entry.name, "SRV")]
        if entry.txt is None:
            questions.append(Question(entry.name, "TXT"))
        if entry.srv is not None:
            host = self._hosts.get(entry.srv.server.lower(), _Host())
            families = {"AAAA" if ":" in ip else "A" for ip in host.expires} or {"A", "AAAA"}
            questions += [Question(entry.srv.server, family) for family in sorted(families)]
        return questions

    def _is_silent(self, now: float, entry: _Entry) -> bool:
        """Not of who just said goodbye, and takes back all his records with that."""
        return entry.goodbye_at is None and (now >= entry.srv_expires or self._instance(entry) is None)

    def _silence(self, entry: _Entry, events: list[Event]) -> None:
        if entry.told is not None and not entry.silent:
            entry.silent = True
            events.append(Silent(entry.name))

    def _left(self, now: float, entry: _Entry) -> bool:
        return now >= entry.ptr_expires or (entry.goodbye_at is not None and now >= entry.goodbye_at)

    # ---- housekeeping

    def _plan_missing(self, now: float, entry: _Entry) -> None:
        entry.ask_at = [now + delay for delay in ASK_MISSING_AT_S[1:]]
        self._wake_at(entry.ask_at[0])

    def _forget(self, entry: _Entry) -> None:
        del self._entries[entry.name.lower()]
        self._drop_host(entry)

    def _drop_host(self, entry: _Entry) -> None:
        """Forget the addresses of the entry's server, unless another instance is on it."""
        if entry.srv is None:
            return
        server = entry.srv.server.lower()
        others = (other for other in self._entries.values() if other is not entry and other.srv is not None)
        if not any(other.srv.server.lower() == server for other in others if other.srv):
            self._hosts.pop(server, None)

    def _expire_addresses(self, now: float) -> None:
        for host in self._hosts.values():
            for ip in [ip for ip, expires in host.expires.items() if expires <= now]:
                del host.expires[ip], host.seen[ip]

    def _wake_for(self, entry: _Entry) -> None:
        self._wake_at(entry.ptr_expires)
        if entry.goodbye_at is not None:
            self._wake_at(entry.goodbye_at)
        for asking in filter(None, (entry.doubt_at, *entry.ask_at[:1])):
            self._wake_at(asking)
        if entry.told is not None and not entry.silent and entry.goodbye_at is None:
            self._wake_at(entry.srv_expires)

    def _wake_at(self, when: float) -> None:
        if self._wake is None or when < self._wake:
            self._wake = when

    def _concerns(self, name: str) -> bool:
        key = name.lower()
        return key == self._type_key or key in self._entries or key in self._hosts

    def _is_instance(self, name: str) -> bool:
        return len(name) <= MAX_NAME and name.lower().endswith(f".{self._type_key}")


def _within(ttl: float, bounds: tuple[float, float]) -> float:
    return min(max(ttl, bounds[0]), bounds[1])


def _preference(ip: str) -> tuple[bool, bool, str]:
    """IPv4 first, link-local last: the order in which addresses are tried."""
    link_local = ipaddress.ip_address(ip.partition("%")[0]).is_link_local
    return link_local, ":" in ip, ip
