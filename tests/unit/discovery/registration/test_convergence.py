"""Whatever happened before: with a registry that works, it ends up with exactly what the Node API shows.

Registries are simulated by the rules of the Registration API; events come in any order and number, in every state.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.tai import parse_tai
from appliance.core.types import JSON, Kind
from appliance.discovery.registration.messages import Answer, Request, State
from appliance.discovery.registration.services import Candidate
from appliance.nmos.is04.project import project
from tests.unit.discovery.registration.box import IDS, NAMED, NODE, OLD, SENDER, A, B, Box, sender

EVENTS = (
    ["answer"] * 6
    + ["fail", "500", "404", "409", "400", "page", "wait", "time", "relabel node", "relabel receiver"]
    + ["remove sender", "add sender", "mqtt sender", "all", "some", "none", "announce", "forget", "restart", "interval"]
)
CANDIDATES = (A, B, OLD, NAMED)
PARENTS = {"device": "node_id", "source": "device_id", "flow": "source_id", "sender": "device_id",
           "receiver": "device_id"}  # fmt: skip


@dataclass
class Registry:
    """What one registry holds, by (kind, id), and under which version the node is registered."""

    held: dict[tuple[str, str], JSON] = field(default_factory=dict)
    version: str | None = None

    def answer(self, request: Request) -> Answer:
        if request.method == "GET":
            return Answer(200, body=b'["v1.2/", "v1.3/"]')
        _, _, _, version, what, *rest = request.url.removeprefix("http://").split("/")
        known = ("node", NODE) in self.held
        if known and version != self.version:
            return Answer(409, location=f"/x-nmos/registration/{self.version}/resource/nodes/{NODE}")
        if what == "health":
            return Answer(200 if known else 404)
        if request.method == "DELETE":
            return Answer(204 if self.delete(rest[0].removesuffix("s"), rest[1]) else 404)
        assert request.body is not None
        return self.post(version, request.body["type"], request.body["data"])

    def post(self, version: str, kind: str, body: JSON) -> Answer:
        parent = PARENTS.get(kind)
        if parent and not any(id == body[parent] for _, id in self.held):
            return Answer(400, body=b'{"error": "no parent"}')
        old = self.held.get((kind, body["id"]))
        assert old is None or parse_tai(old["version"]) <= parse_tai(body["version"]), "versions never go back"
        self.held[kind, body["id"]] = body
        self.version = version
        return Answer(201 if old is None else 200)

    def delete(self, kind: str, id: str) -> bool:
        if (kind, id) not in self.held:
            return False
        del self.held[kind, id]
        for child, child_id in [key for key, body in self.held.items() if body.get(PARENTS.get(key[0], "")) == id]:
            self.delete(child, child_id)
        return True


class World:
    def __init__(self) -> None:
        self.box = Box()
        self.registries = {candidate.url: Registry() for candidate in CANDIDATES}
        self.refused: set[str] = set()

    def happen(self, event: str) -> None:
        box = self.box
        answers = {"500": 500, "404": 404, "409": 409, "400": 400}
        if event in ("answer", "fail", "page", *answers):
            self.answer(event, answers)
        elif event == "wait" and box.machine.get_timer() is not None:
            box.wait()
        elif event == "time":
            box.now += 3.0
        elif event.startswith("relabel"):
            box.relabel(Kind(event.split()[1]), f"at {box.now} {len(box.requests)}")
        elif event.endswith("sender"):
            self.change_sender(event.split(maxsplit=1)[0])
        elif event in ("all", "some", "none", "announce"):
            self.announce(event)
        elif event in ("forget", "restart"):
            for registry in self.registries.values():
                registry.held.clear()
        elif event == "interval":
            box.do(box.machine.handle_interval(box.now, 1.0 + len(box.requests) % 9))

    def answer(self, event: str, answers: dict[str, int]) -> None:
        request = self.box.open
        if request is None:
            return
        if event == "fail":
            self.box.fail()
        elif event == "page":
            self.box.answer(200, content_type="text/html")
        elif event in answers:
            self.box.answer(answers[event])
        else:
            registry = self.registries[request.url.split("/x-nmos")[0]]
            answer = registry.answer(request)
            self.box.answer(answer.status, location=answer.location, body=answer.body)

    def change_sender(self, how: str) -> None:
        with self.box.store.transaction(how) as tx:
            if how == "remove":
                tx.delete(Kind.SENDER, SENDER)
            else:
                tx.put(Kind.SENDER, sender(SENDER, "mqtt" if how == "mqtt" else "rtp.mcast"))

    def announce(self, which: str) -> None:
        present: dict[str, tuple[Candidate, ...]] = {"some": (B, OLD), "none": ()}
        announced = CANDIDATES if which == "announce" else ()
        self.box.candidates(*present.get(which, CANDIDATES), announced=announced)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(EVENTS), max_size=60))
def test_it_always_comes_right_in_the_end(events: list[str]) -> None:
    world = World()
    box = world.box
    for event in ["all", *events]:
        world.happen(event)
        status = box.machine.status()
        idle = status.state in (State.SEARCHING, State.WAITING)
        assert (box.open is None) == idle or status.state is State.REGISTERED
        assert status.registered or status.state is not State.REGISTERED
        if box.open is None and status.state is State.REGISTERED:
            assert box.machine.get_timer() is not None

    # Now every registry works, and says so; what was refused is corrected.
    for kind, id in IDS.items():
        if box.store.get(kind, id) is not None:
            box.relabel(kind, "corrected")
    world.announce("announce")
    for _ in range(200):
        world.happen("answer" if box.open is not None else "wait")
    while box.open is not None:
        world.happen("answer")

    assert box.state is State.REGISTERED
    status = box.machine.status()
    registry = world.registries[status.registry or ""]
    version = status.version or ""
    assert registry.held == {
        (kind.value, id): shown
        for kind in Kind
        for id, body in box.store.all(kind).items()
        if (shown := project(kind, body, version, box.store.get)) is not None
    }
    assert status.held == len(registry.held)

    box.leave()
    world.happen("answer")
    assert box.machine.has_left
    assert registry.held == {}
