"""Finding the System API (IS-09 Behaviour - Node Start-Up), in virtual time."""

import json

import pytest

from appliance.discovery.registration.choice import MAX_BACKOFF_S
from appliance.discovery.registration.messages import Action, Answer, Doubt, Request, Say
from appliance.discovery.registration.services import Candidate
from appliance.discovery.registration.system import SystemSearch
from tests.support.specs import examples

ONE = Candidate("http://10.0.0.1:80", "v1.0", 0, "one._nmos-system._tcp.local.")
TWO = Candidate("http://10.0.0.2:80", "v1.0", 10, "two._nmos-system._tcp.local.")
NOW = 1000.0


def document() -> dict[str, object]:
    return dict(dict(examples("is-09", "v1.0"))["global-get-200"])


def good() -> Answer:
    return Answer(200, body=json.dumps(document()).encode())


def asked(actions: list[Action]) -> Request:
    (request,) = [action for action in actions if isinstance(action, Request)]
    return request


def test_the_best_is_asked_and_what_it_says_is_found_once() -> None:
    search = SystemSearch(lambda: 0.5)
    request = asked(search.handle_candidates(NOW, (ONE, TWO)))
    assert (request.method, request.url) == ("GET", "http://10.0.0.1:80/x-nmos/system/v1.0/global")
    assert search.handle_answer(NOW, request.serial, good()) == []
    found = search.take_found()
    assert found is not None
    assert found.document == document()
    assert search.take_found() is None
    assert search.source == ONE.url
    assert search.get_timer() is None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(404),
        Answer(302, location="http://elsewhere/"),
        Answer(200, "text/html", body=b"<html>"),
        Answer(200, body=b"[]"),
        Answer(200, body=b"\xff\xfe"),
        Answer(200, body=b'{"is04": {"heartbeat_interval": 0}}'),
    ],
)
def test_what_is_no_global_configuration_leads_to_the_next(answer: Answer) -> None:
    search = SystemSearch(lambda: 0.5)
    request = asked(search.handle_candidates(NOW, (ONE, TWO)))
    actions = search.handle_answer(NOW, request.serial, answer)
    assert asked(actions).url.startswith(TWO.url)
    assert Doubt(ONE.instance or "") in actions
    assert search.take_found() is None


def test_it_backs_off_where_all_fail_and_comes_back() -> None:
    search = SystemSearch(lambda: 0.5)
    actions = search.handle_candidates(NOW, (ONE,))
    waits, now = [], NOW
    for _ in range(8):
        search.handle_failure(now, asked(actions).serial, "no connection")
        when = search.get_timer()
        assert when is not None
        waits.append(when - now)
        now = when
        actions = search.handle_timer(now)
    assert waits == sorted(waits)
    assert waits[0] < waits[-1] <= MAX_BACKOFF_S
    assert not any(isinstance(action, Say) for action in actions)
    search.handle_answer(now, asked(actions).serial, good())
    assert search.take_found() is not None


def test_it_is_asked_again_only_where_it_is_announced_again() -> None:
    search = SystemSearch(lambda: 0.5)
    search.handle_answer(NOW, asked(search.handle_candidates(NOW, (ONE,))).serial, good())
    assert search.handle_candidates(NOW, (ONE,)) == []
    assert asked(search.handle_candidates(NOW, (ONE,), {ONE.url})).url.startswith(ONE.url)


def test_nothing_is_asked_where_none_is_left() -> None:
    search = SystemSearch(lambda: 0.5)
    request = asked(search.handle_candidates(NOW, (ONE,)))
    search.handle_failure(NOW, request.serial, "no connection")
    search.handle_candidates(NOW, ())
    assert search.get_timer() is None
    assert search.handle_timer(NOW + 100) == []
    assert search.handle_answer(NOW, request.serial, good()) == []  # too late
