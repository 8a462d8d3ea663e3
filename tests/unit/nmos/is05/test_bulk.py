"""Bulk: each item as its own PATCH would have been answered, in the order given."""

from typing import Any

import pytest

from appliance.core.types import JSON, Kind
from appliance.edge.server import call_bottle
from appliance.web.messages import Request, encode_json
from tests.support.specs import problems
from tests.unit.nmos.is05.boxes import IMMEDIATE, SENDER_ID, Box, receiver_id, sender_id

TONE = sender_id("tone")
PAIR = sender_id("pair")
SPEAKER = receiver_id("speaker")


def item(id: str, **params: object) -> JSON:
    return {"id": id, "params": params}


@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
def test_each_item_has_its_code(version: str) -> None:
    box = Box()
    later = {"mode": "activate_scheduled_relative", "requested_time": "5:0"}
    answer = box.ask(
        "POST",
        f"/{version}/bulk/senders",
        [
            item(TONE, master_enable=False, activation=IMMEDIATE),
            item(PAIR, transport_params=[{}]),
            item(SENDER_ID),
            item(PAIR, activation=later),
            item(PAIR, master_enable=False),
            item(SPEAKER),
        ],
    )
    assert answer.status == 200
    assert [(entry["id"], entry["code"]) for entry in answer.body] == [
        (TONE, 200),
        (PAIR, 400),
        (SENDER_ID, 404),
        (PAIR, 202),
        (PAIR, 423),
        (SPEAKER, 404),
    ]
    assert answer.body[0] == {"id": TONE, "code": 200}
    assert answer.body[1]["error"] == "transport_params: has 1 legs, and this sender has 2"
    assert answer.settle == (TONE,)
    name = "v1.0-bulk-response-schema" if version == "v1.0" else "bulk-response-schema"
    assert problems("is-05", version, name, answer.body) == []
    assert box.active(Kind.SENDER, TONE)["master_enable"] is False


def test_what_cannot_be_resolved_is_500_for_its_item_only() -> None:
    box = Box()
    box.pool.network = None
    given = [item(id, activation=IMMEDIATE, master_enable=True) for id in (TONE, PAIR)]
    given[1]["params"]["transport_params"] = [{"destination_ip": "239.1.1.1"}, {"destination_ip": "239.1.1.2"}]
    answer = box.ask("POST", "/v1.1/bulk/senders", given)
    assert [entry["code"] for entry in answer.body] == [500, 200]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "the body must be array"),
        (None, "the body is not valid JSON"),
        ([5], "[0]: must be object"),
        ([item(TONE), {"id": TONE}], "[1].params: is needed"),
        ([{"params": {}}], "[0].id: is needed"),
        ([{"id": "x", "params": {}}], "[0].id: must be a UUID"),
        ([{"id": TONE, "params": []}], "[0].params: must be object"),
        ([{"id": TONE, "params": {}, "more": 1}], "[0].more: is not a parameter here"),
    ],
)
def test_a_body_that_is_no_bulk_request_changes_nothing(body: Any, error: str) -> None:
    box = Box()
    answer = box.ask("POST", "/v1.1/bulk/senders", body)
    assert answer.status == 400
    assert answer.body["error"].startswith(error)
    assert box.changes == []


def test_nothing_to_do() -> None:
    assert Box().ask("POST", "/v1.1/bulk/receivers", []).body == []


def test_others_have_their_turn_between_the_items() -> None:
    box = Box()
    steps = _post(box, [item(TONE, transport_params=[{"destination_port": 6000 + n}]) for n in range(10)]).__await__()
    ports = [box.staged(Kind.SENDER, TONE)["transport_params"][0]["destination_port"] for _ in steps]
    assert ports == ["auto", "auto", "auto", *(6000 + n for n in range(10))], (
        "also around reading and checking the body"
    )


def _post(box: Box, body: Any) -> Any:
    return call_bottle(box.site, Request("POST", "/x-nmos/connection/v1.1/bulk/senders", body=encode_json(body)))
