"""WebSocket and MQTT: what is offered, what ``auto`` becomes, and what follows when the box or the broker moves.

IS-05 Behaviour - WebSocket and MQTT Transport Type, IS-07 Core models section 4 and Transport - Websocket, - MQTT.
"""

from dataclasses import replace
from typing import Any

import pytest

from appliance.config.authorization import AuthorizationConfig
from appliance.config.model import (
    BrokerConfig,
    Config,
    DeviceConfig,
    EventsConfig,
    Format,
    LegConfig,
    ReceiverConfig,
    SenderConfig,
    Transport,
)
from appliance.core.types import JSON, Kind
from tests.support.specs import problems
from tests.unit.network.hosts import host, interface
from tests.unit.nmos.is05.boxes import IDENTITIES, IMMEDIATE, SENDER_ID, Box, multicast_sdp, receiver_id, sender_id

_SENDER = SenderConfig("button", "box", format=Format.DATA, media_type="application/json", event_type="boolean")
_RECEIVER = ReceiverConfig(
    "lamp", "box", format=Format.DATA, media_types=("application/json",), event_types=("boolean",)
)
WEBSOCKET, MQTT = Transport.WEBSOCKET, Transport.MQTT
CONFIG = Config(
    events=EventsConfig(BrokerConfig("10.0.0.5")),
    devices=(DeviceConfig("box"),),
    senders=(
        replace(_SENDER, transport=WEBSOCKET),
        replace(_SENDER, name="second", transport=WEBSOCKET),
        replace(_SENDER, name="heat", transport=MQTT),
    ),
    receivers=(replace(_RECEIVER, transport=WEBSOCKET), replace(_RECEIVER, name="sign", transport=MQTT)),
)
BUTTON, SECOND, HEAT = (sender_id(name) for name in ("button", "second", "heat"))
LAMP, SIGN = receiver_id("lamp"), receiver_id("sign")
DEVICE = IDENTITIES.of(Kind.DEVICE, "box")
SOURCE = IDENTITIES.of(Kind.SOURCE, "button")
EVENTS = "/x-nmos/events/v1.0"
ALL = [(Kind.SENDER, BUTTON), (Kind.SENDER, HEAT), (Kind.RECEIVER, LAMP), (Kind.RECEIVER, SIGN)]


def params(box: Box, kind: Kind, id: str, which: str = "active") -> JSON:
    [leg] = box.get(f"/v1.1/single/{kind.plural}/{id}/{which}")["transport_params"]
    return dict(leg)


def activate(box: Box, kind: Kind, id: str, leg: JSON | None = None, **more: Any) -> Any:
    body = {"activation": IMMEDIATE, "master_enable": True, **more}
    return box.patch(kind, id, body if leg is None else {**body, "transport_params": [leg]})


@pytest.mark.parametrize(("kind", "id"), ALL)
def test_every_answer_is_valid_by_the_schemas(kind: Kind, id: str) -> None:
    box = Box(CONFIG)
    for which in ("staged", "active"):
        document = box.get(f"/v1.1/single/{kind.plural}/{id}/{which}")
        assert problems("is-05", "v1.1", f"{kind}-response-schema", document) == []
    name = "mqtt" if id in (HEAT, SIGN) else "websocket"
    [constraints] = box.get(f"/v1.1/single/{kind.plural}/{id}/constraints")
    assert problems("is-05", "v1.1", f"constraints-schema-{name}", constraints) == []
    assert constraints.keys() == params(box, kind, id).keys() == params(box, kind, id, "staged").keys()
    assert problems("is-05", "v1.1", f"{kind}_transport_params_{name}", params(box, kind, id)) == []
    assert "auto" not in params(box, kind, id).values()


def test_the_senders_of_a_device_share_one_address_of_this_box() -> None:
    box = Box(CONFIG)
    uri = f"ws://10.0.0.1:8080{EVENTS}/devices/{DEVICE}"
    assert params(box, Kind.SENDER, BUTTON) == {
        "connection_uri": uri,
        "connection_authorization": False,
        "ext_is_07_source_id": SOURCE,
        "ext_is_07_rest_api_url": f"http://10.0.0.1:8080{EVENTS}/sources/{SOURCE}/",
    }
    assert params(box, Kind.SENDER, SECOND)["connection_uri"] == uri
    assert params(box, Kind.SENDER, BUTTON, "staged")["connection_uri"] == "auto"
    assert box.resource(Kind.SENDER, BUTTON)["interface_bindings"] == ["eth0"]
    assert box.aspect(BUTTON)["reason"] == ["eth0: its address 10.0.0.1 is where others connect to"]


def test_every_address_is_offered_and_only_those_of_the_leg() -> None:
    on_blue = replace(CONFIG.senders[0], legs=(LegConfig(interfaces=("eth1",)),))
    box = Box(replace(CONFIG, senders=(CONFIG.senders[1], on_blue)))
    box.reached_at(("10.0.0.1", "10.1.0.1", "fd00::1"))
    [constraints] = box.get(f"/v1.1/single/senders/{SECOND}/constraints")
    assert [uri.split("/")[2] for uri in constraints["connection_uri"]["enum"]] == [
        *("10.0.0.1:8080", "10.1.0.1:8080", "[fd00::1]:8080"),
    ]
    [constraints] = box.get(f"/v1.1/single/senders/{BUTTON}/constraints")
    assert constraints["connection_uri"] == {"enum": [f"ws://10.1.0.1:8080{EVENTS}/devices/{DEVICE}"]}


def test_a_sender_that_the_box_is_not_reached_for_comes_alive_by_itself() -> None:
    on_blue = replace(CONFIG.senders[0], legs=(LegConfig(interfaces=("eth1",)),))
    box = Box(replace(CONFIG, senders=(on_blue,)))
    assert params(box, Kind.SENDER, BUTTON)["connection_uri"] is None
    assert box.active(Kind.SENDER, BUTTON)["master_enable"] is False
    assert "connection_uri is 'auto'" in box.aspect(BUTTON)["fault"]
    assert problems("is-05", "v1.1", "sender-response-schema", box.active(Kind.SENDER, BUTTON)) == []
    answer = activate(box, Kind.SENDER, BUTTON)
    assert (answer.status, answer.body["error"].split()[0]) == (500, "transport_params[0].connection_uri")
    box.reached_at(("10.0.0.1", "10.1.0.1"))
    box.connections.network_changed()
    assert params(box, Kind.SENDER, BUTTON)["connection_uri"] == f"ws://10.1.0.1:8080{EVENTS}/devices/{DEVICE}"
    assert box.active(Kind.SENDER, BUTTON)["master_enable"] is True
    assert box.aspect(BUTTON)["fault"] is None


def test_another_address_or_port_of_the_box_is_followed_everywhere() -> None:
    box = Box(CONFIG)
    version = box.resource(Kind.SENDER, BUTTON)["version"]
    box.network.state = host(interface("eth0", "10.0.0.55/24", index=2))
    box.reached_at(("10.0.0.55",), 8081)
    box.connections.network_changed()
    active = params(box, Kind.SENDER, BUTTON)
    assert active["connection_uri"].startswith("ws://10.0.0.55:8081/")
    assert active["ext_is_07_rest_api_url"].startswith("http://10.0.0.55:8081/")
    staged = params(box, Kind.SENDER, BUTTON, "staged")
    assert staged["ext_is_07_rest_api_url"] == active["ext_is_07_rest_api_url"]
    [constraints] = box.get(f"/v1.1/single/senders/{BUTTON}/constraints")
    assert constraints["connection_uri"]["enum"] == [active["connection_uri"]]
    assert params(box, Kind.SENDER, HEAT)["ext_is_07_rest_api_url"].startswith("http://10.0.0.55:8081/")
    assert box.resource(Kind.SENDER, BUTTON)["version"] > version
    box.changes.clear()
    box.connections.network_changed()
    assert box.changes == []
    assert activate(box, Kind.SENDER, BUTTON, {}).status == 200


def test_what_the_node_says_of_itself_is_enough() -> None:
    box = Box(CONFIG)
    box.reached_at(("10.0.0.1",), 8081)
    assert box.connections.get_timer() == box.clock.monotonic()
    box.connections.handle_timer()
    assert ":8081/" in params(box, Kind.SENDER, BUTTON)["connection_uri"]
    assert ":8081/" in params(box, Kind.SENDER, HEAT)["ext_is_07_rest_api_url"]
    assert box.connections.get_timer() is None


def test_the_address_stays_while_the_box_has_it() -> None:
    box = Box(CONFIG)
    before = params(box, Kind.SENDER, BUTTON)["connection_uri"]
    box.reached_at(("10.1.0.1", "10.0.0.1"))
    box.connections.network_changed()
    assert params(box, Kind.SENDER, BUTTON)["connection_uri"] == before


def test_a_receiver_is_told_where_to_connect_to() -> None:
    box = Box(CONFIG)
    box.network.route(**{"10.1.0.9": "eth1"})
    assert params(box, Kind.RECEIVER, LAMP) == {
        "connection_uri": None,
        "connection_authorization": False,
        "ext_is_07_source_id": None,
        "ext_is_07_rest_api_url": None,
    }
    leg = {
        "connection_uri": "ws://10.1.0.9/x-nmos/events/v1.0/devices/58f6b536-ca4c-43fd-880a-9df2501fc125",
        "ext_is_07_source_id": SENDER_ID,
        "ext_is_07_rest_api_url": f"http://10.1.0.9/x-nmos/events/v1.0/sources/{SENDER_ID}/",
    }
    assert activate(box, Kind.RECEIVER, LAMP, leg, sender_id=SENDER_ID).status == 200
    assert params(box, Kind.RECEIVER, LAMP) == {**leg, "connection_authorization": False}
    shown = box.resource(Kind.RECEIVER, LAMP)
    assert shown["subscription"] == {"sender_id": SENDER_ID, "active": True}
    assert shown["interface_bindings"] == ["eth1"]


def test_a_sender_does_not_push_to_one_receiver() -> None:
    box = Box(CONFIG)
    for id in (BUTTON, HEAT):
        assert activate(box, Kind.SENDER, id, receiver_id=SENDER_ID).status == 200
        assert box.active(Kind.SENDER, id)["receiver_id"] == SENDER_ID
        assert box.resource(Kind.SENDER, id)["subscription"] == {"receiver_id": None, "active": True}


def test_the_configured_broker_is_what_auto_becomes() -> None:
    box = Box(CONFIG)
    topic = f"x-nmos/events/v1.0/sources/{IDENTITIES.of(Kind.SOURCE, 'heat')}"
    status = f"x-nmos/events/v1.0/connections/{IDENTITIES.of(Kind.NODE)}"
    assert params(box, Kind.SENDER, HEAT) | {"ext_is_07_rest_api_url": ""} == {
        "destination_host": "10.0.0.5",
        "destination_port": 1883,
        "broker_protocol": "mqtt",
        "broker_authorization": False,
        "broker_topic": topic,
        "connection_status_broker_topic": status,
        "ext_is_07_rest_api_url": "",
    }
    [constraints] = box.get(f"/v1.1/single/senders/{HEAT}/constraints")
    assert constraints["broker_topic"] == {"enum": [topic]}
    assert constraints["connection_status_broker_topic"] == {"enum": [status]}
    sign = params(box, Kind.RECEIVER, SIGN)
    assert (sign["source_host"], sign["source_port"], sign["broker_topic"]) == ("10.0.0.5", 1883, None)


@pytest.mark.parametrize(
    ("leg", "port", "protocol"),
    [
        ({"source_host": "broker.example.com"}, 1883, "mqtt"),
        ({"source_host": "10.1.0.7", "broker_protocol": "secure-mqtt"}, 8883, "secure-mqtt"),
        ({"source_host": "fd00::7", "source_port": 2000}, 2000, "mqtt"),
        ({"source_host": None}, 1883, "mqtt"),
    ],
)
def test_a_broker_that_a_controller_names(leg: JSON, port: int, protocol: str) -> None:
    box = Box(CONFIG)
    box.broker = BrokerConfig("10.0.0.5", 7777, "secure-mqtt", authorization=True)
    assert activate(box, Kind.RECEIVER, SIGN, leg).status == 200
    active = params(box, Kind.RECEIVER, SIGN)
    assert (active["source_host"], active["source_port"]) == (leg["source_host"], port)
    assert (active["broker_protocol"], active["broker_authorization"]) == (protocol, False)
    assert problems("is-05", "v1.1", "receiver-response-schema", box.active(Kind.RECEIVER, SIGN)) == []


def test_the_way_to_the_broker_is_told_where_it_moves() -> None:
    box = Box(CONFIG)
    box.network.route(**{"10.0.0.5": "eth0"})
    box.connections.network_changed()
    assert box.resource(Kind.SENDER, HEAT)["interface_bindings"] == ["eth0"]
    active = box.active(Kind.SENDER, HEAT)
    box.network.route(**{"10.0.0.5": "eth1"})
    box.connections.network_changed()
    assert box.resource(Kind.SENDER, HEAT)["interface_bindings"] == ["eth1"]
    assert "eth1" in box.aspect(HEAT)["reason"][0]
    assert box.active(Kind.SENDER, HEAT) == active


def test_without_a_broker_auto_has_no_answer_until_there_is_one() -> None:
    box = Box(replace(CONFIG, events=EventsConfig()))
    sender = box.active(Kind.SENDER, HEAT)
    assert sender["master_enable"] is False
    assert sender["transport_params"][0]["destination_host"] is None
    assert problems("is-05", "v1.1", "sender-response-schema", sender) == []
    before = box.aspect(SIGN), box.resource(Kind.RECEIVER, SIGN)
    answer = activate(box, Kind.RECEIVER, SIGN, {"broker_topic": "a/b"})
    assert answer.status == 500
    assert answer.body["error"].startswith(
        "transport_params[0].source_host is 'auto' and cannot be resolved: no broker"
    )
    assert (box.aspect(SIGN), box.resource(Kind.RECEIVER, SIGN)) == before
    box.broker = BrokerConfig("10.1.0.7")
    box.connections.network_changed()
    assert params(box, Kind.SENDER, HEAT)["destination_host"] == "10.1.0.7"
    assert box.active(Kind.SENDER, HEAT)["master_enable"] is True
    box.broker = BrokerConfig("10.1.0.8", protocol="secure-mqtt")
    box.connections.network_changed()
    assert params(box, Kind.SENDER, HEAT)["destination_host"] == "10.1.0.8"
    assert params(box, Kind.SENDER, HEAT)["destination_port"] == 8883


@pytest.mark.parametrize(
    ("kind", "id", "leg", "error"),
    [
        (
            Kind.SENDER,
            BUTTON,
            {"connection_uri": "ws://10.9.9.9/x"},
            "connection_uri: ws://10.9.9.9/x is not one of ws",
        ),
        (
            Kind.SENDER,
            BUTTON,
            {"connection_uri": "http://10.0.0.1/"},
            "connection_uri: must be a ws or wss URI or auto",
        ),
        (Kind.SENDER, BUTTON, {"connection_authorization": True}, "connection_authorization: true is not one of false"),
        (Kind.SENDER, BUTTON, {"connection_authorization": 0}, "connection_authorization: must be string or boolean"),
        (Kind.SENDER, BUTTON, {"ext_is_07_source_id": SENDER_ID}, f"ext_is_07_source_id: {SENDER_ID} is not one of"),
        (Kind.SENDER, BUTTON, {"destination_ip": "auto"}, "destination_ip: is not a parameter here; known are conn"),
        (Kind.SENDER, HEAT, {"broker_topic": "my/topic"}, "broker_topic: my/topic is not one of x-nmos"),
        (
            Kind.SENDER,
            HEAT,
            {"destination_host": "a b"},
            "destination_host: must be a host name, an IP address or auto",
        ),
        (Kind.SENDER, HEAT, {"destination_port": 0}, "destination_port: must be bigger than or equal to 1"),
        (Kind.RECEIVER, LAMP, {"connection_uri": "auto"}, "connection_uri: must be a ws or wss URI"),
        (Kind.RECEIVER, LAMP, {"connection_uri": "ws://h/#x"}, "connection_uri: must be a ws or wss URI"),
        (Kind.RECEIVER, LAMP, {"ext_is_07_source_id": "x"}, "ext_is_07_source_id: must be a UUID"),
        (Kind.RECEIVER, LAMP, {"ext_is_07_rest_api_url": "ftp://h/"}, "ext_is_07_rest_api_url: must be an http or"),
        (Kind.RECEIVER, SIGN, {"broker_topic": "a/#"}, "broker_topic: must be an MQTT topic without wildcards"),
        (Kind.RECEIVER, SIGN, {"broker_protocol": "amqp"}, "broker_protocol: must be one of"),
        (Kind.RECEIVER, SIGN, {"source_port": "5"}, "source_port: must be a number or auto"),
    ],
)
def test_one_error_names_the_parameter_and_nothing_changes(kind: Kind, id: str, leg: JSON, error: str) -> None:
    box = Box(CONFIG)
    answer = activate(box, kind, id, leg)
    assert answer.status == 400
    assert answer.body["error"].startswith(f"transport_params[0].{error}")
    assert box.changes == []


def test_there_are_no_transport_files() -> None:
    box = Box(CONFIG)
    assert box.ask("GET", f"/v1.1/single/senders/{BUTTON}/transportfile").status == 404
    assert box.resource(Kind.SENDER, BUTTON)["manifest_href"] is None
    answer = box.patch(Kind.RECEIVER, LAMP, {"transport_file": {"data": multicast_sdp(), "type": "application/sdp"}})
    assert (answer.status, answer.body["error"]) == (
        400, "transport_file.data: must be null, as websocket has no transport files",
    )  # fmt: skip
    assert box.patch(Kind.RECEIVER, LAMP, {"transport_file": {"data": None, "type": None}}).status == 200


def test_v1_0_shows_none_of_them() -> None:
    box = Box(CONFIG)
    assert box.get("/v1.0/single/senders") == box.get("/v1.0/single/receivers") == []
    assert len(box.get("/v1.1/single/senders")) == 3
    assert box.ask("GET", f"/v1.0/single/senders/{BUTTON}/active").status == 409
    assert box.get(f"/v1.1/single/senders/{HEAT}/transporttype") == "urn:x-nmos:transport:mqtt"


@pytest.mark.parametrize(("kind", "id"), ALL)
def test_switched_off_and_rebooted_it_is_as_it_was(kind: Kind, id: str) -> None:
    box = Box(CONFIG)
    assert activate(box, kind, id, {}, master_enable=False).status == 200
    assert box.resource(kind, id)["subscription"]["active"] is False
    after = box.rebooted()
    assert after.aspect(id) == box.aspect(id)
    assert after.changes == []


def test_a_sender_of_a_box_that_wants_tokens_says_so() -> None:
    box = Box(replace(CONFIG, authorization=AuthorizationConfig(enabled=True)))
    [constraints] = box.get(f"/v1.1/single/senders/{BUTTON}/constraints")
    assert constraints["connection_authorization"] == {"enum": [True]}
    assert params(box, Kind.SENDER, BUTTON)["connection_authorization"] is True


@pytest.mark.parametrize(
    ("enabled", "scheme", "asked", "wants"),
    [
        (True, "wss", "auto", True),
        (True, "ws", "auto", False),
        (False, "wss", "auto", False),
        (False, "ws", True, True),
        (True, "wss", False, False),
    ],
)
def test_whether_a_receiver_sends_a_token(enabled: bool, scheme: str, asked: object, wants: bool) -> None:
    box = Box(replace(CONFIG, authorization=AuthorizationConfig(enabled=enabled)))
    box.network.route(**{"10.1.0.9": "eth1"})
    leg = {
        "connection_uri": f"{scheme}://10.1.0.9/x-nmos/events/v1.0/devices/58f6b536-ca4c-43fd-880a-9df2501fc125",
        "connection_authorization": asked,
        "ext_is_07_source_id": SENDER_ID,
        "ext_is_07_rest_api_url": f"http://10.1.0.9/x-nmos/events/v1.0/sources/{SENDER_ID}/",
    }
    assert activate(box, Kind.RECEIVER, LAMP, leg, sender_id=SENDER_ID).status == 200
    assert params(box, Kind.RECEIVER, LAMP)["connection_authorization"] is wants
