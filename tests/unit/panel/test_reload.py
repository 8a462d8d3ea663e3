"""Only the box itself reloads its configuration."""

import pytest

from appliance.edge.server import call_bottle
from appliance.errors import ApplianceError, Conflict
from appliance.panel.reload import PATH, ReloadApi
from appliance.web.messages import Answer, Request
from appliance.web.site import Site, answer_error
from tests.support.leaks import run

FORBIDDEN, CONFLICT = 403, 409


def asked(*, local: bool = True, refusal: str = "", **headers: str) -> Answer:
    async def reload() -> str:
        if refusal:
            raise Conflict(refusal)
        return "receiver booth added"

    site = Site()
    ReloadApi(reload).declare(site)

    async def answered() -> Answer:
        try:
            answer = await call_bottle(site, Request("POST", PATH, headers=headers, local=local, body=b"{}"))
        except ApplianceError as error:
            return answer_error(error)
        assert isinstance(answer, Answer)
        return answer

    return run(answered())


def test_it_says_what_changed() -> None:
    assert asked().body == {"changed": "receiver booth added"}


def test_a_refusal_says_why() -> None:
    answer = asked(refusal="node.lable: there is no such key")
    assert (answer.status, answer.body["error"]) == (CONFLICT, "node.lable: there is no such key")


@pytest.mark.parametrize(("local", "headers"), [(False, {}), (True, {"origin": "http://elsewhere", "host": "box"})])
def test_nobody_else_may(local: bool, headers: dict[str, str]) -> None:
    assert asked(local=local, **headers).status == FORBIDDEN
