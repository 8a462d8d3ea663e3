"""Bottle inside the loop, and who makes room where too many connections are open (test_http.py has the sockets)."""

import inspect
from collections.abc import Awaitable
from typing import Any

import pytest

from appliance.edge.connection import Connection, Connections, Limits, Phase
from appliance.edge.server import call_bottle
from appliance.web.messages import Answer, Request
from appliance.web.quick import QuickReads
from appliance.web.ready import ReadyAnswers
from appliance.web.site import Site
from tests.support.leaks import run


def test_bottle_hands_back_the_handlers_value_and_lets_its_bugs_through() -> None:
    answer = Answer({})

    async def promise(request: Request) -> Answer:
        return answer

    def bug(request: Request) -> Answer:
        raise KeyError("x")

    site = Site()
    site.route("/value", get=lambda request: answer)
    site.route("/promise", get=promise)
    site.route("/bug", get=bug)
    assert call_bottle(site, Request("GET", "/value")) is answer
    promised = call_bottle(site, Request("GET", "/promise"))
    assert inspect.isawaitable(promised)
    assert run(_result_of(promised)) is answer
    assert call_bottle(site, Request("BREW", "/value")).status == 405
    with pytest.raises(KeyError):
        call_bottle(site, Request("GET", "/bug"))


async def _result_of(promised: Awaitable[Any]) -> Any:
    return await promised


def test_the_date_is_made_once_a_second() -> None:
    times = iter([1_700_000_000.2, 1_700_000_000.9, 1_700_000_001.0])
    connections = Connections(Limits(), QuickReads(ReadyAnswers()), clock=lambda: next(times))
    first, same, later = connections.date(), connections.date(), connections.date()
    assert first == b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    assert first is same
    assert later == b"Date: Tue, 14 Nov 2023 22:13:21 GMT\r\n"


class Stub:
    """What `Connections` sees of a connection."""

    def __init__(self, remote: str, since: float, phase: Phase = Phase.IDLE) -> None:
        self.remote, self.since, self.phase = remote, since, phase
        self.task = None
        self.said = ""

    def drop(self) -> None:
        self.said = "dropped"

    def refuse(self, answer: Answer) -> None:
        self.said = str(answer.status)


def admit(open: list[Stub], *late: Stub) -> list[str]:
    """What is said to each of ``open`` and ``late`` where all of ``open`` are as many as there may be."""

    async def test() -> list[str]:
        connections = Connections(Limits(connections=len(open)), QuickReads(ReadyAnswers()))
        for stub in [*open, *late]:
            connections.admit(_as_connection(stub))
        said = [stub.said for stub in [*open, *late]]
        assert len(connections) <= len(open)
        connections.stop()
        return said

    return run(test())


def _as_connection(stub: Stub) -> Connection:
    return stub  # type: ignore[return-value]


def test_the_longest_waiting_of_the_address_that_has_most_makes_room() -> None:
    controller, old, older = Stub("10.0.0.1", 1), Stub("10.0.0.9", 8), Stub("10.0.0.9", 7)
    busy = Stub("10.0.0.9", 0, Phase.WORKING)
    assert admit([controller, old, older, busy], Stub("10.0.0.2", 9)) == ["", "", "dropped", "", ""]


def test_each_newcomer_takes_another_ones_place() -> None:
    idle = [Stub("10.0.0.9", since) for since in range(4)]
    assert admit(idle, Stub("10.0.0.2", 9), Stub("10.0.0.2", 9)) == ["dropped", "dropped", "", "", "", ""]


def test_where_all_work_the_newcomer_is_refused() -> None:
    busy = [Stub("10.0.0.1", 1, Phase.WORKING) for _ in range(3)]
    assert admit(busy, Stub("10.0.0.2", 9)) == ["", "", "", "503"]
