"""Every state and every event: which state follows, and which request is under way then.

There are two registries, `a` and `b`; `a` is the one in use. A line of the table: a state, events, and what follows
each of them: the next state, with the request behind it.
"""

from collections.abc import Callable

import pytest

from appliance.core.types import Kind
from appliance.discovery.registration.messages import State
from appliance.discovery.registration.services import Candidate
from tests.unit.discovery.registration.box import NAMED, A, B, Box

AT_V12 = "/x-nmos/registration/v1.2/resource/nodes/0"


def searching(box: Box) -> None:
    pass


def asking(box: Box) -> None:
    box.candidates(NAMED, B)


def creating(box: Box) -> None:
    box.candidates(A, B)


def clearing(box: Box) -> None:
    creating(box)
    box.answer(200)


def idle(box: Box) -> None:
    box.register(A, B)


def telling(box: Box) -> None:
    idle(box)
    box.relabel(Kind.SENDER, "told now")


def beating(box: Box) -> None:
    idle(box)
    box.wait()


def probing(box: Box) -> None:
    box.register(B, A)
    box.wait()
    box.fail()


def waiting(box: Box) -> None:
    creating(box)
    box.fail()
    box.fail()


def leaving(box: Box) -> None:
    idle(box)
    box.leave()


def left(box: Box) -> None:
    box.leave()


STATES: dict[str, Callable[[Box], None]] = {
    made.__name__: made
    for made in (
        searching, asking, creating, clearing, idle, telling, beating, probing, waiting, leaving, left
    )
}  # fmt: skip


def answered(status: int) -> Callable[[Box], None]:
    def answer(box: Box) -> None:
        if box.open is not None:
            box.answer(status, body=b'["v1.3/"]' if status == 200 else b"", location=AT_V12)

    return answer


def page(box: Box) -> None:
    if box.open is not None:
        box.answer(200, content_type="text/html", body=b"<html>")


def fails(box: Box) -> None:
    if box.open is not None:
        box.fail()


def timer(box: Box) -> None:
    box.do(box.machine.handle_timer(box.machine.get_timer() or box.now))


def used(box: Box) -> Candidate:
    return NAMED if "named" in "".join(box.sent) else A


EVENTS: dict[str, Callable[[Box], None]] = {
    "201": answered(201),
    "200": answered(200),
    "404": answered(404),
    "409": answered(409),
    "400": answered(400),
    "500": answered(500),
    "page": page,
    "fails": fails,
    "timer": timer,
    "gone": lambda box: box.candidates(),
    "again": lambda box: box.candidates(used(box), B, announced=(used(box), B)),
    "node": lambda box: box.relabel(Kind.NODE, "changed"),
    "leave": lambda box: box.leave(),
}

TABLE = """
searching | 201 200 404 409 400 500 page fails timer gone node                     | searching
searching | again                                                                  | creating a POST node
searching | leave                                                                  | left
asking    | 201 404 409 400 500 page fails                                         | creating b POST node
asking    | 200                                                                    | creating named POST node
asking    | timer gone again node                                                  | asking named GET
asking    | leave                                                                  | left
creating  | 201                                                                    | registered a POST device
creating  | 200                                                                    | clearing a DELETE nodes
creating  | 404 400 500 page fails                                                 | creating b POST node
creating  | 409                                                                    | clearing a DELETE nodes v1.2
creating  | timer gone again node                                                  | creating a POST node
creating  | leave                                                                  | leaving a DELETE nodes
clearing  | 201 200 404 400                                                        | creating a POST node
clearing  | 409                                                                    | clearing a DELETE nodes v1.2
clearing  | 500 page fails                                                         | creating b POST node
clearing  | timer gone again node                                                  | clearing a DELETE nodes
clearing  | leave                                                                  | leaving a DELETE nodes
idle      | 201 200 404 409 400 500 page fails gone again                          | registered
idle      | timer                                                                  | registered a BEAT
idle      | node                                                                   | registered a POST node
idle      | leave                                                                  | leaving a DELETE nodes
telling   | 201 200 404 400                                                        | registered
telling   | 409                                                                    | clearing a DELETE nodes v1.2
telling   | 500 page fails                                                         | probing b BEAT
telling   | timer gone again node                                                  | registered a POST sender
telling   | leave                                                                  | leaving a DELETE nodes
beating   | 201 200                                                                | registered
beating   | 404                                                                    | creating a POST node
beating   | 409                                                                    | clearing a DELETE nodes v1.2
beating   | 400 500 page fails                                                     | probing b BEAT
beating   | timer gone again node                                                  | registered a BEAT
beating   | leave                                                                  | leaving a DELETE nodes
probing   | 201 200                                                                | registered
probing   | 404                                                                    | creating a POST node
probing   | 409                                                                    | clearing a DELETE nodes v1.2
probing   | 400 500 page fails                                                     | waiting
probing   | timer gone again node                                                  | probing a BEAT
probing   | leave                                                                  | leaving a DELETE nodes
waiting   | 201 200 404 409 400 500 page fails node                                | waiting
waiting   | timer again                                                            | creating a POST node
waiting   | gone                                                                   | searching
waiting   | leave                                                                  | left
leaving   | 201 200 404 409 400 500 page fails                                     | left
leaving   | timer gone again node leave                                            | leaving a DELETE nodes
left      | 201 200 404 409 400 500 page fails timer gone again node leave         | left
"""


def cells() -> list[tuple[str, str, str]]:
    rows = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
    return [(state, event, cell) for state, events, cell in rows for event in events.split()]


def after(state: str, event: str) -> str:
    box = Box()
    STATES[state](box)
    box.forget()
    EVENTS[event](box)
    return " ".join(filter(None, (box.state.value, (box.last or "").replace(" v1.3", ""))))


@pytest.mark.parametrize(("state", "event", "expected"), cells())
def test_what_follows(state: str, event: str, expected: str) -> None:
    assert after(state, event) == expected


def test_the_table_is_whole() -> None:
    assert {(state, event) for state, event, _ in cells()} == {(s, e) for s in STATES for e in EVENTS}
    assert {state.value for state in State} - {"off"} <= {cell.split()[0] for _, _, cell in cells()}
