"""A small box and its registration machine in virtual time, with everything that it sent."""

from collections.abc import Sequence

from appliance.core.store import Change, Store
from appliance.core.types import JSON, Kind
from appliance.discovery.registration.machine import Registration
from appliance.discovery.registration.messages import Action, Answer, Cancel, Doubt, Request, Say, State
from appliance.discovery.registration.services import Candidate
from tests.support.clock import FakeClock

NODE, DEVICE, SOURCE, FLOW, SENDER, RECEIVER = (f"{number}0000000-0000-4000-8000-000000000000" for number in range(6))
IDS = dict(zip(Kind, (NODE, DEVICE, SOURCE, FLOW, SENDER, RECEIVER), strict=True))
VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3")
A = Candidate("http://10.0.0.1:8010", "v1.3", 0, "a._nmos-register._tcp.local.", ("v1.2", "v1.3"))
B = Candidate("http://10.0.0.2:8010", "v1.3", 10, "b._nmos-register._tcp.local.", ("v1.3",))
C = Candidate("http://10.0.0.3:8010", "v1.3", 20, "c._nmos-register._tcp.local.", ("v1.3",))
OLD = Candidate("http://10.0.0.4:8010", "v1.2", 0, "old._nmos-registration._tcp.local.", ("v1.1", "v1.2"))
NAMED = Candidate("http://10.0.0.9:80", None)
EVERYTHING = 5
"""How many resources there are beside the node."""


def filled_store() -> Store:
    """A node with one of everything; the newest form, as far as the projections look at it."""
    store = Store(FakeClock())
    with store.transaction("start") as tx:
        tx.put(Kind.NODE, {"id": NODE, "label": "box", "services": [], "interfaces": [], "api": {"endpoints": []}})
        tx.put(Kind.DEVICE, {"id": DEVICE, "node_id": NODE, "senders": [SENDER], "receivers": [RECEIVER], "label": ""})
        tx.put(Kind.SOURCE, {"id": SOURCE, "device_id": DEVICE, "format": "urn:x-nmos:format:audio", "label": ""})
        tx.put(Kind.FLOW, flow(FLOW))
        tx.put(Kind.SENDER, sender(SENDER))
        tx.put(Kind.RECEIVER, receiver(RECEIVER))
    return store


def flow(id: str) -> JSON:
    return {"id": id, "source_id": SOURCE, "device_id": DEVICE, "format": "urn:x-nmos:format:audio", "label": ""}


def sender(id: str, transport: str = "rtp.mcast") -> JSON:
    return {
        "id": id,
        "device_id": DEVICE,
        "flow_id": FLOW,
        "transport": f"urn:x-nmos:transport:{transport}",
        "subscription": {"receiver_id": None, "active": False},
        "label": "",
    }


def receiver(id: str) -> JSON:
    return {
        "id": id,
        "device_id": DEVICE,
        "transport": "urn:x-nmos:transport:rtp",
        "format": "urn:x-nmos:format:audio",
        "subscription": {"sender_id": None, "active": False},
        "label": "",
    }


class Box:
    """The machine, its store, and the time. ``sent`` has every request as ``METHOD path`` with what was in it."""

    def __init__(self, versions: Sequence[str] = VERSIONS) -> None:
        self.store = filled_store()
        self.machine = Registration(self.store, versions, lambda: 0.5)
        self.now = 1000.0
        self.requests: list[Request] = []
        self.said: list[str] = []
        self.doubts: list[str] = []
        self.cancelled = 0
        self.open: Request | None = None
        self.store.subscribe(self._on_change)

    # ---- events

    def candidates(self, *candidates: Candidate, announced: Sequence[Candidate] = ()) -> None:
        """These are there; and while it only gathers them, the moment that it takes passes."""
        urls = {candidate.url for candidate in announced}
        self.do(self.machine.handle_candidates(self.now, candidates, urls))
        if self.state is State.SEARCHING and self.machine.get_timer() is not None:
            self.wait()

    def answer(self, status: int, **more: object) -> None:
        request = self._take()
        self.do(self.machine.handle_answer(self.now, request.serial, Answer(status, **more)))  # type: ignore[arg-type]

    def fail(self, reason: str = "no connection: refused") -> None:
        self.do(self.machine.handle_failure(self.now, self._take().serial, reason))

    def wait(self) -> None:
        """Let time pass to the machine's timer, and call it."""
        when = self.machine.get_timer()
        assert when is not None
        self.now = max(self.now, when)
        self.do(self.machine.handle_timer(self.now))

    def leave(self) -> None:
        self.do(self.machine.handle_leave(self.now))

    def relabel(self, kind: Kind, label: str) -> None:
        with self.store.transaction("label") as tx:
            tx.update(kind, IDS[kind], label=label)

    # ---- short cuts

    def register(self, *candidates: Candidate) -> None:
        """Be registered with the first, and have told it everything."""
        self.candidates(*candidates)
        if candidates[0].version is None:
            self.answer(200, body=b'["v1.3/"]')
        self.answer_all(201)
        assert self.state is State.REGISTERED
        assert self.open is None

    def answer_all(self, status: int) -> None:
        """Answer whatever is asked until nothing is."""
        while self.open is not None:
            self.answer(status)

    def forget(self) -> None:
        """Count anew what was sent and said."""
        self.requests.clear()
        self.said.clear()
        self.doubts.clear()

    # ---- what is seen

    def registered(self) -> bool:
        return self.machine.registered

    @property
    def state(self) -> State:
        return self.machine.status().state

    @property
    def sent(self) -> list[str]:
        return [short(request) for request in self.requests]

    @property
    def last(self) -> str | None:
        """The request under way."""
        return short(self.open) if self.open else None

    def do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Request():
                    assert self.open is None, "one request at a time"
                    self.open = action
                    self.requests.append(action)
                case Cancel():
                    self.cancelled += 1
                    self.open = None
                case Say(_, text):
                    self.said.append(text)
                case Doubt(instance):
                    self.doubts.append(instance)

    def _take(self) -> Request:
        request, self.open = self.open, None
        assert request is not None, "nothing was asked"
        return request

    def _on_change(self, change: Change) -> None:
        self.do(self.machine.handle_change(self.now, change))


def short(request: Request) -> str:
    """``a POST node v1.3``, ``b BEAT v1.3``, ``a DELETE nodes v1.2``: the registry, what, and the version."""
    host, path = request.url.removeprefix("http://").split("/", 1)
    who = {candidate.url.removeprefix("http://"): candidate.name for candidate in (A, B, C, OLD)}.get(host, "named")
    parts = path.split("/")
    assert parts[:2] == ["x-nmos", "registration"]
    if request.method == "GET":
        return f"{who} GET"
    version, what = parts[2], parts[3]
    if what == "health":
        assert parts[4:] == ["nodes", NODE]
        assert request.body is None
        return f"{who} BEAT {version}"
    if request.method == "DELETE":
        return f"{who} DELETE {parts[4]} {version}"
    assert request.body is not None
    return f"{who} POST {request.body['type']} {version}"
