"""Whatever is sent: only documented answers, by the schemas; after an error everything is as it was before."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.config.model import ReceiverConfig, SenderConfig
from appliance.core.types import JSON, Kind
from tests.support.specs import validator
from tests.unit.nmos.is05.boxes import CONFIG, SENDER_ID, Box, multicast_sdp, pair_sdp, receiver_id, sender_id
from tests.unit.nmos.is05.test_events import CONFIG as EVENTS

DOCUMENTED = {200, 202, 400, 423, 500}
ALL = replace(
    CONFIG,
    senders=(*CONFIG.senders, SenderConfig("protected", "box", fec=True, rtcp=True), *EVENTS.senders),
    receivers=(*CONFIG.receivers, ReceiverConfig("protected", "box", fec=True, rtcp=True), *EVENTS.receivers),
)
"""Every transport and every set of parameters; there is no MQTT broker but those that requests name."""
SENDERS = [sender_id(sender.name) for sender in ALL.senders]
RECEIVERS = [receiver_id(receiver.name) for receiver in ALL.receivers]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
ips = st.sampled_from(
    ["auto", "10.0.0.1", "10.1.0.1", "fd00::1", "239.1.2.3", "ff3e::5", "192.0.2.1", "0.0.0.0", "::", "fe80::1%eth0"]
)
ports = st.sampled_from(["auto", 0, 1, 5004, 65535, 65536, -1, "5004"])
parameters = {
    "source_ip": ips | st.none(),
    "destination_ip": ips | st.none(),
    "interface_ip": ips | st.none(),
    "multicast_ip": ips | st.none(),
    "source_port": ports,
    "destination_port": ports,
    "rtp_enabled": st.booleans(),
    "fec_enabled": st.booleans(),
    "fec_destination_ip": ips,
    "fec_mode": st.sampled_from(["auto", "1D", "2D"]),
    "fec_block_width": st.sampled_from([3, 4, 200, 201]),
    "fec2D_destination_port": ports,
    "rtcp_enabled": st.booleans(),
    "rtcp_destination_port": ports,
    "connection_uri": st.sampled_from(["auto", None, "ws://10.0.0.9/x", "wss://h", "http://h", "ws://[::1/"]),
    "connection_authorization": st.sampled_from(["auto", True, False, 0]),
    "ext_is_07_source_id": st.sampled_from([SENDER_ID, None, "x"]),
    "destination_host": st.sampled_from(["auto", None, "broker.example.com", "10.0.0.5", "a b"]),
    "source_host": st.sampled_from(["auto", None, "broker.example.com", "fd00::5", ""]),
    "broker_protocol": st.sampled_from(["auto", "mqtt", "secure-mqtt", "x"]),
    "broker_topic": st.sampled_from(["a/b", None, "#", ""]) | st.text(max_size=5),
}
CORE = {name: parameters[name] for name in ("source_ip", "interface_ip", "destination_port", "rtp_enabled")}
leg = st.fixed_dictionaries({}, optional=parameters) | st.sampled_from(list(parameters)).flatmap(
    lambda name: st.fixed_dictionaries({name: parameters[name]})
)
legs = st.lists(leg | st.fixed_dictionaries({}, optional=CORE) | anything, max_size=3)
times = st.sampled_from(["0:0", "1:0", "0:999999999", "1700000040:0", "1:1:1", "x", "9999999999999:0", "-1:0"])
activations = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(
            [None, "activate_immediate", "activate_scheduled_absolute", "activate_scheduled_relative", "soon"]
        ),
        "requested_time": times | st.none(),
    },
)
files = st.fixed_dictionaries(
    {},
    optional={
        "data": st.sampled_from([multicast_sdp(), pair_sdp(), "v=0", "", None]) | st.text(max_size=40),
        "type": st.sampled_from(["application/sdp", "text/plain", None]),
    },
)
ids = st.sampled_from([SENDER_ID, None, "x", SENDER_ID.upper()])


def bodies(kind: Kind) -> st.SearchStrategy[Any]:
    own: dict[str, st.SearchStrategy[Any]] = {
        "receiver_id" if kind is Kind.SENDER else "sender_id": ids,
        "master_enable": st.booleans(),
        "activation": activations,
        "transport_params": legs,
    }
    if kind is Kind.RECEIVER:
        own["transport_file"] = files
    return st.fixed_dictionaries({}, optional=own) | st.fixed_dictionaries({}, optional=own | {"more": anything})


steps = st.tuples(st.just(Kind.SENDER), st.sampled_from(SENDERS), bodies(Kind.SENDER)) | st.tuples(
    st.just(Kind.RECEIVER), st.sampled_from(RECEIVERS), bodies(Kind.RECEIVER)
)


@settings(max_examples=75, deadline=None)
@given(st.lists(steps, min_size=1, max_size=6), st.sampled_from([0.0, 0.5, 3.0]))
def test_a_sequence_of_requests(requests: list[tuple[Kind, str, JSON]], pause: float) -> None:
    box = Box(ALL)
    for kind, id, body in requests:
        before = box.aspect(id), box.resource(kind, id), box.connections.get_timer()
        answer = box.patch(kind, id, body)
        assert answer.status in DOCUMENTED
        if answer.status >= 400:
            assert (box.aspect(id), box.resource(kind, id), box.connections.get_timer()) == before
            assert_valid("error", answer.body)
        else:
            assert_valid(f"{kind}-response-schema", answer.body)
        box.clock.advance(pause)
        box.connections.handle_timer()
        assert_consistent(box, kind, id)
    after = box.rebooted()
    for kind, id, _ in requests:
        assert_consistent(after, kind, id)


def items_of(kind: Kind, ids: list[str]) -> st.SearchStrategy[tuple[Kind, list[JSON]]]:
    item = st.fixed_dictionaries({"id": st.sampled_from([*ids, *ids, SENDER_ID, "x"]), "params": bodies(kind)})
    return st.tuples(st.just(kind), st.lists(item, max_size=6))


@settings(max_examples=50, deadline=None)
@given(items_of(Kind.SENDER, SENDERS) | items_of(Kind.RECEIVER, RECEIVERS))
def test_bulk(request: tuple[Kind, list[JSON]]) -> None:
    """As many PATCHes one after the other would have been answered, and what they would have left behind."""
    kind, items = request
    box, alone = Box(ALL), Box(ALL)
    before = {id: box.aspect(id) for id in box.connections.all(kind)}
    answer = box.ask("POST", f"/v1.1/bulk/{kind.plural}", items)
    if any(item["id"] == "x" for item in items):
        assert answer.status == 400
        assert {id: box.aspect(id) for id in before} == before
        return
    assert answer.status == 200
    assert_valid("bulk-response-schema", answer.body)
    assert [entry["id"] for entry in answer.body] == [item["id"] for item in items]
    for entry, item in zip(answer.body, items, strict=True):
        single = alone.patch(kind, item["id"], item["params"])
        assert entry["code"] == single.status
        assert entry.get("error") == (single.body["error"] if single.status >= 400 else None)
        assert single.status in DOCUMENTED | {404}
    for id in before:
        assert box.aspect(id) == alone.aspect(id)
        assert_consistent(box, kind, id)


UNTOUCHED = Box()
"""For what can only be refused, or be empty: making a box takes longer than asking it."""


@settings(max_examples=200, deadline=None)
@given(anything)
def test_any_json_at_all(body: Any) -> None:
    box = UNTOUCHED
    for path in (f"/v1.1/single/receivers/{RECEIVERS[0]}/staged", f"/v1.0/single/senders/{SENDERS[0]}/staged"):
        assert box.ask("PATCH", path, raw=json.dumps(body).encode()).status == (200 if body == {} else 400)
    assert box.ask("POST", "/v1.1/bulk/senders", raw=json.dumps(body).encode()).status == (200 if body == [] else 400)
    assert box.changes == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_at_all(raw: bytes) -> None:
    path = f"/v1.1/single/receivers/{RECEIVERS[0]}/staged"
    assert UNTOUCHED.ask("PATCH", path, raw=raw).status == (200 if raw.strip(b" \t\r\n") == b"{}" else 400)


def assert_consistent(box: Box, kind: Kind, id: str) -> None:
    """What each API shows of one endpoint is valid and agrees with the others."""
    staged, active = box.staged(kind, id), box.active(kind, id)
    assert_valid(f"{kind}-response-schema", staged)
    assert_valid(f"{kind}-response-schema", active)
    assert all("auto" not in leg.values() for leg in active["transport_params"])
    assert box.resource(kind, id)["subscription"]["active"] is active["master_enable"]
    assert len(box.resource(kind, id)["interface_bindings"]) == len(active["transport_params"])
    assert (staged["activation"]["mode"] is None) is (box.aspect(id)["pending"] is None)


def assert_valid(schema: str, document: object) -> None:
    validator("is-05", "v1.1", schema).validate(document)


BAD: dict[str, list[Any]] = {
    "source_ip": ["x", 5, "239.1.2.3", "0.0.0.0.0", "fe80::1%eth0", ""],
    "interface_ip": ["x", None, "192.0.2.1", "auto "],
    "destination_ip": ["x", None, 5, "10.0.0.256"],
    "multicast_ip": ["10.0.0.9", "auto", 5],
    "destination_port": [0, 65536, -1, "5004", None, 1.5, True],
    "source_port": [65536, -1, "x", None, [5]],
    "rtp_enabled": [None, "true", 1],
    "fec_enabled": [None, 0],
    "fec_destination_ip": ["x", None],
    "fec_mode": ["3D", None, 1],
    "fec_type": ["auto", None],
    "fec_block_width": [3, 201, "auto", None],
    "fec_block_height": [3, 201, "4"],
    "fec1D_destination_port": [0, "x"],
    "fec2D_source_port": [-1, 65536],
    "rtcp_enabled": ["yes"],
    "rtcp_destination_ip": [5, "::1::"],
    "rtcp_destination_port": [0, None],
    "connection_uri": ["http://10.0.0.9/", "ws://", 5, "ws://h/ x"],
    "connection_authorization": [None, "yes", 0],
    "ext_is_07_source_id": ["x", 5, "ABCDEF01-1111-4111-8111-111111111111"],
    "ext_is_07_rest_api_url": ["x", 5, "ws://h/"],
    "destination_host": ["a b", 5, "", "-"],
    "source_host": ["a b", 5, "", "fe80::1%eth0"],
    "broker_protocol": ["MQTT", None],
    "broker_authorization": [None, "no", 1],
    "broker_topic": ["#", "", 5, "a\0b"],
    "connection_status_broker_topic": ["+", 5],
}


@st.composite
def one_mistake(draw: st.DrawFn) -> tuple[Kind, str, int, str, Any]:
    """Of one sender or receiver: a leg, one of its parameters, and what that can never be."""
    kind, ids = draw(st.sampled_from([(Kind.SENDER, SENDERS), (Kind.RECEIVER, RECEIVERS)]))
    endpoint = MISTAKEN.endpoint(kind, draw(st.sampled_from(ids)))
    name = draw(st.sampled_from([name for name in endpoint.parameters if name in BAD]))
    leg = draw(st.integers(0, len(endpoint.legs) - 1))
    return kind, endpoint.id, leg, name, draw(st.sampled_from(BAD[name]))


MISTAKEN = Box(ALL)


@settings(max_examples=300, deadline=None)
@given(one_mistake(), st.sampled_from([{}, {"activation": {"mode": "activate_immediate"}}]), st.booleans())
def test_one_error_names_the_parameter(mistake: tuple[Kind, str, int, str, Any], more: JSON, bulk: bool) -> None:
    kind, id, leg, name, value = mistake
    current = MISTAKEN.staged(kind, id)["transport_params"]
    given_legs = [{**params, name: value} if index == leg else params for index, params in enumerate(current)]
    body = {**more, "transport_params": given_legs}
    if bulk:
        [answer] = MISTAKEN.ask("POST", f"/v1.1/bulk/{kind.plural}", [{"id": id, "params": body}]).body
    else:
        answer = MISTAKEN.patch(kind, id, body).body
    assert answer["code"] == 400
    assert answer["error"].startswith(f"transport_params[{leg}].{name}: ")
    assert MISTAKEN.changes == []
