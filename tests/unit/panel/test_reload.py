"""Only the box itself reloads its configuration."""

import pytest

from appliance.edge.server import call_bottle
from appliance.errors import Conflict
from appliance.panel.reload import PATH, ReloadApi
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

FORBIDDEN, CONFLICT = 403, 409


def asked(*, local: bool = True, refusal: str = "", **headers: str) -> Answer:
    def reload() -> str:
        if refusal:
            raise Conflict(refusal)
        return "receiver booth added"

    site = Site()
    ReloadApi(reload).declare(site)
    answer = call_bottle(site, Request("POST", PATH, headers=headers, local=local, body=b"{}"))
    assert isinstance(answer, Answer)
    return answer


def test_it_says_what_changed() -> None:
    assert asked().body == {"changed": "receiver booth added"}


def test_a_refusal_says_why() -> None:
    answer = asked(refusal="node.lable: there is no such key")
    assert (answer.status, answer.body["error"]) == (CONFLICT, "node.lable: there is no such key")


@pytest.mark.parametrize(("local", "headers"), [(False, {}), (True, {"origin": "http://elsewhere", "host": "box"})])
def test_nobody_else_may(local: bool, headers: dict[str, str]) -> None:
    assert asked(local=local, **headers).status == FORBIDDEN
