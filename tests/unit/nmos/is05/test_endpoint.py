"""What the configuration makes of senders and receivers, and what a version that does not know one answers."""

from dataclasses import replace

import pytest

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
from appliance.core.types import Kind
from appliance.nmos.is05.endpoint import endpoints
from tests.unit.nmos.is05.boxes import CONFIG, IDENTITIES, IMMEDIATE, Box, receiver_id, sender_id


def test_senders_then_receivers_by_their_ids() -> None:
    made = endpoints(CONFIG, IDENTITIES)
    assert [(endpoint.kind, endpoint.name) for endpoint in made] == [
        *((Kind.SENDER, name) for name in ("tone", "pair", "off")),
        *((Kind.RECEIVER, name) for name in ("speaker", "dual", "direct")),
    ]
    assert made[0].id == sender_id("tone")
    assert made[0].flow_id == IDENTITIES.of(Kind.FLOW, "tone")
    assert made[3].id == receiver_id("speaker")
    assert made[3].flow_id is None


def test_every_leg_starts_as_the_configuration_says() -> None:
    leg = LegConfig(source_ip="10.0.0.1", destination_ip="239.7.7.7", destination_port=5020)
    config = Config(
        devices=(DeviceConfig("box"),),
        senders=(SenderConfig("s", "box", legs=(leg, LegConfig())),),
        receivers=(ReceiverConfig("r", "box", legs=(replace(leg, source_ip="10.0.0.9"), LegConfig())),),
    )
    sender, receiver = endpoints(config, IDENTITIES)
    assert sender.initial_params() == [
        {
            "source_ip": "10.0.0.1",
            "destination_ip": "239.7.7.7",
            "source_port": "auto",
            "destination_port": 5020,
            "rtp_enabled": True,
        },
        {
            "source_ip": "auto",
            "destination_ip": "auto",
            "source_port": "auto",
            "destination_port": "auto",
            "rtp_enabled": True,
        },
    ]
    assert receiver.initial_params() == [
        {
            "source_ip": "10.0.0.9",
            "interface_ip": "auto",
            "destination_port": 5020,
            "rtp_enabled": True,
            "multicast_ip": "239.7.7.7",
        },
        {
            "source_ip": None,
            "interface_ip": "auto",
            "destination_port": "auto",
            "rtp_enabled": True,
            "multicast_ip": None,
        },
    ]


@pytest.mark.parametrize("transport", [Transport.RTP, Transport.RTP_MCAST, Transport.RTP_UCAST])
def test_the_transport_type_has_no_subclassification(transport: Transport) -> None:
    config = replace(CONFIG, senders=(replace(CONFIG.senders[0], transport=transport),))
    assert endpoints(config, IDENTITIES)[0].transport_type == "urn:x-nmos:transport:rtp"


def test_v1_0_of_the_api_says_where_to_find_what_it_does_not_know() -> None:
    tone = sender_id("tone")
    event = SenderConfig(
        "tone", "box", format=Format.DATA, transport=Transport.MQTT, media_type="application/json", event_type="boolean"
    )
    broker = BrokerConfig("10.0.0.5")
    box = Box(replace(CONFIG, senders=(event,), events=EventsConfig(broker)))
    assert f"{tone}/" not in box.get("/v1.0/single/senders")
    assert f"{tone}/" in box.get("/v1.1/single/senders")
    for method, below in (("GET", ""), ("GET", "/staged"), ("GET", "/transportfile"), ("PATCH", "/staged")):
        answer = box.ask(method, f"/v1.0/single/senders/{tone}{below}", {} if method == "PATCH" else None)
        assert answer.status == 409
        assert answer.headers["Location"] == f"/x-nmos/connection/v1.1/single/senders/{tone}{below}"
    items = [{"id": tone, "params": {"activation": IMMEDIATE}}]
    [result] = box.ask("POST", "/v1.0/bulk/senders", items).body
    assert result["code"] == 409
    [result] = box.ask("POST", "/v1.1/bulk/senders", items).body
    assert result["code"] == 200
    assert box.get(f"/v1.1/single/senders/{tone}/transporttype") == "urn:x-nmos:transport:mqtt"
    assert box.ask("GET", f"/v1.1/single/senders/{tone}/transportfile").status == 404
